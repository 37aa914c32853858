"""``--lifeline``: a viewer that a loop has opened in its own terminal ends with that loop."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

lifeline_option: Callable[[F], F] = click.option("--lifeline", type=int, hidden=True)


def end_with(lifeline: int | None) -> None:
    """End this process as SIGTERM does once nobody holds the other end of a pipe: its loop is gone.

    Else it would keep the terminal, which is the shell's again then.
    """
    if lifeline is None:
        return

    def wait() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
