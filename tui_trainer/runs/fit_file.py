"""``fit.npz``: a run's data, and its newest curves, for whoever draws it without torch."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from tui_trainer.runs.files import read_file
from tui_trainer.runs.folder import FIT
from tui_trainer.training.events import FitSampled, FloatArray, Points, Predictions, Weights

_POINTS = ("train_x", "train_y", "val_x", "val_y")
_RENAMED = {"r2": "val_r2"}  # what metrics were called in older files


def fit_bytes(points: Points, fits: dict[str, FitSampled]) -> bytes:
    """Write the data, and curves by the weights they are of, as the content of a file."""
    arrays: dict[str, Any] = {name: getattr(points, name) for name in _POINTS}
    arrays["features"] = np.array(points.features)
    for weights, fit in fits.items():
        arrays[f"{weights}.x"], arrays[f"{weights}.prediction"] = fit.x, fit.prediction
        arrays[f"{weights}.step"] = np.array(fit.step)
        for split, found in (("train", fit.train), ("val", fit.val)):
            if found is not None:
                arrays[f"{weights}.{split}.actual"] = found.actual
                arrays[f"{weights}.{split}.predicted"] = found.predicted
        for name, value in fit.metrics.items():
            arrays[f"{weights}.metric.{name}"] = np.array(value)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def read_fit(folder: Path) -> tuple[Points | None, list[FitSampled]]:
    """Read them back; nothing where the file is not there or damaged."""
    try:
        with np.load(io.BytesIO(read_file(folder / FIT)), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        points = Points(
            *_curve(found, "train_x", "train_y"),
            *_curve(found, "val_x", "val_y"),
            int(found["features"]),
        )
        kinds: tuple[Weights, ...] = ("untrained", "last", "best")
        fits = [_fit(found, weights) for weights in kinds if f"{weights}.x" in found]
    except Exception:  # of a damaged archive anything is raised, by zipfile, zlib and numpy
        return None, []
    return points, fits


def _curve(found: dict[str, Any], x: str, y: str) -> tuple[FloatArray, FloatArray]:
    """Return two arrays that belong together.

    Raises:
        ValueError: if they do not.
    """
    one, other = found[x].astype(np.float32), found[y].astype(np.float32)
    if one.ndim != 1 or one.shape != other.shape or not len(one):
        raise ValueError(f"{x} and {y} are no curve")
    return one, other


def _fit(found: dict[str, Any], weights: Weights) -> FitSampled:
    prefix = f"{weights}.metric."
    return FitSampled(
        int(found[f"{weights}.step"]),
        weights,
        *_curve(found, f"{weights}.x", f"{weights}.prediction"),
        {
            _RENAMED.get(name, name): float(value)
            for key, value in found.items()
            if (name := key.removeprefix(prefix)) != key
        },
        _predictions(found, f"{weights}.train"),
        _predictions(found, f"{weights}.val"),
    )


def _predictions(found: dict[str, Any], prefix: str) -> Predictions | None:
    names = f"{prefix}.actual", f"{prefix}.predicted"
    return Predictions(*_curve(found, *names)) if names[0] in found else None
