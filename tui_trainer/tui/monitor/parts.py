"""What is open beside the plots of a loop, or over them, and which of it has room."""

from dataclasses import dataclass, replace
from typing import Literal

Part = Literal["metrics", "output", "health"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which parts show; `beside` and `below`: whether list and output leave the plots room."""

    metrics: bool
    output: bool
    health: bool
    beside: bool
    below: bool

    @property
    def covered(self) -> bool:
        """Whether the list or the output is where plots and layers would be."""
        return (self.metrics and not self.beside) or (self.output and not self.below)

    @property
    def plots(self) -> bool:
        """Whether the plots show: the layers come in their place."""
        return not (self.covered or self.health)


class OpenParts:
    """The parts that are open, the one that was opened last on top."""

    def __init__(self) -> None:
        self._open: list[Part] = []

    def __contains__(self, part: Part) -> bool:
        return part in self._open

    @property
    def top(self) -> Part | None:
        return self._open[-1] if self._open else None

    def open(self, part: Part) -> None:
        """Open a part, or bring it on top."""
        self.close(part)
        self._open.append(part)

    def close(self, part: Part) -> None:
        self._open = [other for other in self._open if other != part]

    def layout(self, *, beside: bool, below: bool) -> Layout:
        """Return what shows: where there is little room, the part on top."""
        metrics = "metrics" in self and (beside or self.top == "metrics")
        output = "output" in self and (below or self.top == "output")
        layout = Layout(metrics, output, False, beside, below)
        return replace(layout, health="health" in self and not layout.covered)
