"""Losses by step, the stopping rule's bound, and marks at steps where something happened."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tui_trainer.plotting.canvas import plot_area
from tui_trainer.plotting.chart import Chart, Curve, Dash, Layer, Scatter, VerticalLine
from tui_trainer.plotting.clipping import Losses, ceiling, with_others
from tui_trainer.plotting.overlay import Overlay
from tui_trainer.plotting.overlay_layers import overlay_layers, overlay_losses
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.row_scales import loss_scale, spans_decades
from tui_trainer.plotting.rule_signs import rule_signs
from tui_trainer.plotting.scales import Scale, step_part, step_scale
from tui_trainer.plotting.view import ALL, Part, View
from tui_trainer.training.history import History, SeriesName
from tui_trainer.training.marks import LossMarks
from tui_trainer.training.pyramid import Buckets

SMOOTHING_SHARE = 0.04
SMOOTHING_LEAST = 8
DOTS_A_COLUMN = 2
LABEL_ROOM = 7
_SERIES: tuple[SeriesName, ...] = ("train", "val", "bound")


def loss_chart(
    history: History,
    marks: LossMarks,
    width: int,
    height: int,
    *,
    log: bool | None = None,
    smooth: bool = False,
    view: View = ALL,
    overlays: Sequence[Overlay] = (),
) -> Chart:
    """Chart a history for a plot of ``width × height`` cells, over the `overlays`.

    `log` None chooses the scale of the losses by their range. With `smooth`, curves are running
    means over 4 % of the steps on the axis (at least 8 steps), drawn over the raw ones. A few
    losses that would flatten the rest are cut at the upper edge, with a ▲ there, unless they are
    the newest. The axes are those of the history: other runs are cut where they reach far beyond.
    """
    columns = max(4, width - LABEL_ROOM)
    longest = max([history.steps, *(overlay.history.steps for overlay in overlays)])
    steps = history.steps if view.clipped else longest
    whole = step_scale(steps, columns, marks.planned_steps)
    x = step_axis_part(whole, view.within((whole.low, whole.high)), columns)
    first, last = max(1, math.ceil(x.low)), max(1, math.floor(x.high))
    series = {n: history.buckets(n, first, last, DOTS_A_COLUMN * columns) for n in _SERIES}
    window = max(SMOOTHING_LEAST, SMOOTHING_SHARE * (x.high - x.low)) if smooth else 0.0
    most = DOTS_A_COLUMN * columns
    others = [overlay_losses(o.history, first, last, most, window) for o in overlays]
    own = [series["train"], series["val"]]
    ranked = [other.ranked for other in others]
    y, highest = value_axis(own, ranked, height, log, view.clipped)
    under = [
        overlay_layers(overlay, losses, x, y, columns)
        for overlay, losses in zip(overlays, others, strict=True)
    ]
    layers = (
        *mark_lines(marks),
        *(other.curve for other in under),
        *_curves(series, window),
        *(_cuts(series, y) if highest is not None else ()),
        *(sign for other in under for sign in other.signs),
        *_points(marks, y),
        *rule_signs(marks.rules, x, y, *plot_area(y, width, height)),
    )
    extent = (1.0, float(max(1, steps)))
    cut = highest is not None or longest > steps or not all(_within(y, them) for them in ranked)
    return Chart(x, y, layers, whole, extent, grain=1.0, highest=highest, cut=cut)


def step_axis_part(whole: Scale, part: Part | None, columns: int) -> Scale:
    """Return the axis of the steps that are shown, from one whole step to another."""
    if part is None:
        return whole
    low = max(whole.low, math.floor(part[0]))
    return step_part(low, max(low + 1, min(whole.high, math.ceil(part[1]))), columns)


def value_axis(
    own: Sequence[Buckets],
    others: Sequence[Losses],
    height: int,
    log: bool | None,
    clipped: bool,
) -> tuple[Scale, float | None]:
    """Return the scale of the losses and, where it cuts some of its own, the highest of them."""
    losses: Losses = np.concatenate([part for b in own for part in (b.low, b.high)])
    highest = -math.inf
    if clipped and (top := ceiling([b.high for b in own], losses, log)) is not None:
        finite = losses[np.isfinite(losses)]
        low, highest = float(finite.min()), float(finite.max())
        log = spans_decades(low, highest) if log is None else log
        losses = losses[losses <= top]
    if others and clipped:
        losses, log = with_others(losses, others, log)
    elif others:
        losses = np.concatenate([losses, *others])
    y = loss_scale(losses, height, log)
    return y, highest if highest > y.top else None


def _within(y: Scale, ranked: Losses) -> bool:
    return not len(ranked) or bool(y.holds(ranked[[0, -1]]).all())


def mark_lines(marks: LossMarks) -> Iterator[Layer]:
    """Draw what happened at a step from top to bottom."""
    for step in marks.lr_changes:
        yield _vertical(Role.LR, step)
    stops = [marks.stop_step] if marks.stop_step is not None else []
    for step in (*stops, *(rule.step for rule in marks.rules if rule.chosen)):
        yield _vertical(Role.STOP, step)


def _curves(series: Mapping[SeriesName, Buckets], window: float) -> Iterator[Layer]:
    """Draw losses over their bound; smoothed, where there is a window, over the raw ones."""
    train, val = series["train"], series["val"]
    yield curve(Role.BOUND, series["bound"], Dash.DOTTED, "-")
    if window:
        yield curve(Role.VALIDATION_RAW, val, Dash.SOLID, ".")
        yield curve(Role.TRAIN_RAW, train, Dash.SOLID, ".")
        train, val = smoothed(train, window), smoothed(val, window)
    yield curve(Role.TRAIN, train, Dash.SOLID, "*")
    yield curve(Role.VALIDATION, val, Dash.DASHED, "x")


def _points(marks: LossMarks, y: Scale) -> Iterator[Layer]:
    if marks.best_step is not None and marks.best_val_loss is not None:
        best = np.array([marks.best_step]), np.array([marks.best_val_loss])
        yield Scatter(Role.BEST, *best, marker="◆", ascii="@")
    if marks.engine_changes:
        yield _at_the_foot(Role.ENGINE, marks.engine_changes, y)


def _cuts(series: Mapping[SeriesName, Buckets], y: Scale) -> Iterator[Layer]:
    yield cut_signs(Role.TRAIN, series["train"], y)
    yield cut_signs(Role.VALIDATION, series["val"], y)


def smoothed(buckets: Buckets, window: float) -> Buckets:
    """Return a running mean over so many steps in place of what buckets span."""
    mean = buckets.smoothed(window)
    return Buckets(buckets.step, mean, mean, mean)


def curve(role: Role, buckets: Buckets, dash: Dash, ascii_marker: str) -> Curve:
    """Draw what buckets span."""
    return Curve(role, buckets.step, buckets.low, buckets.high, dash, ascii_marker)


def cut_signs(role: Role, buckets: Buckets, y: Scale) -> Scatter:
    """Mark at the upper edge where losses lie above it."""
    above = buckets.step[buckets.high > y.top]
    return Scatter(role, above, np.full(len(above), y.top), marker="▲", ascii="^")


def _at_the_foot(role: Role, steps: tuple[int, ...], y: Scale) -> Scatter:
    values = np.array(steps, np.float64), np.full(len(steps), y.foot)
    return Scatter(role, *values, marker="▲", ascii="^")


def _vertical(role: Role, step: int) -> VerticalLine:
    marker, ascii_marker = ("┃", "|") if role is Role.STOP else ("╎", ":")
    return VerticalLine(role, float(step), marker, ascii_marker)
