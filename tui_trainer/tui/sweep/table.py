"""The table below a sweep's plot: its points or candidates, in a stable order."""

import math
from functools import partial
from typing import Literal, TypeAlias

from tui_trainer.config.presets import PARTS
from tui_trainer.formatting import duration_text
from tui_trainer.sweeps.result import objective_loss
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.rows import candidate_columns, candidate_row, point_columns, point_row
from tui_trainer.tui.widgets.row_table import RowTable

_REST_SECONDS = 2.0  # between two sorts of rows that nobody reads

Move: TypeAlias = Literal["up", "down", "page_up", "page_down", "first", "last"]


class SweepTable(RowTable):
    """Rows of a sweep. The cursor stays on its candidate or point, whatever the order."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._feed: SweepFeed | None = None
        self.shows_candidates = True
        self.is_by_loss = False
        self._order: list[int] = []
        self._selected: int | None = None
        self._sorted = (0, 0.0)  # after how many events, and at which second of the sweep

    def start(self, feed: SweepFeed) -> None:
        """Show another sweep: a comparison of presets by its points, the best one first."""
        self._feed = feed
        self._selected = None
        self.shows_candidates = feed.sweep.axes[0].key not in PARTS
        self.is_by_loss = not self.shows_candidates
        self._sort()
        self.to_top()
        self.draw_rows()

    def toggle(self) -> None:
        """Toggle between points and candidates."""
        selected = self.point if self.shows_candidates else self.candidate
        self.shows_candidates = not self.shows_candidates
        self._selected = selected
        self._sort()

    def toggle_order(self) -> None:
        """Toggle between current loss and value and seed as the order; show the first rows."""
        self.is_by_loss = not self.is_by_loss
        self._sort()
        if self._selected is not None:
            self._selected = self._order[0]

    def move(self, move: Move) -> None:
        """Move the cursor; the first move puts it on the first row."""
        if not self._order:
            return
        last = len(self._order) - 1
        if self._selected is None:
            self._selected = self._order[last if move == "last" else 0]
            return
        row = self._order.index(self._selected)
        places = {
            "up": row - 1,
            "down": row + 1,
            "page_up": row - self.page,
            "page_down": row + self.page,
            "first": 0,
            "last": last,
        }
        self._selected = self._order[max(0, min(places[move], last))]

    def choose(self, key: int) -> None:
        """Put the cursor on a candidate or point, if it is among the rows."""
        if key in self._order:
            self._selected = key

    @property
    def candidate(self) -> int | None:
        """The candidate under the cursor: the first one of a point."""
        if self._selected is None or self._feed is None or self.shows_candidates:
            return self._selected
        return self._feed.sweep.of_point(self._selected)[0].index

    @property
    def point(self) -> int | None:
        """The point under the cursor: that of a candidate."""
        if self._selected is None or self._feed is None or not self.shows_candidates:
            return self._selected
        return self._feed.sweep.candidates[self._selected].point

    def draw_rows(self) -> None:
        """Show the current rows, sorted anew where that is due."""
        feed = self._feed
        if feed is None:
            self.blank("no sweep yet", "Candidates")
            return
        if self._is_unsorted and (feed.result.ended is not None or self._nobody_reads):
            self._sort()
        width = self.size.width
        if self.shows_candidates:
            columns = candidate_columns(feed.sweep, width)
            name, row = "Candidates", partial(candidate_row, feed)
        else:
            columns = point_columns(feed.sweep, width)
            name = "Presets" if feed.sweep.axes[0].key in PARTS else "Points"
            row = partial(point_row, feed)
        self.put(self._named(name), columns, self._order, row, self._selected)

    def _named(self, name: str) -> str:
        if not self.is_by_loss:
            return name
        return f"{name} by loss{f', as of {duration_text(self._sorted[1])}' * self._is_unsorted}"

    @property
    def _is_unsorted(self) -> bool:
        """Whether losses have changed since the rows were sorted by them."""
        return self.is_by_loss and self._feed is not None and self._feed.applied != self._sorted[0]

    @property
    def _nobody_reads(self) -> bool:
        """Whether rows may change places: no cursor is on any, and they stood for a while."""
        assert self._feed is not None
        seconds = self._feed.result.seconds - self._sorted[1]
        return self._selected is None and seconds >= _REST_SECONDS

    def _sort(self) -> None:
        """Order the rows: nowhere else, so that none jumps while it is read."""
        feed = self._feed
        if feed is None:
            return
        self._sorted = (feed.applied, feed.result.seconds)
        if not self.shows_candidates:
            ranked = feed.result.ranked() if self.is_by_loss else feed.result.points()
            self._order = [point.point.index for point in ranked]
            return
        self._order = list(range(len(feed.result.candidates)))
        if self.is_by_loss:
            self._order.sort(key=self._candidate_loss)

    def _candidate_loss(self, index: int) -> float:
        assert self._feed is not None
        candidate = self._feed.result.candidates[index]
        loss = objective_loss(candidate, self._feed.sweep.objective)
        return math.inf if math.isnan(loss) else loss
