"""Mini-batches and validation every k steps, against the textbook loop, on every engine."""

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from comparing import assert_identical, losses_of, parameters_of
from compiled_steps import COMPILE_TIMEOUT, CONFIGS, make_compiled
from reference_loop import make
from test_compiled import assert_step_is_eagers

from tui_trainer.config.settings import Regularizer
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
)
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

pytestmark = [
    pytest.mark.timeout(COMPILE_TIMEOUT),
    pytest.mark.usefixtures("compiled_steps_cached"),
]

RULES = [
    FirstIncrease(),
    PatientAverage(window=5),
    Patience(patience=15, restore_best=True),
    GeneralizationLoss(alpha=30),
    ProgressQuotient(alpha=0.05, strip=7),
]
# Batches that divide the 200 points, do not, are one point, are all but one, and are all.
WAYS = [(50, 1), (64, 7), (1, 10), (199, 3), (200, 4), (None, 5)]


def with_batches(config, batch_size, validate_every, **changes):
    numbers = {"batch_size": batch_size, "validate_every": validate_every}
    return msgspec.structs.replace(config, **numbers, **changes)


@pytest.mark.parametrize("recipe", ["kaiming", "l1", "dropout"])
def test_the_eager_engine_is_the_textbook_loop_bit_for_bit(recipe):
    for batch_size, validate_every in WAYS:
        config = make(recipe, batch_size=batch_size, validate_every=validate_every)
        expected = reference_loop.run(config, steps=30, judge=False)
        engine = Setup(config).engine
        parts = [engine.advance(steps) for steps in (1, 9, 15, 5)]
        found = [np.concatenate(split) for split in zip(*parts, strict=True)]
        assert_identical(found, expected.losses)
        assert all(map(torch.equal, engine.state.parameters, expected.parameters))


@pytest.mark.parametrize("name", ["classic", "dropout", "wide"])
def test_the_fused_step_takes_the_same_batches(name):
    for batch_size, validate_every in WAYS:
        compiled = make_compiled(with_batches(CONFIGS[name], batch_size, validate_every))
        for steps in (0, 1, 2, 3, 30, 7):
            if steps:
                compiled.advance(steps)
            assert_step_is_eagers(compiled)
        eager = Setup(with_batches(CONFIGS[name], batch_size, validate_every)).engine
        eager.advance(compiled.state.step)
        generators = compiled.state.generator, eager.state.generator
        assert torch.equal(*(generator.get_state() for generator in generators))


@pytest.mark.parametrize("name", ["classic", "dropout"])
def test_how_steps_are_grouped_changes_no_bit(name):
    config = with_batches(CONFIGS[name], 64, 7)
    whole = make_compiled(config)
    expected = whole.advance(47)
    for sizes in ([1] * 47, [10, 7, 30], [4] * 11 + [3]):
        parts = make_compiled(config)
        start = parts.state.snapshot()
        parts.advance(sum(sizes) // 2)
        parts.state.restore(start)
        found = [parts.advance(size) for size in sizes]
        assert_identical([np.concatenate(split) for split in zip(*found, strict=True)], expected)
        assert_identical(parameters_of(parts), parameters_of(whole))


def test_whatever_stops_a_run_looks_at_measured_steps():
    for stopping in RULES:
        config = make("kaiming", steps=300, batch_size=32, validate_every=3)
        config = msgspec.structs.replace(
            config, regularizer=Regularizer(name="own", stopping=stopping)
        )
        expected = reference_loop.run(config)
        events = list(train(config))
        assert_identical(losses_of(events), expected.losses)
        assert events[-1].reason.value == expected.ended == "early_stopping", stopping
        assert events[-1].best_step == expected.best_step
