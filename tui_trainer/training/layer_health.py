"""What is computed of layers, whoever measures: norms as tensors, and what they mean as numbers."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tui_trainer.training.events import LayerHealth
from tui_trainer.training.unit_activity import LastActive


def group_norms(tensors: Sequence[Tensor], groups: Sequence[Sequence[int]]) -> Tensor:
    """Return the norm of each group of tensors, given by their places: float32, (groups,)."""
    norms = [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
    device = norms[0].device
    norms = [norm.to(device, non_blocking=True) for norm in norms]
    return torch.stack(
        [torch.linalg.vector_norm(torch.stack([norms[n] for n in group])) for group in groups]
    )


def read_activity(found: Mapping[int, tuple[str, Tensor]]) -> dict[int, tuple[str, list[bool]]]:
    """Bring what `UnitActivity` found to the host."""
    return {number: (name, units.tolist()) for number, (name, units) in found.items()}


def measured_layers(
    names: Sequence[str],
    sizes: Sequence[Sequence[float]],
    found: Mapping[int, tuple[str, Sequence[bool]]],
    last_active: LastActive,
    step: int,
) -> tuple[LayerHealth, ...]:
    """Put a measurement together: `sizes` are each layer's norms of gradient, update, weights."""
    last_active.see(step, {number: units for number, (_, units) in found.items()})
    layers = []
    for number, (name, (gradient, update, weight)) in enumerate(zip(names, sizes, strict=True)):
        ratio = update / weight if weight else math.nan
        activation, units = found.get(number, ("", ()))
        dead, since = last_active.dead(number)
        layers.append(
            LayerHealth(
                name, _finite(gradient), _finite(ratio), activation, len(units), dead, since
            )
        )
    return tuple(layers)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
