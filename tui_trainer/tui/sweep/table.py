"""The table below a sweep's plot: its points or candidates, in a stable order."""

import math
from functools import partial

from tui_trainer.formatting import duration_text
from tui_trainer.plotting.roles import Charset
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.sweeps.result import objective_loss, rank
from tui_trainer.sweeps.tuned_plan import value_count
from tui_trainer.sweeps.tuning import best_of_value
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.race_rows import RaceRows, is_race
from tui_trainer.tui.sweep.rows import candidate_columns, candidate_row, point_columns, point_row
from tui_trainer.tui.sweep.tuning_rows import TuningRows
from tui_trainer.tui.sweep.wording import race_title, tuning_title
from tui_trainer.tui.widgets.row_table import Move, RowTable, moved

_REST_SECONDS = 2.0  # between two sorts of rows that nobody reads


class SweepTable(RowTable):
    """Rows of a sweep. The cursor stays on its candidate or point, whatever the order."""

    log_axis: bool | None = None  # of a race's losses; None chooses by their range

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(id=id)
        self._charset = charset
        self._is_log = False
        self._feed: SweepFeed | None = None
        self._stage: Sweep | None = None  # that the rows are of
        self.shows_candidates = True
        self.is_by_loss = False
        self._order: list[int] = []
        self._selected: int | None = None
        self._sorted = (0, 0.0)  # after how many events, and at which second of the sweep

    def start(self, feed: SweepFeed) -> None:
        """Show another sweep: a comparison of presets by its points, the best one first."""
        self._feed = feed
        self._selected = None
        self._stage = feed.sweep
        self.shows_candidates = not (is_race(feed.sweep) or feed.sweep.tunes)
        self.is_by_loss = not self.shows_candidates and not feed.sweep.tunes
        self._sort()
        self.to_top()
        self.draw_rows()

    def _start_race(self, feed: SweepFeed) -> None:
        """Go on with the race after the tuning, the cursor on the same value."""
        tuning = self._stage
        assert tuning is not None, "something was tuned"
        if (selected := self._selected) is not None:
            point = tuning.candidates[selected].point if self.shows_candidates else selected
            self._selected = point // len(tuning.axes[-1].values)
        self._stage = feed.sweep
        self.shows_candidates = False
        self.is_by_loss = is_race(feed.sweep)
        self._sort()

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
        self._selected = self._order[moved(row, move, len(self._order), self.page)]

    def choose(self, key: int) -> None:
        """Put the cursor on a candidate or point, if it is among the rows."""
        if key in self._order:
            self._selected = key

    @property
    def candidate(self) -> int | None:
        """The candidate under the cursor: the first one of a point."""
        feed, point = self._feed, self.point
        if feed is None or point is None or self.shows_candidates:
            return self._selected if point is not None else None
        return feed.sweep.of_point(point)[0].index

    @property
    def point(self) -> int | None:
        """The point under the cursor: of a candidate, or of a value that is tuned, the best."""
        if self._selected is None or self._feed is None or self._stage is not self._feed.sweep:
            return None
        if not self.shows_candidates:
            return self._point_of_row(self._feed, self._selected)
        return self._feed.sweep.candidates[self._selected].point

    @staticmethod
    def _point_of_row(feed: SweepFeed, key: int) -> int:
        if not feed.sweep.tunes:
            return key
        value = key // len(feed.sweep.axes[-1].values)
        return best_of_value(feed.result, value).point.index

    def draw_rows(self) -> None:
        """Show the current rows, sorted anew where that is due."""
        feed = self._feed
        if feed is None:
            self.blank("no sweep yet", "Candidates")
            return
        if feed.sweep is not self._stage:
            self._start_race(feed)
        if self._is_unsorted and (feed.result.ended is not None or self._nobody_reads):
            self._sort()
        width = self.size.width
        if self.shows_candidates:
            columns = candidate_columns(feed.sweep, width)
            title, row = self._sorted_title("Candidates"), partial(candidate_row, feed)
        elif feed.sweep.tunes:
            self._draw_tuning(feed, width)
            return
        elif is_race(feed.sweep):
            self._draw_race(feed, width)
            return
        else:
            columns = point_columns(feed.sweep, width)
            title, row = self._sorted_title("Points"), partial(point_row, feed)
        self.put(title, columns, self._order, row, self._selected)

    def _draw_tuning(self, feed: SweepFeed, width: int) -> None:
        rows = TuningRows(feed, self.room, self.gap, self._charset)
        title = tuning_title(feed.sweep, width)
        self.put(title, rows.columns, self._order, rows.row, self._selected, rows.foot)

    def _draw_race(self, feed: SweepFeed, width: int) -> None:
        rows = RaceRows(feed, self.room, self.gap, self._charset, self.log_axis)
        self._is_log = rows.scale.log
        title = race_title(feed.sweep, width, log=rows.scale.log)
        if not self.is_by_loss:
            title += " · as listed"
        title += self._as_of()
        selected, foot, notes = self._selected, rows.foot, rows.notes
        self.put(title, rows.columns, self._order, rows.row, selected, foot, notes)

    def toggle_log(self) -> None:
        """Toggle between a log and a linear axis of a race's losses."""
        self.log_axis = not (self._is_log if self.log_axis is None else self.log_axis)

    def _sorted_title(self, name: str) -> str:
        return f"{name} by loss{self._as_of()}" if self.is_by_loss else name

    def _as_of(self) -> str:
        return f" · sorted at {duration_text(self._sorted[1])}" if self._is_unsorted else ""

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
        if not self.shows_candidates and feed.sweep.tunes:
            self._order = self._tuning_order(feed)
        elif not self.shows_candidates:
            ranked = feed.result.ranked() if self.is_by_loss else feed.result.points()
            self._order = [point.point.index for point in ranked]
        else:
            self._order = list(range(len(feed.result.candidates)))
            if self.is_by_loss:
                self._order.sort(key=self._candidate_loss)

    def _tuning_order(self, feed: SweepFeed) -> list[int]:
        """Return the first point of each value, as listed or by the loss of its best number."""
        values = list(range(value_count(feed.sweep)))
        if self.is_by_loss:
            values.sort(key=lambda value: rank(best_of_value(feed.result, value)))
        return [value * len(feed.sweep.axes[-1].values) for value in values]

    def _candidate_loss(self, index: int) -> float:
        assert self._feed is not None
        candidate = self._feed.result.candidates[index]
        loss = objective_loss(candidate, self._feed.sweep.objective)
        return math.inf if math.isnan(loss) else loss
