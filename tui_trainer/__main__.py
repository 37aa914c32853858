"""``python -m tui_trainer``, and what the command ``tui-trainer`` calls."""

import os
import signal


def main() -> None:
    """Run the program; signals end it at once and silently where it has no use for them.

    No exception does that: what is being imported may swallow it, and what Python then does at its
    end may wait for a terminal that nobody reads.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, frame: os._exit(128 + number))

    from tui_trainer.cli import main as run  # takes a while

    run()


if __name__ == "__main__":
    main()
