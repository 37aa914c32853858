"""Each rule against its definition, on every kind of sequence, however it is cut into chunks."""

import math
import re

import numpy as np
import pytest
import reference_loop

from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
)
from tui_trainer.training.stopping_rules import make_rule
from tui_trainer.training.stopping_rules.means import exact_means

RULES = [
    FirstIncrease(),
    PatientAverage(window=1),
    PatientAverage(window=3),
    PatientAverage(window=50),
    Patience(patience=1),
    Patience(patience=4),
    Patience(patience=3, min_delta=0.25),
    GeneralizationLoss(alpha=0),
    GeneralizationLoss(alpha=2.5),
    GeneralizationLoss(alpha=100),
    ProgressQuotient(alpha=0, strip=2),
    ProgressQuotient(alpha=0.1, strip=5),
    ProgressQuotient(alpha=0.5, strip=7),
    ProgressQuotient(alpha=3, strip=31),
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
    for number in range(5):
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


def pairs():
    """Each sequence as validation losses, with others as the training losses."""
    others = [*SEQUENCES.values()]
    for number, (name, val) in enumerate(SEQUENCES.items()):
        train = others[(7 * number + 3) % len(others)] or val
        yield name, (train * 80)[: len(val)], val


def observe(rule, loss):
    """Let a rule judge a single step; return its bound and whether it stops."""
    verdict = judged(rule, [loss], [loss])
    (bound,) = verdict.bounds
    return bound, verdict.stop


def judged(rule, train, val):
    """Let a rule judge some steps."""
    return rule.observe(np.array(train, np.float32), np.array(val, np.float32))


def first_stop(stopping, losses, train=None):
    """Let a rule judge all losses at once."""
    if not losses:
        return None
    verdict = judged(make_rule(stopping), losses if train is None else train, losses)
    return len(verdict.bounds) if verdict.stop else None


def plain_bounds(stopping, train, losses):
    """Say what each loss is held against, as the definitions do, step by step."""
    best = lowest = math.inf
    for t, loss in enumerate(losses):
        match stopping:
            case FirstIncrease():
                yield losses[t - 1] if t else math.nan
            case PatientAverage(window=window):
                yield math.fsum(losses[t - window : t]) / window if t >= window else math.nan
            case Patience(min_delta=min_delta):
                yield best - min_delta if math.isfinite(best) else math.nan
                best = loss if loss < best - min_delta else best
            case GeneralizationLoss(alpha=alpha):
                yield finite((100 + alpha) * lowest / 100)
                lowest = min(lowest, loss)
            case ProgressQuotient(alpha=alpha, strip=strip):
                lowest = min(lowest, loss)
                last = train[t + 1 - strip : t + 1] if (t + 1) % strip == 0 else [math.nan]
                mean = math.fsum(last) / strip
                progress = 1000 * (reference_loop.ratio(mean, min(last)) - 1)
                yield finite((1 + alpha * progress / 100) * lowest)


def finite(bound):
    return bound if math.isfinite(bound) else math.nan


@every_rule
def test_cut_anyhow_a_rule_says_what_the_plain_one_does_step_by_step(stopping):
    draw = np.random.default_rng(1)
    wide = as_losses(np.exp(draw.normal(0, 20, 200)))  # no sum of these is exact
    for name, train, losses in [*pairs(), ("wide", wide[::-1], wide)]:
        stop = first_stop(stopping, losses, train)
        expected = list(plain_bounds(stopping, train, losses))[:stop]
        for most in (1, 7, 60):
            rule, found, chunk, start = make_rule(stopping), [], None, 0
            while start < len(losses) and not (chunk and chunk.stop):
                end = start + int(draw.integers(1, most + 1))
                before, rule = rule, make_rule(stopping)
                rule.remember(before.memory)
                chunk = judged(rule, train[start:end], losses[start:end])
                found += chunk.bounds.tolist()
                start = end
            assert np.array_equal(found, expected, equal_nan=True), (name, most)
            assert stop is None or chunk.stop


def test_means_are_exact_whatever_their_range():
    draw = np.random.default_rng(2)
    for spread in (0.0, 0.1, 3.0, 10.0, 30.0):
        values = np.exp(draw.normal(0, spread, 300)).astype(np.float32) * draw.choice([0, 1], 300)
        values = values.astype(np.float64)
        for window in (1, 2, 50, 299, 300):
            rows = (values[start : start + window] for start in range(301 - window))
            expected = [math.fsum(row) / window for row in rows]
            for every in (1, window, 7):
                means = exact_means(values, window, every).tolist()
                assert means == expected[::every], (spread, window, every)


@every_rule
def test_a_rule_stops_where_its_definition_does(stopping):
    for name, train, losses in pairs():
        steps = range(1, len(losses) + 1)
        fires = (t for t in steps if reference_loop.fires(stopping, train[:t], losses[:t]))
        assert first_stop(stopping, losses, train) == next(fires, None), name


@every_rule
def test_some_sequences_stop_a_rule_and_some_do_not(stopping):
    stops = [first_stop(stopping, losses, train) for _, train, losses in pairs()]
    assert None in stops
    assert any(stop is not None for stop in stops)


def test_what_never_rises_never_stops():
    for name in ("constant", "zero", "all nan", "all inf", "falling"):
        for stopping in (rule for rule in RULES if not isinstance(rule, Patience)):
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
    assert [observe(rule, loss)[0] for _ in range(20)][7:] == [loss] * 13


def bounds(stopping, losses):
    rule = make_rule(stopping)
    return [observe(rule, loss)[0] for loss in losses]


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


def test_a_rise_of_just_alpha_percent_is_none():
    assert first_stop(GeneralizationLoss(alpha=5), [30.0, 20.0, 21.0]) is None
    assert first_stop(GeneralizationLoss(alpha=5), [30.0, 20.0, 21.5, 20.0]) == 3


def test_a_quotient_is_judged_at_the_end_of_a_strip_alone():
    train, val = [3.0, 2.0, 1.0, 1.5, 1.0, 1.0], [4.0, 2.0, 9.0, 3.0, 2.0, 2.5]
    for alpha, stop in ((0.19, 4), (0.2, 6)):  # GL 50 % over a P of 250, 25 % over one of 0
        assert first_stop(ProgressQuotient(alpha=alpha, strip=2), val, train) == stop
    assert first_stop(ProgressQuotient(alpha=0.2, strip=2), val[:5], train[:5]) is None
    assert first_stop(ProgressQuotient(alpha=9, strip=6), val, train) is None


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
            _, stop = observe(rule, loss)
            nearness = rule.gauge().nearness
            assert 0 <= nearness <= 1, name
            if stop:
                assert nearness == 1, name
                break


@pytest.mark.parametrize(
    ("stopping", "armed_at"),
    [
        (FirstIncrease(), 1),
        (PatientAverage(window=3), 3),
        (GeneralizationLoss(), 1),
        (ProgressQuotient(strip=4), 3),
    ],
)
def test_a_gauge_says_when_its_rule_arms(stopping, armed_at):
    rule = make_rule(stopping)
    for step, loss in enumerate([8.0, 6.0, 4.0, 2.0, 1.0], 1):
        observe(rule, loss)
        gauge = rule.gauge()
        assert gauge.armed_at == armed_at
        assert gauge.armed == (step > armed_at)
        words = f"armed at step {armed_at} · margin" if gauge.armed else "arms after step"
        assert gauge.words.startswith(words)


def test_a_gauge_of_patience_counts_the_steps_waited():
    rule = make_rule(Patience(patience=4))
    seen = []
    for loss in [2.0, 3.0, 3.0, 1.0, 3.0]:
        observe(rule, loss)
        seen.append((rule.gauge().armed, rule.gauge().words, rule.gauge().nearness))
    waited = [0, 1, 2, 0, 1]
    assert seen == [(True, f"patience {n}/4", n / 4) for n in waited]


def test_a_margin_is_the_bound_less_the_loss():
    rule = make_rule(PatientAverage(window=2))
    for loss in [3.0, 2.0, 1.25]:
        observe(rule, loss)
    assert rule.gauge().words == "armed at step 2 · margin 1.25"
    assert rule.gauge().nearness == 0.5


def explained(stopping, losses):
    rule = make_rule(stopping)
    assert judged(rule, losses, losses).stop
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
    assert explained(GeneralizationLoss(alpha=12.5), [3.0, 2.0, 2.5]) == (
        "validation 2.50 exceeded 2.25, 12.5 % above its lowest"
    )
    assert explained(ProgressQuotient(alpha=0.05, strip=2), [2.0, 3.0]) == (
        "validation 3.00 exceeded 2.25, 12.5 % above its lowest: "
        "0.05 × the training progress of 250 over 2 steps"
    )


@pytest.mark.parametrize(
    "stopping", [FirstIncrease(), PatientAverage(window=3), GeneralizationLoss(alpha=0)]
)
def test_an_explanation_never_shows_a_rise_over_an_equal_number(stopping):
    for loss in (1e-30, 0.0999, 0.9999, 1.0, 5.42, 99.9999, 12345.678, 3e38):
        before = np.float32(loss)
        (now, bound) = map(float, (np.nextafter(before, np.float32(np.inf)), before))
        words = explained(stopping, [bound] * 3 + [now])
        shown = re.search(r"validation (\S+) exceeded (\S+),", words)
        assert float(shown[1]) > float(shown[2])
