"""What other runs look like under the losses of the one that is shown: faint, each with a sign.

A run that has ended costs a frame next to nothing: all of it is made once for as long as neither
the axes nor the run change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.chart import Curve, Dash, Scatter
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.overlay import OVERLAY_ROLES, Overlay
from tui_trainer.plotting.roles import Charset
from tui_trainer.plotting.scales import Scale
from tui_trainer.training.history import History

_APART = 24  # columns between two signs of a curve, in a wide plot
_CLOSE = 4  # columns to the sign at the last step, in which there is none
_HIGHER, _LOWER = ("▲", "^"), ("▼", "v")

Dots: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class OverlayLosses:
    """Finite validation losses by step, and by size.

    Of buckets, they are the means: bands of several runs would hide each other.
    """

    step: Dots
    loss: Dots
    ranked: Dots


@dataclass(frozen=True, slots=True, eq=False)
class OverlayLayers:
    """A run's curve, and its signs, which belong above the curves of all."""

    curve: Curve
    signs: tuple[Scatter, ...]


_Range: TypeAlias = tuple[int, int, int, int, float]
_Place: TypeAlias = tuple[int, Scale, Scale, int]
_LOSSES: WeakKeyDictionary[History, tuple[_Range, OverlayLosses]] = WeakKeyDictionary()
_LAYERS: WeakKeyDictionary[OverlayLosses, tuple[_Place, OverlayLayers]] = WeakKeyDictionary()


def overlay_losses(
    history: History, first: int, last: int, most: int, window: float = 0.0
) -> OverlayLosses:
    """Return the losses of the steps `first` to `last` in at most `most` buckets.

    `window` is that of a running mean in steps; 0 smooths nothing.
    """
    key = (history.steps, first, last, most, window)
    if (known := _LOSSES.get(history)) is None or known[0] != key:
        buckets = history.buckets("val", first, last, most)
        means = buckets.smoothed(window) if window else buckets.mean
        finite = np.isfinite(means)
        loss = means[finite].astype(np.float64)
        known = key, OverlayLosses(buckets.step[finite], loss, np.sort(loss))
        _LOSSES[history] = known
    return known[1]


def overlay_layers(
    overlay: Overlay, losses: OverlayLosses, x: Scale, y: Scale, columns: int
) -> OverlayLayers:
    """Draw a run's losses in a plot of so many columns."""
    key = (overlay.mark, x, y, columns)
    if (known := _LAYERS.get(losses)) is None or known[0] != key:
        signs = tuple(_on_curve(overlay, losses, x, y, columns))
        known = key, OverlayLayers(_curve(overlay, losses, y), signs)
        _LAYERS[losses] = known
    return known[1]


def _curve(overlay: Overlay, losses: OverlayLosses, y: Scale) -> Curve:
    """Draw losses; what lies beside the axis leaves a gap, up to where it leaves."""
    outside = ~y.holds(losses.loss)
    beside = np.zeros_like(outside)
    beside[1:] |= ~outside[:-1]
    beside[:-1] |= ~outside[1:]
    shown = np.where(outside & ~beside, np.nan, losses.loss)
    return Curve(overlay.role, losses.step, shown, shown, Dash.SPARSE, _signs(overlay)[1])


def _on_curve(
    overlay: Overlay, losses: OverlayLosses, x: Scale, y: Scale, columns: int
) -> Iterator[Scatter]:
    """Put a run's sign on its curve every so many columns, and at its last step.

    The places of different runs are apart. Where the curve lies above or below the axis, the sign
    is at the edge, behind an arrow.
    """
    if not len(losses.step):
        return
    places = _places(overlay.mark, losses.step, x, columns)
    heights = np.interp(places, losses.step, y.unit(losses.loss))
    beyond = np.interp(places, losses.step, ~y.holds(losses.loss)) > 0.5
    yield Scatter(overlay.role, places, _values(heights, y), *_signs(overlay))
    column = (x.high - x.low) / max(1, columns - 1)
    for there, edge, arrow in (
        (beyond & (heights > 0.5), y.top, _HIGHER),
        (beyond & (heights < 0.5), y.foot, _LOWER),
    ):
        if there.any():
            before = places[there] - column
            yield Scatter(overlay.role, before, np.full(len(before), edge), *arrow)


def _places(mark: int, steps: Dots, x: Scale, columns: int) -> Dots:
    """Return where signs stand among the steps of a curve: still, while the axis does."""
    apart = max(6, min(_APART, columns // 2))
    first = (mark + 0.5) / len(OVERLAY_ROLES) * apart
    places = x.low + np.arange(first, columns, apart) / columns * (x.high - x.low)
    close = _CLOSE / columns * (x.high - x.low)
    inside = places[(places >= steps[0]) & (places < steps[-1] - close)]
    return np.append(inside, steps[-1])


def _values(heights: Dots, y: Scale) -> Dots:
    """Return the values that lie at heights from 0 to 1."""
    places = y.low + heights * (y.high - y.low)
    values: Dots = 10.0**places if y.log else places
    return values


def _signs(overlay: Overlay) -> tuple[str, str]:
    return sign(overlay.role, Charset.UNICODE), sign(overlay.role, Charset.ASCII)
