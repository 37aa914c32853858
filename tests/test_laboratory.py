"""The stopping laboratory against runs with the rules themselves, however it reads a history."""

import dataclasses
import math

import numpy as np
from reference_loop import PRESETS, make
from test_trainer import regularized

from tui_trainer.config.presets import Preset
from tui_trainer.config.settings import Regularizer
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
)
from tui_trainer.training import pyramid, tape
from tui_trainer.training.control import Control
from tui_trainer.training.laboratory import (
    Fate,
    Laboratory,
    NamedRule,
    best_outcome,
    rules_of,
    settings_with,
)
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State
from tui_trainer.training.trainer import train

RULES = [
    FirstIncrease(),
    PatientAverage(window=5, restore_best=True),
    Patience(patience=15, restore_best=True),
    GeneralizationLoss(alpha=30),
    ProgressQuotient(alpha=0.5, strip=7, restore_best=True),
    Patience(patience=10**6),
    None,
]


def laboratory(every=1):
    return Laboratory([NamedRule(rule, ()) for rule in RULES], every)


def trained(config):
    result = RunResult(config)
    for event in train(config, Control()):
        result.apply(event)
    return result


def run_of(val, train=None, *, steps=None, state=State.FINISHED):
    """Return a run with these losses, of as many planned steps unless told otherwise."""
    run = RunResult(make("kaiming", steps=steps or max(1, len(val))))
    add(run, val, val if train is None else train)
    run.state = state
    return run


def add(run, val, train):
    run.advance(np.array(train, np.float32), np.array(val, np.float32))


def read(run):
    lab = laboratory(run.config.validate_every)
    while lab.read(run.history):
        pass
    return lab


def test_a_run_with_a_rule_stops_where_it_fires_on_the_history_without_one():
    for every, steps in ((1, 160), (4, 300)):
        config = make("kaiming", steps=steps, batch_size=50, validate_every=every)
        whole = trained(config)
        outcomes = read(whole).outcomes(whole)
        for outcome in outcomes:
            rule = outcome.rule.stopping
            run = trained(regularized(config, stopping=rule)) if rule else whole
            assert outcome.fate is (Fate.STOPS if run.stopped_early else Fate.FINISHES)
            assert (outcome.step, outcome.val_loss) == (run.step, run.final_val_loss)
        assert outcome.above_best == run.final_val_loss - whole.best.val_loss
        assert outcome.saved == 1 - run.step / config.steps
    assert [outcome.fate for outcome in outcomes] == [Fate.STOPS] * 5 + [Fate.FINISHES] * 2
    best = best_outcome(outcomes)
    assert outcomes[best].val_loss == min(outcome.val_loss for outcome in outcomes)


def test_reading_as_a_run_goes_on_says_what_reading_at_once_does():
    draw = np.random.default_rng(3)
    for number in range(20):
        val = draw.normal(1, 0.02, 400) + 8 / np.arange(10, 410)
        slow = draw.normal(1, 0.001, 400) + 8 / np.arange(10, 410)
        if number % 3 == 0:
            val[draw.integers(1, 400)] = math.nan
        whole, run, lab, step = run_of(val, slow), run_of([], steps=400), laboratory(), 0
        of_whole = read(whole)
        while step < 400:
            end = step + int(draw.integers(1, 60))
            add(run, val[step:end], slow[step:end])
            while lab.read(run.history, int(draw.integers(1, 40))):
                assert lab.step < run.step
            step = end
        assert lab.outcomes(run) == of_whole.outcomes(whole)
        assert (lab.best, lab.diverged_at) == (of_whole.best, of_whole.diverged_at)
        assert lab.stops == of_whole.stops


def test_what_a_history_does_not_tell_is_not_told():
    falling = list(np.linspace(9, 5, 50))
    rising = [*falling, *np.linspace(5, 6, 50)]
    for val, planned, state, waiting, fate in (
        (rising, 100, State.FINISHED, 1, Fate.FINISHES),
        (rising, 500, State.STOPPED, 1, Fate.UNKNOWN),
        (rising, 500, State.RUNNING, 1, Fate.PENDING),
        (rising, 100, State.PAUSED, 1, Fate.PENDING),
        ([*rising, math.inf], 500, State.DIVERGED, 1, Fate.DIVERGES),
        (falling, 500, State.STOPPED_EARLY, 6, Fate.UNKNOWN),
        ([math.nan], 500, State.DIVERGED, 6, Fate.DIVERGES),
    ):
        run = run_of(val, steps=planned, state=state)
        outcomes = read(run).outcomes(run)
        unfired = [outcome for outcome in outcomes if outcome.fate is not Fate.STOPS]
        assert {outcome.fate for outcome in unfired} == {fate}
        assert len(unfired) >= waiting
        known = [outcome for outcome in outcomes if outcome.val_loss is not None]
        assert {outcome.fate for outcome in known} <= {Fate.STOPS, Fate.FINISHES}
        assert (best_outcome(outcomes) is None) is (not known)
        whole = len(val) if fate is Fate.DIVERGES else planned
        for outcome in (outcome for outcome in outcomes if outcome.fate is Fate.STOPS):
            assert outcome.saved == 1 - outcome.step / whole


def test_of_equal_losses_the_best_saves_most_and_is_no_rule_where_none_fires():
    run = run_of([3, 2, 1, 2, 2, 2, 2, 2])
    outcomes = read(run).outcomes(run)
    first, *_ = outcomes
    assert first.step == 4
    assert outcomes[best_outcome(outcomes)].val_loss == 1  # of those that restore the best
    run = run_of([3, 2, 1])
    flat = read(run).outcomes(run)
    assert flat[best_outcome(flat)].rule.stopping is None


def test_what_is_kept_in_blocks_alone_is_unknown_but_for_what_was_seen_before(monkeypatch):
    monkeypatch.setattr(pyramid, "_KEPT", (512, 512, 512, None))
    for module in (pyramid, tape):
        monkeypatch.setattr(module, "CHUNK", 256)
    val = [*np.linspace(9, 5, 40), *np.linspace(6, 5, 1960)]
    run, early = run_of([], steps=2000, state=State.RUNNING), laboratory()
    for start in range(0, 2000, 50):
        add(run, val[start : start + 50], val[start : start + 50])
        if start < 100:
            early.read(run.history)
    run.state = State.FINISHED
    late = read(run)
    assert run.history.first_kept > 1
    assert late.step == 0
    assert late.is_cut_off(run.history)
    assert early.is_cut_off(run.history)
    fates = [outcome.fate for outcome in late.outcomes(run)]
    assert fates == [Fate.UNKNOWN] * 6 + [Fate.FINISHES]
    first, *others, never = early.outcomes(run)
    assert (first.fate, first.step) == (Fate.STOPS, 41)
    assert Fate.UNKNOWN in {outcome.fate for outcome in others}
    assert (never.fate, never.above_best) == (Fate.FINISHES, 0)


def with_presets(**regularizers):
    known = dict(PRESETS.regularizer)
    for name, settings in regularizers.items():
        known[name] = Preset(name, "of a user", Regularizer(name=name, **settings))
    return dataclasses.replace(PRESETS, regularizer=known)


def test_the_rules_are_those_of_all_presets_once_and_the_runs_own():
    mine = Patience(patience=7)
    presets = with_presets(mine={"stopping": mine}, again={"stopping": mine, "l1_weight": 2})
    for own, more in ((mine, []), (FirstIncrease(restore_best=True), [()])):
        rules = rules_of(presets, own)
        assert len({rule.stopping for rule in rules}) == len(rules)
        names = [rule.presets for rule in rules]
        assert names == [
            ("stop-first-increase",), ("stop-patient", "l1+patient"), ("stop-patience",),
            ("stop-gl",), ("stop-pq",), ("mine", "again"), *more,
            ("none", "l1", "dropout", "weight-decay"),
        ]  # fmt: skip


def test_a_rule_is_taken_with_the_penalties_of_the_run():
    presets = with_presets(drops={"stopping": Patience(patience=7), "dropout": 0.1})
    plain, l1 = Regularizer(name="none"), Regularizer(name="l1", l1_weight=1.0)
    noisy = Regularizer(name="dropout", dropout=0.01, weight_decay=0.5)
    for stopping, regularizer, settings in (
        (PatientAverage(), plain, {"regularizer": "stop-patient"}),
        (PatientAverage(), l1, {"regularizer": "l1+patient"}),
        (FirstIncrease(), l1, {"regularizer": "stop-first-increase", "l1_weight": 1.0}),
        (
            FirstIncrease(), noisy,
            {"regularizer": "stop-first-increase", "dropout": 0.01, "weight_decay": 0.5},
        ),
        (
            Patience(patience=7), noisy,
            {"regularizer": "drops", "dropout": 0.01, "weight_decay": 0.5},
        ),
        (Patience(patience=7), plain, {"regularizer": "drops"}),
        (None, l1, {"regularizer": "l1"}),
        (None, plain, {"regularizer": "none"}),
    ):  # fmt: skip
        rule = next(r for r in rules_of(presets, None) if r.stopping == stopping)
        assert settings_with(rule, presets, regularizer) == settings
    assert settings_with(NamedRule(FirstIncrease(), ()), presets, plain) == {}
