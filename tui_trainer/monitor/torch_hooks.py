"""What torch itself tells of a training loop: steps of optimisers, their lr, losses, gradients.

A step of the loop begins when an optimiser steps that has stepped in the present one: so a GAN's
two optimisers share their steps. Its loss is the sum of what `backward` started from since an
optimiser stepped: that of which the step's gradient is the gradient.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from tui_trainer.monitor.monitor import is_any_open
from tui_trainer.monitor.scalars import to_scalar
from tui_trainer.monitor.script_monitor import ScriptMonitor

_UNSCALED = "_tui_trainer_unscaled"  # of a loss that a GradScaler made larger
PASSING = "passing"  # the function of ours that calls one of torch's


class StopAsked(KeyboardInterrupt):
    """A stop was asked for: to a script it is ctrl+c between two steps, which it may catch."""


@dataclass
class _Optimizer:
    """`suffix` tells its metrics from those of others, `groups` are those with an lr of their own.

    `grad_norm` is that of the step that it takes.
    """

    suffix: str
    groups: dict[str, int]
    grad_norm: Any = None

    def values(self, optimizer: Any, losses: list[Any]) -> dict[str, Any]:
        found = {name: optimizer.param_groups[at]["lr"] for name, at in self.groups.items()}
        if self.grad_norm is not None:
            found[f"grad_norm{self.suffix}"] = self.grad_norm
        if losses:
            found[f"loss{self.suffix}"] = sum(losses[1:], start=losses[0])
        return found


class TorchHooks:
    """Watches the loop of a script, once torch is there, and opens a monitor at its first step.

    Args:
        make_monitor: makes the monitor, which is started here.
        grad_norms: whether the norm of the gradient is recorded, as an optimiser gets it: clipped,
            if the script clips it.
    """

    def __init__(self, make_monitor: Callable[[], ScriptMonitor], *, grad_norms: bool) -> None:
        self.monitor: ScriptMonitor | None = None
        self._make_monitor, self._grad_norms = make_monitor, grad_norms
        self._yields = False  # to a monitor of the script's own
        self._optimizers: WeakKeyDictionary[Any, _Optimizer] = WeakKeyDictionary()
        self._schedulers: WeakSet[Any] = WeakSet()
        self._stepped: set[str] = set()  # suffixes of those that have stepped in the present step
        self._stepping: Any = None
        self._losses: list[Any] = []
        self._is_whole = self._is_backward = False
        self._step = 0

    def install(self, torch: Any) -> None:
        """Watch from now on."""
        optimizers: Any = import_module("torch.optim.optimizer")
        optimizers.register_optimizer_step_pre_hook(self._before_step)
        optimizers.register_optimizer_step_post_hook(self._after_step)
        _wrap(torch.autograd, "backward", self._during_backward)
        _wrap(torch.optim.Optimizer, "zero_grad", self._during_zero_grad)
        _wrap(torch.optim.lr_scheduler.LRScheduler, "__init__", self._during_scheduler)
        _wrap(torch.amp.GradScaler, "scale", _during_scale)

    # Around an optimiser's step

    def _before_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        if self._stepping not in (None, optimizer):  # a step of one that another one is made of
            return
        monitor = self._open_monitor()
        if monitor is None or monitor.is_off:
            return
        self._stepping = optimizer
        if optimizer not in self._optimizers:
            self._meet(monitor, optimizer)
        known = self._optimizers[optimizer]
        if not self._step or known.suffix in self._stepped:
            self._stepped.clear()
            self._step += 1
            if not monitor.step():
                self._stepping = None
                raise StopAsked
        self._stepped.add(known.suffix)
        if self._grad_norms:
            with contextlib.suppress(Exception):  # of gradients of a kind of their own
                known.grad_norm = _grad_norm(optimizer)

    def _after_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        if self._stepping is not optimizer:
            return
        self._stepping, self._is_whole = None, False
        losses, self._losses = self._losses, []
        assert self.monitor is not None
        with contextlib.suppress(TypeError):  # losses on several devices, an lr that is no number
            values = self._optimizers[optimizer].values(optimizer, losses)
            self.monitor.log(values, step=self._step)

    def _open_monitor(self) -> ScriptMonitor | None:
        if self.monitor is None and not self._yields:
            self._yields = is_any_open()
            if not self._yields:
                self.monitor = self._make_monitor()
                self.monitor.steer_schedulers(self._schedulers)
                self.monitor.start()
        return self.monitor

    def _meet(self, monitor: ScriptMonitor, optimizer: Any) -> None:
        """Number an optimiser by when it first steps; a later one may have that of one gone."""
        taken = {known.suffix for known in self._optimizers.values()}
        number = next(n for n in range(1, len(taken) + 2) if _suffix(n) not in taken)
        suffix, groups = _suffix(number), optimizer.param_groups
        named = {f"lr{suffix}": 0}
        rates = [float(group["lr"]) for group in groups]
        named |= {f"lr{suffix}/group {at + 1}": at for at, lr in enumerate(rates) if lr != rates[0]}
        self._optimizers[optimizer] = _Optimizer(suffix, named)
        monitor.attach(optimizer)

    # Around other functions of torch

    @contextlib.contextmanager
    def _during_backward(self, args: Any, keywords: Any) -> Iterator[None]:
        if self._is_backward:  # a checkpoint's, inside another one
            yield
            return
        if not self._is_whole:
            with contextlib.suppress(Exception):  # what is no loss
                self._losses += _losses(args[0] if args else keywords["tensors"])
        self._is_backward = True
        try:
            yield
        finally:
            self._is_backward = False

    @contextlib.contextmanager
    def _during_scheduler(self, args: Any, keywords: Any) -> Iterator[None]:
        """Remember a scheduler: of those made of others the others, which have the base rates."""
        yield
        with contextlib.suppress(TypeError):  # of a class that can't be hashed
            self._schedulers.add(args[0])

    @contextlib.contextmanager
    def _during_zero_grad(self, args: Any, keywords: Any) -> Iterator[None]:
        """Forget losses whose gradients are; of a closure's evaluations the first one counts."""
        if self._stepping is None:
            self._losses.clear()
        else:
            self._is_whole = bool(self._losses)
        yield


def _suffix(number: int) -> str:
    return f"_{number}" if number > 1 else ""


def _losses(roots: Any) -> list[Any]:
    """Return the scalars among what gradients are taken of, read later where they are on a GPU."""
    torch: Any = sys.modules["torch"]
    tensors = [roots] if isinstance(roots, torch.Tensor) else list(roots)
    tensors = [getattr(tensor, _UNSCALED, tensor) for tensor in tensors]
    return [to_scalar("loss", tensor) for tensor in tensors if tensor.numel() == 1]


def _grad_norm(optimizer: Any) -> Any:
    torch: Any = sys.modules["torch"]
    parameters = (p for group in optimizer.param_groups for p in group["params"])
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = [torch.linalg.vector_norm(grad.detach()) for grad in grads]
    return torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]))


@contextlib.contextmanager
def _during_scale(args: Any, keywords: Any) -> Iterator[Callable[[Any], None]]:
    """Remember what a scaled loss was before."""
    loss = args[1] if len(args) > 1 else keywords.get("outputs")

    def note(scaled: Any) -> None:
        if scaled is not loss and hasattr(loss, "detach"):
            setattr(scaled, _UNSCALED, loss.detach())

    yield note


def _wrap(owner: Any, name: str, during: Callable[[Any, Any], Any]) -> None:
    """Have a function of torch's called inside a context, which may take what it returns."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def passing(*args: Any, **keywords: Any) -> Any:
        with during(args, keywords) as note:
            result = original(*args, **keywords)
        if note is not None:
            note(result)
        return result

    setattr(owner, name, passing)
