"""Why a point is recommended, or none is, in words."""

from collections.abc import Sequence

from tui_trainer.formatting import loss_text, losses_apart, number_text
from tui_trainer.sweeps.axes import Spacing, value_text
from tui_trainer.sweeps.comparison import DIVERGED, Comparison, Verdict
from tui_trainer.sweeps.plan import Edge, Point, Sweep, values_text
from tui_trainer.sweeps.result import PointResult, SweepResult
from tui_trainer.sweeps.significance import least_seeds

_MOST_NAMED = 3
_MORE_THAN_LUCK = "by more than luck with the seeds explains"


def reasons_for(
    results: SweepResult,
    best: PointResult,
    others: Sequence[PointResult],
    comparisons: Sequence[Comparison],
) -> list[str]:
    """Say why the best point is the one to take, and how far that can be trusted, in sentences."""
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
    reasons += _tuned_at_an_edge(sweep)
    return [reason for reason in reasons if reason]


def _against_others(
    sweep: Sweep,
    best: PointResult,
    others: Sequence[PointResult],
    comparisons: Sequence[Comparison],
) -> str:
    """Say how much of the lead over the next points is the seeds' luck."""
    pairs = zip(others, comparisons, strict=True)
    rivals = [(other, c) for other, c in pairs if c.verdict not in DIVERGED]
    if not rivals:
        return "Every other value diverged."
    if all(c.verdict is Verdict.WORSE for _, c in rivals):
        return f"Every other value is worse {_MORE_THAN_LUCK}."
    near, nearest = rivals[0]
    if nearest.verdict is Verdict.TOO_FEW_SEEDS:
        few = "One seed is" if nearest.seeds == 1 else f"{nearest.seeds or 'No'} seeds are"
        needed = f"it takes {least_seeds(len(others) + 1, tuned=sweep.is_tuned)} or more"
        overlaps = _overlaps(sweep, best, others)
        return f"{few} too few to tell them apart: {needed}.{overlaps}"
    ours, theirs = losses_apart(best.objective.median, near.objective.median)
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
    axes = sweep.axes[:-1] if sweep.is_tuned else sweep.axes
    for axis, value in zip(axes, point.values, strict=False):
        if axis.spacing in (Spacing.LOG, Spacing.LINEAR) and len(axis.values) > 2:
            if value == axis.values[0]:
                words.append(f"It is the lowest {axis.key} tried: a lower one may be better.")
            elif value == axis.values[-1]:
                words.append(f"It is the highest {axis.key} tried: a higher one may be better.")
    return words


def _tuned_at_an_edge(sweep: Sweep) -> list[str]:
    """Name the points whose number is at an end of what was tried, or that has none."""
    words = []
    for edge in Edge:
        points = [p for p in sweep.points if p.tuned and p.tuned.edge is edge]
        points = [p for p in points if p.tuned and not p.tuned.diverged_everywhere]
        if points and (tuned := points[0].tuned):
            names = listed([value_text(point.values[0]) for point in points])
            got = "got" if len(points) == 1 else "each got"
            words.append(
                f"{names} {got} the {edge.value} {tuned.key} tried, {value_text(tuned.number)}: "
                f"widen the range."
            )
    lost = [point for point in sweep.points if point.tuned and point.tuned.diverged_everywhere]
    if lost and (tuned := lost[0].tuned):
        names = listed([value_text(point.values[0]) for point in lost])
        lowest = value_text(tuned.number)
        words.append(f"{names} diverged at every {tuned.key} tried, down to {lowest}.")
    return words


def why_none(results: SweepResult) -> str:
    """Say, as a clause, why no point is recommended."""
    if not any(candidate.step for candidate in results.candidates):
        return "no step was run"
    if results.sweep.tunes:
        return f"{results.sweep.axes[-1].key} was still being tuned, before the race"
    if steps := _unfinished_text(results):
        return f"candidates were left at {steps}, and a lead before the end may not last"
    if all(candidate.diverged for candidate in results.candidates):
        return f"every candidate diverged; {_smaller(results.sweep)}"
    return f"at every value half of the seeds or more diverged; {_smaller(results.sweep)}"


def _unfinished_text(results: SweepResult) -> str:
    """Say at which steps candidates are that are not done, "" if all of them are."""
    if not (left := results.unfinished):
        return ""
    low, high = min(c.step for c in left), max(c.step for c in left)
    steps = f"step {high:,}" if low == high else f"steps {low:,} to {high:,}"
    return f"{steps} of {max(c.config.steps for c in left):,}"


def _smaller(sweep: Sweep) -> str:
    """Say what to make smaller: the lr, unless a weight was swept that was never 0."""
    values = {axis.key: axis.values for axis in sweep.axes}
    lrs = values.get("lr", (sweep.base.lr,))
    weights = [key for key in ("l1_weight", "weight_decay") if all(values.get(key, (0,)))]
    if weights and "lr" not in values:
        return f"try smaller values of {' and '.join(weights)}"
    return f"try an lr below {number_text(min(map(float, lrs)))}"


def _name(sweep: Sweep, point: Point) -> str:
    """Write a point among others: a name alone, a number with what it is a number of."""
    if len(sweep.axes) == 1 and sweep.axes[0].spacing is Spacing.NAMES:
        return value_text(point.values[0])
    if point.tuned is not None and len(sweep.axes) == 2:
        name = value_text(point.values[0])
        lead = name if sweep.axes[0].spacing is Spacing.NAMES else f"{sweep.axes[0].key} {name}"
        return f"{lead} with {point.tuned.key} {value_text(point.tuned.number)}"
    return values_text(sweep, point)


def listed(names: Sequence[str]) -> str:
    """Write names in a sentence: ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
