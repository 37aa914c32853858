"""Each rule against its definition, on every kind of sequence."""

import math
import re

import numpy as np
import pytest
import reference_loop

from tui_trainer.config.settings import FirstIncrease, Patience, PatientAverage
from tui_trainer.training.early_stopping import make_rule

RULES = [
    FirstIncrease(),
    PatientAverage(window=1),
    PatientAverage(window=3),
    PatientAverage(window=50),
    Patience(patience=1),
    Patience(patience=4),
    Patience(patience=3, min_delta=0.25),
]


every_rule = pytest.mark.parametrize("stopping", RULES)


def sequences():
    draw = np.random.default_rng(0)
    yield "empty", []
    yield "falling", np.linspace(9, 1, 80)
    yield "rising", np.linspace(1, 9, 80)
    yield "constant", np.full(80, 0.1)
    yield "zero", np.zeros(80)
    yield "all nan", np.full(80, np.nan)
    yield "all inf", np.full(80, np.inf)
    for number in range(8):
        steady = draw.normal(1, 0.01, 120) + np.linspace(3, 0, 120)
        yield f"noisy {number}", steady
        yield f"coarse {number}", draw.integers(0, 4, 120) / 4
        for name, bad in (("nan", np.nan), ("inf", np.inf)):
            holed = steady.copy()
            holed[draw.random(120) < 0.1] = bad
            yield f"noisy {number} with {name}", holed


def as_losses(values):
    return np.asarray(values, np.float32).tolist()


SEQUENCES = {name: as_losses(values) for name, values in sequences()}


def first_stop(stopping, losses):
    """Let a rule judge until it fires."""
    rule = make_rule(stopping)
    for step, loss in enumerate(losses, 1):
        if rule.observe(loss).stop:
            return step
    return None


@every_rule
def test_a_rule_stops_where_its_definition_does(stopping):
    for name, losses in SEQUENCES.items():
        ends = [t for t in range(1, len(losses) + 1) if reference_loop.fires(stopping, losses[:t])]
        assert first_stop(stopping, losses) == (ends[0] if ends else None), name


@every_rule
def test_some_sequences_stop_a_rule_and_some_do_not(stopping):
    stops = [first_stop(stopping, losses) for losses in SEQUENCES.values()]
    assert None in stops
    assert any(stop is not None for stop in stops)


def test_what_never_rises_never_stops():
    for name in ("constant", "zero", "all nan", "all inf", "falling"):
        for stopping in RULES[:4]:
            assert first_stop(stopping, SEQUENCES[name]) is None, (name, stopping)


def test_a_loss_that_is_not_a_number_never_counts_as_a_rise():
    for step in range(8):
        losses = as_losses(np.linspace(2, 1, 8))
        losses[step] = math.nan
        assert first_stop(FirstIncrease(), losses) is None, step
        assert first_stop(PatientAverage(window=2), losses) is None, step


def test_a_mean_of_constant_losses_is_that_loss():
    rule = make_rule(PatientAverage(window=7))
    (loss,) = as_losses([0.1])
    assert [rule.observe(loss).bound for _ in range(20)][7:] == [loss] * 13


def bounds(stopping, losses):
    rule = make_rule(stopping)
    return [rule.observe(loss).bound for loss in losses]


def test_the_bound_of_the_first_rise_is_the_step_before():
    losses = as_losses([3, 2, 1.5])
    assert bounds(FirstIncrease(), losses) == pytest.approx([math.nan, 3, 2], nan_ok=True)


def test_the_bound_of_the_average_is_the_mean_of_its_window_and_starts_after_it():
    losses = SEQUENCES["noisy 0"]
    expected = [math.nan] * 50 + [np.mean(losses[t - 50 : t]) for t in range(50, len(losses))]
    assert bounds(PatientAverage(window=50), losses) == pytest.approx(expected, nan_ok=True)


def test_the_bound_of_patience_is_what_it_takes_to_be_a_new_best():
    losses = as_losses([3, 4, 2.75, 2.5, 1])
    expected = [math.nan, 2.5, 2.5, 2.5, 2.5]
    assert bounds(Patience(patience=9, min_delta=0.5), losses) == pytest.approx(
        expected, nan_ok=True
    )


def test_an_improvement_of_just_min_delta_is_none():
    assert first_stop(Patience(patience=2, min_delta=0.5), [3.0, 2.5, 2.5]) == 3
    assert first_stop(Patience(patience=2, min_delta=0.5), [3.0, 2.25, 2.5]) is None


def test_small_improvements_add_up_to_one():
    assert (
        first_stop(Patience(patience=4, min_delta=0.5), [3.0, 2.75, 2.5, 2.25, 2.25, 2.0]) is None
    )


@every_rule
def test_a_gauge_is_between_far_and_firing_and_at_its_end_when_it_fires(stopping):
    for name, losses in SEQUENCES.items():
        rule = make_rule(stopping)
        assert not rule.gauge().armed
        for loss in losses:
            stop = rule.observe(loss).stop
            nearness = rule.gauge().nearness
            assert 0 <= nearness <= 1, name
            if stop:
                assert nearness == 1, name
                break


@pytest.mark.parametrize(
    ("stopping", "armed_at"), [(FirstIncrease(), 1), (PatientAverage(window=3), 3)]
)
def test_a_gauge_says_when_its_rule_arms(stopping, armed_at):
    rule = make_rule(stopping)
    for step, loss in enumerate([8.0, 6.0, 4.0, 2.0, 1.0], 1):
        rule.observe(loss)
        gauge = rule.gauge()
        assert gauge.armed_at == armed_at
        assert gauge.armed == (step > armed_at)
        words = f"armed at step {armed_at} · margin" if gauge.armed else "arms after step"
        assert gauge.words.startswith(words)


def test_a_gauge_of_patience_counts_the_steps_waited():
    rule = make_rule(Patience(patience=4))
    seen = []
    for loss in [2.0, 3.0, 3.0, 1.0, 3.0]:
        rule.observe(loss)
        seen.append((rule.gauge().armed, rule.gauge().words, rule.gauge().nearness))
    waited = [0, 1, 2, 0, 1]
    assert seen == [(True, f"patience {n}/4", n / 4) for n in waited]


def test_a_margin_is_the_bound_less_the_loss():
    rule = make_rule(PatientAverage(window=2))
    for loss in [3.0, 2.0, 1.25]:
        rule.observe(loss)
    assert rule.gauge().words == "armed at step 2 · margin 1.25"
    assert rule.gauge().nearness == 0.5


def explained(stopping, losses):
    rule = make_rule(stopping)
    verdicts = [rule.observe(loss) for loss in losses]
    assert verdicts[-1].stop
    return rule.explain()


def test_explanations_name_the_numbers():
    assert explained(FirstIncrease(), [2.0, 2.5]) == (
        "validation 2.50 exceeded 2.00, the step before"
    )
    assert explained(PatientAverage(window=2), [2.0, 1.0, 1.75]) == (
        "validation 1.75 exceeded 1.50, the mean of its last 2 steps"
    )
    assert explained(Patience(patience=2), [2.0, 2.5, 2.5]) == (
        "validation has not improved on 2.00 for 2 steps"
    )
    assert explained(Patience(patience=2, min_delta=0.125), [2.0, 1.9, 1.9]) == (
        "validation has not improved on 2.00 by more than 0.125 for 2 steps"
    )


@pytest.mark.parametrize("stopping", [FirstIncrease(), PatientAverage(window=3)])
def test_an_explanation_never_shows_a_rise_over_an_equal_number(stopping):
    for loss in (1e-30, 0.0999, 0.9999, 1.0, 5.42, 99.9999, 12345.678, 3e38):
        before = np.float32(loss)
        (now, bound) = map(float, (np.nextafter(before, np.float32(np.inf)), before))
        words = explained(stopping, [bound] * 3 + [now])
        shown = re.search(r"validation (\S+) exceeded (\S+),", words)
        assert float(shown[1]) > float(shown[2])
