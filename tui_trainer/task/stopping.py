"""Who may end people's code that is being called: a file may hang. Needs no torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Stopped: TypeAlias = Callable[[], bool]


def _never() -> bool:
    return False


_stopped: ContextVar[Stopped] = ContextVar("stopped", default=_never)


@contextmanager
def stopping_if(stopped: Stopped) -> Iterator[None]:
    """Have people's code that is called within the context end once it is `stopped`."""
    token = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(token)


def current_stop() -> Stopped:
    """Return what says so here, to ask from another thread."""
    return _stopped.get()


def is_stopped() -> bool:
    """Say whether it is stopped already."""
    return _stopped.get()()
