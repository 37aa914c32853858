"""A network from its presets, and its two modes."""

import importlib
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache

from torch import Generator, nn
from torch.nn import Parameter

from tui_trainer import models
from tui_trainer.config.settings import Architecture, LayerName, RunConfig
from tui_trainer.task.builders import build_own
from tui_trainer.task.randomness import lending_globally
from tui_trainer.task.shape import OUTPUTS

# Modules whose forward pass is the same in training and in evaluation.
_MODELESS = frozenset(
    module.forward for module in (models.Linear, nn.Sequential, nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU)
)


def build_network(config: RunConfig, generator: Generator) -> nn.Module:
    """Build a config's network on the CPU, its layers drawn from `generator` in order.

    It maps ``(N, features)`` to ``(N, 1)``.

    Raises:
        InvalidSettingsError: one line, if somebody's own builder can't build it.
    """
    network = (build_own if config.architecture.builder else _build)(config, generator)
    for module in network.modules():
        if isinstance(module, models.Dropout):
            module.draw_from(generator)
    return network


def _build(config: RunConfig, generator: Generator) -> nn.Module:
    architecture, layer = config.architecture, config.init.layer
    dropout = config.regularizer.dropout
    draws_globally = _draws_globally(architecture, layer, drops=dropout is not None)
    with lending_globally(generator) if draws_globally else nullcontext(generator) as source:
        return _built(architecture, layer, config.dataset.features, dropout, source)


def _built(
    architecture: Architecture,
    layer: LayerName,
    features: int,
    dropout: float | None,
    source: Generator,
) -> nn.Module:
    build = importlib.import_module(f"tui_trainer.models.{architecture.network}").build
    network: nn.Module = build(
        inputs=features,
        outputs=OUTPUTS,
        hidden=architecture.hidden,
        make_linear=getattr(models, layer),
        dropout=dropout,
        generator=source,
        **_activation(build, architecture),
    )
    return network


@lru_cache(maxsize=64)
def _draws_globally(architecture: Architecture, layer: LayerName, *, drops: bool) -> bool:
    """Say whether making a network may draw from torch's global generator, by making another.

    So seeding that one in another thread changes no network that does not need it.
    """
    with lending_globally(Generator()) as lent:
        return may_draw(_built(architecture, layer, 1, 0.5 if drops else None, lent))


def _activation(build: Callable[..., nn.Module], architecture: Architecture) -> dict[str, str]:
    """Return the activation as an argument of `build`, if that takes any.

    Raises:
        ValueError: if it does not, and another than ReLU was asked for.
    """
    activation = architecture.activation
    if "activation" in inspect.signature(build).parameters:
        return {"activation": activation}
    if activation != "relu":
        raise ValueError(f"network {architecture.network} takes no activation, got {activation}")
    return {}


def layers_of(network: nn.Module) -> list[nn.Module]:
    """Return the modules that own parameters to train, from input to output."""
    return [module for module in network.modules() if trainable_parameters(module)]


def trainable_parameters(layer: nn.Module) -> list[Parameter]:
    """Return a layer's own parameters to train."""
    return [p for p in layer.parameters(recurse=False) if p.requires_grad]


def has_modes(network: nn.Module) -> bool:
    """Say whether training mode may differ from evaluation mode: it need not be set otherwise."""
    return any(type(module).forward not in _MODELESS for module in network.modules())


def may_draw(network: nn.Module) -> bool:
    """Say whether training may draw from other generators than the one that built the network."""
    known = _MODELESS | {models.Dropout.forward}
    return any(type(module).forward not in known for module in network.modules())
