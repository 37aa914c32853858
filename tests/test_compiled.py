"""The compiled engine against the eager one.

Tolerance: both compute in float32, in another order of sums. From the same state a step's losses
agree to a few units in the last place (1.2e-7 each, relative); 1e-5 leaves room for other
processors. Along a run training itself amplifies the difference, the more so the higher the lr, so
whole runs are compared over their first 50 steps, and at later steps from the same state.
"""

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from comparing import assert_identical, losses_of, parameters_of
from compiled_steps import COMPILE_TIMEOUT, CONFIGS, make_compiled
from reference_loop import PRESETS, make

from tui_trainer.training.control import Control
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.events import LrChanged, Paused, RunStarted
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

pytestmark = [
    pytest.mark.timeout(COMPILE_TIMEOUT),
    pytest.mark.usefixtures("compiled_steps_cached"),
]
RTOL = 1e-5

every_config = pytest.mark.parametrize("name", CONFIGS)


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=RTOL)


@every_config
def test_from_any_state_a_step_is_eagers_within_float32_rounding(name):
    compiled = make_compiled(CONFIGS[name])
    for steps in (1, 100, 400):
        compiled.advance(steps)
        assert_step_is_eagers(compiled)


def assert_step_is_eagers(compiled):
    """Take a step with both engines from the same state."""
    eager = EagerEngine(compiled.state)
    start = compiled.state.snapshot()
    found, parameters = compiled.advance(1), parameters_of(compiled)
    compiled.state.restore(start)
    assert_close(found, eager.advance(1))
    for one, other in zip(parameters, parameters_of(eager), strict=True):
        np.testing.assert_allclose(one, other, rtol=RTOL, atol=1e-6)


def test_any_number_of_points_gives_eagers_step():
    for train_points, validation_points in [(1, 1), (2, 9), (15, 1000), (200, 17), (3001, 2500)]:
        for name in ("dropout", "odd"):
            points = {"train_points": train_points, "validation_points": validation_points}
            dataset = msgspec.structs.replace(CONFIGS[name].dataset, **points)
            compiled = make_compiled(msgspec.structs.replace(CONFIGS[name], dataset=dataset))
            assert_step_is_eagers(compiled)
            compiled.advance(20)
            assert_step_is_eagers(compiled)


def test_every_recipe_and_regularizer_gives_eagers_step():
    recipes = [make(recipe) for recipe in PRESETS.names("recipe")]
    regularized = [make("kaiming", regularizer=r) for r in PRESETS.names("regularizer")]
    shapes = CONFIGS["classic"].architecture, CONFIGS["dropout"].architecture
    tried = [config for config in (*recipes, *regularized) if config.architecture in shapes]
    assert len(tried) > 10
    for config in tried:
        compiled = make_compiled(msgspec.structs.replace(config, engine="compiled"))
        if config.init.name != "normal" or config.lr < 1e-3:
            compiled.advance(10)
        assert_step_is_eagers(compiled)


def test_nan_stays_nan_and_infinity_is_no_number():
    cases = [("classic", np.inf), *((name, np.nan) for name in CONFIGS if name != "dropout")]
    for name, bad in cases:
        for layer in (0, -2):
            compiled = make_compiled(CONFIGS[name])
            with torch.no_grad():
                compiled.state.parameters[layer].view(-1)[0] = bad
            train_losses, val_losses = compiled.advance(3)
            assert not np.isfinite(train_losses).any()
            assert not np.isfinite(val_losses).any()


@every_config
def test_how_steps_are_grouped_changes_no_bit(name):
    whole = make_compiled(CONFIGS[name])
    expected = whole.advance(47)
    for sizes in ([1] * 47, [10, 7, 30], [40, 7]):
        parts = make_compiled(CONFIGS[name])
        found = [parts.advance(size) for size in sizes]
        assert_identical([np.concatenate(split) for split in zip(*found, strict=True)], expected)
        assert_identical(parameters_of(parts), parameters_of(whole))


@every_config
def test_a_restored_engine_repeats_its_steps_exactly(name):
    engine = make_compiled(CONFIGS[name])
    engine.advance(13)
    start = engine.state.snapshot()
    losses, parameters = engine.advance(25), parameters_of(engine)
    engine.state.restore(start)
    again = [engine.advance(8), engine.advance(17)]
    assert_identical([np.concatenate(split) for split in zip(*again, strict=True)], losses)
    assert_identical(parameters_of(engine), parameters)


@pytest.mark.parametrize("name", ["dropout", "wide"])
def test_dropout_draws_the_same_stream_as_eager(name):
    compiled, eager = make_compiled(CONFIGS[name]), Setup(CONFIGS[name]).engine
    for engine in (compiled, eager):
        engine.advance(1)
        engine.advance(25)
    assert torch.equal(compiled.state.generator.get_state(), eager.state.generator.get_state())


@every_config
def test_its_losses_are_eagers_and_another_learning_rate_counts_from_the_next_step(name):
    engines = [make_compiled(CONFIGS[name]), Setup(CONFIGS[name]).engine]
    assert_close(*(engine.advance(35) for engine in engines))
    for engine in engines:
        engine.state.lr = 0.0007
    assert_close(*(engine.advance(15) for engine in engines))


def test_losses_are_read_only():
    for losses in make_compiled(CONFIGS["classic"]).advance(3):
        assert losses.shape == (3,)
        assert not losses.flags.writeable


def test_a_rule_fires_at_the_step_at_which_the_runs_own_losses_make_it():
    for recipe in ("stop-first-increase", "stop-patient"):
        config = make(recipe, engine="compiled")
        events = list(train(config))
        assert events[0].engine == "compiled"
        assert events[-1].reason.value == "early_stopping"
        train_loss, val = losses_of(events)
        fired = [
            reference_loop.fires(
                config.regularizer.stopping, train_loss[:step].tolist(), val[:step].tolist()
            )
            for step in range(1, len(val) + 1)
        ]
        assert fired == [False] * (len(val) - 1) + [True], recipe


def test_a_run_is_the_same_bit_for_bit_however_it_is_cut():
    config = make("stop-patient", engine="compiled")
    runs = [losses_of(list(train(config))) for _ in range(2)]
    assert_identical(*runs)
    steps = len(runs[0][0])
    assert_identical(make_compiled(CONFIGS["classic"]).advance(steps), runs[0])


def test_divergence_is_found_at_its_step_and_named():
    eager, compiled = (
        list(train(make("exploding-normal", init="kaiming", lr=2.0, engine=engine)))[-1]
        for engine in ("eager", "compiled")
    )
    assert compiled.reason.value == "diverged"
    assert compiled.steps == eager.steps
    assert "first bad tensor: " in compiled.detail


def test_the_best_weights_are_those_of_the_best_step(monkeypatch):
    config = make("kaiming", lr=0.003, regularizer="stop-patience", steps=2500, engine="compiled")
    made = []
    monkeypatch.setattr(
        "tui_trainer.training.trainer.Setup",
        lambda *args, **more: made.append(Setup(*args, **more)) or made[-1],
    )
    end = list(train(config))[-1]
    assert end.restored_best
    expected = make_compiled(CONFIGS["classic"])
    expected.advance(end.best_step)
    assert_identical(parameters_of(made[0].engine), parameters_of(expected))


def test_pause_single_steps_another_lr_and_stop_take_effect():
    control = Control(paused=True)
    seen = []
    config = make("kaiming", engine="compiled")
    for event in train(config, control):
        seen.append(event)
        match event:
            case Paused(step=0):
                control.set_lr(0.001)
                control.step()
            case Paused(step=1):
                control.stop()
    assert seen[-1].steps == 1
    assert [e for e in seen if isinstance(e, LrChanged)] == [LrChanged(1, 0.001)]
    assert isinstance(seen[0], RunStarted)
