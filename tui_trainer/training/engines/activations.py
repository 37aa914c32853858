"""Activations and their gradients by hand, into tensors that stay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer.training.engines.layers import Layer

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Activation:
    """`apply` takes sums, and where the outputs go; they are the same tensor without `keeps_sums`.

    `go_back` takes the gradient of the outputs, which it turns into that of the sums, then the
    outputs or, with `keeps_sums`, the sums.
    """

    apply: Callable[[Tensor, Tensor], object]
    go_back: Callable[[Tensor, Tensor], object]
    keeps_sums: bool = False


BY_HAND: Mapping[str, Activation] = {
    "relu": Activation(
        lambda sums, _: sums.relu_(),
        lambda delta, outputs: _aten.threshold_backward.grad_input(
            delta, outputs, 0, grad_input=delta
        ),
    ),
    "tanh": Activation(
        lambda sums, _: sums.tanh_(),
        lambda delta, outputs: _aten.tanh_backward.grad_input(delta, outputs, grad_input=delta),
    ),
    "gelu": Activation(
        lambda sums, outputs: _aten.gelu.out(sums, out=outputs),
        lambda delta, sums: _aten.gelu_backward.grad_input(delta, sums, grad_input=delta),
        keeps_sums=True,
    ),
    "silu": Activation(
        lambda sums, outputs: _aten.silu.out(sums, out=outputs),
        lambda delta, sums: _aten.silu_backward.grad_input(delta, sums, grad_input=delta),
        keeps_sums=True,
    ),
}


def keeps_sums(layer: Layer) -> bool:
    """Whether the gradient needs a layer's sums beside its outputs."""
    return bool(layer.activation) and BY_HAND[layer.activation].keeps_sums
