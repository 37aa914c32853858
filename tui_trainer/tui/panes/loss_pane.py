"""The losses of a run, with the stopping rule's bound and gauge."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tui_trainer.plotting.roles import Role
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.tui.widgets.plot_pane import MakeLines, Named, PlotPane
from tui_trainer.tui.wording import progress_bar

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart
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
    ) -> None:
        """Show a run's losses; before there is one a page, or which key starts it."""
        if result is not self._shown:  # a part of another run says nothing about this one
            self._shown, self.view = result, replace(self.view, part=None)
        if result is None and first_page is not None:
            self.explain(first_page, "Loss")
            return
        if result is None or not result.step:
            self.blank(self._waiting(result, start_key), "Loss")
            return

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.loss_chart import loss_chart

            marks, smooth = result.marks, self._smooth
            return loss_chart(
                result.history,
                marks,
                width,
                height,
                log=self.axis_kind,
                smooth=smooth,
                view=self.view,
            )

        from tui_trainer.plotting.readings import loss_reader

        name = "Loss · smoothed" if self._smooth else "Loss"
        note = _gauge_text(result.gauge, self.size.width) if result.gauge else ""
        reader = loss_reader(result.history, result.marks)
        self.plot(make_chart, name, self._legend(result), note, reader)

    @staticmethod
    def _waiting(result: "RunResult | None", start_key: str) -> str:
        if result is None:
            return f"{start_key} starts training"
        return "no step was run" if result.ended is not None else "starting…"

    def _legend(self, result: "RunResult") -> Named:
        """Name what is in the plot, most important first: a narrow pane has room for few."""
        marks = result.marks
        validation = "val" if self.size.width < 60 else "validation"
        parts = [(Role.TRAIN, "train"), (Role.VALIDATION, validation)]
        if marks.best_step is not None:
            parts.append((Role.BEST, "best"))
        if marks.stop_step is not None:
            parts.append((Role.STOP, f"stop at {marks.stop_step:,}"))
        if len(result.history.losses("bound")):
            parts.append((Role.BOUND, "bound"))
        if marks.lr_changes:
            parts.append((Role.LR, "lr changed"))
        if marks.engine_changes:
            parts.append((Role.ENGINE, result.engine))
        return parts


def _gauge_text(gauge: Gauge, width: int) -> str:
    """Write how near a stopping rule is, with a bar where there is room."""
    if width < 60 or not gauge.armed:
        return gauge.words
    return f"{gauge.words} {progress_bar(gauge.nearness, 8)}"
