"""Measures the layers of a loop's network with hooks, at a step now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.task.network import layers_of, trainable_parameters
from tui_trainer.training.events import HealthMeasured
from tui_trainer.training.layer_health import group_norms, measured_layers, read_activity
from tui_trainer.training.unit_activity import LastActive, UnitActivity

SPACING_SECONDS = 1.0  # between two measured steps, at least
SHARE = 0.01  # of the time, at most
_SPREAD = 1000  # a loop of any length has some thousands of measurements: its file stays small
_BATCHES = 5  # measured ones, in none of which a dead unit is active
MOST_LAYERS = 200
_MOST_ELEMENTS = 2**20  # of a parameter, whose change is measured

Sample = Callable[[], HealthMeasured]


class LoopHealth:
    """Watches one network and its optimiser; `take` gets what is to be read by another thread.

    The gradient is the one that the optimiser finds. Of a large parameter a part is copied, to see
    how it changes: 4 MB at most. Units are watched in passes with gradients, unless the network
    is compiled: hooks would have it compiled anew. Nothing here raises: it ends at a mistake.

    Args:
        prefix: what the layers' names begin with.
        step: returns the loop's step.
    """

    def __init__(
        self,
        optimizer: Any,
        model: nn.Module,
        prefix: str,
        step: Callable[[], int],
        take: Callable[[Sample], object],
    ) -> None:
        self._step, self._take = step, take
        layers = layers_of(model)
        layers = layers[:: -(-len(layers) // MOST_LAYERS) or 1]
        names = {module: name for name, module in model.named_modules()}
        self._names = [prefix + (names[m].removeprefix("module.") or "network") for m in layers]
        own = [trainable_parameters(layer) for layer in layers]
        self._parameters = [p for parameters in own for p in parameters]
        places = iter(range(len(self._parameters)))
        self._groups = [[next(places) for _ in parameters] for parameters in own]
        is_compiled = any(
            hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None) for m in names
        )
        self._activity = None if is_compiled else UnitActivity(model, layers)
        self._last_active = LastActive(_BATCHES)
        self._before: list[Tensor] | None = None
        self._is_armed = False
        self._began, self._due = time.perf_counter(), 0.0
        self._took = self._seconds = 0.0
        self._hooks = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]
        with self._timed():
            self._arm()

    def close(self) -> None:
        """Leave nothing in the network or the optimiser."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._disarm()

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with torch.no_grad():
                yield
        except Exception:
            self.close()
        self._took += time.perf_counter() - began

    def _arm(self) -> None:
        self._is_armed = True
        if self._activity is not None:
            self._activity.arm()

    def _disarm(self) -> None:
        self._is_armed, self._before = False, None
        if self._activity is not None:
            self._activity.disarm()

    def _before_step(self, *_: object) -> None:
        if self._is_armed and not _is_captured():
            with self._timed():
                self._before = [_part(parameter).clone() for parameter in self._parameters]

    def _after_step(self, *_: object) -> None:
        if self._before is not None and self._parameters:
            with self._timed():
                self._measure(self._before)
        elif not self._is_armed and time.perf_counter() >= self._due:
            with self._timed():
                self._arm()

    def _measure(self, before: Sequence[Tensor]) -> None:
        began = time.perf_counter()
        gradients = [p.grad if p.grad is not None else p.new_zeros(1) for p in self._parameters]
        gradients = [g.coalesce().values() if g.is_sparse else g for g in gradients]
        updates = [_part(p) - old for p, old in zip(self._parameters, before, strict=True)]
        sizes = torch.stack(
            [group_norms(tensors, self._groups) for tensors in (gradients, updates, before)], 1
        )
        found = dict(self._activity.found) if self._activity is not None else {}
        self._disarm()
        now, step = time.perf_counter(), self._step()
        if self._activity is not None:
            self._took += self._activity.take_seconds()
        took, self._took = self._took + now - began, -(now - began)  # which `_timed` adds
        self._seconds += took
        share = self._seconds / max(now - self._began, 1e-9)
        self._due = now + max(SPACING_SECONDS, took / SHARE, (now - self._began) / _SPREAD)

        def read() -> HealthMeasured:
            numbers: list[list[float]] = sizes.tolist()
            layers = measured_layers(
                self._names, numbers, read_activity(found), self._last_active, step
            )
            return HealthMeasured(step, layers, took, share)

        self._take(read)


def _part(parameter: Tensor) -> Tensor:
    """Return a parameter, or the first rows of a large one."""
    tensor = parameter.detach()
    if tensor.numel() <= _MOST_ELEMENTS or not tensor.dim():
        return tensor
    return tensor[: max(1, _MOST_ELEMENTS * len(tensor) // tensor.numel())]


def _is_captured() -> bool:
    """Say whether a compiler or a CUDA graph records what is done now, to repeat it."""
    if torch.compiler.is_compiling():
        return True
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
