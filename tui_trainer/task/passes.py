"""What somebody's code may leave behind: settings of torch for everybody, and a changed input.

A network's code runs in every pass, so each one is watched: nothing depends on how many steps are
done at a time.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tui_trainer.config.validation import InvalidSettingsError


class UserCodeError(InvalidSettingsError):
    """What is wrong with somebody's code, in one line; `setting` is the one that names it."""

    setting = "architecture"


class _Everybodys(NamedTuple):
    """Settings of the process."""

    dtype: torch.dtype
    precision: str
    anomalies: bool

    @classmethod
    def now(cls) -> "_Everybodys":
        return cls(
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
            torch.is_anomaly_enabled(),
        )

    def restore(self) -> None:
        if self != self.now():
            torch.set_default_dtype(self.dtype)
            torch.set_float32_matmul_precision(self.precision)
            torch.autograd.set_detect_anomaly(self.anomalies)


class _Threads(NamedTuple):
    """Settings of a thread, and the streams."""

    threads: int
    gradients: bool
    device: torch.device
    streams: tuple[Any, Any]

    @classmethod
    def now(cls) -> "_Threads":
        # An empty tensor is on the default device, and made in less time than that is asked for.
        return cls(
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.empty(0).device,
            (sys.stdout, sys.stderr),
        )

    def restore(self) -> None:
        if self != (now := self.now()):
            torch.set_num_threads(self.threads)
            torch.set_grad_enabled(self.gradients)
            if self.device != now.device:
                torch.set_default_device(self.device)
            sys.stdout, sys.stderr = self.streams


class _Inside:
    """Who runs somebody's code: the first one knows what the process had before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = _Everybodys.now()

    def enter(self) -> _Threads:
        with self._lock:
            if not self._count:
                self._before = _Everybodys.now()
            self._count += 1
        return _Threads.now()

    def leave(self, before: _Threads) -> None:
        with self._lock:
            self._count -= 1
            self._before.restore()
        before.restore()


_inside = _Inside()
_entered = threading.local()


@contextlib.contextmanager
def undoing_settings() -> Iterator[None]:
    """Restore what torch and Python keep for everybody, whatever happens."""
    before = _inside.enter()
    try:
        yield
    finally:
        _inside.leave(before)


def watch_passes(network: nn.Module, name: str) -> None:
    """Have each pass of a network, called `name`, restore settings, and refuse a changed input."""
    if isinstance(network, torch.jit.ScriptModule):
        return  # takes no hooks; its code is no Python
    network.register_forward_pre_hook(_before_pass)
    network.register_forward_hook(partial(_after_pass, name), always_call=True)


def _before_pass(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    if not hasattr(_entered, "passes"):
        _entered.passes = []
    _entered.passes.append((_inside.enter(), inputs[0]._version))


def _after_pass(
    name: str, network: nn.Module, inputs: tuple[Tensor, ...], prediction: object
) -> None:
    before, version = _entered.passes.pop()
    _inside.leave(before)
    failed = prediction is None  # which has its own words
    if not failed and inputs[0]._version != version:
        raise changes_its_input(name)


def changes_its_input(name: str) -> UserCodeError:
    """Say that a network called `name` writes to the data, which others share."""
    return UserCodeError(
        f"{name}: the network changes its input in place: use an out-of-place operation, such as "
        "ReLU() without inplace=True"
    )
