"""``python -m tui_trainer``, and what the command ``tui-trainer`` calls."""

import os
import signal
from typing import NoReturn


class _SignalledError(BaseException):
    """A signal came."""


def main() -> None:
    """Run the program. A signal that nothing else handles ends it as it ends others: silently.

    First what is under way is left as exceptions leave it; a second signal ends the process at
    once. Nothing more is written: the terminal may be one that nobody reads.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish
            signal.signal(number, _leave)
    try:
        from tui_trainer.cli import main as run  # takes a while, in which signals come too

        run()
    except _SignalledError as signalled:
        os._exit(128 + signalled.args[0])


def _leave(number: int, frame: object) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    raise _SignalledError(number)


if __name__ == "__main__":
    main()
