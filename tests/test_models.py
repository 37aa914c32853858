"""How layers start, what they compute, and how a network is put together."""

import importlib
import math
from typing import get_args

import pytest
import torch
from reference_loop import PRESETS
from torch import nn

from tui_trainer import models
from tui_trainer.config.presets import make_config
from tui_trainer.config.settings import LayerName, network_names
from tui_trainer.models import mlp
from tui_trainer.task.network import build_network, layers_of

LAYERS = [getattr(models, name) for name in get_args(LayerName)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_layers_that_a_preset_may_name_are_those_of_the_package():
    there = {
        name
        for name, value in vars(models.linear).items()
        if isinstance(value, type) and issubclass(value, models.Linear)
    }
    assert set(get_args(LayerName)) == there - {"Linear"}


def test_the_networks_that_a_preset_may_name_can_be_built():
    assert "mlp" in network_names()
    assert not {"linear", "dropout", "__init__"} & set(network_names())
    for name in network_names():
        network = importlib.import_module(f"tui_trainer.models.{name}")
        built = network.build(1, 1, (3,), models.LinearKaiming, dropout=0.1, generator=seeded())
        assert built(torch.ones(5, 1)).shape == (5, 1)


@pytest.mark.parametrize("make_layer", LAYERS)
def test_a_layer_multiplies_and_adds(make_layer):
    layer, x = make_layer(3, 2, seeded()), torch.randn(7, 3, generator=seeded(1))
    assert layer.weights.shape == (3, 2)
    assert layer.bias.shape == (2,)
    assert [name for name, _ in layer.named_parameters()] == ["weights", "bias"]
    with torch.no_grad():
        layer.bias.add_(1)
    rows, weights, bias = x.tolist(), layer.weights.tolist(), layer.bias.tolist()
    by_hand = [
        [sum(row[i] * weights[i][o] for i in range(3)) + bias[o] for o in range(2)] for row in rows
    ]
    assert torch.allclose(layer(x), torch.tensor(by_hand), atol=1e-6)


@pytest.mark.parametrize(
    ("make_layer", "std"),
    [
        (models.LinearNormal, 1.0),
        (models.LinearKaiming, 1 / 20),
        (models.LinearHe, math.sqrt(2 / 400)),
        (models.LinearXavier, math.sqrt(2 / (400 + 100))),
    ],
)
def test_weights_have_the_standard_deviation_of_their_scheme(make_layer, std):
    weights = make_layer(400, 100, seeded()).weights
    assert weights.std().item() == pytest.approx(std, rel=0.02)
    assert weights.mean().item() == pytest.approx(0, abs=0.02 * std)


def test_zeros_are_zeros_and_draw_nothing():
    generator = seeded()
    state = generator.get_state()
    layer = models.LinearZeros(3, 2, generator)
    assert not any(bool(p.any()) for p in layer.parameters())
    assert torch.equal(generator.get_state(), state)


def test_normal_draws_its_weights_and_then_its_bias():
    torch.manual_seed(3)
    weights, bias = torch.randn(4, 5), torch.randn(5)
    layer = models.LinearNormal(4, 5, seeded(3))
    assert torch.equal(layer.weights, weights)
    assert torch.equal(layer.bias, bias)


@pytest.mark.parametrize(
    ("make_layer", "scale"),
    [
        (models.LinearKaiming, lambda w: w / math.sqrt(4)),
        (models.LinearHe, lambda w: w * math.sqrt(2 / 4)),
        (models.LinearXavier, lambda w: w * math.sqrt(2 / 9)),
    ],
)
def test_scaled_layers_draw_their_weights_and_have_no_bias(make_layer, scale):
    torch.manual_seed(3)
    weights, next_draw = torch.randn(4, 5), torch.rand(1)
    generator = seeded(3)
    layer = make_layer(4, 5, generator)
    assert torch.equal(layer.weights, scale(weights))
    assert not layer.bias.any()
    assert torch.equal(torch.rand(1, generator=generator), next_draw)


@pytest.mark.parametrize("make_layer", LAYERS)
def test_without_a_generator_torchs_own_is_drawn_from(make_layer):
    torch.manual_seed(8)
    layer = make_layer(3, 2)
    assert torch.equal(layer.weights, make_layer(3, 2, seeded(8)).weights)


def test_dropout_masks_in_training_and_does_not_scale_up():
    x = torch.randn(1000, 20, generator=seeded(1))
    torch.manual_seed(2)
    mask = (torch.rand(1000, 20) > 0.3).float()
    y = models.Dropout(0.3, seeded(2))(x)
    assert torch.equal(y, x * mask)
    assert 0.28 < (y == 0).float().mean() < 0.32


def test_dropout_scales_in_evaluation_and_draws_nothing():
    generator = seeded()
    state = generator.get_state()
    x = torch.randn(10, 3)
    assert torch.equal(models.Dropout(0.3, generator).eval()(x), x * (1 - 0.3))
    assert torch.equal(generator.get_state(), state)


def test_dropout_draws_a_new_mask_each_time():
    dropout, x = models.Dropout(0.5, seeded()), torch.ones(100)
    assert not torch.equal(dropout(x), dropout(x))


def test_dropout_keeps_all_at_rate_zero_but_for_a_draw_of_exactly_zero():
    x = torch.ones(100, 2)
    assert torch.equal(models.Dropout(0.0, seeded())(x), x)


def test_dropout_drops_one_in_a_hundred_unless_told():
    assert models.Dropout().rate == 0.01


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.nan])
def test_dropout_refuses_a_rate_that_is_none(rate):
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        models.Dropout(rate)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 3, 4)])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_keeps_any_shape(shape, training):
    assert models.Dropout(0.5).train(training)(torch.ones(shape)).shape == shape


def kinds(network):
    return [type(module) for module in network]


def test_a_network_without_hidden_layers_is_one_linear_layer():
    assert kinds(mlp.build(1, 1, (), models.LinearKaiming)) == [models.LinearKaiming]


def test_a_relu_stands_after_each_layer_but_the_last():
    network = mlp.build(1, 1, (4, 5), models.LinearNormal)
    layer = models.LinearNormal
    assert isinstance(network, nn.Sequential)
    assert kinds(network) == [layer, nn.ReLU, layer, nn.ReLU, layer]
    shapes = [tuple(m.weights.shape) for m in layers_of(network)]
    assert shapes == [(1, 4), (4, 5), (5, 1)]


def test_a_dropout_stands_before_every_layer():
    network = mlp.build(1, 1, (4,), models.LinearHe, dropout=0.2)
    layer = models.LinearHe
    assert kinds(network) == [models.Dropout, layer, nn.ReLU, models.Dropout, layer]
    assert {m.rate for m in network if isinstance(m, models.Dropout)} == {0.2}


def test_a_dropout_of_rate_zero_is_still_a_dropout():
    assert models.Dropout in kinds(mlp.build(1, 1, (), models.LinearHe, dropout=0.0))


def test_layers_are_drawn_from_input_to_output_and_masks_go_on():
    torch.manual_seed(6)
    drawn = [torch.randn(1, 3), torch.randn(3), torch.randn(3, 1), torch.randn(1)]
    mask = torch.rand(8, 1) > 0.5
    network = mlp.build(1, 1, (3,), models.LinearNormal, 0.5, seeded(6))
    assert all(torch.equal(p, d) for p, d in zip(network.parameters(), drawn, strict=True))
    assert torch.equal(network[0](torch.ones(8, 1)), mask.float())


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        ("linear", 2),
        ("mlp-4x20", 40 + 3 * 420 + 21),
        ("wide-1x400", 800 + 401),
        ("deep-10x8", 16 + 9 * 72 + 9),
        ("mlp-2x64", 128 + 65 * 64 + 65),
    ],
)
def test_architectures_have_the_parameters_they_should(architecture, parameters):
    config = make_config(PRESETS, "kaiming", architecture=architecture, init="he")
    network = build_network(config, torch.Generator())
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network(torch.ones(9, 1)).shape == (9, 1)


def test_layers_and_dropout_show_their_settings():
    assert repr(models.LinearHe(1, 20)) == "LinearHe(1, 20)"
    assert repr(models.Dropout(0.25)) == "Dropout(rate=0.25)"
