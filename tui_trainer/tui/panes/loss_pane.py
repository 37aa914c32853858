"""The losses of a run, with the stopping rule's bound and gauge."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui_trainer.plotting.overlay import Overlay
from tui_trainer.plotting.roles import Role
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.tui.widgets.plot_edges import Named
from tui_trainer.tui.widgets.plot_pane import MakeLines, PlotPane
from tui_trainer.tui.wording import progress_bar

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart
    from tui_trainer.training.marks import LossMarks
    from tui_trainer.training.result import RunResult


class LossPane(PlotPane):
    """Train and validation loss by step."""

    _smooth = False
    _shown: "RunResult | None" = None

    def toggle_smooth(self) -> None:
        self._smooth = not self._smooth

    def put(
        self,
        result: "RunResult | None",
        start_key: str = "",
        first_page: MakeLines | None = None,
        overlays: Sequence[Overlay] = (),
        marks: "LossMarks | None" = None,
    ) -> None:
        """Show a run's losses over the overlays; before there is one a page, or what starts it."""
        if result is not self._shown:  # a part of another run says nothing about this one
            self._shown, self.view = result, replace(self.view, part=None)
        if result is None and first_page is not None:
            self.explain(first_page, "Loss")
            return
        if result is None or not result.step:
            self.blank(self._waiting(result, start_key), "Loss")
            return

        shown = marks or result.marks

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.loss_chart import loss_chart

            return loss_chart(
                result.history,
                shown,
                width,
                height,
                log=self.axis_kind,
                smooth=self._smooth,
                view=self.view,
                overlays=overlays,
            )

        from tui_trainer.plotting.readings import loss_reader

        name = "Loss · smoothed" if self._smooth else "Loss"
        notes = _gauge_texts(result.gauge) if result.gauge else ()
        reader = loss_reader(result.history, shown, overlays, self._charset)
        self.plot(make_chart, name, self._legend(result, shown), notes, reader, overlays)

    @staticmethod
    def _waiting(result: "RunResult | None", start_key: str) -> str:
        if result is None:
            return f"{start_key} starts training"
        return "no step was run" if result.ended is not None else "starting…"

    def _legend(self, result: "RunResult", marks: "LossMarks") -> Named:
        """Name what is in the plot, most important first: a narrow pane has room for few."""
        validation = "val" if self.size.width < 60 else "validation"
        parts = [(Role.TRAIN, "train"), (Role.VALIDATION, validation)]
        if marks.best_step is not None:
            parts.append((Role.BEST, "best"))
        if marks.stop_step is not None:
            parts.append((Role.STOP, f"stop at {marks.stop_step:,}"))
        if result.history.has("bound"):
            parts.append((Role.BOUND, "bound"))
        if marks.rules:
            parts.append((Role.STOP, _span([rule.sign for rule in marks.rules])))
        if marks.lr_changes:
            parts.append((Role.LR, "lr changed"))
        if marks.engine_changes:
            parts.append((Role.ENGINE, result.engine))
        return parts


def _gauge_texts(gauge: Gauge) -> tuple[str, ...]:
    """Write how near a stopping rule is: with a bar, without it, or as a bar alone."""
    if not gauge.armed:
        return (gauge.words,)
    bar = progress_bar(gauge.nearness, 8)
    return f"{gauge.words} {bar}", gauge.words, bar


def _span(signs: Sequence[str]) -> str:
    """Say what the letters of rules mean."""
    return (
        f"{signs[0]} to {signs[-1]}: rules stop" if len(signs) > 1 else f"{signs[0]}: a rule stops"
    )
