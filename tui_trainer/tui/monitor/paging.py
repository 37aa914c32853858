"""Which of a loop's plots are shown: those that a filter finds, a page at a time, or one alone."""

import re
from collections.abc import Callable, Iterable
from typing import Literal

from tui_trainer.monitor.events import bound_name
from tui_trainer.tui.monitor.grouping import Plot, chosen_plots, plots_of


class Paging:
    """The plots of a loop's metrics, the pinned ones in front, and the page that is open.

    Args:
        room: returns how many of so many plots fit on a page, at least one of one or more.
        pattern: the filter's; None finds every plot.
    """

    def __init__(
        self, room: Callable[[int], int], pattern: "re.Pattern[str] | None" = None
    ) -> None:
        self._room = room
        self.pattern = pattern
        self.all: list[Plot] = []
        self._known = 0  # metrics that are in the plots
        self.pinned: set[str] = set()  # keys of plots
        self._first = 0  # the place of the first plot that is shown
        self._zoomed = ""  # the key of the plot that has all the room

    def learn(self, metrics: Iterable[str]) -> None:
        """Put metrics that are new into plots; bounds are drawn with what they are for."""
        names = list(metrics)
        if self._known != len(names):
            self._known = len(names)
            bounds = {bound_name(name) for name in names}
            self.all = plots_of([name for name in names if name not in bounds])

    def filter(self, pattern: "re.Pattern[str] | None") -> None:
        """Find other plots, and open the first page."""
        self.pattern = pattern
        self._first, self._zoomed = 0, ""

    @property
    def found(self) -> list[Plot]:
        """Pinned plots, then the others that the filter finds."""
        return chosen_plots(self.all, self.pattern, self.pinned)

    @property
    def page(self) -> list[Plot]:
        """The plots that are shown: as many as fit, or the zoomed one."""
        found = self.found
        if zoomed := [plot for plot in found if plot.key == self._zoomed]:
            return zoomed
        count = self._room(len(found)) if found else 0
        self._first = max(0, min(self._first, len(found) - count))
        return found[self._first : self._first + count]

    def turn(self, direction: Literal[-1, 1]) -> None:
        """Go to the next (1) or previous (-1) page; after the last one comes the first."""
        count, shown = len(self.found), len(self.page)
        if self._zoomed:
            self.zoom_next(direction)
        elif direction > 0:
            self._first = self._first + shown if self._first + shown < count else 0
        else:
            self._first = self._first - shown if self._first else count

    # One plot alone

    @property
    def is_zoomed(self) -> bool:
        """Whether one plot has all the room."""
        return bool(self._zoomed)

    def zoom(self, plot: Plot | None) -> None:
        """Give a plot all the room, or none."""
        self._zoomed = plot.key if plot is not None else ""

    def zoom_next(self, direction: Literal[-1, 1]) -> None:
        """Zoom the next or previous plot; past either end, none."""
        keys = [plot.key for plot in self.found]
        place = keys.index(self._zoomed) + direction if self._zoomed in keys else len(keys)
        self._zoomed = keys[place] if 0 <= place < len(keys) else ""

    def pin(self, plot: Plot) -> bool:
        """Pin a plot, which then comes first and passes every filter, or unpin it; return which."""
        self.pinned ^= {plot.key}
        pinned = plot.key in self.pinned
        if pinned:
            self._first = 0
        return pinned
