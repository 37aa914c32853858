"""The terminal while the app holds it, and how it is given back even if nobody reads from it."""

import os
import termios
import time
from collections.abc import Callable
from typing import Any

from tui_trainer.terminal_modes import RESTORING, is_in_foreground
from tui_trainer.tui.terminal.hang_up import on_hang_up

STUBBORN = 1.0  # seconds for a terminal to take the sequences that restore it


class HeldTerminal:
    """The terminal behind two descriptors, and its attributes when it was found.

    `close` has nobody read from it any more, which would never end where it is gone.
    """

    def __init__(self, stdin: int, stderr: int, close: Callable[[], None]) -> None:
        self._stdin, self._stderr, self.close = stdin, stderr, close
        self._attributes: list[Any] = termios.tcgetattr(stdin)
        self._raw: list[Any] | None = None  # the app's modes, once it has set them

    def note_raw_modes(self) -> None:
        """Note the modes that the app has set."""
        self._raw = termios.tcgetattr(self._stdin)

    def set_raw_modes(self) -> None:
        """Set the app's modes again: a shell sets others when it continues what was stopped."""
        if self._raw is not None and is_in_foreground(self._stdin):  # else this would stop it
            termios.tcsetattr(self._stdin, termios.TCSANOW, self._raw)

    def on_hang_up(self, call: Callable[[], None]) -> None:
        """Have a thread call once the terminal is gone."""
        on_hang_up(self._stdin, call)

    def restore(self) -> None:
        """Restore modes, screen and cursor, even if nobody reads and a thread is stuck writing.

        What has been written and not read is dropped, and so is what that thread has left.

        Raises:
            OSError, termios.error: if the terminal is gone.
        """
        # Opened anew: a descriptor that may not block is not to be the shell's, too.
        own = os.open(os.ttyname(self._stderr), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stderr)
        rest, deadline = RESTORING, time.monotonic() + STUBBORN
        while rest and time.monotonic() < deadline:
            termios.tcsetattr(own, termios.TCSANOW, self._attributes)  # wakes that thread, too
            try:
                rest = rest[os.write(own, rest) :]
            except BlockingIOError:
                termios.tcflow(own, termios.TCOON)
                termios.tcflush(own, termios.TCOFLUSH)
                time.sleep(0.01)


class HeldPipes:
    """The pipes to a page in a browser: there is nothing to restore."""

    def restore(self) -> None:
        """Leave it."""

    def close(self) -> None:
        """Leave it."""

    def on_hang_up(self, call: Callable[[], None]) -> None:
        """Leave that to the driver, which reads from the pipe."""
