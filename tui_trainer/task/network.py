"""A network from its presets."""

import importlib

from torch import Generator, nn

from tui_trainer import models
from tui_trainer.config.settings import Architecture, Init


def build_network(
    architecture: Architecture,
    init: Init,
    dropout: float | None = None,
    generator: Generator | None = None,
) -> nn.Module:
    """Build the 1 → 1 network of an architecture, its layers drawn from `generator` in order."""
    network = importlib.import_module(f"tui_trainer.models.{architecture.network}")
    built: nn.Module = network.build(
        inputs=1,
        outputs=1,
        hidden=architecture.hidden,
        make_linear=getattr(models, init.layer),
        dropout=dropout,
        generator=generator,
    )
    return built


def layers_of(network: nn.Module) -> list[nn.Module]:
    """Return the modules that own parameters, from input to output."""
    return [m for m in network.modules() if any(True for _ in m.parameters(recurse=False))]
