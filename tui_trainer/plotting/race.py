"""A race: names on one scale, a row each with the median and the spread over the seeds."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.scales import Scale, linear_scale, log_scale
from tui_trainer.sweeps.result import PointResult

Part: TypeAlias = tuple[str, Role]

_LEAST = 1e-30  # of a loss on a log scale
_TICK_ROOM = 7  # columns a tick
_MORE_TICKS = 5  # that are tried until two lie among the losses
_STEPS = 10  # of a scale's ends, a decade or between two ticks: they stand still for a while
_UNICODE = ("├", "─", "┤", "●", "◆", "✕")
_ASCII = ("|", "-", "|", "o", "@", "x")


def race_scale(points: Sequence[PointResult], columns: int, log: bool | None = None) -> Scale:
    """Return the scale of all rows, `columns` wide, no wider than the losses need.

    `log` None means a log scale where all losses are above 0 and a factor of ten apart.
    """
    spreads = [point.objective for point in points]
    losses = [loss for s in spreads for loss in (s.low, s.median, s.high) if math.isfinite(loss)]
    low, high = min(losses, default=0.0), max(losses, default=1.0)
    if log is None:
        log = low > 0 and high >= 10 * low
    if log and losses and high > 0:
        low = min(loss for loss in losses if loss > 0)
        close = _log_scale(low, high, columns)
        return close if len(close.ticks) > 1 else log_scale(low, high, 3)
    most = max(2, columns // _TICK_ROOM)
    scales = [linear_scale(low, high, count) for count in range(most, most + _MORE_TICKS)]
    cut_off = (_cut_off(scale, low, high) for scale in scales)
    return next((scale for scale in cut_off if len(scale.ticks) > 1), scales[0])


def _cut_off(wide: Scale, low: float, high: float) -> Scale:
    """Cut a linear scale off at a tenth of a tick around its losses."""
    step = (wide.ticks[1][0] - wide.ticks[0][0]) / _STEPS
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Scale(low, high, tuple(tick for tick in wide.ticks if low <= tick[0] <= high))


def _log_scale(low: float, high: float, columns: int) -> Scale:
    """Return a log scale with ticks at 1, 2 and 5 × 10^k, fewer where it is narrow."""
    first, last = math.floor(math.log10(low) * _STEPS), math.ceil(math.log10(high) * _STEPS)
    bottom, top = first / _STEPS, max(last, first + 1) / _STEPS
    powers = range(math.floor(bottom), math.ceil(top) + 1)
    fine = [math.log10(digit) + power for power in powers for digit in (1, 2, 5)]
    fine = [tick for tick in fine if bottom <= tick <= top]
    decades = [tick for tick in fine if tick == round(tick)]
    most = max(2, columns // _TICK_ROOM)
    ticks = fine if len(fine) <= most else decades[:: -(-len(decades) // most) or 1]
    if len(ticks) < 2:
        ticks = [fine[0], fine[-1]] if len(fine) > 1 else []
    return Scale(bottom, top, tuple((tick, _label(10.0**tick)) for tick in ticks), log=True)


def _label(tick: float) -> str:
    if 0.001 <= tick < 100_000:
        return f"{tick:.3g}" if tick < 1000 else f"{tick:.0f}"
    mantissa, _, power = f"{tick:.0e}".partition("e")
    return f"{mantissa}e{int(power)}"


def race_bar(
    point: PointResult, scale: Scale, columns: int, charset: Charset, *, leads: bool
) -> tuple[Part, ...]:
    """Draw a point's lowest, median and highest loss in one row of `columns` cells.

    A seed that diverged has a ✕ in the last column, and the spread reaches up to it.
    """
    low_end, line, high_end, median_sign, best_sign, diverged_sign = (
        _ASCII if charset is Charset.ASCII else _UNICODE
    )
    cells: list[Part] = [(" ", Role.AXIS)] * columns
    spread = point.objective
    low, median, high = (
        _column(loss, scale, columns) for loss in (spread.low, spread.median, spread.high)
    )
    if point.diverged_share and low is not None:
        high = columns - 1
    if low is not None and high is not None:
        cells[low : high + 1] = [(line, Role.SPREAD)] * (high + 1 - low)
        cells[low], cells[high] = (low_end, Role.SPREAD), (high_end, Role.SPREAD)
    if point.diverged_share:
        cells[-1] = (diverged_sign, Role.DIVERGED)
    if median is not None:
        cells[median] = (best_sign, Role.BEST) if leads else (median_sign, Role.MEDIAN)
    return _joined(cells)


def tick_line(scale: Scale, columns: int) -> str:
    """Write the scale's ticks below the rows, each in the middle under its place, none cut."""
    line = " " * columns
    for value, label in scale.ticks:
        place = _column(10.0**value if scale.log else value, scale, columns)
        assert place is not None, "ticks are finite"
        start = max(0, min(place - len(label) // 2, columns - len(label)))
        end = start + len(label)
        if line[max(0, start - 1) : end + 1].isspace():
            line = line[:start] + label + line[end:]
    return line[:columns]


def log_span(losses: Iterable[float]) -> tuple[float, float]:
    """Return the logs of the lowest and the highest of the finite losses, (0, 0) without any."""
    logs = [_log(loss) for loss in losses if math.isfinite(loss)]
    return min(logs, default=0.0), max(logs, default=0.0)


def log_share(loss: float, span: tuple[float, float]) -> float:
    """Return where a finite loss lies on a log scale between the ends of a span: 0 to 1.

    One beyond an end, as a loss may be that came after the span was taken, is at that end.
    """
    low, high = span
    return min(1.0, max(0.0, (_log(loss) - low) / (high - low))) if high > low else 0.0


def _log(loss: float) -> float:
    return math.log(max(loss, _LEAST))


def _column(loss: float, scale: Scale, columns: int) -> int | None:
    """Return where a loss lies; the last column is for what diverged."""
    if not math.isfinite(loss):
        return None
    return int(float(scale.unit(loss)) * (columns - 2) + 0.5)


def _joined(cells: Sequence[Part]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for text, role in cells:
        if parts and parts[-1][1] is role:
            parts[-1] = (parts[-1][0] + text, role)
        else:
            parts.append((text, role))
    return tuple(parts)
