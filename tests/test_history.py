"""A history in buckets against numpy: nothing lost that a person would look for."""

import warnings
from itertools import pairwise, product

import numpy as np
import pytest

from tui_trainer.training import pyramid, tape
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


def naive_buckets(losses, first, last, buckets):
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


def assert_buckets(found, expected):
    step, low, high, mean = expected
    np.testing.assert_allclose(found.step, step)
    np.testing.assert_allclose(found.low, low, rtol=1e-6)
    np.testing.assert_allclose(found.high, high, rtol=1e-6)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6)


def assert_same_buckets(found, other):
    for name in ("step", "low", "high", "mean"):
        np.testing.assert_array_equal(getattr(found, name), getattr(other, name))


# All losses


def test_losses_come_back_as_they_were_appended():
    for sizes in [[1], [0, 3, 0], [255, 1, 1], [1] * 700, [3, 5000, 7]]:
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


def test_an_empty_history_has_no_buckets():
    found = History().buckets("train", 1, 100, 10)
    assert [len(v) for v in (found.step, found.low, found.high, found.mean)] == [0] * 4


# Ranges that are kept loss by loss


def test_a_range_of_no_more_steps_than_buckets_comes_unbucketed():
    for first, last, buckets in [(1, 90, 90), (1, 90, 200), (40, 60, 50), (7, 7, 1), (50, 120, 80)]:
        losses = noise(90)
        found = history_of(losses).buckets("train", first, last, buckets)
        expected = losses[first - 1 : last]
        assert found.step.tolist() == list(range(first, min(last, 90) + 1))
        for values in (found.low, found.high, found.mean):
            assert np.array_equal(values, expected)


def test_buckets_are_those_of_a_plain_loop():
    for (first, last, buckets), holes in product(
        [
            (1, 300, 100),
            (1, 300, 299),
            (1, 300, 77),
            (18, 250, 60),
            (200, 500, 80),
            (290, 700, 110),
        ],
        [False, True],
    ):
        losses = bad(noise(300)) if holes else noise(300)
        found = history_of(losses).buckets("train", first, last, buckets)
        assert_buckets(found, naive_buckets(losses, first, last, buckets))


def test_each_series_has_its_own_buckets():
    history = history_of(noise(100))
    for name in ("train", "val", "bound"):
        expected = naive_buckets(history.losses(name), 1, 100, 30)
        assert_buckets(history.buckets(name, 1, 100, 30), expected)


def test_a_range_without_steps_is_empty():
    for first, last in [(101, 200), (500, 501), (20, 19)]:
        assert len(history_of(noise(100)).buckets("train", first, last, 10).step) == 0


def test_a_bucket_without_a_finite_loss_is_missing_and_warns_of_nothing():
    losses = noise(300)
    losses[99:202] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = history_of(losses).buckets("train", 1, 300, 100)
    inside = (found.step > 103) & (found.step < 199)
    for values in (found.low, found.high, found.mean):
        assert np.isnan(values[inside]).all()
        assert np.isfinite(values[~inside]).any()


# Long ranges


def test_whole_blocks_give_exact_buckets():
    for steps, buckets in [(10_240, 160), (163_840, 160), (10_240, 40)]:
        losses = noise(steps)
        rows = losses.reshape(buckets, -1)
        found = history_of(losses).buckets("train", 1, steps, buckets)
        assert len(found.step) == buckets
        assert np.array_equal(found.low, rows.min(axis=1))
        assert np.array_equal(found.high, rows.max(axis=1))
        np.testing.assert_allclose(found.mean, rows.mean(axis=1, dtype=np.float64), rtol=1e-6)


def test_buckets_are_bounded_in_order_and_in_their_range():
    history = history_of(noise(LONG))
    for (first, last), buckets in product(
        [(1, LONG), (1, 1_000), (77_777, 180_001), (LONG - 5_000, LONG), (1, 10**7)], [10, 100, 333]
    ):
        found = history.buckets("train", first, last, buckets)
        assert 0 < len(found.step) <= buckets
        assert len(found.step) == len(found.low) == len(found.high) == len(found.mean)
        assert (np.diff(found.step) > 0).all()
        assert found.step[-1] <= min(last, LONG)
        assert found.step[0] > first - 4 * (last - first) / buckets
        assert (found.low <= found.mean).all()
        assert (found.mean <= found.high).all()


def test_the_highest_and_lowest_loss_stay_at_any_width():
    for steps, holes in product([300, 5_000, 5_001, 65_537, LONG], [False, True]):
        losses = bad(noise(steps)) if holes else noise(steps)
        finite = losses[np.isfinite(losses)]
        history = history_of(losses)
        for buckets in (1, 7, 50, 160, 1_000):
            found = history.buckets("train", 1, steps, buckets)
            assert np.nanmax(found.high) == finite.max()
            assert np.nanmin(found.low) == finite.min()


def test_a_spike_stays_where_it_was():
    usual = noise(LONG)
    for at, spike in product([1, 2, 17, 4_000, 65_536, 65_537, LONG - 1, LONG], [1e6, -1e6]):
        losses = usual.copy()
        losses[at - 1] = spike
        found = history_of(losses, part=1000).buckets("train", 1, LONG, 100)
        extreme = found.high if spike > 0 else found.low
        (bucket,) = np.flatnonzero(extreme == np.float32(spike))
        assert abs(found.step[bucket] - at) <= 0.04 * LONG


def test_a_spike_at_the_start_of_a_range_stays():
    for first, at in [(250, 256), (1_000, 1_001), (5_000, 5_100)]:
        losses = noise(LONG)
        losses[at - 1] = 1e6
        found = history_of(losses).buckets("train", first, first + 19_999, 100)
        assert found.high.max() == np.float32(1e6)


def test_a_range_of_many_steps_fills_most_of_its_buckets():
    for steps in [401, 450, 800, 6_500, 12_000]:
        assert len(history_of(noise(steps)).buckets("train", 1, steps, 100).step) > 50


def test_a_mean_over_blocks_with_holes_is_near_that_of_the_finite_losses():
    losses = bad(noise(40_960), share=0.05)
    rows = np.where(np.isfinite(losses), losses, np.nan).reshape(40, -1)
    found = history_of(losses).buckets("train", 1, 40_960, 40)
    np.testing.assert_allclose(found.mean, np.nanmean(rows, axis=1), rtol=0.01)


def test_how_losses_were_appended_changes_no_bucket():
    for seed in range(3):
        losses = bad(noise(20_000))
        draw, grown, done = np.random.default_rng(seed), History(), 0
        while done < len(losses):
            part = losses[done : done + int(draw.integers(1, 300))]
            grown.append(part, part)
            done += len(part)
        whole = history_of(losses)
        for first, last, buckets in [(1, 20_000, 100), (5_000, 15_000, 33), (19_900, 25_000, 100)]:
            assert_same_buckets(
                grown.buckets("train", first, last, buckets),
                whole.buckets("train", first, last, buckets),
            )


def test_a_long_run_appended_at_once_has_the_same_buckets():
    losses = noise(20_000)
    at_once, parts = history_of(losses, part=20_000), history_of(losses)
    assert_same_buckets(
        at_once.buckets("train", 1, 20_000, 40), parts.buckets("train", 1, 20_000, 40)
    )


def assert_buckets_keep_their_place(last, buckets, ends):
    """Grow a run to one end after the other; only its newest bucket may change."""
    losses, before = noise(last), None
    for end in ends:
        found = history_of(losses[:end]).buckets("train", 1, last, buckets)
        if before is not None:
            full = len(before.step) - 1
            assert full > 0
            for name in ("step", "low", "high", "mean"):
                kept = getattr(before, name)[:full]
                np.testing.assert_array_equal(getattr(found, name)[:full], kept)
        before = found


def test_a_bucket_keeps_its_place_while_a_run_grows():
    for last, buckets, ends in [
        (350, 100, [20, 21, 50, 200, 350]),
        (350, 400, [20, 21, 50, 200, 350]),
        (5_000, 100, [500, 501, 530, 3_000, 5_000]),
        (10_000, 100, [5_000, 5_001, 7_777, 10_000]),
        (50_000, 160, [5_000, 20_000, 49_999]),
    ]:
        assert_buckets_keep_their_place(last, buckets, ends)


def test_a_bucket_keeps_its_place_from_the_first_steps_on():
    for last, buckets, ends in [(10_000, 100, [200, 300]), (LONG, 100, [6_000, 9_000])]:
        assert_buckets_keep_their_place(last, buckets, ends)


def test_buckets_are_not_changed_by_later_losses():
    history = history_of(noise(1_000))
    found = history.buckets("train", 1, 1_000, 1_000)
    kept = found.low.copy()
    for _ in range(20):
        more = noise(1_000, seed=9)
        history.append(more, more)
    assert np.array_equal(found.low, kept)


# What becomes too old


@pytest.fixture
def forgetful(monkeypatch):
    """Keep 8,192 losses, 32,768 in blocks of 16, 131,072 in those of 256, all in those of 4,096."""
    for module in (pyramid, tape):
        monkeypatch.setattr(module, "CHUNK", 256)
    monkeypatch.setattr(pyramid, "_KEPT", (8_192, 2_048, 512, None))


def forgetful_and_whole(losses, monkeypatch):
    """Make a history that forgets, and one of the same losses that does not."""
    short = history_of(losses)
    monkeypatch.setattr(pyramid, "_KEPT", (None,))
    return short, history_of(losses)


def test_what_is_kept_has_the_buckets_of_a_history_that_forgets_nothing(forgetful, monkeypatch):
    losses = bad(noise(LONG))
    short, whole = forgetful_and_whole(losses, monkeypatch)
    first = short.first_kept
    assert LONG - 8_192 - 256 < first <= LONG - 8_192 + 1
    assert np.array_equal(short.losses("val"), whole.losses("val")[first - 1 :], equal_nan=True)
    tried = set()
    for size, kept in [(1, first), (16, LONG - 32_767), (256, LONG - 131_071), (4_096, 1)]:
        for begin, buckets in [(kept, 10), (kept + 3 * size, 3), (max(first, kept), 100)]:
            if size > 1 and LONG - begin < 2 * buckets * size:
                continue  # a level below would be read
            tried.add(size)
            assert_same_buckets(
                short.buckets("train", begin, LONG, buckets),
                whole.buckets("train", begin, LONG, buckets),
            )
    assert tried == {1, 16, 256, 4_096}


def test_what_is_not_kept_is_there_in_blocks_with_all_its_extremes(forgetful, monkeypatch):
    losses = bad(noise(LONG), share=0.01)
    short, whole = forgetful_and_whole(losses, monkeypatch)
    draw = np.random.default_rng(0)
    for _ in range(200):
        begin, end = sorted(draw.integers(1, LONG + 1, 2).tolist())
        buckets = int(draw.integers(1, 300))
        found = short.buckets("train", begin, end, buckets)
        assert 0 < len(found.step) <= max(buckets, 1)
        assert (np.diff(found.step) > 0).all()
        assert begin - 4 * (end - begin) / buckets - 1 < found.step[0]
        assert found.step[-1] <= end
        exact = whole.buckets("train", begin, end, buckets)
        assert np.nanmin(found.low) <= np.nanmin(exact.low)
        assert np.nanmax(found.high) >= np.nanmax(exact.high)
        inside = losses[max(0, begin - 1 - 4096) : end + 4096]
        assert np.nanmax(found.high) <= inside[np.isfinite(inside)].max()
    everything = short.buckets("train", 1, LONG, 160)
    finite = losses[np.isfinite(losses)]
    assert (np.nanmin(everything.low), np.nanmax(everything.high)) == (finite.min(), finite.max())


def test_a_step_is_known_as_it_was_or_by_its_block(forgetful):
    losses = bad(noise(LONG))
    history = history_of(losses)
    sizes = set()
    for step in [1, 5_000, LONG - 60_000, LONG - 30_000, LONG - 500, LONG]:
        found = history.at("val", step)
        assert found.first_step <= step <= found.last_step
        rows = losses[found.first_step - 1 : found.last_step] * 2
        sizes.add(len(rows))
        if len(rows) == 1:
            assert np.array_equal([found.low, found.mean], [rows[0]] * 2, equal_nan=True)
        else:
            rows = rows[np.isfinite(rows)]
            assert (found.low, found.high) == (rows.min(), rows.max())
            assert found.low < found.mean < found.high
    assert sizes == {1, 16, 256, 4_096}
    assert history.at("val", 0) is history.at("val", LONG + 1) is None


def test_a_bound_that_comes_later_is_missing_before():
    history, losses = History(), noise(100)
    history.append(losses, losses)
    assert not history.has("bound")
    history.append(losses, losses, losses)
    assert np.isnan(history.losses("bound")[:100]).all()
    assert np.array_equal(history.losses("bound")[100:], losses)


# Smoothing


def naive_smoothed(mean, window):
    smoothed = []
    for end in range(1, len(mean) + 1):
        values = [v for v in mean[max(0, end - window) : end].tolist() if np.isfinite(v)]
        smoothed.append(np.mean(values) if np.isfinite(mean[end - 1]) else np.nan)
    return smoothed


def test_smoothing_is_the_mean_of_the_steps_up_to_each():
    for window, holes in product([1, 2, 10, 300, 10_000], [False, True]):
        losses = bad(noise(300)) if holes else noise(300)
        found = history_of(losses).buckets("train", 1, 300, 300)
        smoothed = found.smoothed(window)
        assert smoothed.dtype == np.float32
        np.testing.assert_allclose(smoothed, naive_smoothed(found.mean, window), rtol=1e-5)


def test_smoothing_counts_its_window_in_steps_and_not_in_buckets():
    found = history_of(noise(10_240)).buckets("train", 1, 10_240, 160)
    np.testing.assert_allclose(found.smoothed(640), naive_smoothed(found.mean, 10), rtol=1e-5)


def test_a_window_narrower_than_a_bucket_smooths_nothing():
    found = history_of(noise(10_240)).buckets("train", 1, 10_240, 160)
    np.testing.assert_allclose(found.smoothed(3), found.mean, rtol=1e-5)


def test_buckets_too_few_to_smooth_are_left_as_they_are():
    for steps in [0, 1]:
        found = history_of(noise(steps)).buckets("train", 1, 10, 10)
        assert np.array_equal(found.smoothed(50), found.mean)


def test_smoothing_nothing_but_holes_warns_of_nothing():
    found = history_of(np.full(50, np.nan)).buckets("train", 1, 50, 50)
    assert np.isnan(found.smoothed(5)).all()
