"""Networks made of torch's own layers: they draw from torch's global generator, and keep buffers.

Each is held against a plain loop that starts with ``torch.manual_seed``.
"""

import sys
import types

import msgspec
import numpy as np
import pytest
import reference_loop
import sweeping
import torch
from comparing import assert_identical, losses_of
from reference_loop import make
from torch import nn

from tui_trainer import models
from tui_trainer.config.settings import Architecture, Regularizer
from tui_trainer.training import fit_sampler, trainer
from tui_trainer.training.control import Control
from tui_trainer.training.events import EngineChanged, Paused, RunStarted
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

STEPS = 40


def with_dropout(make_linear, generator):
    layers = (make_linear(1, 8, generator), nn.ReLU(), nn.Dropout(0.05))
    return nn.Sequential(*layers, make_linear(8, 1, generator))


def with_batch_norm(make_linear, generator):
    layers = (make_linear(1, 8, generator), nn.BatchNorm1d(8), nn.ReLU())
    return nn.Sequential(*layers, make_linear(8, 1, generator))


def with_torchs_linear(make_linear, generator):
    """Draws its weights from two places in turn, and in training from both kinds of dropout."""
    layers = (nn.Linear(1, 8), nn.ReLU(), models.Dropout(0.1, generator), nn.Dropout(0.1))
    return nn.Sequential(*layers, make_linear(8, 8, generator), nn.ReLU(), nn.Linear(8, 1))


class Asking(nn.Sequential):
    """Asks the GPU for a number in its forward pass, which no graph can hold."""

    def forward(self, x):
        assert float(x.abs().max()) < 100
        return super().forward(x)


def that_asks(make_linear, generator):
    return Asking(make_linear(1, 8, generator), nn.ReLU(), make_linear(8, 1, generator))


NETWORKS = {
    "that-asks": that_asks,
    "dropout": with_dropout,
    "batch-norm": with_batch_norm,
    "torchs-linear": with_torchs_linear,
}
every_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Have each network be a file in models/, as far as the program can tell."""
    for name, network in NETWORKS.items():
        module = types.ModuleType(name)
        module.build = lambda network=network, **given: network(
            given["make_linear"], given["generator"]
        )
        monkeypatch.setitem(sys.modules, f"tui_trainer.models.{name}", module)
    names = ("mlp", *NETWORKS)
    monkeypatch.setattr("tui_trainer.config.settings.network_names", lambda: names)


def config_of(name, **settings):
    made = make("kaiming", **{"lr": 0.003, "steps": STEPS, **settings})
    return msgspec.structs.replace(made, architecture=Architecture(name=name, network=name))


def reference(config):
    """Train as a script would."""
    train_x, train_y, val_x, val_y = reference_loop.make_data(config)
    torch.manual_seed(config.seed)
    model = NETWORKS[config.architecture.name](models.LinearKaiming, None)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, foreach=False)
    losses = [], []
    batches = reference_loop.batches(train_x, train_y, config.batch_size)
    for _ in range(config.steps):
        model.train()
        x, y = next(batches)
        loss = reference_loop.mse(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.eval()
        with torch.no_grad():
            val = reference_loop.mse(model(val_x), val_y)
        losses[0].append(loss.item())
        losses[1].append(val.item())
    return [np.array(split, np.float32) for split in losses], model


@every_network
def test_a_run_equals_the_loop_bit_for_bit(name, monkeypatch):
    monkeypatch.setattr(fit_sampler, "FIT_SHARE", 1.0)
    monkeypatch.setattr(fit_sampler, "FIT_SECONDS", 0.0)  # look at the fit as often as can be
    for batches in ({}, {"batch_size": 64}):
        config = config_of(name, **batches)
        expected, _ = reference(config)
        assert_identical(losses_of(list(train(config))), expected)


@every_network
def test_a_run_leaves_torchs_own_random_numbers_alone(name):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    list(train(config_of(name, steps=5)))
    assert torch.equal(torch.random.get_rng_state(), before)


@every_network
def test_pauses_steps_and_other_draws_change_no_bit(name):
    config = config_of(name, steps=20)
    control, events = Control(paused=True), []
    for event in train(config, control):
        events.append(event)
        if isinstance(event, Paused):
            torch.rand(3)
            list(train(config_of(name, steps=2, seed=7)))
            control.step() if event.step < 10 else control.resume()
    assert_identical(losses_of(events), reference(config)[0])


@every_network
def test_a_restored_engine_repeats_its_steps_exactly(name):
    engine = Setup(config_of(name)).engine
    engine.advance(5)
    start = engine.state.snapshot()
    expected = engine.advance(10)
    last = engine.state.snapshot()
    engine.state.restore(start)
    assert_identical(engine.advance(10), expected)
    for tensor, other in zip(engine.state.snapshot().tensors, last.tensors, strict=True):
        assert torch.equal(tensor, other)


@every_network
def test_the_best_weights_come_with_their_buffers(name, monkeypatch):
    made = []
    monkeypatch.setattr(trainer, "Setup", lambda c, **k: made.append(Setup(c, **k)) or made[-1])
    stopping = {"rule": "patience", "patience": 3, "restore_best": True}
    regularizer = msgspec.convert({"name": "own", "stopping": stopping}, Regularizer)
    config = msgspec.structs.replace(config_of(name, lr=0.03, steps=3000), regularizer=regularizer)
    end = list(train(config))[-1]
    assert end.restored_best
    _, expected = reference(msgspec.structs.replace(config, steps=end.best_step))
    found = made[0].state.model.state_dict()
    for key, tensor in expected.state_dict().items():
        assert torch.equal(found[key], tensor), key


@every_network
def test_a_sweep_gives_the_numbers_of_runs(name):
    configs = [config_of(name, seed=seed, lr=lr) for seed in (1, 2) for lr in (0.001, 0.003)]
    for config, found in zip(configs, sweeping.run(configs), strict=True):
        assert_identical([found.train, found.val], reference(config)[0])


@pytest.mark.parametrize("name", ["dropout", "batch-norm"])
def test_what_is_no_plain_row_stays_eager_and_says_why(name):
    config = config_of(name, steps=20, engine="compiled")
    events = list(train(config))
    started = events[0]
    assert isinstance(started, RunStarted)
    assert started.engine == "eager"
    assert started.engine_reason == (
        "the network is more than a row of linear layers and one activation: staying eager"
    )
    assert not [event for event in events if isinstance(event, EngineChanged)]
    assert_identical(losses_of(events), reference(config)[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_what_no_graph_can_hold_stays_eager_and_draws_of_the_gpus_own_are_refused():
    reasons = {"that-asks": "no CUDA graph could be captured", "batch-norm": "has buffers"}
    for name, reason in reasons.items():
        events = list(train(config_of(name, device="cuda", engine="auto")))
        assert (events[0].engine, events[-1].steps) == ("eager", STEPS)
        assert reason in events[0].engine_reason
        assert events[0].engine_reason.endswith(": staying eager")
    (refused,) = train(config_of("dropout", device="cuda"))
    assert "the network draws random numbers on cuda" in refused.detail
