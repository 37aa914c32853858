"""The multilayer perceptron: linear layers with an activation between them."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Generator, nn

from .dropout import Dropout
from .linear import MakeLinear

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def build(
    inputs: int,
    outputs: int,
    hidden: Sequence[int],
    make_linear: MakeLinear,
    dropout: float | None = None,
    generator: Generator | None = None,
    activation: str = "relu",
) -> nn.Sequential:
    """Build ``inputs → hidden[0] → … → outputs``, an activation after each layer but the last.

    With no hidden layers this is a single linear layer. With `dropout`, one `Dropout` of that rate
    precedes every linear layer, the first included. Layers are made from input to output,
    each drawing from `generator` in turn. `activation` is one of `ACTIVATIONS`.
    """
    layers: list[nn.Module] = []
    for layer_inputs, layer_outputs in pairwise([inputs, *hidden, outputs]):
        if layers:
            layers.append(ACTIVATIONS[activation]())
        if dropout is not None:
            layers.append(Dropout(dropout, generator))
        layers.append(make_linear(layer_inputs, layer_outputs, generator))
    return nn.Sequential(*layers)
