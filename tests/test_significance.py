"""The signed-rank test against all ways its signs could have fallen, and Holm's correction."""

import math
import random
from itertools import product

import pytest

from tui_trainer.sweeps.significance import holm, least_seeds, signed_rank_p


def by_enumeration(one, other):
    """Two-sided p, from the definition: the share of sign patterns as extreme as what was seen."""
    differences = [a - b for a, b in zip(one, other, strict=True) if a != b]
    sizes = sorted(map(abs, differences))
    ranks = [
        sum(i for i, s in enumerate(sizes, 1) if s == abs(d)) / sizes.count(abs(d))
        for d in differences
    ]
    middle = sum(ranks) / 2
    seen = abs(sum(r for r, d in zip(ranks, differences, strict=True) if d > 0) - middle)
    sums = [
        sum(r for r, up in zip(ranks, ups, strict=True) if up)
        for ups in product((0, 1), repeat=len(ranks))
    ]
    return sum(abs(s - middle) >= seen - 1e-9 for s in sums) / len(sums)


@pytest.mark.parametrize("seed", range(12))
def test_p_is_that_of_enumerating_all_signs(seed):
    draw = random.Random(seed)
    count = draw.randint(1, 10)
    one = [draw.choice([draw.random(), draw.randint(0, 3)]) for _ in range(count)]
    other = [draw.choice([draw.random(), draw.randint(0, 3)]) for _ in range(count)]
    if one != other:
        assert signed_rank_p(one, other) == pytest.approx(by_enumeration(one, other))
        assert signed_rank_p(other, one) == pytest.approx(signed_rank_p(one, other))


def test_known_values():
    assert signed_rank_p([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]) == pytest.approx(2 / 32)
    assert signed_rank_p([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0]) == pytest.approx(2 / 64)


def test_pairs_that_are_equal_tell_nothing():
    assert signed_rank_p([1, 2, 3], [1, 2, 3]) == 1.0
    assert signed_rank_p([], []) == 1.0
    assert signed_rank_p([1, 2, 9], [1, 2, 3]) == signed_rank_p([9], [3])


def test_an_infinite_loss_is_the_worst_there_is():
    fine = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert signed_rank_p(fine, [math.inf] * 6) == pytest.approx(2 / 64)
    assert signed_rank_p([math.inf] * 3, [math.inf] * 3) == 1.0


def test_holm_keeps_the_order_and_never_falls_below_a_smaller_one():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("comparisons", [1, 3, 7, 31])
def test_least_seeds_is_the_first_count_that_can_tell(comparisons):
    seeds = least_seeds(comparisons)

    def lowest_p(count):
        return comparisons * signed_rank_p(list(range(1, count + 1)), [0] * count)

    assert lowest_p(seeds) <= 0.05 < lowest_p(seeds - 1)
