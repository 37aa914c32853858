"""Ends people's code that is being called: a file may hang. Needs no torch."""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Stopped: TypeAlias = Callable[[], bool]

LIMIT_SECONDS = 60.0  # a file may import a large library
POLL_SECONDS = 0.05


class Interrupted(BaseException):
    """Ends code that hangs; no Exception, which that code may catch."""


def _never() -> bool:
    return False


_stopped: ContextVar[Stopped] = ContextVar("stopped", default=_never)


@contextmanager
def interrupting_if(stopped: Stopped) -> Iterator[None]:
    """Have people's code that is called within the context end once it is `stopped`."""
    token = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(token)


def is_stopped() -> bool:
    """Say whether it is stopped already."""
    return _stopped.get()()


def why_interrupted() -> str:
    """Say what ended code that was called here."""
    return "stopped" if is_stopped() else f"still running after {LIMIT_SECONDS:.0f} s"


def interruptibly(work: Callable[[], T]) -> T:
    """Do something; have `Interrupted` end it in the middle of Python code that hangs."""
    stopped, thread = _stopped.get(), threading.get_ident()
    done, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        began = time.monotonic()
        while not done.wait(POLL_SECONDS):
            if stopped() or time.monotonic() - began > LIMIT_SECONDS:
                with lock:
                    if not done.is_set():
                        _raise_in(thread, Interrupted)

    threading.Thread(target=watch, daemon=True, name="watch").start()
    try:
        return work()
    finally:
        with lock:
            done.set()
        _raise_in(thread, None)  # one that is on its way has missed its aim


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    raised = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
