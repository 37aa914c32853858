"""``fit.npz``: a run's data, and its newest curves, for whoever draws it without torch."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tui_trainer.runs.folder import FIT
from tui_trainer.training.events import FitSampled, Points, Weights

_POINTS = ("train_x", "train_y", "val_x", "val_y")


def fit_bytes(points: Points, fits: dict[str, FitSampled]) -> bytes:
    """Write the data, and curves by the weights they are of, as the content of a file."""
    arrays: dict[str, Any] = {name: getattr(points, name) for name in _POINTS}
    arrays["features"] = np.array(points.features)
    for weights, fit in fits.items():
        arrays[f"{weights}.x"], arrays[f"{weights}.prediction"] = fit.x, fit.prediction
        arrays[f"{weights}.step"] = np.array(fit.step)
        for name, value in fit.metrics.items():
            arrays[f"{weights}.metric.{name}"] = np.array(value)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def read_fit(folder: Path) -> tuple[Points | None, list[FitSampled]]:
    """Read them back; nothing where the file is not there or damaged."""
    try:
        with np.load(folder / FIT, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        train_x, train_y, val_x, val_y = (found[name] for name in _POINTS)
        points = Points(train_x, train_y, val_x, val_y, int(found["features"]))
        kinds: tuple[Weights, ...] = ("untrained", "last", "best")
        fits = [_fit(found, weights) for weights in kinds if f"{weights}.x" in found]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None, []
    return points, fits


def _fit(found: dict[str, Any], weights: Weights) -> FitSampled:
    prefix = f"{weights}.metric."
    return FitSampled(
        int(found[f"{weights}.step"]),
        weights,
        found[f"{weights}.x"],
        found[f"{weights}.prediction"],
        {
            name.removeprefix(prefix): float(value)
            for name, value in found.items()
            if name.startswith(prefix)
        },
    )
