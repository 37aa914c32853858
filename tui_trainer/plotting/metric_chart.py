"""A metric of any loop by step: of training, validation and test in one plot, at any cadence."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tui_trainer.formatting import value_text
from tui_trainer.plotting.chart import Chart, Dash, Layer, Scatter
from tui_trainer.plotting.loss_chart import (
    DOTS_A_COLUMN,
    LABEL_ROOM,
    SMOOTHING_LEAST,
    SMOOTHING_SHARE,
    curve,
    cut_signs,
    mark_lines,
    smoothed,
    step_axis_part,
    value_axis,
)
from tui_trainer.plotting.readings import Reader, Reading, step_near
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.scales import step_scale
from tui_trainer.plotting.view import ALL, View
from tui_trainer.training.marks import LossMarks
from tui_trainer.training.pyramid import Buckets

_LOOKS = {  # curves differ by more than their colour
    Role.TRAIN: (Role.TRAIN_RAW, Dash.SOLID, "*"),
    Role.VALIDATION: (Role.VALIDATION_RAW, Dash.DASHED, "x"),
    Role.TEST: (Role.TEST_RAW, Dash.DOTTED, "o"),
    Role.BOUND: (Role.BOUND, Dash.DOTTED, "-"),
}


class Value(Protocol):
    """A value, and the step at which it was measured."""

    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def value(self) -> float: ...  # noqa: D102


class Measured(Protocol):
    """Values by step, where not every step has one; `at` returns the last up to a step."""

    def buckets(self, first: int, last: int, most: int) -> Buckets: ...  # noqa: D102
    def at(self, step: int) -> Value | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Line:
    """A curve of a plot: its name there, and what it is of."""

    label: str
    role: Role
    values: Measured


def metric_chart(
    lines: Sequence[Line],
    marks: LossMarks,
    steps: int,
    width: int,
    height: int,
    *,
    log: bool | None = None,
    smooth: bool = False,
    view: View = ALL,
) -> Chart:
    """Chart a metric for a plot of ``width × height`` cells, over the `steps` that were done.

    A bound is a line, too. `log`, `smooth` and `view` are those of `loss_chart`.
    """
    columns = max(4, width - LABEL_ROOM)
    whole = step_scale(steps, columns, marks.planned_steps)
    x = step_axis_part(whole, view.within((whole.low, whole.high)), columns)
    first, last = math.ceil(x.low), max(1, math.floor(x.high))
    most = DOTS_A_COLUMN * columns
    found = [(line.role, line.values.buckets(first, last, most)) for line in lines]
    window = max(SMOOTHING_LEAST, SMOOTHING_SHARE * (x.high - x.low)) if smooth else 0.0
    own = [buckets for role, buckets in found if role is not Role.BOUND]
    y, highest = value_axis(own or [buckets for _, buckets in found], [], height, log, view.clipped)
    layers = (
        *mark_lines(marks),
        *_curves(found, window),
        *(cut_signs(role, b, y) for role, b in found if highest is not None),
        *_best(marks),
    )
    extent = (min(1.0, float(steps)), float(max(1, steps)))
    cut = highest is not None
    return Chart(x, y, layers, whole, extent, grain=1.0, highest=highest, cut=cut)


def _curves(found: Sequence[tuple[Role, Buckets]], window: float) -> Iterator[Layer]:
    """Draw the bound first, then what is smoothed raw, then the curves."""
    ordered = sorted(found, key=lambda pair: pair[0] is not Role.BOUND)
    if window:
        yield from (
            curve(_LOOKS[role][0], buckets, Dash.SOLID, ".")
            for role, buckets in reversed(ordered)
            if role is not Role.BOUND
        )
    for role, buckets in ordered:
        _, dash, ascii_marker = _LOOKS[role]
        shown = smoothed(buckets, window) if window and role is not Role.BOUND else buckets
        yield curve(role, shown, dash, ascii_marker)


def _best(marks: LossMarks) -> Iterator[Layer]:
    if marks.best_step is not None and marks.best_val_loss is not None:
        best = np.array([marks.best_step]), np.array([marks.best_val_loss])
        yield Scatter(Role.BEST, *best, marker="◆", ascii="@")


def metric_reader(lines: Sequence[Line], marks: LossMarks) -> Reader:
    """Read a metric by step: what was measured there, or last before it."""

    def read(x: float) -> list[Reading]:
        step = round(x)
        readings = [_reading(line, marks, step, alone=len(lines) == 1) for line in lines]
        return [Reading(f"step {step:,}"), *filter(None, readings)]

    return Reader("steps", read, lambda x, reach: step_near(x, reach, marks), lambda x: f"{x:,.0f}")


def _reading(line: Line, marks: LossMarks, step: int, *, alone: bool) -> Reading | None:
    found = line.values.at(step)
    if found is None or (line.role is Role.BOUND and not math.isfinite(found.value)):
        return None
    best = (found.step, found.value) == (marks.best_step, marks.best_val_loss)
    text = f"{value_text(found.value)}{' ◆' if best else ''}"
    if found.step != step:
        text = f"{text} at {found.step:,}"
    return Reading(text if alone else f"{line.label} {text}", line.role)
