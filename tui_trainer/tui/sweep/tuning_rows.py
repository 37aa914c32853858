"""A sweep that tunes, in rows: each value with its best number so far, and its losses."""

import math

from tui_trainer.formatting import distinct
from tui_trainer.plotting.race import log_share, log_span
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.result import PointResult, median_text, share_done
from tui_trainer.sweeps.tuned_plan import value_count
from tui_trainer.sweeps.tuning import best_of_value, points_of_value
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.row_table import Column, Picture, Row

_UNICODE, _ASCII = "▁▂▃▄▅▆▇█", "_.,-=+*#"
_BEST = {Charset.ASCII: "@"}
_DIVERGED = {Charset.ASCII: "x"}
_MEDIAN, _DONE = 8, 5


class TuningRows:
    """The rows of a table that is `room` columns wide with `gap` between its columns."""

    def __init__(self, feed: SweepFeed, room: int, gap: int, charset: Charset) -> None:
        self._result, self._charset = feed.result, charset
        sweep = feed.sweep
        *axes, self._tuned = sweep.axes
        self._tried = len(self._tuned.values)
        texts = [
            ", ".join(map(value_text, sweep.points[value * self._tried].values[:-1]))
            for value in range(value_count(sweep))
        ]
        name_room = max(9, min(max(map(len, texts)), room // 3))
        self._names = distinct(texts, name_room)
        number_room = max(
            len(self._tuned.key) + 7, *(len(value_text(value)) for value in self._tuned.values)
        )
        room -= name_room + number_room + _MEDIAN + _DONE + 4 * gap
        self._slot = max(1, min(4, room // self._tried))
        self._span = log_span(point.objective.median for point in self._result.points())
        strip = self._slot * self._tried
        self.columns = [
            Column(", ".join(axis.key for axis in axes), name_room),
            Column(f"{self._tuned.key} so far", number_room),
            Column("median", _MEDIAN, right=True),
            *([Column(self._strip_title(strip), strip)] if room >= strip else []),
            Column("done", _DONE, right=True),
        ]

    def row(self, key: int) -> Row:
        """Write the row of a value, whose key is its first point."""
        value = key // self._tried
        points = points_of_value(self._result, value)
        best = best_of_value(self._result, value)
        known = math.isfinite(best.objective.median)
        first, count = points[0].point.index, len(points) * points[0].seeds
        start = first * points[0].seeds
        done = share_done(self._result.candidates[start : start + count])
        cells: tuple[Part | Picture, ...] = (
            (self._names[value], "row"),
            (value_text(best.point.values[-1]) if known else "–", "row"),
            (median_text(best.objective.median), "row"),
            Picture(tuple(self._cell(point, point is best and known) for point in points)),
            (f"{int(100 * done)} %", "note"),
        )
        strip_shown = len(self.columns) == len(cells)
        return cells if strip_shown else (*cells[:3], cells[4])

    @property
    def foot(self) -> Row:
        """The lowest and the highest number below the strip."""
        width = self._slot * self._tried
        low, high = (value_text(self._tuned.values[place]) for place in (0, -1))
        line = low + high.rjust(width - len(low)) if len(low) + len(high) < width else ""
        return (("", "head"), ("", "head"), ("", "head"), (line, "head"))

    def _cell(self, point: PointResult, is_best: bool) -> tuple[str, Role]:
        """Draw a point as tall as its median loss, on a log scale over all."""
        median = point.objective.median
        signs = _ASCII if self._charset is Charset.ASCII else _UNICODE
        if math.isnan(median):
            sign, role = " ", Role.AXIS
        elif point.diverged_share and not is_best:
            sign, role = _DIVERGED.get(self._charset, "✕"), Role.DIVERGED
        elif is_best:
            sign, role = _BEST.get(self._charset, "◆"), Role.BEST
        else:
            share = log_share(median, self._span)
            sign, role = signs[min(len(signs) - 1, int(share * len(signs)))], Role.MEDIAN
        return sign.ljust(self._slot), role

    def _strip_title(self, room: int) -> str:
        key = self._tuned.key
        best = _BEST.get(self._charset, "◆")
        texts = (f"median loss by {key}, {best} lowest", f"loss by {key}", key)
        return next((text for text in texts if len(text) <= room), "")
