"""Which point to take, and why: the lowest median, compared with the seeds' noise."""

import math
from dataclasses import dataclass

from tui_trainer.config.settings import RunConfig
from tui_trainer.sweeps.comparison import Comparison, Verdict, compare, verdict_of_diverged
from tui_trainer.sweeps.plan import Point
from tui_trainer.sweeps.reasons import listed, reasons_for
from tui_trainer.sweeps.result import PointResult, SweepResult

_BY_P = (Verdict.WORSE, Verdict.WITHIN_NOISE)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The point to take, in one config of the sweep's first seed, and why.

    `comparisons` are with every other point, the nearest first. `tuned` is the key of the number
    that each point got for itself, "" where none did.
    """

    point: Point
    config: RunConfig
    reason: str
    comparisons: tuple[Comparison, ...]
    tuned: str = ""

    def comparison(self, point: Point) -> Comparison | None:
        """Return how a point compares; None for the recommended one itself."""
        return next((c for c in self.comparisons if c.point.index == point.index), None)


def recommend(results: SweepResult) -> Recommendation | None:
    """Recommend a point; None where no point has a finite median, or before a race.

    None too where a candidate is not done: a large lr leads early, and often not in the end.
    """
    ranked = results.ranked()
    best, sweep = ranked[0], results.sweep
    if sweep.tunes or results.unfinished or not math.isfinite(best.objective.median):
        return None
    comparisons = compare(best, ranked[1:])
    reason = " ".join(reasons_for(results, best, ranked[1:], comparisons))
    config = sweep.of_point(best.point.index)[0].config
    tuned = best.point.tuned.key if best.point.tuned else ""
    return Recommendation(best.point, config, reason, comparisons, tuned)


def verdict_of(result: PointResult, found: Recommendation | None) -> Verdict | None:
    """Return a point's verdict; None for the recommended point, and where there is none."""
    if result.diverged_share == 1:
        return verdict_of_diverged(result)
    comparison = found.comparison(result.point) if found else None
    return comparison.verdict if comparison else None


def verdict_text(result: PointResult, found: Recommendation | None, *, figures: bool = True) -> str:
    """Write a point's verdict, with what it rests on: ``worse (9/10, p 0.01)``, "" without one.

    That is the number of seeds at which it is worse than the recommended one, and the p that
    `p_text` explains.
    """
    if found is not None and found.point == result.point:
        words = "recommended"
    elif (verdict := verdict_of(result, found)) is None:
        return ""
    else:
        words = verdict.value
        held = found.comparison(result.point) if found else None
        if figures and held is not None and verdict in _BY_P:
            words += f" ({held.wins}/{held.seeds}, p {held.p:.2g})"
    diverged = round(result.diverged_share * result.seeds)
    return f"{words}, {diverged} diverged" if figures and 0 < diverged < result.seeds else words


def p_text(found: Recommendation) -> str:
    """Say what the p of a verdict is, and what it is corrected for; "" where none rests on it."""
    if not any(held.verdict in _BY_P for held in found.comparisons):
        return ""
    others = len(found.comparisons)
    reasons = [f"picking the best of {others + 1}"]
    if others > 1:
        reasons.append(f"comparing it with {others} others (Holm)")
    if found.tuned:
        reasons.append(f"tuning each one's {found.tuned}")
    return f"the chance that luck alone does that, corrected for {listed(reasons)}"
