"""Which point to take, and why: the lowest median, compared with the seeds' noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import apart, loss_text, number_text
from tui_trainer.sweeps.axes import Spacing, value_text
from tui_trainer.sweeps.plan import Point, Sweep
from tui_trainer.sweeps.result import PointResult, SweepResult
from tui_trainer.sweeps.significance import SIGNIFICANT, best_of_all_ps, least_seeds

_MOST_NAMED = 3
_MORE_THAN_LUCK = "by more than luck with the seeds explains"


class Verdict(Enum):
    """How a value compares with the recommended one."""

    WORSE = "worse"
    WITHIN_NOISE = "within noise"
    TOO_FEW_SEEDS = "too few seeds"
    DIVERGED = "diverged"


_BY_P = (Verdict.WORSE, Verdict.WITHIN_NOISE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The recommended point compared with another, over the `seeds` that can tell them apart.

    Those are the seeds that both have a loss for, but for which not both diverged. `wins` counts
    those for which the recommended one's loss is lower. `p` is that of Wilcoxon's signed-rank test
    for its being lower, corrected as `best_of_all_ps` does. Too few seeds are those that could not
    tell even by winning on all of them.
    """

    point: Point
    wins: int
    seeds: int
    p: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The point to take, in one config of the sweep's first seed, and why.

    `comparisons` are with every other point, the nearest first.
    """

    point: Point
    config: RunConfig
    reason: str
    comparisons: tuple[Comparison, ...]

    def comparison(self, point: Point) -> Comparison | None:
        """Return how a point compares; None for the recommended one itself."""
        return next((c for c in self.comparisons if c.point.index == point.index), None)


def recommend(results: SweepResult) -> Recommendation | None:
    """Recommend a point; None where no point has a finite median."""
    ranked = results.ranked()
    best = ranked[0]
    if not math.isfinite(best.objective.median):
        return None
    sweep = results.sweep
    comparisons = _compare(best, ranked[1:])
    reason = " ".join(_reasons(results, best, ranked[1:], comparisons))
    config = sweep.of_point(best.point.index)[0].config
    return Recommendation(best.point, config, reason, comparisons)


def verdict_of(result: PointResult, found: Recommendation | None) -> Verdict | None:
    """Return a point's verdict; None for the recommended point, and where there is none."""
    if result.diverged_share == 1:
        return Verdict.DIVERGED
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
    corrected = f", corrected for picking the best of {others + 1}"
    if others > 1:
        corrected += f" and comparing it with {others} others (Holm)"
    return f"the chance that luck alone does that{corrected}"


def why_none(results: SweepResult) -> str:
    """Say, as a clause, why no point is recommended."""
    if not any(candidate.step for candidate in results.candidates):
        return "no step was run"
    if all(candidate.diverged for candidate in results.candidates):
        return f"every candidate diverged; {_smaller(results.sweep)}"
    return f"at every value half of the seeds or more diverged; {_smaller(results.sweep)}"


def _smaller(sweep: Sweep) -> str:
    """Say what to make smaller: the lr, unless a weight was swept that was never 0."""
    values = {axis.key: axis.values for axis in sweep.axes}
    lrs = values.get("lr", (sweep.base.lr,))
    weights = [key for key in ("l1_weight", "weight_decay") if all(values.get(key, (0,)))]
    if weights and "lr" not in values:
        return f"try smaller values of {' and '.join(weights)}"
    return f"try an lr below {number_text(min(map(float, lrs)))}"


def values_text(sweep: Sweep, point: Point) -> str:
    """Write a point as ``lr 0.01, init kaiming``."""
    pairs = zip(sweep.axes, point.values, strict=True)
    return ", ".join(f"{axis.key} {value_text(value)}" for axis, value in pairs)


def _name(sweep: Sweep, point: Point) -> str:
    """Write a point among others: a name alone, a number with what it is a number of."""
    if len(sweep.axes) == 1 and sweep.axes[0].spacing is Spacing.NAMES:
        return value_text(point.values[0])
    return values_text(sweep, point)


def _compare(best: PointResult, others: Sequence[PointResult]) -> tuple[Comparison, ...]:
    paired = [_pairs(best, other) for other in others]
    needed = least_seeds(len(others) + 1)
    comparisons = []
    for other, pairs, p in zip(others, paired, best_of_all_ps(paired), strict=True):
        if other.diverged_share == 1:
            verdict = Verdict.DIVERGED
        elif len(pairs) < needed:
            verdict = Verdict.TOO_FEW_SEEDS
        else:
            verdict = Verdict.WORSE if p <= SIGNIFICANT else Verdict.WITHIN_NOISE
        wins = sum(ours < theirs for ours, theirs in pairs)
        comparisons.append(Comparison(other.point, wins, len(pairs), p, verdict))
    return tuple(comparisons)


def _pairs(best: PointResult, other: PointResult) -> list[tuple[float, float]]:
    """Pair the losses of the same seed, but for those without one, or where both diverged."""
    pairs = zip(best.losses, other.losses, strict=True)
    return [(a, b) for a, b in pairs if not (math.isnan(a) or math.isnan(b) or a == b == math.inf)]


def _reasons(
    results: SweepResult,
    best: PointResult,
    others: Sequence[PointResult],
    comparisons: Sequence[Comparison],
) -> list[str]:
    sweep, spread = results.sweep, best.objective
    which = "best" if sweep.objective == "best" else "final"
    median = loss_text(spread.median)
    words = f"lowest {which} validation loss {median}."
    if best.seeds > 1:
        between = f"{loss_text(spread.low)} to {loss_text(spread.high)}"
        words = (
            f"lowest median {which} validation loss {median} ({between} over {best.seeds} seeds)."
        )
    reasons = [words]
    if best.diverged_share:
        reasons.append(f"{best.diverged_share:.0%} of its candidates diverged.")
    reasons += [_against_others(sweep, best, others, comparisons)] if others else []
    reasons += _at_an_edge(sweep, best.point)
    return [reason for reason in reasons if reason]


def _against_others(
    sweep: Sweep,
    best: PointResult,
    others: Sequence[PointResult],
    comparisons: Sequence[Comparison],
) -> str:
    """Say how much of the lead over the next points is the seeds' luck."""
    pairs = zip(others, comparisons, strict=True)
    rivals = [(other, c) for other, c in pairs if c.verdict is not Verdict.DIVERGED]
    if not rivals:
        return "Every other value diverged."
    if all(c.verdict is Verdict.WORSE for _, c in rivals):
        return f"Every other value is worse {_MORE_THAN_LUCK}."
    near, nearest = rivals[0]
    if nearest.verdict is Verdict.TOO_FEW_SEEDS:
        few = "One seed is" if nearest.seeds == 1 else f"{nearest.seeds or 'No'} seeds are"
        needed = f"it takes {least_seeds(len(others) + 1)} or more"
        overlaps = _overlaps(sweep, best, others)
        return f"{few} too few to tell them apart: {needed}.{overlaps}"
    ours, theirs = apart(best.objective.median, near.objective.median)
    next_value = f"{_name(sweep, near.point)} ({theirs} against {ours})"
    alike = sum(c.verdict is Verdict.WITHIN_NOISE for _, c in rivals)
    if nearest.verdict is Verdict.WORSE:
        others_too = f" {alike} further down are within noise." if alike else ""
        return f"The next, {next_value}, is worse {_MORE_THAN_LUCK}.{others_too}"
    rest = f" and {alike - 1} more" if alike > 1 else ""
    return f"Too close to call with these seeds: {next_value}{rest}."


def _overlaps(sweep: Sweep, best: PointResult, others: Sequence[PointResult]) -> str:
    """Name the points whose spread reaches down to the best's; those of one seed have none."""
    near = [other for other in others if other.objective.low <= best.objective.high]
    if not near or best.seeds == 1:
        return ""
    names = [_name(sweep, other.point) for other in near[:_MOST_NAMED]]
    if len(near) > _MOST_NAMED:
        names.append(f"{len(near) - _MOST_NAMED} more")
    if len(names) == 1:
        return f" {names[0]} overlaps with it."
    comma = ", " if len(sweep.axes) == 1 else "; "
    last = " and " if len(sweep.axes) == 1 else "; and "
    return f" {comma.join(names[:-1])}{last}{names[-1]} overlap with it."


def _at_an_edge(sweep: Sweep, point: Point) -> list[str]:
    """Name the ranges at whose end the point lies: the lowest loss may lie beyond."""
    words = []
    for axis, value in zip(sweep.axes, point.values, strict=True):
        if axis.spacing in (Spacing.LOG, Spacing.LINEAR) and len(axis.values) > 2:
            if value == axis.values[0]:
                words.append(f"It is the lowest {axis.key} tried: a lower one may be better.")
            elif value == axis.values[-1]:
                words.append(f"It is the highest {axis.key} tried: a higher one may be better.")
    return words
