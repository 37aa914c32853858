"""The data and the network's curve through it."""

import math
from typing import TYPE_CHECKING

from tui_trainer.formatting import metric_text
from tui_trainer.plotting.roles import Role
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.tui.widgets.plot_pane import PlotPane

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart


class FitPane(PlotPane):
    """Points of both splits and the fit."""

    def put(
        self,
        points: Points | None,
        fit: FitSampled | None,
        missing: str = "",
        *,
        of_next_run: bool = False,
    ) -> None:
        """Show a fit over its data, or say that one is `missing`."""
        if points is None or fit is None:
            self.blank(missing, "Fit")
            return

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.fit_chart import fit_chart

            return fit_chart(points, fit, width, height, view=self.view)

        from tui_trainer.plotting.readings import fit_reader

        name = "Fit" if points.features == 1 else "Predicted against actual"
        legend = [(Role.MODEL, "model"), (Role.TRAIN_POINT, "train")]
        legend.append((Role.VALIDATION_POINT, "val" if self.size.width < 60 else "validation"))
        r2 = fit.metrics["val_r2"]
        quality = "the prediction is not finite"
        if math.isfinite(r2):
            quality = f"validation R² {metric_text(r2)}"
        reader = fit_reader(points, fit)
        weights = f"next run, {_weights(fit)}" if of_next_run else _weights(fit)
        self.plot(make_chart, f"{name} · {weights}", legend, [quality], reader)


def _weights(fit: FitSampled) -> str:
    if fit.weights == "untrained":
        return "untrained"
    return f"{'best, ' if fit.weights == 'best' else ''}step {fit.step:,}"
