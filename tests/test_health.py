"""How the layers fare: what is measured, what is said of it, and that a run stays as it is."""

import numpy as np
import pytest
import torch
from compiled_steps import COMPILE_TIMEOUT, CONFIGS
from msgspec.structs import replace
from own_networks import GOOD, config_of, write
from torch import nn
from torch.nn import functional

from tui_trainer.training import health_meter, trainer
from tui_trainer.training.control import Control
from tui_trainer.training.events import FitSampled, HealthMeasured, LayerHealth, StepsCompleted
from tui_trainer.training.health import MOST_KEPT, Course, Health, judge
from tui_trainer.training.health_meter import HealthMeter
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train
from tui_trainer.training.unit_activity import LastActive, UnitActivity


def losses_and_fit(events):
    columns = [(e.train_loss, e.val_loss) for e in events if isinstance(e, StepsCompleted)]
    fit = [e for e in events if isinstance(e, FitSampled)][-1]
    losses = [np.concatenate(column).tolist() for column in zip(*columns, strict=True)]
    return losses, fit.prediction.tolist()


@pytest.mark.timeout(COMPILE_TIMEOUT)
@pytest.mark.usefixtures("compiled_steps_cached")
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_run_that_is_looked_at_is_the_same_bit_for_bit(engine, monkeypatch):
    monkeypatch.setattr(health_meter, "HEALTH_SECONDS", 0.0)
    monkeypatch.setattr(health_meter, "HEALTH_SHARE", 1.0)
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 0.005)
    steps = {"eager": 100, "compiled": 3000}[engine]
    # Adam's moments, dropout's draws
    config = replace(CONFIGS["gelu"], engine=engine, steps=steps)
    control = Control()
    control.show_health(True)
    looked_at = list(train(config, control))
    measured = [e for e in looked_at if isinstance(e, HealthMeasured)]
    assert looked_at[0].engine == engine
    assert len(measured) > 2
    assert measured[-1].step == steps
    assert losses_and_fit(looked_at) == losses_and_fit(list(train(config)))


def named(**facts):
    return LayerHealth("layer 3", **({"gradient": 1.0, "ratio": 1e-3} | facts))


def test_a_verdict_says_what_stands_out_in_words():
    expected = {
        "": named(activation="relu", units=20),
        "the gradient is not finite": named(gradient=None),
        "no gradient reaches it": named(gradient=0.0),
        "18 of 20 units have not fired since step 40":
            named(activation="relu", units=20, dead=18, since=40),
        "20 of 20 units never fire": named(activation="relu", units=20, dead=20),
        "3 of 20 units are saturated": named(activation="tanh", units=20, dead=3),
        "9 of 20 units have stayed near 0 since step 1,200":
            named(activation="silu", units=20, dead=9, since=1200),
        "updates are 10^-5 of the weights: the lr could be larger": named(ratio=1e-5),
        "updates are 10^-1.5 of the weights: the lr could be smaller": named(ratio=10**-1.5),
        "its weights don't change": named(ratio=0.0),
    }  # fmt: skip
    assert {judge(layer).words: layer for layer in expected.values()} == expected
    assert [judge(layer).is_bad for layer in expected.values()] == [
        False, True, True, True, True, False, True, False, False, False,
    ]  # fmt: skip


def test_verdicts_of_many_layers_are_one_and_faults_come_first():
    health = Health()
    small = [LayerHealth(f"layer {n}", 1.0, 1e-6) for n in (1, 2, 3)]
    off = LayerHealth("layer 4", 1.0, 1e-3, "relu", 20, 18, 40)
    health.apply(HealthMeasured(60, (*small, off), 0.001, 0.01))
    assert health.verdicts == [
        "layer 4: 18 of 20 units have not fired since step 40",
        "layer 1, layer 2, layer 3: updates are below 10^-4 of the weights: the lr could be larger",
    ]
    course = Course()
    for n in range(10 * MOST_KEPT):
        course.append(10.0**-n if n < 9 else None)
    assert len(course.values) <= MOST_KEPT
    assert course.values[-1] is None


class Functional(nn.Module):
    """Activations as functions, in place, of channels; a layer that nothing follows."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc, self.last = nn.Conv1d(1, 4, 1), nn.Linear(12, 6), nn.Linear(6, 1)
        with torch.no_grad():
            self.conv.bias.copy_(torch.tensor([-9.0, -9.0, -9.0, 9.0]))
            self.conv.weight.fill_(1.0)
            self.fc.weight.zero_()
            self.fc.bias.copy_(torch.tensor([5.0, -5.0, 0.1, 0.1, 0.1, 0.1]))

    def forward(self, x):
        x = functional.relu_(self.conv(x[:, None]))
        return self.last(self.fc(x.flatten(1)).tanh())


def test_dead_units_are_counted_however_an_activation_is_called():
    model = Functional()
    activity = UnitActivity(model, [model.conv, model.fc, model.last])
    activity.arm()
    model(torch.zeros(5, 3))
    activity.disarm()
    model(torch.full((5, 3), 99.0))  # seen by nobody
    found = {n: (name, units.tolist()) for n, (name, units) in activity.found.items()}
    assert found == {
        0: ("relu", [False, False, False, True]),
        1: ("tanh", [False, False, True, True, True, True]),
    }
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("module", [nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid])
def test_a_unit_that_lets_no_gradient_through_is_dead(module):
    model = nn.Sequential(nn.Linear(1, 3), module())
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([-20.0, 0.5, 20.0]))
    activity = UnitActivity(model, [model[0]])
    activity.arm()
    output = model(torch.randn(10, 1))
    activity.disarm()
    slopes = torch.autograd.grad(output.sum(), model[0].bias)[0]
    assert activity.found[0][1].tolist() == (slopes.abs() > 0.01).tolist()


def test_units_are_dead_since_the_last_of_them_was_active():
    once = LastActive(window=1)
    for step, active in ((10, [1, 1, 0]), (20, [1, 0, 0]), (30, [0, 0, 0])):
        once.see(step, {2: active})
    assert once.dead(2) == (3, 20)
    assert once.dead(1) == (0, 0)
    batches = LastActive(window=3)
    for step, active in ((10, [1, 1, 0]), (20, [0, 1, 0]), (30, [0, 0, 0])):
        assert batches.dead(0) == (0, 0)
        batches.see(step, {0: active})
    assert batches.dead(0) == (1, 10)


def test_a_network_of_ones_own_is_measured_by_its_names_and_left_as_it_was(tmp_path):
    expected = {
        "residual": [("layer 2", "gelu")],
        "batch-norm": [("layer 1", ""), ("layer 2", "tanh"), ("layer 3", "")],
        "dropout": [("layer 1", "gelu"), ("layer 2", "")],
        "partly": [("network", ""), ("idle", ""), ("last", "")],
    }
    for name, layers in expected.items():
        config = config_of(write(tmp_path / name, GOOD[name]), steps=5)
        setup = Setup(config)
        setup.engine.advance(3)
        before = setup.state.snapshot()
        drawn = torch.get_rng_state()
        (event,) = HealthMeter(setup.state).measured()
        after = setup.state.snapshot()
        assert {(layer.name, layer.activation) for layer in event.layers} >= set(layers)
        pairs = zip(before.tensors, after.tensors, strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
        assert torch.equal(before.generator_state, after.generator_state)
        assert torch.equal(drawn, torch.get_rng_state())
        assert (before.step, before.lr) == (after.step, after.lr)
