"""The losses of a run, with the stopping rule's bound and how near it is."""

from typing import TYPE_CHECKING

from tui_trainer.plotting.roles import Role
from tui_trainer.tui.run.wording import gauge_text
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.plot_pane import PlotPane

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart
    from tui_trainer.training.result import RunResult


class LossPane(PlotPane):
    """Train and validation loss by step."""

    def put(self, result: "RunResult | None", *, log: bool | None, smooth: bool) -> None:
        """Show a run's losses; `log` None chooses by their range."""
        if result is None or not result.history.steps:
            self.blank(self._waiting(result), (("Loss", "title"),))
            return
        history, marks = result.history, result.marks

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.loss_chart import loss_chart

            return loss_chart(history, marks, width, height, log=log, smooth=smooth)

        def make_title(chart: "Chart") -> tuple[Part, ...]:
            name = f"Loss{self.scale_note}{' · smoothed' if smooth else ''}  "
            return ((name, "title"), *self._legend(result))

        gauge = result.gauge
        note = ((gauge_text(gauge, self.size.width), "note"),) if gauge else ()
        self.plot(make_chart, make_title, note)

    @staticmethod
    def _waiting(result: "RunResult | None") -> str:
        if result is None:
            return "s starts training"
        return "no step was taken" if result.ended is not None else "starting…"

    def _legend(self, result: "RunResult") -> tuple[Part, ...]:
        """Name what stands in the plot, the most needed first: a narrow pane has room for few."""
        marks = result.marks
        parts = [(Role.TRAIN, "train"), (Role.VALIDATION, "validation")]
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
        if self.size.width < 60:
            parts = [(role, name.replace("validation", "val")) for role, name in parts]
        return self.legend(*parts)
