"""What to do about a terminal that is gone."""

import os
import select
import threading
from collections.abc import Callable

_GONE = select.POLLHUP | select.POLLERR


def on_hang_up(terminal: int, call: Callable[[], object]) -> None:
    """Have a thread call, once nobody is behind a terminal: not all are told so by a signal."""

    def wait() -> None:
        poll = select.poll()
        poll.register(terminal, 0)  # for what is reported unasked: the end
        if any(event & _GONE for _, event in poll.poll()):
            call()

    threading.Thread(target=wait, name="hang-up", daemon=True).start()


def let_go_of_terminal() -> None:
    """Have the three standard streams wait for no terminal, and keep none."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        if os.isatty(stream) or _is_gone(stream):
            os.dup2(nowhere, stream)
    os.close(nowhere)


def _is_gone(stream: int) -> bool:
    poll = select.poll()
    poll.register(stream, 0)
    return bool(poll.poll(0))
