"""The range test on real networks: its numbers, its end, and that it leaves no trace."""

import functools
import math

import numpy as np
import pytest
import torch

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.lr_search import range_test as lr_range
from tui_trainer.lr_search.events import LrRangeAdvanced, LrRangeEnded, LrRangeStarted
from tui_trainer.lr_search.plan import LrRange
from tui_trainer.lr_search.range_suggestion import smooth_losses
from tui_trainer.lr_search.range_test import find_lr_range
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import NotLearning, StepsCompleted
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

PRESETS = load_presets()
needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")


def config(recipe="kaiming", **settings):
    return make_config(PRESETS, recipe, **settings)


def ended(run, control=None, span=None):
    *_, last = find_lr_range(run, control, span)
    assert isinstance(last, LrRangeEnded)
    return last


@functools.cache
def suggested(init, seed=0):
    return ended(config(init=init, seed=seed)).suggestion.lr


def losses_of(events):
    """All losses of a training, bit for bit."""
    events = [event for event in events if isinstance(event, StepsCompleted)]
    assert events
    parts = [e.train_loss for e in events] + [e.val_loss for e in events]
    return b"".join(part.tobytes() for part in parts)


def test_it_starts_with_its_config_and_ends_with_all_steps():
    run, span = config(), LrRange(1e-4, 1e-2, 50)
    first, *between, last = find_lr_range(run, None, span)
    assert isinstance(first, LrRangeStarted)
    assert (first.config, first.range) == (run, span)
    assert between
    assert all(isinstance(event, LrRangeAdvanced) for event in between)
    assert isinstance(last, LrRangeEnded)
    assert last.reason is StopReason.COMPLETED
    assert last.curve.lrs.tolist() == list(span.lrs)
    assert last.seconds >= between[-1].seconds > 0


def test_each_step_is_one_of_the_eager_engine_with_its_own_lr():
    run, span = config("dropout", seed=3), LrRange(1e-5, 1e-2, 30)
    engine = Setup(run).engine
    expected = []
    for lr in span.lrs:
        engine.state.lr = lr
        expected.append(float(engine.advance(1)[0][0]))
    assert ended(run, None, span).curve.losses.tolist() == expected


def test_what_it_tells_is_float64_read_only_and_smoothed():
    curve = ended(config()).curve
    for array in (curve.lrs, curve.losses, curve.smoothed):
        assert array.dtype == np.float64
        assert array.shape == curve.lrs.shape
        assert not array.flags.writeable
    assert np.array_equal(curve.smoothed, smooth_losses(curve.lrs, curve.losses), equal_nan=True)


def test_normal_is_sent_orders_of_magnitude_below_kaiming():
    for seed in (0, 100):
        normal, kaiming = suggested("normal", seed), suggested("kaiming", seed)
        assert normal < kaiming / 100, seed
        assert 1e-6 < normal < 3e-5, seed
        assert 3e-3 < kaiming < 5e-2, seed


def test_every_init_has_a_suggestion_with_which_it_trains():
    for init in ("zeros", "normal", "kaiming", "he", "xavier", "own"):
        run = config(init=init, lr=suggested(init), steps=30)
        told = [event for event in train(run) if isinstance(event, StepsCompleted)]
        assert told[-1].train_loss[-1] < told[0].train_loss[0], init


def test_it_ends_where_the_loss_explodes():
    last = ended(config(init="normal"))
    assert last.reason is StopReason.DIVERGED
    assert len(last.curve.lrs) < 100
    smoothed = last.curve.smoothed
    exploded = not math.isfinite(last.curve.losses[-1]) or smoothed[-1] > 4 * np.nanmin(smoothed)
    assert exploded


def test_the_end_does_not_depend_on_how_often_it_is_told(monkeypatch):
    curves = []
    for seconds in (0.0, 10.0):
        monkeypatch.setattr(lr_range, "EVENT_SECONDS", seconds)
        curves.append(ended(config(init="he")).curve)
    assert curves[0].losses.tolist() == curves[1].losses.tolist()


def test_a_network_without_gradients_says_so_and_goes_on():
    events = list(find_lr_range(config("dead-zeros")))
    assert [e for e in events if isinstance(e, NotLearning)]
    assert events[-1].suggestion.lr is not None
    assert not [e for e in find_lr_range(config()) if isinstance(e, NotLearning)]


def test_where_the_loss_never_falls_there_is_no_suggestion():
    last = ended(config(), None, LrRange(1e-12, 1e-10, 50))
    assert last.reason is StopReason.COMPLETED
    assert last.suggestion.lr is None
    assert "the loss never falls" in last.suggestion.words


def test_a_training_after_it_is_the_same_to_the_bit():
    for recipe in ("kaiming", "dropout"):
        run = config(recipe, steps=30, engine="eager")
        before = losses_of(train(run))
        ended(run)
        assert losses_of(train(run)) == before, recipe


def test_a_training_beside_it_is_the_same_to_the_bit(monkeypatch):
    monkeypatch.setattr(lr_range, "EVENT_SECONDS", 0.0)
    run = config("dropout", steps=60, engine="eager")
    before = losses_of(train(run))
    test = find_lr_range(run)

    def both():
        for event in train(run):
            assert next(test) is not None
            yield event

    assert losses_of(both()) == before


def test_torchs_global_random_numbers_are_left_alone():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    ended(config("dropout"))
    assert torch.equal(torch.get_rng_state(), state)


def test_stopped_by_hand_it_tells_what_it_has(monkeypatch):
    monkeypatch.setattr(lr_range, "EVENT_SECONDS", 0.0)
    control = SweepControl()
    told = []
    for event in find_lr_range(config(), control):
        told.append(event)
        if isinstance(event, LrRangeAdvanced) and len(event.curve.lrs) == 20:
            control.stop()
    assert told[-1].reason is StopReason.STOPPED
    assert len(told[-1].curve.lrs) == 20
    assert told[-1].suggestion.words.startswith("stopped by hand after 20 steps; ")


def test_stopped_before_it_starts_it_takes_no_step():
    control = SweepControl()
    control.stop()
    last = ended(config(), control)
    assert last.reason is StopReason.STOPPED
    assert not len(last.curve.lrs)
    assert last.suggestion.lr is None


@needs_no_gpu
def test_a_device_that_is_not_there_is_a_reason():
    last = ended(config(device="cuda"))
    assert last.reason is StopReason.FAILED
    assert last.suggestion.lr is None
    assert "device cuda is not available" in last.suggestion.words


def test_a_range_that_can_not_be_is_refused():
    for low, high, steps, words in (
        (0.0, 1.0, 50, "low: expected a number > 0"),
        (-1.0, 1.0, 50, "low"),
        (math.nan, 1.0, 50, "low"),
        (1.0, 1.0, 50, "high: expected a number > 1"),
        (1.0, math.inf, 50, "high"),
        (0.1, math.nan, 50, "high"),
        (0.1, 1.0, 19, "range steps: expected 20 to 10,000"),
        (0.1, 1.0, 10_001, "range steps"),
    ):
        with pytest.raises(InvalidSettingsError, match=words):
            LrRange(low, high, steps)


def test_a_range_rises_by_the_same_factor_from_end_to_end():
    lrs = np.array(LrRange(1e-5, 1.0, 51).lrs)
    assert (lrs[0], lrs[-1], len(lrs)) == (1e-5, 1.0, 51)
    assert lrs[1:] / lrs[:-1] == pytest.approx(np.full(50, 10**0.1))


def test_batches_do_not_hide_what_an_lr_does():
    for seed in range(2):
        whole, batches = (
            ended(config(seed=seed, batch_size=size, validate_every=10)).suggestion.lr
            for size in (None, 32)
        )
        assert whole is not None
        assert batches is not None
        assert 0.2 < batches / whole < 5


def test_it_walks_with_every_optimiser_and_without_the_schedule():
    span = LrRange(1e-5, 1.0, 50)
    for name in ("momentum", "nesterov", "adam", "adamw"):
        plain = ended(config(optimizer=name), None, span)
        assert plain.suggestion.lr is not None
        scheduled = ended(config(optimizer=name, schedule="one-cycle"), None, span)
        assert scheduled.curve.losses.tolist() == plain.curve.losses.tolist()
