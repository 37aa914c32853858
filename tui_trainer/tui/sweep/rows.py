"""A sweep in rows: its candidates, or its points and how they compare."""

import math
from typing import TYPE_CHECKING

from tui_trainer.formatting import loss_text
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.training.state import State
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.widgets.row_table import Column, Row

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.sweeps.result import PointResult

_STATE_WORDS = {
    State.STARTING: ("◔", "waiting"),
    State.RUNNING: ("●", "training"),
    State.FINISHED: ("✓", "finished"),
    State.STOPPED_EARLY: ("■", "stopped early"),
    State.DIVERGED: ("✕", "diverged"),
    State.STOPPED: ("□", "stopped"),
}
_STATE_LOOKS = {State.DIVERGED: "diverged", State.STARTING: "note"}


def candidate_columns(plan: Sweep, width: int) -> list[Column]:
    """Return the columns of the table of candidates, the most needed first."""
    return [
        Column(plan.axes[0].key, _value_width(plan, width)),
        Column("seed", 4, right=True),
        Column("state", 15 if width >= 60 else 10),
        Column("best", 8, right=True),
        Column("last", 8, right=True),
        Column("step", 7, right=True),
        Column("best at", 7, right=True),
        Column("train", 8, right=True),
    ]


def candidate_row(view: SweepFeed, index: int) -> Row:
    """Write a candidate."""
    result, state = view.result.candidates[index], view.state_of(index)
    point = view.sweep.points[view.sweep.candidates[index].point]
    sign, word = _STATE_WORDS[state]
    best = result.best
    return (
        (value_text(point.values[0]), "row"),
        (str(result.config.seed), "row"),
        (f"{sign} {word}", _STATE_LOOKS.get(state, "row")),
        (loss_text(best.val_loss if best else None), "row"),
        (loss_text(result.val_loss), "row"),
        (f"{result.step:,}", "row"),
        (f"{best.step:,}" if best else "–", "row"),
        (loss_text(result.train_loss), "row"),
    )


def point_columns(plan: Sweep, width: int) -> list[Column]:
    """Return the columns of the table of points, the most needed first."""
    return [
        Column(plan.axes[0].key, _value_width(plan, width)),
        Column("median", 8, right=True),
        Column("seeds worse than ◆", 30),
        Column("lowest to highest", 17),
        Column("diverged", 8, right=True),
        Column("done", 7, right=True),
    ]


def point_row(view: SweepFeed, point: "PointResult") -> Row:
    """Write a point: its median, how it compares, the spread over its seeds."""
    median, spread = point.objective.median, point.objective
    diverged = round(point.diverged_share * point.seeds)
    known = math.isfinite(spread.low)
    return (
        (value_text(point.point.values[0]), "row"),
        ("–" if math.isnan(median) else loss_text(median), "row"),
        _verdict(view, point),
        (f"{loss_text(spread.low)} to {loss_text(spread.high)}" if known else "–", "row"),
        (f"✕ {diverged}" if diverged else "", "diverged"),
        (f"{point.ended}/{point.seeds}", "row"),
    )


def _verdict(view: SweepFeed, point: "PointResult") -> tuple[str, str]:
    """Compare a point with the recommended one: is the difference more than the seeds' noise?"""
    from tui_trainer.sweeps.recommendation import Verdict, verdict_of

    found = view.recommendation
    if found is not None and found.point == point.point:
        return "◆ recommended", "best"
    verdict = verdict_of(point, found)
    if verdict is None:
        return "", "row"
    held = found.comparison(point.point) if found else None
    figures = f"{f'{held.wins}/{held.seeds}':<6}p {held.p:<7.2g}" if held else ""
    looks = {Verdict.WITHIN_NOISE: "title", Verdict.DIVERGED: "diverged"}
    return f"{figures}{verdict.value}", looks.get(verdict, "row")


def _value_width(plan: Sweep, width: int) -> int:
    axis = plan.axes[0]
    longest = max(len(value_text(value)) for value in axis.values)
    return max(len(axis.key), min(longest, 24 if width >= 60 else 9))
