"""One stream of random numbers a run, whatever draws from it.

The project's own layers draw from the generator that they are given. Those of `torch.nn` draw from
torch's global generator: while they do, it takes on the state of the run's generator, and nobody
else's. So a run equals a script that starts with ``torch.manual_seed(seed)``.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from tui_trainer import models
from tui_trainer.config.validation import InvalidSettingsError

_global_generator = threading.RLock()


@contextmanager
def lending_globally(generator: Generator) -> Iterator[Generator]:
    """Have torch's global CPU generator continue `generator`'s stream; yields the global one.

    One thread at a time: the others wait.
    """
    with _global_generator:
        before = torch.get_rng_state()
        torch.set_rng_state(generator.get_state())
        try:
            yield torch.default_generator
        finally:
            generator.set_state(torch.get_rng_state())
            torch.set_rng_state(before)


@contextmanager
def training_draws(model: nn.Module, generator: Generator, globally: bool) -> Iterator[Generator]:
    """Have a training pass of `model` draw from `generator`, its `torch.nn` layers included.

    Yields the generator that has to be drawn from meanwhile.
    """
    if not globally:
        yield generator
        return
    with lending_globally(generator) as lent, drawing_from(model, lambda x: _uniform(lent, x)):
        yield lent


@contextmanager
def drawing_from(model: nn.Module, source: models.Source) -> Iterator[None]:
    """Have all `models.Dropout` of a network draw from `source` within the context."""
    dropouts = [m for m in model.modules() if isinstance(m, models.Dropout)]
    before = [dropout.source for dropout in dropouts]
    for dropout in dropouts:
        dropout.source = source
    try:
        yield
    finally:
        for dropout, own in zip(dropouts, before, strict=True):
            dropout.source = own


def draws_globally(model: nn.Module, x: Tensor) -> bool:
    """Say whether a training pass draws from torch's global generator; nothing is changed.

    Raises:
        InvalidSettingsError: if it draws from a GPU's generator, which runs side by side would
            share, or from one that is none of torch's.
    """
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    gpus = [x.device] if x.is_cuda else []
    with _global_generator, torch.random.fork_rng(gpus), torch.no_grad():
        before, others = _states(x), _foreign_states()
        model.train()
        with drawing_from(model, torch.ones_like):
            model(x)
        after, changed = _states(x), _changed_streams(others)
        for buffer, value in buffers:
            buffer.copy_(value)
    if any(not torch.equal(a, b) for a, b in zip(before[1:], after[1:], strict=True)):
        raise InvalidSettingsError(
            f"the network draws random numbers on {x.device}, which no run can repeat; "
            "use tui_trainer.models.Dropout, or train on the CPU"
        )
    if changed:
        raise InvalidSettingsError(
            f"the network draws random numbers from {changed}, which no run can repeat; "
            "use torch.rand and its like"
        )
    return not torch.equal(before[0], after[0])


def _states(x: Tensor) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(x.device)] if x.is_cuda else states


def _foreign_states() -> dict[str, Any]:
    return {"Python's random": random.getstate(), "numpy.random": np.random.get_state()}


def _changed_streams(before: dict[str, Any]) -> str:
    now = _foreign_states()
    return " and ".join(name for name in now if repr(now[name]) != repr(before[name]))


def _uniform(generator: Generator, x: Tensor) -> Tensor:
    return torch.rand(x.shape, generator=generator, dtype=x.dtype).to(x.device)
