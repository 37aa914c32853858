"""Linear layers that differ only in how their parameters are initialised.

Every layer maps ``(N, inputs)`` to ``(N, outputs)`` as ``x @ weights + bias``, with ``weights`` of
shape ``(inputs, outputs)`` and ``bias`` of shape ``(outputs,)``. Random draws come from
`generator` (torch's global CPU generator by default), weights first, then the bias.
"""

import math
from typing import Protocol

import torch
from torch import Generator, Tensor, nn


class Linear(nn.Module):
    """``x @ weights + bias``, a matmul and then an add, from given initial values."""

    def __init__(self, weights: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs)`` to ``(N, outputs)``."""
        return x @ self.weights + self.bias

    def extra_repr(self) -> str:
        """Show the shape as torch's own layers do."""
        inputs, outputs = self.weights.shape
        return f"{inputs}, {outputs}"


class LinearZeros(Linear):
    """All parameters 0: hidden units stay equal, and dead where the activation of 0 is 0."""

    def __init__(self, inputs: int, outputs: int, generator: Generator | None = None) -> None:
        super().__init__(torch.zeros(inputs, outputs), torch.zeros(outputs))


class LinearNormal(Linear):
    """Weights and bias from N(0, 1): activations grow by √inputs per layer."""

    def __init__(self, inputs: int, outputs: int, generator: Generator | None = None) -> None:
        weights = torch.randn(inputs, outputs, generator=generator)
        super().__init__(weights, torch.randn(outputs, generator=generator))


class LinearKaiming(Linear):
    """Weights with standard deviation 1/√inputs, bias 0: a layer keeps the scale of its input."""

    def __init__(self, inputs: int, outputs: int, generator: Generator | None = None) -> None:
        weights = torch.randn(inputs, outputs, generator=generator) / math.sqrt(inputs)
        super().__init__(weights, torch.zeros(outputs))


class LinearHe(Linear):
    """Weights with standard deviation √(2/inputs), bias 0: compensates for ReLU.

    He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    """

    def __init__(self, inputs: int, outputs: int, generator: Generator | None = None) -> None:
        weights = torch.randn(inputs, outputs, generator=generator) * math.sqrt(2 / inputs)
        super().__init__(weights, torch.zeros(outputs))


class LinearXavier(Linear):
    """Weights with standard deviation √(2/(inputs + outputs)), bias 0.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010, equation 12, in its normal form.
    """

    def __init__(self, inputs: int, outputs: int, generator: Generator | None = None) -> None:
        std = math.sqrt(2 / (inputs + outputs))
        weights = torch.randn(inputs, outputs, generator=generator) * std
        super().__init__(weights, torch.zeros(outputs))


class LinearTorch(Linear):
    """Weights and bias from U(±1/√inputs): the draws of `torch.nn.Linear`."""

    def __init__(self, inputs: int, outputs: int, generator: Generator | None = None) -> None:
        weights, bias = torch.empty(outputs, inputs), torch.empty(outputs)
        nn.init.kaiming_uniform_(weights, a=math.sqrt(5), generator=generator)
        bound = 1 / math.sqrt(inputs)
        nn.init.uniform_(bias, -bound, bound, generator=generator)
        super().__init__(weights.T.contiguous(), bias)


class MakeLinear(Protocol):
    """Makes a network's linear layers, as any class of this module does."""

    def __call__(self, inputs: int, outputs: int, generator: Generator | None = None) -> Linear:
        """Make a layer."""
        ...
