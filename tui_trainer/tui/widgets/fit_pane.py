"""The data and the network's curve through it."""

from tui_trainer.plotting.chart import Chart, Role
from tui_trainer.plotting.fit_chart import fit_chart
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.tui.widgets.plot_pane import Part, PlotPane


class FitPane(PlotPane):
    """Points of both splits and the fit."""

    def put(self, points: Points | None, fit: FitSampled | None) -> None:
        """Show a fit over its data."""
        if points is None or fit is None:
            self.blank("loading torch…", (("Fit", "title"),))
            return

        def make_chart(width: int, height: int) -> Chart:
            return fit_chart(points, fit, width, height)

        title: tuple[Part, ...] = (
            (f"Fit · {_weights(fit)}  ", "title"),
            ("━━ model", Role.MODEL),
            ("  ⠢ train", Role.TRAIN_POINT),
            ("  ∘ validation", Role.VALIDATION_POINT),
        )
        self.plot(make_chart, title, ((f"validation R² {fit.r2:.3f}", "note"),))


def _weights(fit: FitSampled) -> str:
    if fit.weights == "untrained":
        return "untrained"
    return f"{'best, ' if fit.weights == 'best' else ''}step {fit.step:,}"
