"""The networks and their layers; torch and nothing else.

`linear` and `dropout` define the layers. Every other module here is a network: it has a `build`
with the signature of `mlp.build`, and an architecture preset names it in `network`.
"""

from .dropout import Dropout, Source
from .linear import (
    Linear,
    LinearHe,
    LinearKaiming,
    LinearNormal,
    LinearTorch,
    LinearXavier,
    LinearZeros,
    MakeLinear,
)

__all__ = [
    "Dropout",
    "Linear",
    "LinearHe",
    "LinearKaiming",
    "LinearNormal",
    "LinearTorch",
    "LinearXavier",
    "LinearZeros",
    "MakeLinear",
    "Source",
]
