"""The signed-rank test against all ways its signs could have fallen, and its corrections."""

import math
import random
import statistics
from itertools import product

import pytest

from tui_trainer.sweeps import significance
from tui_trainer.sweeps.significance import (
    SIGNIFICANT,
    best_of_all_ps,
    holm,
    least_seeds,
    signed_rank_p,
)


def p_of(lower, higher):
    return signed_rank_p(list(zip(lower, higher, strict=True)))


def by_enumeration(lower, higher):
    """One-sided p, from the definition: the share of sign patterns that are as far below."""
    differences = [b - a for a, b in zip(lower, higher, strict=True) if a != b]
    sizes = sorted(map(abs, differences))
    ranks = [
        sum(i for i, s in enumerate(sizes, 1) if s == abs(d)) / sizes.count(abs(d))
        for d in differences
    ]
    seen = sum(r for r, d in zip(ranks, differences, strict=True) if d > 0)
    sums = [
        sum(r for r, up in zip(ranks, ups, strict=True) if up)
        for ups in product((0, 1), repeat=len(ranks))
    ]
    return sum(s >= seen - 1e-9 for s in sums) / len(sums)


def test_p_is_that_of_enumerating_all_signs():
    for seed in range(12):
        draw = random.Random(seed)
        count = draw.randint(1, 10)
        one, other = (
            [draw.choice([draw.random(), draw.randint(0, 3)]) for _ in range(count)] for _ in "ab"
        )
        for lower, higher in ((one, other), (other, one)):
            assert p_of(lower, higher) == pytest.approx(by_enumeration(lower, higher)), seed


def test_known_values_have_a_direction():
    assert p_of([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]) == 1 / 32
    assert p_of([2, 4, 6, 8, 10], [1, 2, 3, 4, 5]) == 1


def test_pairs_that_are_equal_say_nothing():
    assert p_of([1, 2, 3], [1, 2, 3]) == 1.0
    assert p_of([], []) == 1.0
    assert p_of([1, 2, 3], [1, 2, 9]) == p_of([3], [9])


def test_an_infinite_loss_is_the_worst_there_is():
    fine = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert p_of(fine, [math.inf] * 6) == 1 / 64
    assert p_of([math.inf] * 6, fine) == 1
    assert p_of([math.inf] * 3, [math.inf] * 3) == 1.0


def test_many_pairs_neither_overflow_nor_jump_where_the_approximation_begins(monkeypatch):
    draw = random.Random(0)
    losses = [draw.random() for _ in range(60)]
    for lead in (-0.05, 0.02, 0.08):
        other = [loss + lead + draw.uniform(-0.5, 0.5) for loss in losses]
        approximate = p_of(losses, other)
        with monkeypatch.context() as patch:
            patch.setattr(significance, "_MOST_EXACT", 60)
            exact = p_of(losses, other)
        assert 0.98 * exact < approximate < 2 * exact  # if anything, it is too careful
    ones, twos = [1.0] * 1024, [2.0] * 1024
    assert 0 < p_of(ones, twos) < 1e-100
    assert p_of(twos, ones) == pytest.approx(1)
    assert p_of([1, 2] * 512, [2, 1] * 512) == pytest.approx(0.5, abs=0.02)


def test_holm_keeps_the_order_and_never_falls_below_a_smaller_one():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_least_seeds_is_the_first_count_that_can_tell_by_winning_on_all():
    for values in (2, 3, 8, 32, 10_000):

        def lowest_p(seeds, values=values):
            return best_of_all_ps([[(0, seed + 1) for seed in range(seeds)]] * (values - 1))[0]

        seeds = least_seeds(values)
        assert lowest_p(seeds) <= SIGNIFICANT < lowest_p(seeds - 1)
    assert least_seeds(1) == 1


def test_among_equal_values_something_is_called_worse_once_in_twenty_sweeps_at_most():
    draw = random.Random(1)

    def is_anything_called_worse(values, seeds):
        losses = [[draw.lognormvariate(0, 1) for _ in range(seeds)] for _ in range(values)]
        best, *others = sorted(losses, key=statistics.median)
        ps = best_of_all_ps([list(zip(best, other, strict=True)) for other in others])
        return min(ps) <= SIGNIFICANT

    for values, seeds, sweeps in ((2, 10, 2000), (8, 12, 1000), (16, 30, 300)):
        called = sum(is_anything_called_worse(values, seeds) for _ in range(sweeps))
        assert called / sweeps <= SIGNIFICANT, (values, seeds)
