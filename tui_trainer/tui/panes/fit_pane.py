"""How well a network fits: its curve through the data, or predictions beside what is true."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from rich.cells import cell_len

from tui_trainer.config.settings import Dataset
from tui_trainer.formatting import loss_text, metric_text, printable
from tui_trainer.plotting.roles import Role
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.tui.widgets.plot_edges import Named
from tui_trainer.tui.widgets.plot_pane import PlotPane
from tui_trainer.tui.wording import NARROW

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart
    from tui_trainer.plotting.readings import Reader

Look: TypeAlias = Literal["curve", "predictions", "residuals"]

_NAMES: Mapping[Look, str] = {
    "curve": "Fit of {}",
    "predictions": "Predicted against actual {}",
    "residuals": "Residuals of {}",
}
_SHORT: Mapping[Look, str] = {
    "curve": "Fit",
    "predictions": "Predicted",
    "residuals": "Residuals",
}
_LEGEND = 38  # columns of a title that the names of what is in the plot take
_LONGEST_NAME = 24  # of a column, in a title


class FitPane(PlotPane):
    """Points of both splits and the fit.

    With one feature that is the curve over it; with more, predictions over labels. Residuals are
    another look at either.
    """

    _asked: Look | None = None
    _looks: Sequence[Look] = ()

    @property
    def look(self) -> Look | None:
        """What is shown; None without a fit."""
        first = self._looks[0] if self._looks else None
        return self._asked if self._asked in self._looks else first

    @property
    def why_no_other(self) -> str:
        """Why there is no other look, "" if there is."""
        if self.look is None:
            return "There is no fit to show in another way yet."
        return "" if self.next_look else "Of this run's fit nothing but the curve is kept."

    @property
    def next_look(self) -> Look | None:
        """What the key for it shows next; None where there is nothing else."""
        if self.look is None or len(self._looks) < 2:
            return None
        return self._looks[(self._looks.index(self.look) + 1) % len(self._looks)]

    def turn(self) -> None:
        """Look at the fit in the next way; its x has nothing to do with the one before."""
        self._asked = self.next_look
        self.view, self.cursor = replace(self.view, part=None), None

    def put(
        self,
        points: Points | None,
        fit: FitSampled | None,
        missing: str = "",
        *,
        of_next_run: bool = False,
        dataset: Dataset | None = None,
    ) -> None:
        """Show a fit to a data set, or say that one is `missing`."""
        self._looks = _looks(points, fit) if points is not None and fit is not None else ()
        look = self.look
        if points is None or fit is None or look is None:
            self.blank(missing, "Fit")
            return
        target, feature = _column_names(dataset)
        weights = f"next run, {_weights(fit)}" if of_next_run else _weights(fit)
        name = _NAMES[look].format(target).removesuffix(" of ").rstrip()
        if len(f"{name} · {weights}") + _LEGEND > self.size.width:
            name = _SHORT[look]

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.fit_chart import fit_chart
            from tui_trainer.plotting.prediction_chart import prediction_chart, residual_chart

            if look == "curve":
                return fit_chart(points, fit, width, height, view=self.view, x_name=feature)
            make = prediction_chart if look == "predictions" else residual_chart
            chart = make(fit, width, height, view=self.view)
            axis = "actual" if look == "predictions" else "predicted"
            return replace(chart, x_name=f"{axis} {target}".rstrip())

        reader = _reader(look, points, fit, feature)
        self.plot(make_chart, f"{name} · {weights}", self._legend(look), _qualities(fit), reader)

    def _legend(self, look: Look) -> Named:
        """Name what is in the plot, most important first: a narrow pane has room for few."""
        validation = "val" if self.size.width < NARROW else "validation"
        splits = ((Role.TRAIN_POINT, "train"), (Role.VALIDATION_POINT, validation))
        if look == "curve":
            return ((Role.MODEL, "model"), *splits)
        return (*splits, (Role.BOUND, "exact"))


def _looks(points: Points, fit: FitSampled) -> Sequence[Look]:
    """Return the ways to look at a fit; of an old one there is no more than what it was."""
    if points.features > 1:
        return ("predictions", "residuals")
    return ("curve", "residuals") if fit.val is not None else ("curve",)


def _reader(look: Look, points: Points, fit: FitSampled, feature: str) -> "Reader":
    from tui_trainer.plotting.readings import fit_reader, prediction_reader, residual_reader

    if look == "curve":
        return fit_reader(points, fit, feature)
    return prediction_reader(fit) if look == "predictions" else residual_reader(fit)


def _column_names(dataset: Dataset | None) -> tuple[str, str]:
    """Return the names of a file's target and of its one feature, as far as a plot shows them."""
    if dataset is None or not dataset.file:
        return "", ""
    features = dataset.feature_names
    names = dataset.target, features[0] if len(features) == 1 else ""
    return _fitting(names[0]), _fitting(names[1])


def _fitting(name: str) -> str:
    """Shorten a name; one with characters of two cells would shift what is beside it."""
    shown = printable(name)
    if cell_len(shown) != len(shown):
        return ""
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _qualities(fit: FitSampled) -> list[str]:
    """Write how good the fit is on both splits, or on validation data alone, or shorter still."""
    if not _is_finite(fit):
        return ["the prediction is not finite"]
    validation, train = _quality(fit, "val"), _quality(fit, "train")
    r2 = f"R² {metric_text(fit.metrics['val_r2'])}"
    return [f"train {train} · validation {validation}", f"validation {validation}", r2]


def _quality(fit: FitSampled, split: str) -> str:
    parts = []
    if (r2 := fit.metrics.get(f"{split}_r2")) is not None:
        parts.append(f"R² {metric_text(r2)}")
    if (rmse := fit.metrics.get(f"{split}_rmse")) is not None:
        parts.append(f"RMSE {loss_text(rmse)}")
    return ", ".join(parts)


def _is_finite(fit: FitSampled) -> bool:
    import numpy as np

    return bool(np.isfinite(fit.prediction).all())


def _weights(fit: FitSampled) -> str:
    if fit.weights == "untrained":
        return "untrained"
    return f"{'best, ' if fit.weights == 'best' else ''}step {fit.step:,}"
