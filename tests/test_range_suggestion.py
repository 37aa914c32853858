"""What a range test's losses amount to, on curves whose answer is known."""

import math
from itertools import product

import numpy as np
import pytest

from tui_trainer.lr_search.events import (
    LrCurve,
    LrSuggestion,
)
from tui_trainer.lr_search.plan import LrRange
from tui_trainer.lr_search.range_suggestion import explosion, smooth_losses, suggest_lr

NAN, INF = math.nan, math.inf
LRS = np.array(LrRange().lrs)
NOISE = np.random.default_rng(0)


def cliff(at=1e-2, before=20.0, after=2.0, decades=0.3, lrs=LRS):
    """A loss that falls in log space along a sigmoid around `at`, and explodes a decade later."""
    place = np.log10(lrs / at)
    losses = after * (before / after) ** (1 / (1 + np.exp(place / (decades / 4))))
    return losses * np.where(place > 1, 10 ** (6 * (place - 1)), 1.0)


def curve(losses, lrs=LRS):
    """The curve as a range test would have it: ended at an explosion."""
    losses = np.asarray(losses, np.float64)
    lrs = np.asarray(lrs, np.float64)[: len(losses)]
    last = explosion(losses, smooth_losses(lrs, losses))
    kept = slice(None if last is None else last + 1)
    return LrCurve(lrs[kept], losses[kept], smooth_losses(lrs[kept], losses[kept]))


def suggestion(losses, lrs=LRS):
    return suggest_lr(curve(losses, lrs)).lr


def near(lr, other, factor=2.5):
    return lr is not None and 1 / factor < lr / other < factor


def test_the_steepest_descent_is_found_wherever_it_is_in_however_many_steps():
    for steps, at in product((60, 200, 1000), (1e-4, 1e-3, 1e-2, 1e-1, 1.0)):
        lrs = np.array(LrRange(steps=steps).lrs)
        losses = cliff(at, lrs=lrs, decades=1.0)
        assert near(suggestion(losses, lrs), at, 1.6 if steps > 60 else 2.5), (steps, at)


def test_the_scale_of_the_losses_says_nothing():
    for scale in (1e-12, 1e-3, 1e9, 1e30):
        assert suggestion(scale * cliff()) == suggestion(cliff()), scale


def test_an_early_spike_of_a_step_or_two_leaves_no_trace():
    for first, factor, width in product(range(12), (1e-3, 0.2, 3.0, 1e6), (1, 2)):
        losses = cliff()
        losses[first : first + width] *= factor
        assert near(suggestion(losses), 1e-2), (first, factor, width)


def test_coming_down_from_an_early_hill_is_no_descent():
    for width, factor in product((5, 10, 30), (1.5, 3.5)):
        losses = cliff(before=20, after=14)  # less of a descent than the hill's far side
        losses[6 : 6 + width] *= factor
        assert near(suggestion(losses), 1e-2), (width, factor)


def test_a_hill_that_the_test_starts_on_is_a_descent_but_the_steeper_one_counts():
    losses = cliff()
    losses[:10] *= 1.5
    assert near(suggestion(losses), 1e-2)


def test_what_follows_the_minimum_does_not_count():
    losses = cliff(1e-3)
    rising = LRS > 5e-3
    losses[rising] = 2.0 * 1.6  # worse, and then a steep way back to just above the minimum
    losses[LRS > 2e-2] = 2.0 * 1.05
    assert near(suggestion(losses[LRS < 0.05]), 1e-3)


def noise(seed, size):
    return np.exp(size * np.random.default_rng(seed).standard_normal(len(LRS)))


def test_noise_moves_the_suggestion_little():
    for seed in range(8):
        assert near(suggestion(cliff() * noise(seed, 0.1)), 1e-2, 4), seed


def test_noise_alone_is_no_descent():
    for seed, size in product(range(20), (0.02, 0.5)):
        found = suggest_lr(curve(5 * noise(seed, size)))
        assert found.lr is None, (seed, size)
        assert "the loss never falls" in found.words


def test_a_fall_of_four_percent_is_one():
    assert near(suggestion(cliff(before=14.63, after=14.07)), 1e-2)


def test_where_the_loss_never_falls_there_is_no_suggestion_and_a_reason():
    for losses, words in (
        (np.full(200, 5.0), "the loss never falls: it starts at 5.00, and is 5.00 at best"),
        (np.geomspace(5, 19, 200), "the loss never falls: it starts at 5.07, and is 5.07"),
        ([NAN], "not finite at the first step already, with lr 0.000001"),
        ([INF, 1.0], "not finite at the first step already"),
        ([5.0, 5.0, 5.0, INF], "not finite at lr 0.00000128"),
        ([5.0, 4.0, 3.0], "too few steps to tell: 3"),
        ([], "no step was taken"),
    ):
        found = suggest_lr(curve(losses))
        assert found.lr is None
        assert words in found.words


def test_the_words_say_from_where_to_where_the_loss_falls():
    words = suggest_lr(curve(cliff())).words
    assert "falls steepest around it" in words
    assert "from 19.84 at lr" in words
    assert "lower start" not in words


def test_a_descent_at_the_start_of_the_range_says_that_there_may_be_more_below():
    found = suggest_lr(curve(10 * 1e4 ** np.geomspace(1, 0.01, 60)))
    assert found.lr < 1e-5
    assert "a lower start may show more" in found.words


def test_a_loss_of_zero_breaks_nothing():
    for losses in (np.zeros(200), np.geomspace(10, 1e-300, 200), [0.0, 1.0] * 100):
        assert isinstance(suggest_lr(curve(losses)), LrSuggestion)


def test_a_constant_is_smoothed_to_itself_from_the_first_step_on():
    assert smooth_losses(LRS, np.full(200, 7.5)) == pytest.approx(np.full(200, 7.5), rel=1e-12)


def test_the_exponential_mean_is_that_of_the_median_filtered_logarithms():
    losses = np.exp(NOISE.standard_normal(40))
    lrs = LRS[:40]
    kept = math.exp(-1 / (0.1 * 39 / math.log10(lrs[-1] / lrs[0])))
    logs = np.log(losses)
    medians = [np.median(logs[max(0, n - 4) : max(n + 1, 5)]) for n in range(40)]
    for step in (0, 1, 17, 39):
        weights = kept ** np.arange(step, -1, -1)
        expected = math.exp(np.dot(weights, medians[: step + 1]) / weights.sum())
        assert smooth_losses(lrs, losses)[step] == pytest.approx(expected, rel=1e-10)


def test_later_steps_change_no_smoothed_loss_past_the_first_five():
    losses = cliff()
    for count in (5, 6, 50, 199):
        # the steps a decade are those of the whole range, however far the test has come
        part = smooth_losses(LRS[:count], losses[:count])
        assert part == pytest.approx(smooth_losses(LRS, losses)[:count], rel=1e-9)


def test_from_a_loss_that_is_not_finite_on_nothing_is_smoothed():
    losses = cliff()
    losses[[50, 60]] = NAN, INF
    smoothed = smooth_losses(LRS, losses)
    assert np.isfinite(smoothed[:50]).all()
    assert np.isnan(smoothed[50:]).all()
    assert explosion(losses, smoothed) == 50


def test_the_smoothed_loss_explodes_where_it_is_four_times_the_lowest_before():
    losses = np.full(200, 2.0)
    losses[100:] = 40.0
    smoothed = smooth_losses(LRS, losses)
    at = explosion(losses, smoothed)
    assert at > 100
    assert smoothed[at] > 8.0
    assert (smoothed[:at] <= 8.0).all()


def test_the_first_steps_are_no_explosion_and_neither_is_a_flat_line():
    for losses in ([1.0, 1.0, 1.0, 50.0, 50.0, 50.0, 1.0], np.full(200, 3.0), []):
        assert explosion(losses, smooth_losses(LRS[: len(losses)], losses)) is None
