"""What a cursor on a plot reads: exact values, never means of what a column holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_trainer.formatting import loss_text, number_text, value_text
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.overlay import Overlay
from tui_trainer.plotting.prediction_chart import Values, predictions_of, residuals
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.training.history import History, SeriesName
from tui_trainer.training.marks import LossMarks
from tui_trainer.training.pyramid import Block

_SERIES: tuple[tuple[SeriesName, Role, str], ...] = (
    ("train", Role.TRAIN, "train"),
    ("val", Role.VALIDATION, "validation"),
    ("bound", Role.BOUND, "bound"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A value in words, and in fewer where there is no room; the place itself has no role."""

    text: str
    role: Role | None = None
    short: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a plot: what stands at `x`, which x is read near one, and how an x is written.

    `near` is given an x and how far from it a column reaches.
    """

    axis: str
    read: Callable[[float], list[Reading]]
    near: Callable[[float, float], float]
    text: Callable[[float], str]

    def range_text(self, low: float, high: float) -> str:
        """Write a part of the x axis."""
        return f"{self.axis} {self.text(low)} to {self.text(high)}"


def loss_reader(
    history: History,
    marks: LossMarks,
    overlays: Sequence[Overlay] = (),
    charset: Charset = Charset.UNICODE,
) -> Reader:
    """Read losses by step, those of other runs too."""

    def read(x: float) -> list[Reading]:
        step, *own = loss_reading(history, marks, round(x))
        others = [r for o in overlays for r in overlay_reading(o, round(x), charset)]
        own.sort(key=lambda reading: bool(others) and reading.role is not Role.VALIDATION)
        at = 1 if others and own else 0
        return [step, *own[:at], *others, *own[at:]]

    return Reader(
        "steps",
        read,
        lambda x, reach: step_near(x, reach, marks),
        lambda x: f"{x:,.0f}",
    )


def fit_reader(points: Points, fit: FitSampled, feature: str = "") -> Reader:
    """Read a fit and its data by the one feature."""
    axis = feature or "x"
    return Reader(axis, lambda x: fit_reading(points, fit, x, axis), lambda x, _: x, value_text)


def prediction_reader(fit: FitSampled) -> Reader:
    """Read predictions by what is true."""
    pairs = {role: (it.actual, it.predicted) for role, it in predictions_of(fit).items()}
    return _points_reader("actual", pairs, "predicted")


def residual_reader(fit: FitSampled) -> Reader:
    """Read how far predictions are off by what is predicted."""
    pairs = {role: (it.predicted, residuals(it)) for role, it in predictions_of(fit).items()}
    return _points_reader("predicted", pairs, "off by")


def _points_reader(axis: str, pairs: Mapping[Role, tuple[Values, Values]], verb: str) -> Reader:
    def read(x: float) -> list[Reading]:
        points = [_nearest_point(role, *pair, x, verb) for role, pair in pairs.items()]
        return [Reading(f"{axis} {value_text(x)}"), *points]

    return Reader(axis, read, lambda x, _: x, value_text)


def lr_reader(results: LrSearchResult) -> Reader:
    """Read a search by learning rate."""
    return Reader("lr", lambda x: lr_reading(results, x), lambda x, _: x, _lr_text)


def step_near(x: float, reach: float, marks: LossMarks) -> float:
    """Return the step to read at `x`: the best one or a rule's within `reach`, else the nearest."""
    best = [marks.best_step] if marks.best_step is not None else []
    marked = (*best, *(rule.step for rule in marks.rules))
    near = [step for step in marked if abs(step - x) <= reach]
    return float(min(near, key=lambda step: abs(step - x)) if near else round(x))


def loss_reading(history: History, marks: LossMarks, step: int) -> list[Reading]:
    """Return a step and each series' loss there, the best step's with a ◆.

    Of a step that is kept in a block alone, these are the block's steps and what it spans.
    """
    readings = [Reading(f"step {step:,}")]
    for series, role, name in _SERIES:
        found = history.at(series, step)
        if found is None or (series == "bound" and not np.isfinite(found.mean)):
            continue
        if found.first_step < found.last_step:
            readings[0] = Reading(f"steps {found.first_step:,} to {found.last_step:,}")
        best = " ◆" if series == "val" and step == marks.best_step else ""
        text = f"{_span_text(found)}{best}"
        short = f"val {text}" if series == "val" else ""
        readings.append(Reading(f"{name} {text}", role, short))
    stop = " ".join(rule.sign for rule in marks.rules if rule.step == step)
    return [*readings, Reading(f"{stop} stops", Role.STOP)] if stop else readings


def overlay_reading(overlay: Overlay, step: int, charset: Charset) -> list[Reading]:
    """Return another run's validation loss at a step, if it got that far."""
    found = overlay.history.at("val", step)
    if found is None:
        return []
    loss, mark = _span_text(found), sign(overlay.role, charset)
    return [Reading(f"{mark} {overlay.name} {loss}", overlay.role, f"{mark} {loss}")]


def _span_text(block: Block) -> str:
    """Write a value, or the lowest and highest of a block."""
    if block.first_step == block.last_step:
        return value_text(block.mean)
    return f"{value_text(block.low)} to {value_text(block.high)}"


def fit_reading(points: Points, fit: FitSampled, x: float, axis: str = "x") -> list[Reading]:
    """Return x, the prediction there, and the nearest point of each split."""
    readings = [Reading(f"{axis} {value_text(x)}")]
    if len(fit.x) and fit.x[0] <= x <= fit.x[-1]:
        prediction = float(np.interp(x, fit.x, fit.prediction))
        readings.append(Reading(f"model {value_text(prediction)}", Role.MODEL))
    train, val = (points.train_x, points.train_y), (points.val_x, points.val_y)
    splits = ((Role.TRAIN_POINT, train), (Role.VALIDATION_POINT, val))
    return readings + [_nearest_point(role, *pair, x) for role, pair in splits if len(pair[0])]


def _nearest_point(role: Role, xs: Values, ys: Values, x: float, verb: str = "") -> Reading:
    """Read a split's point next to an x."""
    near = _nearest(xs, x)
    words = f"{value_text(float(ys[near]))} at {value_text(float(xs[near]))}"
    name, short = ("train",) * 2 if role is Role.TRAIN_POINT else ("validation", "val")
    return Reading(f"{name} {verb}{' ' if verb else ''}{words}", role, f"{short} {words}")


def lr_reading(results: LrSearchResult, lr: float) -> list[Reading]:
    """Return the nearest learning rates of the range test and the trials, and their losses."""
    readings: list[Reading] = []
    if (curve := results.curve) is not None and len(curve.lrs):
        near = _nearest(np.log10(curve.lrs), np.log10(lr))
        loss = loss_text(float(curve.smoothed[near]))
        readings.append(Reading(f"lr {_lr_text(curve.lrs[near])}"))
        readings.append(Reading(f"range test {loss}", Role.TRAIN))
    if (trials := results.trials) is not None and len(trials.lrs):
        near = _nearest(np.log10(trials.lrs), np.log10(lr))
        final = loss_text(float(trials.final_val_loss[near]))
        ended = "diverged" if trials.diverged[near] else final
        words = f"trial at {_lr_text(trials.lrs[near])} {ended}"
        readings.append(Reading(words, Role.VALIDATION))
    return readings


def _nearest(values: NDArray[np.floating], x: float) -> int:
    with np.errstate(invalid="ignore"):
        far = np.abs(values - x)
    return int(np.argmin(np.where(np.isfinite(far), far, np.inf)))


def _lr_text(lr: float) -> str:
    return number_text(float(f"{lr:.2g}"))
