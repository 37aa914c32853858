"""The multilayer perceptron: linear layers with a ReLU between them."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Generator, nn

from .dropout import Dropout
from .linear import MakeLinear


def build(
    inputs: int,
    outputs: int,
    hidden: Sequence[int],
    make_linear: MakeLinear,
    dropout: float | None = None,
    generator: Generator | None = None,
) -> nn.Sequential:
    """Build ``inputs → hidden[0] → … → outputs`` with a ReLU after each layer but the last.

    With no hidden layers this is a single linear layer. With `dropout`, one `Dropout` of that rate
    precedes every linear layer, the first included. Layers are made from input to output,
    each drawing from `generator` in turn.
    """
    layers: list[nn.Module] = []
    for layer_inputs, layer_outputs in pairwise([inputs, *hidden, outputs]):
        if layers:
            layers.append(nn.ReLU())
        if dropout is not None:
            layers.append(Dropout(dropout, generator))
        layers.append(make_linear(layer_inputs, layer_outputs, generator))
    return nn.Sequential(*layers)
