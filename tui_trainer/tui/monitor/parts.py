"""What is open beside the plots of a loop, or over them, and which of it has room."""

from dataclasses import dataclass
from typing import Literal

Part = Literal["metrics", "output", "health"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which parts show.

    `covered`: whether list or output take the place of plots and layers.
    """

    metrics: bool
    output: bool
    health: bool
    plots: bool
    covered: bool


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
        """Open a part, or bring it to the top."""
        self.close(part)
        self._open.append(part)

    def close(self, part: Part) -> None:
        self._open = [other for other in self._open if other != part]

    def layout(self, *, beside: bool, below: bool) -> Layout:
        """Return what shows: where there is little room, the part on top.

        `beside` and `below`: whether plots have room beside the list, and above the output.
        """
        metrics = "metrics" in self and (beside or self.top == "metrics")
        output = "output" in self and (below or self.top == "output")
        covered = (metrics and not beside) or (output and not below)
        health = "health" in self and not covered  # in the place of the plots
        return Layout(
            metrics=metrics,
            output=output,
            health=health,
            plots=not (covered or health),
            covered=covered,
        )
