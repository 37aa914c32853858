"""The eager engine against a loop written from the specification, bit for bit."""

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from reference_loop import PRESETS, make

from tui_trainer.training.fit import sample_fit
from tui_trainer.training.setup import Setup

STEPS = 30


def make_engine(config):
    return Setup(config).engine


def assert_equal(found, expected):
    assert found.dtype == expected.dtype == np.float32
    assert np.array_equal(found, expected, equal_nan=True)


def assert_same_parameters(model, expected):
    found = [p.detach() for p in model.parameters()]
    assert [p.shape for p in found] == [p.shape for p in expected]
    for parameter, other in zip(found, expected, strict=True):
        assert_equal(parameter.numpy(), other.numpy())


@pytest.mark.parametrize("recipe", PRESETS.names("recipe"))
def test_every_recipe_equals_the_reference_loop(recipe):
    expected = reference_loop.run(make(recipe), steps=STEPS, judge=False)
    engine = make_engine(make(recipe))
    train, val = engine.advance(STEPS)
    assert_equal(train, expected.losses[0])
    assert_equal(val, expected.losses[1])
    assert_same_parameters(engine.model, expected.parameters)


@pytest.mark.parametrize("architecture", PRESETS.names("architecture"))
@pytest.mark.parametrize("dataset", PRESETS.names("dataset"))
def test_every_architecture_and_dataset_equals_the_reference_loop(architecture, dataset):
    config = make("kaiming", architecture=architecture, dataset=dataset, seed=3, data_seed=4)
    expected = reference_loop.run(config, steps=20, judge=False)
    engine = make_engine(config)
    train, val = engine.advance(20)
    assert_equal(train, expected.losses[0])
    assert_equal(val, expected.losses[1])
    assert_same_parameters(engine.model, expected.parameters)


def test_losses_are_read_only_float32_of_one_number_a_step():
    train, val = make_engine(make("kaiming")).advance(7)
    for losses in (train, val):
        assert losses.shape == (7,)
        assert losses.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            losses[0] = 0


def test_the_recorded_losses_leave_the_penalty_out():
    plain, _ = make_engine(make("l1", regularizer="none")).advance(1)
    penalized, _ = make_engine(make("l1")).advance(1)
    assert penalized[0] == plain[0]


@pytest.mark.parametrize("recipe", ["dropout", "l1", "kaiming"])
def test_the_size_of_a_chunk_changes_no_bit(recipe):
    expected = reference_loop.run(make(recipe), steps=40)
    for chunk in (1, 7, 40):
        engine = make_engine(make(recipe))
        sizes = [min(chunk, 40 - done) for done in range(0, 40, chunk)]
        parts = [engine.advance(size) for size in sizes]
        assert_equal(np.concatenate([train for train, _ in parts]), expected.losses[0])
        assert_equal(np.concatenate([val for _, val in parts]), expected.losses[1])


@pytest.mark.parametrize("recipe", ["dropout", "l1", "tamed-normal"])
def test_a_restored_engine_repeats_its_steps_exactly(recipe):
    engine = make_engine(make(recipe))
    engine.advance(10)
    snapshot = engine.state.snapshot()
    train, val = engine.advance(25)
    last = [p.detach().clone() for p in engine.model.parameters()]
    for _ in range(2):
        engine.state.restore(snapshot)
        again_train, again_val = engine.advance(25)
        assert_equal(again_train, train)
        assert_equal(again_val, val)
        assert_same_parameters(engine.model, last)


def test_a_snapshot_remembers_the_state_of_the_random_numbers():
    engine = make_engine(make("dropout"))
    snapshot = engine.state.snapshot()
    weights = [p.detach().clone() for p in engine.model.parameters()]
    first, _ = engine.advance(1)
    with torch.no_grad():  # the weights of before, but not the masks
        for parameter, value in zip(engine.model.parameters(), weights, strict=True):
            parameter.copy_(value)
    other, _ = engine.advance(1)
    assert other[0] != first[0]
    engine.state.restore(snapshot)
    assert engine.advance(1)[0][0] == first[0]


def test_a_snapshot_does_not_move_with_the_engine():
    engine = make_engine(make("kaiming"))
    snapshot = engine.state.snapshot()
    kept = [p.clone() for p in snapshot.tensors]
    engine.advance(5)
    assert all(torch.equal(p, q) for p, q in zip(snapshot.tensors, kept, strict=True))
    engine.state.restore(snapshot)
    engine.advance(5)
    assert all(torch.equal(p, q) for p, q in zip(snapshot.tensors, kept, strict=True))


def test_a_snapshot_remembers_the_learning_rate_and_the_step():
    engine = make_engine(make("kaiming"))
    engine.advance(3)
    snapshot = engine.state.snapshot()
    engine.state.lr = 0.5
    engine.advance(4)
    assert engine.state.step == 7
    engine.state.restore(snapshot)
    assert (engine.state.lr, engine.state.step) == (0.01, 3)


def test_another_learning_rate_counts_from_the_next_step():
    expected = reference_loop.run(make("dropout"), steps=40, lrs={11: 0.0005, 31: 0.007})
    engine = make_engine(make("dropout"))
    parts = [engine.advance(10)]
    engine.state.lr = 0.0005
    parts.append(engine.advance(20))
    engine.state.lr = 0.007
    parts.append(engine.advance(10))
    assert_equal(np.concatenate([train for train, _ in parts]), expected.losses[0])
    assert_equal(np.concatenate([val for _, val in parts]), expected.losses[1])


def test_looking_at_the_fit_changes_no_later_step():
    expected = reference_loop.run(make("dropout"), steps=30)
    setup = Setup(make("dropout"))
    parts = []
    for step in range(30):
        sample_fit(setup.engine, step, "last")
        parts.append(setup.engine.advance(1))
    assert_equal(np.concatenate([train for train, _ in parts]), expected.losses[0])
    assert_equal(np.concatenate([val for _, val in parts]), expected.losses[1])


def test_what_is_drawn_elsewhere_changes_no_bit():
    expected = reference_loop.run(make("dropout"), steps=30)
    torch.manual_seed(1)
    engine, other = make_engine(make("dropout")), make_engine(make("dropout", seed=7))
    parts = []
    for _ in range(30):
        torch.rand(3)
        other.advance(1)
        parts.append(engine.advance(1))
    assert_equal(np.concatenate([train for train, _ in parts]), expected.losses[0])
    assert_equal(np.concatenate([val for _, val in parts]), expected.losses[1])


def test_training_leaves_torchs_own_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    make_engine(make("dropout")).advance(3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_zeros_move_nothing_but_the_last_bias():
    engine = make_engine(make("dead-zeros"))
    engine.advance(20)
    *others, last_bias = engine.model.parameters()
    assert not any(bool(p.any()) for p in others)
    assert last_bias.item() != 0


@pytest.mark.parametrize(
    ("regularizer", "factor"), [("weight-decay", 1 - 0.1 * 0.01), ("none", 1.0)]
)
def test_weight_decay_shrinks_what_gets_no_gradient(regularizer, factor):
    config = make("dead-zeros", regularizer=regularizer)
    engine = make_engine(config)
    with torch.no_grad():
        first, *_ = engine.model.parameters()
        first.fill_(1)
    engine.advance(1)
    assert torch.allclose(first, torch.full_like(first, factor), rtol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("recipe", ["kaiming", "l1", "dropout"])
def test_a_gpu_follows_the_cpu_closely(recipe):
    config = make(recipe)
    cpu = make_engine(config).advance(30)
    engine = make_engine(msgspec.structs.replace(config, device="cuda"))
    assert {p.device.type for p in engine.model.parameters()} == {"cuda"}
    for found, expected in zip(engine.advance(30), cpu, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-2)
