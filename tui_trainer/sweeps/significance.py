"""Is a difference larger than the seeds' noise? Wilcoxon's signed-rank test, exactly.

Wilcoxon, "Individual Comparisons by Ranking Methods", 1945; corrected for several comparisons as
in Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979. Losses enter by rank
alone, so that a diverged run (an infinite loss) is just the worst there is.
"""

import math
from collections.abc import Sequence

import numpy as np

SIGNIFICANT = 0.05


def signed_rank_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided p of paired losses having come out so by chance; 1 without pairs.

    Pairs that are equal tell nothing and are left out; equal differences share their mean rank.
    """
    differences = [a - b for a, b in zip(one, other, strict=True) if a != b]
    if not differences:
        return 1.0
    ranks = _double_ranks([abs(d) for d in differences])
    up = sum(rank for rank, d in zip(ranks, differences, strict=True) if d > 0)
    total = sum(ranks)
    ways = np.zeros(total + 1)
    ways[0] = 1.0
    for rank in ranks:  # every pair as likely up as down
        ways[rank:] = ways[rank:] + ways[: total + 1 - rank]
    tail = ways[: min(up, total - up) + 1].sum() / ways.sum()
    return min(1.0, 2 * float(tail))


def holm(ps: Sequence[float]) -> list[float]:
    """Correct p values for their number; the order stays."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    corrected = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = highest
    return corrected


def least_seeds(comparisons: int) -> int:
    """Return how many seeds it takes for so many comparisons to be able to tell at all."""
    return math.ceil(1 + math.log2(max(1, comparisons) / SIGNIFICANT))


def _double_ranks(values: Sequence[float]) -> list[int]:
    """Return twice each value's rank, which is whole: equals share their mean rank."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered, 1)))}
    last = {value: place for place, value in enumerate(ordered, 1)}
    return [first[value] + last[value] for value in values]
