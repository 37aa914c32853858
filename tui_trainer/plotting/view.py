"""Which part of a plot is shown: along x, and whether what towers over the rest is cut."""

from dataclasses import dataclass, replace
from typing import TypeAlias

Part: TypeAlias = tuple[float, float]

_FEWEST_GRAINS = 4  # in the smallest part
_SMALLEST = 1 / 512  # of the whole, where there is no grain


@dataclass(frozen=True, slots=True)
class View:
    """A part of the x axis, in its scale's own numbers (log10 on a log axis); None: all of it."""

    part: Part | None = None
    clipped: bool = True

    def within(self, whole: Part) -> Part | None:
        """Return the part that lies in an axis, None where that is nothing or all of it."""
        if self.part is None:
            return None
        low, high = max(self.part[0], whole[0]), min(self.part[1], whole[1])
        return (low, high) if low < high and (low, high) != whole else None

    def zoomed(self, factor: float, whole: Part, anchor: float, grain: float) -> "View":
        """Show `factor` times as much of the axis; `anchor` stays where it is in the plot."""
        low, high = self.part or whole
        smallest = _FEWEST_GRAINS * grain or (whole[1] - whole[0]) * _SMALLEST
        span = max((high - low) * factor, min(smallest, high - low))
        if span >= whole[1] - whole[0]:
            return replace(self, part=None)
        anchor = min(max(anchor, low), high)
        return self._at(anchor - (anchor - low) / (high - low) * span, span, whole)

    def panned(self, shares: float, whole: Part) -> "View":
        """Move by `shares` of what is shown, to the right where positive, not past the ends."""
        if self.part is None:
            return self
        low, high = self.part
        return self._at(low + shares * (high - low), high - low, whole)

    def showing(self, x: float, whole: Part) -> "View":
        """Move as little as it takes to show `x`."""
        if self.part is None:
            return self
        low, high = self.part
        return self._at(min(max(low, x - (high - low)), x), high - low, whole)

    def _at(self, low: float, span: float, whole: Part) -> "View":
        low = min(max(low, whole[0]), whole[1] - span)
        return replace(self, part=(low, low + span))


ALL = View()
