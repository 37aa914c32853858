"""Both ways to a learning rate, one after the other: events, answers, stops."""

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tui_trainer.config.presets import load_presets
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.lr_search.events import (
    LrFound,
    LrRangeAdvanced,
    LrRangeEnded,
    LrRangeStarted,
    LrSearchStarted,
    LrTrialsAdvanced,
    LrTrialsEnded,
    LrTrialsStarted,
)
from tui_trainer.lr_search.plan import plan_lr_search
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.lr_search.search import run_lr_search
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import RunEnded, StepsCompleted
from tui_trainer.training.state import State
from tui_trainer.training.trainer import train

PRESETS = load_presets()
QUICK = {"trials": 8, "trial_steps": 40, "low": 1e-5, "high": 1.0}
needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")


def search(recipe="kaiming", control=None, **settings):
    return run_lr_search(plan_lr_search(PRESETS, recipe, **{**QUICK, **settings}), control)


def found(init, **settings):
    """What a search with the defaults comes to."""
    return only(run_lr_search(plan_lr_search(PRESETS, "kaiming", init=init, **settings)), LrFound)


def only(events, kind):
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


def folded(events):
    results = LrSearchResult()
    for event in events:
        results.apply(event)
    return results


def test_the_events_come_in_order_and_end_with_what_was_found():
    events = list(search())
    kinds = list(dict.fromkeys(type(event) for event in events))
    assert kinds == [
        LrSearchStarted,
        LrRangeStarted,
        LrRangeAdvanced,
        LrRangeEnded,
        LrTrialsStarted,
        LrTrialsAdvanced,
        LrTrialsEnded,
        LrFound,
    ]
    assert "batched" in only(events, LrTrialsStarted).how
    last = events[-1]
    assert last.range_suggestion == only(events, LrRangeEnded).suggestion.lr
    assert last.batched_suggestion == only(events, LrTrialsEnded).suggestion.lr
    assert last.recommended == last.batched_suggestion
    assert last.reason is StopReason.COMPLETED


def test_with_its_defaults_it_tells_normal_from_kaiming_both_ways():
    normal, kaiming = found("normal"), found("kaiming")
    assert normal.range_suggestion < kaiming.range_suggestion / 100
    assert normal.batched_suggestion < kaiming.batched_suggestion / 100
    assert 0.003 <= kaiming.recommended <= 0.04  # the course's own is 0.01
    assert 4e-6 <= normal.recommended <= 4e-5  # and 0.00001


def test_each_trial_is_the_run_with_its_lr():
    trials = only(search(high=10.0), LrTrialsEnded).trials
    config = plan_lr_search(PRESETS, "kaiming", **QUICK).trials.base
    assert len(trials.lrs) == 8
    for lr, best, final, diverged in zip(
        trials.lrs, trials.best_val_loss, trials.final_val_loss, trials.diverged, strict=True
    ):
        end = only(train(replace(config, lr=float(lr), engine="eager")), RunEnded)
        assert diverged == (end.reason is StopReason.DIVERGED)
        if not diverged:
            assert best == pytest.approx(end.best_val_loss, rel=1e-3)
            assert final == pytest.approx(end.val_loss, rel=1e-3)


def test_the_trials_are_arrays_in_rising_order_that_nobody_changes():
    trials = only(search(high=0.01), LrTrialsEnded).trials
    assert (np.diff(trials.lrs) > 0).all()
    assert trials.steps.tolist() == [40] * 8
    for name in ("lrs", "best_val_loss", "final_val_loss", "steps", "diverged"):
        assert getattr(trials, name).shape == (8,)
        assert not getattr(trials, name).flags.writeable


def test_the_chosen_trial_has_the_lowest_loss_of_those_far_below_divergence():
    ended = only(search(high=10.0), LrTrialsEnded)
    trials = ended.trials
    assert trials.diverged.any()
    clear = trials.lrs < trials.lrs[trials.diverged].min() / 10**0.5
    assert (
        ended.suggestion.lr == trials.lrs[np.where(clear, trials.final_val_loss, np.inf).argmin()]
    )


def test_no_stopping_rule_cuts_a_trial_off_and_what_is_recommended_trains_on():
    plan = plan_lr_search(PRESETS, "l1", regularizer="l1+patient", trials=8)
    assert plan.config.regularizer.stopping is not None
    assert all(c.config.regularizer.l1_weight == 1 for c in plan.trials.candidates)
    events = list(run_lr_search(plan))
    trials, lr = only(events, LrTrialsEnded).trials, only(events, LrFound).recommended
    assert set(trials.steps[~trials.diverged].tolist()) == {300}
    end = only(train(replace(plan.config, lr=lr, engine="eager", steps=800)), RunEnded)
    assert end.best_step > 200
    assert end.best_val_loss < 4


@pytest.mark.parametrize(
    ("settings", "steps"),
    [({"trial_steps": None}, 300), ({"trial_steps": None, "steps": 25}, 25), ({"steps": 9}, 40)],
)
def test_trials_take_300_steps_or_the_runs_or_what_was_asked_for(settings, steps):
    plan = plan_lr_search(PRESETS, "kaiming", **{**QUICK, **settings})
    assert plan.trial_steps == steps
    assert plan.config.steps == settings.get("steps", 5000)


def test_both_ways_have_the_same_range_and_the_settings_of_the_run():
    plan = plan_lr_search(PRESETS, "l1", seed=4, init="he", **QUICK)
    lrs = [candidate.config.lr for candidate in plan.trials.candidates]
    assert (lrs[0], lrs[-1]) == (plan.range.low, plan.range.high) == (1e-5, 1.0)
    for config in (plan.config, *(c.config for c in plan.trials.candidates)):
        assert (config.seed, config.init.name, config.regularizer.l1_weight) == (4, "he", 1.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": 0.1}, "lr: that is what is searched for"),
        ({"trials": 1}, "trials: expected 2 to 10,000, got 1"),
        ({"trials": 10_001}, "trials: expected 2"),
        ({"low": 2.0}, "high: expected a number > 2"),
        ({"range_steps": 3}, "range steps"),
        ({"trial_steps": 0}, "steps: expected"),
        ({"init": "kaimin"}, "did you mean 'kaiming'"),
    ],
)
def test_a_search_that_can_not_be_is_refused_when_it_is_planned(settings, words):
    with pytest.raises(InvalidSettingsError, match=words):
        plan_lr_search(PRESETS, "kaiming", **{**QUICK, **settings})


def test_where_both_lie_far_apart_it_says_so():
    # From he's huge first losses the range test falls long before it trains.
    he = found("he", trials=16, trial_steps=60)
    assert he.batched_suggestion > 3 * he.range_suggestion
    assert "the range test says" in he.disagreement
    assert "for 60 steps" in he.disagreement


def test_a_training_after_a_search_is_the_same_to_the_bit():
    config = plan_lr_search(PRESETS, "dropout", steps=20, engine="eager").config

    def losses():
        told = [event for event in train(config) if isinstance(event, StepsCompleted)]
        parts = [e.train_loss for e in told] + [e.val_loss for e in told]
        return b"".join(part.tobytes() for part in parts)

    before = losses()
    list(search("dropout"))
    assert losses() == before


def stopped_at(kind, **settings):
    control = SweepControl()
    events = []
    for event in search("kaiming", control, **settings):
        events.append(event)
        if isinstance(event, kind):
            control.stop()
    return events


def test_stopped_in_the_range_test_no_trial_takes_a_step():
    events = stopped_at(LrRangeStarted)
    assert only(events, LrRangeEnded).reason is StopReason.STOPPED
    assert not only(events, LrTrialsEnded).trials.steps.any()
    last = events[-1]
    assert (last.reason, last.recommended) == (StopReason.STOPPED, None)


def test_stopped_in_the_trials_the_range_test_is_what_is_known():
    events = stopped_at(LrTrialsAdvanced, trial_steps=1_000_000)
    tried, last = only(events, LrTrialsEnded), events[-1]
    assert tried.reason is StopReason.STOPPED
    assert tried.trials.steps.max() < 1_000_000
    assert tried.suggestion.words.startswith("stopped by hand after ")
    assert last.recommended == last.range_suggestion == only(events, LrRangeEnded).suggestion.lr
    assert "the trials were stopped by hand" in last.words


@needs_no_gpu
def test_a_device_that_is_not_there_is_a_reason_not_an_exception():
    *_, last = search(device="cuda")
    assert last.reason is StopReason.FAILED
    assert last.recommended is None
    assert "device cuda is not available" in last.words


def test_results_hold_what_the_events_tell_at_every_point():
    results = LrSearchResult()
    assert (results.range_suggestion, results.batched_suggestion) == (None, None)
    assert (results.state, results.recommended) == (State.STARTING, None)
    for event in search("dead-zeros"):
        results.apply(event)
        match event:
            case LrRangeAdvanced(curve=curve):
                assert results.curve is curve
                assert results.state is State.RUNNING
            case LrRangeEnded():
                assert results.tested is event
                assert results.range_suggestion == event.suggestion.lr
            case LrTrialsAdvanced(trials=trials):
                assert results.trials is trials
                assert results.batched_suggestion is None
    assert results.not_learning is not None
    assert results.search is not None
    assert results.found is event
    assert (results.state, results.recommended) == (State.FINISHED, event.recommended)
    assert "cpu" in results.how
    assert results.batched_suggestion == results.found.batched_suggestion
    assert results.trials is results.tried.trials


def test_results_of_a_network_that_learns_say_nothing_against_it():
    assert folded(search()).not_learning is None
