"""The steps that CUDA graphs hold, run on the CPU one after another: no graph, no second stream."""

from contextlib import nullcontext

import numpy as np
import pytest
import seam_files
import torch
from reference_loop import make

from tui_trainer.training.engines import capturable
from tui_trainer.training.setup import Setup

STEPS = 30


def config_of(name):
    if name == "momentum":
        return seam_files.config_of()
    if name == "adamw":
        settings = {"schedule": "one-cycle", "activation": "gelu", "steps": STEPS}
        return make("dropout", optimizer=name, lr=0.003, **settings)
    return make(name, lr=0.003)


class InTurn:
    """Has what would go beside other work done at once."""

    work = staticmethod(nullcontext)

    def __init__(self, number):
        pass

    def wait(self):
        pass


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    seam_files.install(monkeypatch)
    monkeypatch.setattr(capturable, "_Beside", InTurn)


def run(state):
    steps = capturable.capturable_steps(state)
    draws = torch.rand(STEPS, steps.draws, generator=state.generator)
    losses = torch.zeros(2, STEPS)
    steps.load()
    lrs = torch.tensor(state.next_lrs(STEPS))[:, None]
    numbers = torch.arange(1, STEPS + 1, dtype=torch.float64)[:, None]
    steps.run(STEPS, lrs, numbers, draws, losses)
    steps.store()
    return type(steps), losses.numpy()


@pytest.mark.parametrize("name", ["linear", "kaiming", "l1", "dropout", "momentum", "adamw"])
def test_they_are_eagers_within_float32_rounding(name):
    state, eager = Setup(config_of(name)).state, Setup(config_of(name)).engine
    kind, losses = run(state)
    assert kind is capturable._LayeredSteps
    np.testing.assert_allclose(losses, eager.advance(STEPS), rtol=1e-5)
    for found, expected in zip(state.tensors, eager.state.tensors, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(state.generator.get_state(), eager.state.generator.get_state())


def test_what_is_no_row_of_layers_is_left_to_autograd():
    state, eager = Setup(config_of("dropout")).state, Setup(config_of("dropout")).engine
    for each in (state, eager.state):
        each.model[0].rate = 0.02  # a batch has one rate
    kind, losses = run(state)
    assert kind is capturable._ModuleSteps
    assert np.array_equal(losses, eager.advance(STEPS))
