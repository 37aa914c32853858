"""The step as a pure function, uncompiled, against the eager engine; and what can't be one.

Tolerance: as in `test_compiled.py`.
"""

import numpy as np
import pytest
import torch
from reference_loop import PRESETS, make

from tui_trainer import models
from tui_trainer.task.randomness import drawing_from
from tui_trainer.training.engines.dropout_draws import (
    draw_count,
    draw_shapes,
    split_draws,
)
from tui_trainer.training.engines.step import make_step, step_spec
from tui_trainer.training.setup import Setup


def inputs_of(state, count, unrolled):
    data = state.task.data
    numbers = draw_count(draw_shapes(state.model, data.train_x))
    draws = [torch.rand(unrolled, numbers, generator=state.generator)] if numbers else []
    parameters = [p.detach().clone() for p in state.parameters]
    return [torch.tensor(count), torch.tensor(state.lr), *data.tensors, *draws, *parameters]


def check_step(config):
    eager, state = Setup(config).engine, Setup(config).engine.state
    spec = step_spec(config, 100, 1)
    step = make_step(state.model, state.task, spec.unrolled)
    *parameters, train, val = step(*inputs_of(state, spec.unrolled, spec.unrolled))
    expected = eager.advance(spec.unrolled)
    for found, other in zip((train, val), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), other, rtol=1e-5)
    for found, other in zip(parameters, eager.state.parameters, strict=True):
        np.testing.assert_allclose(found.numpy(), other.detach().numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("regularizer", PRESETS.names("regularizer"))
def test_every_regularizer_is_eagers_within_float32_rounding(regularizer):
    check_step(make("kaiming", regularizer=regularizer, lr=0.003))


@pytest.mark.parametrize("architecture", PRESETS.names("architecture"))
def test_every_architecture_is_eagers_within_float32_rounding(architecture):
    check_step(make("kaiming", architecture=architecture, lr=0.003))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_steps_past_the_count_leave_the_parameters_alone(count):
    config = make("kaiming")
    eager, state = Setup(config).engine, Setup(config).engine.state
    spec = step_spec(config, 100, 1)
    step = make_step(state.model, state.task, spec.unrolled)
    *parameters, _, _ = step(*inputs_of(state, count, spec.unrolled))
    for _ in range(count):
        eager.advance(1)
    for found, other in zip(parameters, eager.state.parameters, strict=True):
        tolerance = {"rtol": 1e-5, "atol": 1e-6} if count else {"rtol": 0}
        np.testing.assert_allclose(found.numpy(), other.detach().numpy(), **tolerance)


def test_large_networks_are_not_unrolled():
    config = make("kaiming")
    assert step_spec(config, 1321, 1).unrolled > 1
    assert step_spec(config, 100_000, 1).unrolled == 1


def test_draws_in_one_go_are_the_draws_layer_by_layer():
    setup = Setup(make("dropout"))
    model, x = setup.engine.model, setup.data.train_x
    shapes = draw_shapes(model, x)
    assert [tuple(shape) for shape in shapes] == [(200, 1), *[(200, 20)] * 4]
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    flat = torch.zeros(2, draw_count(shapes)).uniform_(generator=one)
    for row in flat:
        source = split_draws(row, shapes)
        for shape in shapes:
            assert torch.equal(source(torch.empty(shape)), torch.rand(shape, generator=other))
    assert torch.equal(one.get_state(), other.get_state())


def test_a_source_is_borrowed_for_a_while():
    dropout = models.Dropout(0.5)
    own = dropout.source
    with drawing_from(dropout, torch.ones_like):
        assert torch.equal(dropout(torch.ones(3)), torch.ones(3))
    assert dropout.source is own


def test_a_state_takes_over_values():
    state = Setup(make("kaiming")).state
    state.set_tensors([torch.full_like(p, 2) for p in state.tensors])
    assert all(bool((p == 2).all()) for p in state.parameters)
