"""What stands before the first step, and what looks at a network without changing it."""

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from reference_loop import PRESETS, make

from tui_trainer import models
from tui_trainer.models import mlp
from tui_trainer.training import setup
from tui_trainer.training.diagnosis import find_dead_layers, first_bad_output, first_bad_parameter
from tui_trainer.training.events import FitSampled, NotLearning, RunStarted
from tui_trainer.training.fit import GRID_POINTS, sample_fit
from tui_trainer.training.setup import Setup, preview
from tui_trainer.training.trainer import train

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")


@pytest.mark.parametrize("init", PRESETS.names("init"))
@pytest.mark.parametrize("regularizer", ["none", "dropout"])
def test_a_network_starts_as_the_reference_does(init, regularizer):
    config = make("kaiming", init=init, regularizer=regularizer)
    found, expected = Setup(config).engine.model, reference_loop.make_model(config)
    for parameter, other in zip(found.parameters(), expected.parameters(), strict=True):
        assert torch.equal(parameter, other)


def test_what_another_thread_draws_is_never_taken_for_the_networks_own(monkeypatch):
    monkeypatch.setattr(setup, "draws_globally", lambda *_: pytest.fail("watched"))
    assert not Setup(make("dropout")).state.draws_globally


def test_the_seed_moves_the_network_and_the_data_seed_the_points():
    base = Setup(make("kaiming"))
    other_seed, other_data = Setup(make("kaiming", seed=1)), Setup(make("kaiming", data_seed=1))

    def weights(setup):
        return next(setup.engine.model.parameters())

    assert torch.equal(base.data.train_x, other_seed.data.train_x)
    assert not torch.equal(weights(base), weights(other_seed))
    assert not torch.equal(base.data.train_x, other_data.data.train_x)
    assert torch.equal(weights(base), weights(other_data))


def test_one_thread_trains():
    torch.set_num_threads(2)
    try:
        Setup(make("kaiming"))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


@NO_GPU
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=f"^device {device} is not available: torch sees none;"):
        Setup(msgspec.structs.replace(make("kaiming"), device=device))


def test_a_preview_is_what_a_run_starts_from():
    config = make("dead-zeros", steps=1)
    shown = preview(config)
    events = list(train(config))
    started, dead, fit = events[:3]
    assert [type(event) for event in events[:3]] == [RunStarted, NotLearning, FitSampled]
    assert shown.config == config
    assert shown.parameter_count == started.parameter_count == 1321
    assert shown.not_learning == dead
    assert np.array_equal(shown.fit.prediction, fit.prediction)
    assert (shown.fit.step, shown.fit.weights) == (0, "untrained")
    assert np.array_equal(shown.points.val_y, started.points.val_y)


# The fit


def test_a_fit_is_the_prediction_on_a_grid_a_little_wider_than_the_data():
    config = make("dropout")
    setup = Setup(config)
    fit = sample_fit(setup.engine, 0, "untrained")
    xs = torch.cat([setup.data.train_x, setup.data.val_x])
    margin = 0.05 * (xs.max() - xs.min()).item()
    assert fit.x.shape == fit.prediction.shape == (GRID_POINTS,)
    assert fit.x[0] == pytest.approx(xs.min().item() - margin)
    assert fit.x[-1] == pytest.approx(xs.max().item() + margin)
    model = reference_loop.make_model(config).eval()
    with torch.no_grad():
        expected = model(torch.tensor(fit.x)[:, None]).flatten().numpy()
    assert np.array_equal(fit.prediction, expected)


def test_r2_is_the_share_of_the_spread_of_the_validation_labels():
    setup = Setup(make("dead-zeros"))
    labels = setup.data.val_y
    *_, last_bias = setup.engine.model.parameters()
    for bias in (0.0, labels.mean().item()):
        with torch.no_grad():
            last_bias.fill_(bias)
        spread = ((labels - labels.mean()) ** 2).mean().item()
        error = ((labels - bias) ** 2).mean().item()
        r2 = sample_fit(setup.engine, 0, "last").metrics["val_r2"]
        assert r2 == pytest.approx(1 - error / spread, abs=1e-5)


def test_a_preview_that_fails_says_why_in_a_line(monkeypatch):
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0\nhas")
    monkeypatch.setattr(setup, "find_dead_layers", lambda *_: raise_(error))
    with pytest.raises(ValueError, match=r"^out of memory \(asked for 2.00 GiB\)$"):
        preview(make("kaiming"))


def raise_(error):
    raise error


# What is wrong with a network


def network(*, dropout=None):
    generator = torch.Generator().manual_seed(0)
    return mlp.build(1, 1, (4, 4), models.LinearHe, dropout, generator)


def layers(model):
    return [m for m in model if isinstance(m, models.Linear)]


def task():
    return Setup(make("kaiming")).state.task


def test_a_network_that_learns_has_no_dead_layer():
    assert find_dead_layers(network(), task()) is None


@pytest.mark.parametrize(("dead", "first", "last"), [(0, 1, 1), (1, 1, 2)])
def test_a_layer_whose_units_are_all_off_cuts_off_all_before_it(dead, first, last):
    model = network()
    with torch.no_grad():
        for layer in layers(model):
            layer.bias.fill_(1)
        layers(model)[dead].bias.fill_(-1e6)
    found = find_dead_layers(model, task())
    assert (found.first_layer, found.last_layer) == (first, last)
    named = f"layers {first} to {last}" if first < last else f"layer {first}"
    assert found.words == f"no gradient reaches {named}: every unit of layer {last} is off"


@pytest.mark.parametrize(
    ("activation", "words"), [("tanh", "is saturated"), ("gelu", "is off"), ("silu", "is off")]
)
def test_other_activations_have_their_own_words(activation, words):
    model = mlp.build(1, 1, (4, 4), models.LinearHe, activation=activation)
    assert find_dead_layers(model, task()) is None
    with torch.no_grad():
        layers(model)[1].bias.fill_(-1e6)
    assert find_dead_layers(model, task()).words == (
        f"no gradient reaches layers 1 to 2: every unit of layer 2 {words}"
    )
    setup = Setup(make("dead-zeros", activation=activation))
    found = find_dead_layers(setup.state.model, setup.state.task)
    assert found.words == (
        f"no gradient reaches layers 1 to 4: all weights are zero, and {activation}(0) is 0"
    )


def test_a_single_layer_of_zeros_is_not_dead():
    setup = Setup(make("linear"))
    assert find_dead_layers(setup.state.model, setup.state.task) is None


def test_a_perfect_fit_is_not_dead():
    setup = Setup(make("dead-zeros"))
    setup.data.train_y.zero_()
    assert find_dead_layers(setup.state.model, setup.state.task) is None


def test_looking_for_dead_layers_changes_nothing():
    setup = Setup(make("dropout"))
    model, before = setup.engine.model, setup.engine.state.snapshot()
    modes = [module.training for module in model.modules()]
    find_dead_layers(model, setup.state.task)
    first_bad_output(model, setup.data.train_x)
    first_bad_parameter(model)
    after = setup.engine.state.snapshot()
    assert torch.equal(before.generator_state, after.generator_state)
    assert all(torch.equal(p, q) for p, q in zip(before.tensors, after.tensors, strict=True))
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(("number", "name"), [(1, "bias"), (2, "weights"), (3, "bias")])
def test_the_first_bad_parameter_is_named(number, name, bad):
    model = network(dropout=0.1)
    assert first_bad_parameter(model) is None
    with torch.no_grad():
        getattr(layers(model)[number - 1], name).view(-1)[-1] = bad
        layers(model)[2].bias.fill_(bad)
    assert first_bad_parameter(model) == f"layer {number} {name}"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_first_bad_output_is_named(number):
    model, x = network(dropout=0.1), task().data.train_x
    assert first_bad_output(model, x) is None
    with torch.no_grad():
        layers(model)[number - 1].bias.fill_(float("inf"))
    assert first_bad_output(model, x) == f"layer {number} output"
