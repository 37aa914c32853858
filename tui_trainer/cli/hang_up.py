"""The flag that says what becomes of a run whose terminal is gone, and what a command does then."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar, get_args

import click

from tui_trainer.config.user_settings import OnHangup
from tui_trainer.tui.terminal.hang_up import let_go_of_terminal, on_hang_up

F = TypeVar("F", bound=Callable[..., Any])


def hangup_option(command: F) -> F:
    """Add the flag, whose default is that of ``config.toml``."""
    return click.option(
        "--on-hangup", type=click.Choice(get_args(OnHangup)),
        help="When the terminal is gone: continue without it, or checkpoint and end. "
             "[default: continue]",
    )(command)  # fmt: skip


@contextlib.contextmanager
def outliving_the_terminal(goes_on: Callable[[], bool]) -> Iterator[None]:
    """Let go of a terminal that is gone, and go on, if `goes_on` says so then.

    If not, the signal does what it did before: one is sent where the terminal went without.
    """
    before = signal.getsignal(signal.SIGHUP)

    def take(number: int, frame: FrameType | None) -> None:
        if goes_on():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            let_go_of_terminal()
        elif callable(before):
            before(number, frame)

    if before is signal.SIG_IGN:  # as nohup has it
        yield
        return
    signal.signal(signal.SIGHUP, take)
    terminal = next((stream for stream in (0, 1, 2) if os.isatty(stream)), None)
    if terminal is not None:
        on_hang_up(terminal, lambda: os.kill(os.getpid(), signal.SIGHUP))
    yield
