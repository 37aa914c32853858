"""The losses of a run, with the stopping rule's bound and how near it is."""

from tui_trainer.plotting.chart import Chart, Role
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.tui.run_state import RunView
from tui_trainer.tui.widgets.plot_pane import Part, PlotPane
from tui_trainer.tui.wording import gauge_text


class LossPane(PlotPane):
    """Train and validation loss by step."""

    is_log = False

    def put(self, view: RunView | None, *, log: bool | None, smooth: bool) -> None:
        """Show a run's losses; `log` None chooses by their range."""
        if view is None or not view.history.steps:
            self.blank(self._waiting(view), (("Loss", "title"),))
            return
        history, marks = view.history, view.marks

        def make_chart(width: int, height: int) -> Chart:
            chart = loss_chart(history, marks, width, height, log=log, smooth=smooth)
            self.is_log = chart.y.log
            return chart

        scale = "" if log is None else " · log y" if log else " · linear y"
        title: list[Part] = [
            (f"Loss{scale}{' · smoothed' if smooth else ''}  ", "title"),
            ("━━ train", Role.TRAIN),
            ("  ╺╸ validation", Role.VALIDATION),
        ]
        if marks.best_step is not None:
            title.append(("  ◆ best", Role.BEST))
        if marks.stop_step is not None:
            title.append((f"  ┃ stop at {marks.stop_step:,}", Role.STOP))
        if view.config.regularizer.stopping is not None:
            title.append(("  ┄ bound", Role.BOUND))
        if marks.lr_changes:
            title.append(("  ╎ lr changed", Role.LR))
        gauge = view.gauge
        note: tuple[Part, ...] = ()
        if gauge is not None:
            note = ((gauge_text(gauge, self.size.width), "note"),)
        self.plot(make_chart, tuple(title), note)

    @staticmethod
    def _waiting(view: RunView | None) -> str:
        if view is None:
            return "s starts training"
        return "no step was taken" if view.ended is not None else "starting…"
