"""A sweep in rows: its candidates, or its points and how they compare."""

import math

from tui_trainer.formatting import loss_text
from tui_trainer.plotting.roles import Role
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.comparison import Verdict
from tui_trainer.sweeps.plan import Point, Sweep
from tui_trainer.sweeps.recommendation import verdict_of, verdict_text
from tui_trainer.sweeps.result import PointResult, median_text
from tui_trainer.training.state import State
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.looks import Shown
from tui_trainer.tui.widgets.row_table import Column, Row
from tui_trainer.tui.wording import BADGES

VERDICT_LOOKS: dict[Verdict, Shown] = {
    Verdict.WITHIN_NOISE: "title",
    Verdict.DIVERGED: Role.DIVERGED,
    Verdict.DIVERGED_EVERYWHERE: Role.DIVERGED,
}

EDGE_MARK = " !"

_STATE_LOOKS: dict[State, Shown] = {State.DIVERGED: Role.DIVERGED, State.STARTING: "note"}


def candidate_columns(sweep: Sweep, width: int) -> list[Column]:
    """Return the columns of the table of candidates, the most needed first."""
    return [
        Column(sweep.axes[0].key, _value_width(sweep, width)),
        *_tuned_columns(sweep),
        Column("seed", 4, right=True),
        Column("state", 15 if width >= 60 else 10),
        Column("best", 8, right=True),
        Column("last", 8, right=True),
        Column("step", 7, right=True),
        Column("best at", 7, right=True),
        Column("train", 8, right=True),
    ]


def candidate_row(feed: SweepFeed, index: int) -> Row:
    """Write a candidate."""
    result, state = feed.result.candidates[index], feed.state_of(index)
    point = feed.sweep.points[feed.sweep.candidates[index].point]
    sign, label = BADGES[state]
    word = "waiting" if state is State.STARTING else label.lower()
    best = result.best
    return (
        *((value_text(value), "row") for value in point.values),
        (str(result.config.seed), "row"),
        (f"{sign} {word}", _STATE_LOOKS.get(state, "row")),
        (loss_text(best.val_loss if best else None), "row"),
        (loss_text(result.val_loss), "row"),
        (f"{result.step:,}", "row"),
        (f"{best.step:,}" if best else "–", "row"),
        (loss_text(result.train_loss), "row"),
    )


def point_columns(sweep: Sweep, width: int) -> list[Column]:
    """Return the columns of the table of points, the most needed first."""
    return [
        Column(sweep.axes[0].key, _value_width(sweep, width)),
        *_tuned_columns(sweep),
        Column("median", 8, right=True),
        Column("against ◆ (seeds worse)", 30),
        Column("lowest to highest", 17),
        Column("diverged", 8, right=True),
        Column("done", 7, right=True),
    ]


def point_row(feed: SweepFeed, index: int) -> Row:
    """Write a point: its median, how it compares, the spread over its seeds."""
    point = feed.result.point(index)
    spread = point.objective
    diverged = round(point.diverged_share * point.seeds)
    known = math.isfinite(spread.low)
    return (
        (value_text(point.point.values[0]), "row"),
        *((text, "row") for text in tuned_texts(point.point)),
        (median_text(point.objective.median), "row"),
        _verdict(feed, point),
        (f"{loss_text(spread.low)} to {loss_text(spread.high)}" if known else "–", "row"),
        (f"✕ {diverged}" if diverged else "", Role.DIVERGED),
        (f"{point.ended}/{point.seeds}", "row"),
    )


def _verdict(feed: SweepFeed, point: PointResult) -> Part:
    """Compare a point with the recommended one."""
    found = feed.recommendation
    words = verdict_text(point, found)
    if found is not None and found.point == point.point:
        return f"◆ {words}", Role.BEST
    verdict = verdict_of(point, found)
    return words, VERDICT_LOOKS.get(verdict, "row") if verdict else "row"


def tuned_texts(point: Point) -> list[str]:
    """Write the number that a point got for itself, with a mark at the edge of what was tried."""
    mark = EDGE_MARK if point.tuned is not None and point.tuned.edge is not None else ""
    return [value_text(value) + mark for value in point.values[1:]]


def _tuned_columns(sweep: Sweep) -> list[Column]:
    """Return a column for the second axis, of a number that each value gets its own of."""
    return [
        Column(
            axis.key, max(map(len, [axis.key, *(value_text(v) + EDGE_MARK for v in axis.values)]))
        )
        for axis in sweep.axes[1:]
    ]


def _value_width(sweep: Sweep, width: int) -> int:
    axis = sweep.axes[0]
    longest = max(len(value_text(value)) for value in axis.values)
    return max(len(axis.key), min(longest, 24 if width >= 60 else 9))
