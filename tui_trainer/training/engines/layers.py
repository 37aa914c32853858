"""Networks that are a plain row of linear layers with one activation between them, and dropout.

They are what faster steps are for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from tui_trainer import models
from tui_trainer.models import mlp
from tui_trainer.task.shape import OUTPUTS

# A subclass may have overridden them.
_FORWARDS = {models.Linear.forward, models.Dropout.forward}
_FORWARDS |= {kind.forward for kind in mlp.ACTIVATIONS.values()}


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer: its size, which activation follows, whether dropout goes before it."""

    inputs: int
    outputs: int
    activation: str  # "" for none
    dropout: bool

    @property
    def size(self) -> int:
        """How many parameters it has: weights, then biases."""
        return self.inputs * self.outputs + self.outputs


def find_layers(model: nn.Module, dropout: float | None) -> tuple[Layer, ...] | None:
    """Read a network as layers; None if it is made of anything else, or of several activations.

    All of its dropout has to have the rate `dropout`: a batch has one rate for each network.
    """
    if type(model) is not nn.Sequential:
        return None
    layers: list[Layer] = []
    drops = False
    for module in model:
        if type(module).forward not in _FORWARDS:
            return None
        match module:
            case models.Dropout() if not drops and module.rate == dropout:
                drops = True
            case models.Linear() if not layers or layers[-1].activation:
                inputs, outputs = module.weights.shape
                layers.append(Layer(inputs, outputs, "", drops))
                drops = False
            case _ if (
                layers and not (layers[-1].activation or drops) and (name := _name_of(module))
            ):
                layers[-1] = replace(layers[-1], activation=name)
            case _:
                return None
    if len({layer.activation for layer in layers[:-1]}) > 1:
        return None
    ends_well = bool(layers) and not layers[-1].activation and not drops
    ends_well = ends_well and layers[-1].outputs == OUTPUTS
    # A layer that is used twice has its parameters only once.
    each_its_own = sum(layer.size for layer in layers) == sum(p.numel() for p in model.parameters())
    return tuple(layers) if ends_well and each_its_own else None


def _name_of(module: nn.Module) -> str:
    """Return the name of an activation; "" of what is none, or another GELU."""
    if getattr(module, "approximate", "none") != "none":
        return ""
    return next((name for name, kind in mlp.ACTIVATIONS.items() if isinstance(module, kind)), "")


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """Return a network's parameters, in the order of its layers, as one vector."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
