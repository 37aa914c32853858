"""A sweep over names in rows: each with its median, its spread on one scale, its verdict."""

from textwrap import wrap

from tui_trainer.config.presets import CHOICES
from tui_trainer.formatting import distinct
from tui_trainer.plotting.race import race_bar, race_scale, tick_line
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.comparison import Comparison, Verdict
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.sweeps.recommendation import p_text, verdict_of, verdict_text
from tui_trainer.sweeps.result import PointResult, median_text
from tui_trainer.sweeps.tuned_plan import tuned_text
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.rows import EDGE_MARK, VERDICT_LOOKS, tuned_texts
from tui_trainer.tui.widgets.looks import Shown
from tui_trainer.tui.widgets.row_table import Column, Picture, Row

_LEAST_BAR = 14
_MEDIAN = 8


def is_race(sweep: Sweep) -> bool:
    """Return whether a sweep compares names, which have no place on a scale of their own."""
    return sweep.axes[0].key in CHOICES


class RaceRows:
    """The rows of a race in a table that is `room` columns wide with `gap` between its columns.

    A narrow table has verdicts without figures, or none; no name is cut to another's text.
    """

    def __init__(
        self, feed: SweepFeed, room: int, gap: int, charset: Charset, log: bool | None
    ) -> None:
        self._feed, self._charset, self._room = feed, charset, room
        points = feed.result.points()
        self._leader = feed.leader()
        names = [value_text(value) for value in feed.sweep.axes[0].values]
        key = feed.sweep.axes[0].key
        name_room = max(9, min(max(map(len, [key, *names])), room // 3))
        self._names = distinct(names, name_room)
        self._tuned = feed.sweep.axes[1:]
        self._tuned_texts = [text for point in points for text in tuned_texts(point.point)]
        keys = [axis.key for axis in self._tuned]
        number_room = max(map(len, [*self._tuned_texts, *keys]), default=0)
        room -= name_room + _MEDIAN + 2 * gap + len(self._tuned) * (number_room + gap)
        for figures in (True, False):
            self._verdicts = [self._verdict(point, figures=figures) for point in points]
            verdict_room = max(13, *map(len, self._verdicts))
            if fits := room - verdict_room - 2 * gap >= _LEAST_BAR:
                room -= verdict_room + gap
                break
        self._bar = max(4, room - gap)
        self.scale = race_scale(points, self._bar, log)
        self.columns = [
            Column(key, name_room),
            *(Column(axis.key, number_room) for axis in self._tuned),
            Column("median", _MEDIAN, right=True),
            Column(self._key(), self._bar),
            *([Column(self._against(verdict_room), verdict_room)] if fits else []),
        ]

    @property
    def foot(self) -> Row:
        """The scale's ticks."""
        before = 2 + len(self._tuned)
        return (*(("", "head") for _ in range(before)), (tick_line(self.scale, self._bar), "head"))

    def row(self, index: int) -> Row:
        """Write the row of a point."""
        point = self._feed.result.point(index)
        leads = self._leader is not None and self._leader.point.index == index
        verdict = verdict_of(point, self._feed.recommendation)
        look: Shown = VERDICT_LOOKS.get(verdict, "row") if verdict else "note"
        return (
            (self._names[index], "row"),
            *((text, "row") for text in tuned_texts(point.point)),
            (median_text(point.objective.median), "row"),
            Picture(race_bar(point, self.scale, self._bar, self._charset, leads=leads)),
            (self._verdicts[index], Role.BEST if leads else look),
        )

    @property
    def notes(self) -> list[str]:
        """What the verdicts in these rows mean, by the first row of each."""
        found, words = self._feed.recommendation, dict[Verdict, str]()
        for held in found.comparisons if found is not None else ():
            words.setdefault(held.verdict, f"{held.verdict.value}: {_meaning(held)}")
        texts = list(words.values())
        if chosen := tuned_text(self._feed.sweep):
            texts.append(f"{self._tuned[0].key}: {chosen}")
        if any(text.endswith(EDGE_MARK) for text in self._tuned_texts):
            texts.append(
                f"{EDGE_MARK.strip()}: the lowest or highest that was tried; widen the range"
            )
        if found is not None and (explained := p_text(found)):
            texts.append(f"p: {explained}")
        return [line for text in texts for line in wrap(text, max(_LEAST_BAR, self._room))]

    def _against(self, room: int) -> str:
        """Name the verdicts' column."""
        full = "against ◆ (seeds, p)"
        shows_figures = any("(" in verdict for verdict in self._verdicts)
        return full if shows_figures and len(full) <= room else "against ◆"

    def _verdict(self, point: PointResult, *, figures: bool) -> str:
        """Write a point's verdict; while the sweep trains, what there is instead."""
        if words := verdict_text(point, self._feed.recommendation, figures=figures):
            return words
        if self._feed.result.ended is not None:
            return ""
        if self._leader is not None and self._leader.point.index == point.point.index:
            return "lowest so far"
        return f"{point.ended}/{point.seeds} done"

    def _key(self) -> str:
        """Explain a bar, in the words that there is room for."""
        one_seed = self._feed.sweep.seeds == 1
        ascii = self._charset is Charset.ASCII
        keys = ("|- lowest  o median  highest -|" if ascii else "├─ lowest  ● median  highest ─┤",
                "lowest to highest", "spread")  # fmt: skip
        return "" if one_seed else next(key for key in keys if len(key) <= max(6, self._bar))


def _meaning(held: Comparison) -> str:
    match held.verdict:
        case Verdict.WORSE:
            return f"than ◆ at {held.wins} of {held.seeds} seeds"
        case Verdict.WITHIN_NOISE:
            return "these seeds do not tell it apart from ◆"
        case Verdict.TOO_FEW_SEEDS:
            return "no result of so few could tell it apart from ◆"
        case Verdict.DIVERGED:
            return "at every seed the loss ran off to infinity"
        case Verdict.DIVERGED_EVERYWHERE:
            tuned = held.point.tuned
            assert tuned is not None, "that is a verdict on what was tuned"
            return f"at every {tuned.key} that was tried, down to {value_text(tuned.number)}"
