"""Views of a history against numpy: nothing lost that a person would look for."""

import warnings
from itertools import pairwise

import numpy as np
import pytest

from tui_trainer.training.history import History

LONG = 200_000


def history_of(losses, part=100):
    """Make a history as a run does: part by part."""
    history = History()
    losses = np.asarray(losses, np.float32)
    for start in range(0, len(losses), part):
        train = losses[start : start + part]
        history.append(train, 2 * train, 3 * train)
    return history


def noise(steps, seed=0):
    draw = np.random.default_rng(seed)
    return (draw.normal(5, 1, steps) + np.linspace(5, 0, steps)).astype(np.float32)


def bad(values, seed=1, share=0.2):
    """Put NaN, inf and -inf among values."""
    draw = np.random.default_rng(seed)
    values = values.copy()
    holes = draw.random(len(values)) < share
    values[holes] = draw.choice(np.array([np.nan, np.inf, -np.inf], np.float32), holes.sum())
    return values


def naive_view(losses, first, last, buckets):
    """Gather the steps of each bucket in a plain loop."""
    edges = np.linspace(first, last + 1, buckets + 1)
    rows = []
    for left, right in pairwise(edges):
        steps = [s for s in range(1, len(losses) + 1) if left <= s < right]
        values = [float(losses[s - 1]) for s in steps if np.isfinite(losses[s - 1])]
        if values:
            rows.append((np.mean(steps), min(values), max(values), np.mean(values)))
        elif steps:
            rows.append((np.mean(steps), np.nan, np.nan, np.nan))
    return np.array(rows).reshape(-1, 4).T


def assert_view(view, expected):
    step, low, high, mean = expected
    np.testing.assert_allclose(view.step, step)
    np.testing.assert_allclose(view.low, low, rtol=1e-6)
    np.testing.assert_allclose(view.high, high, rtol=1e-6)
    np.testing.assert_allclose(view.mean, mean, rtol=1e-6)


def assert_same_view(view, other):
    for name in ("step", "low", "high", "mean"):
        np.testing.assert_array_equal(getattr(view, name), getattr(other, name))


# All losses


@pytest.mark.parametrize("sizes", [[1], [0, 3, 0], [255, 1, 1], [1] * 700, [3, 5000, 7]])
def test_losses_come_back_as_they_were_appended(sizes):
    losses = bad(noise(sum(sizes)))
    history, done = History(), 0
    for size in sizes:
        part = losses[done : done + size]
        history.append(part, part * 2, part * 3)
        done += size
        assert history.steps == done
    for name, factor in (("train", 1), ("val", 2), ("bound", 3)):
        found = history.losses(name)
        assert found.dtype == np.float32
        assert np.array_equal(found, losses * np.float32(factor), equal_nan=True)


def test_a_bound_that_was_never_given_is_empty():
    history = History()
    history.append(noise(100), noise(100))
    assert len(history.losses("bound")) == 0
    assert len(history.buckets("bound", 1, 100, 10).step) == 0


def test_an_empty_history_has_an_empty_view():
    view = History().buckets("train", 1, 100, 10)
    assert [len(v) for v in (view.step, view.low, view.high, view.mean)] == [0] * 4


# Views of ranges that are kept loss by loss


@pytest.mark.parametrize(
    ("first", "last", "buckets"),
    [(1, 90, 90), (1, 90, 200), (40, 60, 50), (7, 7, 1), (50, 120, 80)],
)
def test_a_range_of_no_more_steps_than_buckets_comes_unbucketed(first, last, buckets):
    losses = noise(90)
    view = history_of(losses).buckets("train", first, last, buckets)
    expected = losses[first - 1 : last]
    assert view.step.tolist() == list(range(first, min(last, 90) + 1))
    for values in (view.low, view.high, view.mean):
        assert np.array_equal(values, expected)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(
    ("first", "last", "buckets"),
    [(1, 300, 100), (1, 300, 299), (1, 300, 77), (18, 250, 60), (200, 500, 80), (290, 700, 110)],
)
def test_buckets_are_those_of_a_plain_loop(first, last, buckets, holes):
    losses = bad(noise(300)) if holes else noise(300)
    view = history_of(losses).buckets("train", first, last, buckets)
    assert_view(view, naive_view(losses, first, last, buckets))


def test_each_series_has_its_own_view():
    history = history_of(noise(100))
    for name in ("train", "val", "bound"):
        expected = naive_view(history.losses(name), 1, 100, 30)
        assert_view(history.buckets(name, 1, 100, 30), expected)


@pytest.mark.parametrize(("first", "last"), [(101, 200), (500, 501), (20, 19)])
def test_a_range_without_steps_is_empty(first, last):
    assert len(history_of(noise(100)).buckets("train", first, last, 10).step) == 0


def test_a_bucket_without_a_finite_loss_is_missing_and_warns_of_nothing():
    losses = noise(300)
    losses[99:202] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = history_of(losses).buckets("train", 1, 300, 100)
    inside = (view.step > 103) & (view.step < 199)
    for values in (view.low, view.high, view.mean):
        assert np.isnan(values[inside]).all()
        assert np.isfinite(values[~inside]).any()


# Views of long ranges


@pytest.mark.parametrize(("steps", "buckets"), [(10_240, 160), (163_840, 160), (10_240, 40)])
def test_whole_blocks_give_exact_buckets(steps, buckets):
    losses = noise(steps)
    rows = losses.reshape(buckets, -1)
    view = history_of(losses).buckets("train", 1, steps, buckets)
    assert len(view.step) == buckets
    assert np.array_equal(view.low, rows.min(axis=1))
    assert np.array_equal(view.high, rows.max(axis=1))
    np.testing.assert_allclose(view.mean, rows.mean(axis=1, dtype=np.float64), rtol=1e-6)


@pytest.mark.parametrize("buckets", [10, 100, 333])
@pytest.mark.parametrize(
    ("first", "last"), [(1, LONG), (1, 1_000), (77_777, 180_001), (LONG - 5_000, LONG), (1, 10**7)]
)
def test_a_view_is_bounded_in_order_and_in_its_range(first, last, buckets):
    view = history_of(noise(LONG)).buckets("train", first, last, buckets)
    assert 0 < len(view.step) <= buckets
    assert len(view.step) == len(view.low) == len(view.high) == len(view.mean)
    assert (np.diff(view.step) > 0).all()
    assert view.step[-1] <= min(last, LONG)
    assert view.step[0] > first - 4 * (last - first) / buckets
    assert (view.low <= view.mean).all()
    assert (view.mean <= view.high).all()


@pytest.mark.parametrize("steps", [300, 5_000, 5_001, 65_537, LONG])
@pytest.mark.parametrize("holes", [False, True])
def test_the_highest_and_lowest_loss_stay_at_any_width(steps, holes):
    losses = bad(noise(steps)) if holes else noise(steps)
    finite = losses[np.isfinite(losses)]
    history = history_of(losses)
    for buckets in (1, 7, 50, 160, 1_000):
        view = history.buckets("train", 1, steps, buckets)
        assert np.nanmax(view.high) == finite.max()
        assert np.nanmin(view.low) == finite.min()


@pytest.mark.parametrize("at", [1, 2, 17, 4_000, 65_536, 65_537, LONG - 1, LONG])
@pytest.mark.parametrize("spike", [1e6, -1e6])
def test_a_spike_stays_where_it_was(at, spike):
    losses = noise(LONG)
    losses[at - 1] = spike
    view = history_of(losses).buckets("train", 1, LONG, 100)
    extreme = view.high if spike > 0 else view.low
    (bucket,) = np.flatnonzero(extreme == np.float32(spike))
    assert abs(view.step[bucket] - at) <= 0.04 * LONG


@pytest.mark.parametrize(("first", "at"), [(250, 256), (1_000, 1_001), (5_000, 5_100)])
def test_a_spike_at_the_start_of_a_range_stays(first, at):
    losses = noise(LONG)
    losses[at - 1] = 1e6
    view = history_of(losses).buckets("train", first, first + 19_999, 100)
    assert view.high.max() == np.float32(1e6)


@pytest.mark.parametrize("steps", [401, 450, 800, 6_500, 12_000])
def test_a_range_of_many_steps_fills_most_of_its_buckets(steps):
    assert len(history_of(noise(steps)).buckets("train", 1, steps, 100).step) > 50


def test_a_mean_over_blocks_with_holes_is_near_that_of_the_finite_losses():
    losses = bad(noise(40_960), share=0.05)
    rows = np.where(np.isfinite(losses), losses, np.nan).reshape(40, -1)
    view = history_of(losses).buckets("train", 1, 40_960, 40)
    np.testing.assert_allclose(view.mean, np.nanmean(rows, axis=1), rtol=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_how_losses_were_appended_changes_no_view(seed):
    losses = bad(noise(20_000))
    draw, grown, done = np.random.default_rng(seed), History(), 0
    while done < len(losses):
        part = losses[done : done + int(draw.integers(1, 300))]
        grown.append(part, part)
        done += len(part)
    whole = history_of(losses)
    for first, last, buckets in [(1, 20_000, 100), (5_000, 15_000, 33), (19_900, 25_000, 100)]:
        assert_same_view(
            grown.buckets("train", first, last, buckets),
            whole.buckets("train", first, last, buckets),
        )


def test_a_long_run_appended_at_once_has_the_same_views():
    losses = noise(20_000)
    at_once, parts = history_of(losses, part=20_000), history_of(losses)
    assert_same_view(at_once.buckets("train", 1, 20_000, 40), parts.buckets("train", 1, 20_000, 40))


def assert_buckets_keep_their_place(last, buckets, ends):
    """Grow a run to one end after the other; only its newest bucket may change."""
    losses, before = noise(last), None
    for end in ends:
        view = history_of(losses[:end]).buckets("train", 1, last, buckets)
        if before is not None:
            full = len(before.step) - 1
            assert full > 0
            for name in ("step", "low", "high", "mean"):
                kept = getattr(before, name)[:full]
                np.testing.assert_array_equal(getattr(view, name)[:full], kept)
        before = view


@pytest.mark.parametrize(
    ("last", "buckets", "ends"),
    [
        (350, 100, [20, 21, 50, 200, 350]),
        (350, 400, [20, 21, 50, 200, 350]),
        (5_000, 100, [500, 501, 530, 3_000, 5_000]),
        (10_000, 100, [5_000, 5_001, 7_777, 10_000]),
        (50_000, 160, [5_000, 20_000, 49_999]),
    ],
)
def test_a_bucket_keeps_its_place_while_a_run_grows(last, buckets, ends):
    assert_buckets_keep_their_place(last, buckets, ends)


@pytest.mark.parametrize(
    ("last", "buckets", "ends"), [(10_000, 100, [200, 300]), (LONG, 100, [6_000, 9_000])]
)
def test_a_bucket_keeps_its_place_from_the_first_steps_on(last, buckets, ends):
    assert_buckets_keep_their_place(last, buckets, ends)


def test_a_view_is_not_changed_by_later_losses():
    history = history_of(noise(1_000))
    view = history.buckets("train", 1, 1_000, 1_000)
    kept = view.low.copy()
    for _ in range(20):
        more = noise(1_000, seed=9)
        history.append(more, more)
    assert np.array_equal(view.low, kept)


# Smoothing


def naive_smoothed(mean, window):
    smoothed = []
    for end in range(1, len(mean) + 1):
        values = [v for v in mean[max(0, end - window) : end].tolist() if np.isfinite(v)]
        smoothed.append(np.mean(values) if np.isfinite(mean[end - 1]) else np.nan)
    return smoothed


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("window", [1, 2, 10, 300, 10_000])
def test_smoothing_is_the_mean_of_the_steps_up_to_each(window, holes):
    losses = bad(noise(300)) if holes else noise(300)
    view = history_of(losses).buckets("train", 1, 300, 300)
    smoothed = view.smoothed(window)
    assert smoothed.dtype == np.float32
    np.testing.assert_allclose(smoothed, naive_smoothed(view.mean, window), rtol=1e-5)


def test_smoothing_counts_its_window_in_steps_and_not_in_buckets():
    view = history_of(noise(10_240)).buckets("train", 1, 10_240, 160)
    np.testing.assert_allclose(view.smoothed(640), naive_smoothed(view.mean, 10), rtol=1e-5)


def test_a_window_narrower_than_a_bucket_smooths_nothing():
    view = history_of(noise(10_240)).buckets("train", 1, 10_240, 160)
    np.testing.assert_allclose(view.smoothed(3), view.mean, rtol=1e-5)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_view_too_short_to_smooth_is_left_as_it_is(steps):
    view = history_of(noise(steps)).buckets("train", 1, 10, 10)
    assert np.array_equal(view.smoothed(50), view.mean)


def test_smoothing_nothing_but_holes_warns_of_nothing():
    view = history_of(np.full(50, np.nan)).buckets("train", 1, 50, 50)
    assert np.isnan(view.smoothed(5)).all()
