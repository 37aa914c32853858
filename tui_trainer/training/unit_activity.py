"""Which units of a network are active: what its activations return, seen from the outside.

Activations are recognised as the functions that they call, so that ``F.relu(self.fc(x))`` counts
as ``nn.ReLU`` does. What follows a layer, before the next one, is that layer's activation.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

_FLAT = 0.01
_CHANNELS_FIRST = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.GroupNorm)

# Where an activation's slope is near 0, no gradient gets through. For ReLU that is an output of 0;
# tanh passes 2 % at 0.99, sigmoid 1 % at either end; the smooth kin of ReLU return less than 0.01
# where they are off, or where nothing reaches them.
ACTIVE: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda y: y > 0,
    "relu6": lambda y: (y > 0) & (y < 6),
    "tanh": lambda y: y.abs() < 1 - _FLAT,
    "hardtanh": lambda y: y.abs() < 1 - _FLAT,
    "sigmoid": lambda y: (y > _FLAT) & (y < 1 - _FLAT),
    "gelu": lambda y: y.abs() > _FLAT,
    "silu": lambda y: y.abs() > _FLAT,
    "mish": lambda y: y.abs() > _FLAT,
    "hardswish": lambda y: y.abs() > _FLAT,
}


class UnitActivity(TorchFunctionMode):
    """Watches the passes of a network that are to be learned from, from `arm` to `disarm`.

    `found` then has, by the layer's number, its activation's name and whether each unit was active
    for any input: bool, of shape (units,).
    """

    def __init__(self, model: nn.Module, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self._model, self._layers = model, layers
        self.found: dict[int, tuple[str, Tensor]] = {}
        self._handles: list[RemovableHandle] = []
        self._layer: int | None = None
        self._seconds = 0.0
        self._passes: list[ExitStack] = []  # under way, one in another

    def arm(self) -> None:
        """Begin to watch; forget what was found before."""
        self.found = {}
        self._handles = [
            layer.register_forward_hook(self._passing(number))
            for number, layer in enumerate(self._layers)
        ]
        self._handles.append(self._model.register_forward_pre_hook(self._begin))
        self._handles.append(self._model.register_forward_hook(self._end, always_call=True))

    def take_seconds(self) -> float:
        """Return what looking at outputs has taken since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def disarm(self) -> None:
        """Watch no more, and leave nothing in the network."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _begin(self, *_: object) -> None:
        if torch.is_grad_enabled():
            self._layer = None
            self._passes.append(ExitStack())
            self._passes[-1].enter_context(self)

    def _end(self, *_: object) -> None:
        if self._passes:
            self._passes.pop().close()

    def _passing(self, number: int) -> Callable[..., None]:
        def passed(*_: object) -> None:
            self._layer = number

        return passed

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").rstrip("_")
        if self._layer is not None and name in ACTIVE and isinstance(output, Tensor):
            began = time.perf_counter()
            self._see(self._layer, name, output.detach())
            self._seconds += time.perf_counter() - began
        return output

    def _see(self, number: int, name: str, output: Tensor) -> None:
        """Add an activation's output; of two activations the first is the layer's."""
        if output.dim() == 0:
            return
        first = output.dim() > 2 and isinstance(self._layers[number], _CHANNELS_FIRST)
        units = output.transpose(1, -1) if first else output
        active = ACTIVE[name](units).reshape(-1, units.shape[-1]).any(0)
        known = self.found.get(number)
        if known is None:
            self.found[number] = name, active
        elif known[0] == name and known[1].shape == active.shape:
            self.found[number] = name, known[1] | active


class LastActive:
    """The measurements at which units were active last, and which are dead by that.

    A unit is dead that was active in none of the last `window` measurements; one measurement does
    where it sees all data, and does not where it sees a batch.
    """

    def __init__(self, window: int) -> None:
        self._recent: deque[int] = deque(maxlen=window)  # steps of measurements
        self._first = 0
        self._last: dict[int, list[int | None]] = {}  # by layer, the step of each unit

    def see(self, step: int, active: Mapping[int, Sequence[bool]]) -> None:
        """Take in a measurement: by layer, whether each unit was active."""
        self._first = self._first or step
        self._recent.append(step)
        for layer, units in active.items():
            before = self._last.get(layer, [])
            if len(before) != len(units):
                before = [None] * len(units)
            self._last[layer] = [
                step if is_active else last for last, is_active in zip(before, units, strict=True)
            ]

    def dead(self, layer: int) -> tuple[int, int]:
        """Return how many units are dead, and since which step none of them was seen active.

        That is the step of the first measurement where none ever was.
        """
        if len(self._recent) < (self._recent.maxlen or 1):
            return 0, 0
        units = self._last.get(layer, ())
        dead = [last for last in units if last is None or last < self._recent[0]]
        return len(dead), max((last or self._first for last in dead), default=0)
