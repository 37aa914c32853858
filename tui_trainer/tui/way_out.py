"""The way out: the process is gone seconds after a request to leave, its terminal as it was.

Textual leaves once its threads have ended and the terminal has taken all that was written. A step
that does not return, or a terminal that nobody reads, would hold it for ever.
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

from textual.driver import Driver

_GRACE = 3.0  # seconds for an orderly end
_STUBBORN = 1.0  # seconds for a terminal to take the sequences below
_HUNG_UP = 128 + signal.SIGHUP
_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What Textual's driver switches on, switched off: unfinished frame, mouse, focus, pasting, sizes,
# keyboard protocol; then colours, line wrap, the normal screen and the cursor.
_RESTORING = b"".join(
    b"\x1b[" + code
    for code in (
        *(b"?%dl" % mode for mode in (2026, 1000, 1003, 1015, 1006, 1016, 1004, 2004, 2048)),
        *(b"<u", b"0m", b"?7h", b"?1049l", b"?25h"),
    )
)


class WayOut:
    """Ends the process by force where it does not end by itself.

    Args:
        leave: called in the event loop when a signal asks to leave.
        stop: asks the app's threads to end; called in a thread of its own.
    """

    def __init__(self, leave: Callable[[signal.Signals], None], stop: Callable[[], None]) -> None:
        self._leave, self._stop = leave, stop
        self._statuses: SimpleQueue[int] = SimpleQueue()  # a signal's handler may put into it
        self._terminal: _Terminal | _Browser | None = None  # while the app has it
        self._watches = False

    def must_end(self, status: int) -> None:
        """Give the process some seconds to end by itself; the first status counts."""
        self._statuses.put(status)
        if self._watches:
            # C code that never gives up the interpreter would hold up the thread below: this
            # needs none, but can't restore the terminal.
            late = _GRACE + 2 * _STUBBORN
            faulthandler.dump_traceback_later(late, exit=True, file=self._nowhere)

    def take(self, terminal: "_Terminal | _Browser") -> None:
        """Note that the app takes a terminal; from the first one on, signals are watched."""
        self._terminal = terminal
        if not self._watches:
            self._watches = True
            self._nowhere = os.open(os.devnull, os.O_WRONLY)
            threading.Thread(target=self._insist, name="way-out", daemon=True).start()
            self._watch_signals(asyncio.get_running_loop())

    @property
    def has_terminal(self) -> bool:
        """Whether the app has the terminal; a suspended one has not."""
        return self._terminal is not None

    def gave_back(self) -> None:
        """Note that the terminal is as it was."""
        self._terminal = None

    def _watch_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take requests by signal even while the UI's thread waits for the terminal.

        The loop's own handlers would wait with it.
        """

        def ask(number: int, frame: object) -> None:
            self.must_end(128 + number)
            _stay_awake()
            with contextlib.suppress(RuntimeError):  # the loop is closed: it is leaving already
                loop.call_soon_threadsafe(self._leave, signal.Signals(number))

        for request in _REQUESTS:
            signal.signal(request, ask)

    def _insist(self) -> None:
        status = self._statuses.get()
        threading.Thread(target=self._stop, daemon=True).start()  # this one may not be held up
        time.sleep(_GRACE)
        try:
            if self._terminal is not None:
                self._terminal.restore()
        finally:
            os._exit(status)


class _Browser:
    """What is behind pipes: there is nothing to restore."""

    def restore(self) -> None:
        """Leave it."""


class _Terminal:
    """The terminal behind two descriptors, and its attributes when it was found."""

    def __init__(self, stdin: int, stderr: int) -> None:
        self._stderr = stderr
        self._attributes: list[Any] = termios.tcgetattr(stdin)

    def restore(self) -> None:
        """Restore modes, screen and cursor, even if nobody reads and a thread is stuck writing.

        What has been written and not read is dropped, and so is what that thread has left.

        Raises:
            OSError, termios.error: if the terminal is gone.
        """
        # Opened anew: a descriptor that may not block is not to be the shell's, too.
        own = os.open(os.ttyname(self._stderr), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stderr)
        rest, deadline = _RESTORING, time.monotonic() + _STUBBORN
        while rest and time.monotonic() < deadline:
            termios.tcsetattr(own, termios.TCSANOW, self._attributes)  # wakes that thread, too
            try:
                rest = rest[os.write(own, rest) :]
            except BlockingIOError:
                termios.tcflow(own, termios.TCOON)
                termios.tcflush(own, termios.TCOFLUSH)
                time.sleep(0.01)


def with_way_out(driver: type[Driver], way_out: WayOut) -> type[Driver]:
    """Derive a driver that tells when it takes a terminal and when it has given it back."""

    class WatchedDriver(driver):  # type: ignore[misc, valid-type]
        def start_application_mode(self) -> None:
            assert sys.__stdin__ is not None
            assert sys.__stderr__ is not None
            if self.is_web:
                super().start_application_mode()  # which takes the signals
                way_out.take(_Browser())
            else:
                way_out.take(_Terminal(sys.__stdin__.fileno(), sys.__stderr__.fileno()))
                super().start_application_mode()

        def run_input_thread(self) -> None:
            super().run_input_thread()
            if self.is_web:  # the page, or all that served it, is gone
                way_out.must_end(_HUNG_UP)

        def stop_application_mode(self) -> None:
            if way_out.has_terminal:
                super().stop_application_mode()

        def close(self) -> None:
            super().close()
            way_out.gave_back()

        def _sigcont_application(self, *_: object) -> None:
            """Repaint after SIGSTOP, of which nothing knew: the terminal is as it was left.

            Taking it once more, as Textual does, would take its raw modes for those to restore.
            """
            if way_out.has_terminal:
                self._loop.call_soon_threadsafe(partial(self._app.refresh, layout=True))
            else:
                super()._sigcont_application()

    return WatchedDriver


def _stay_awake() -> None:
    """Keep a process that leaves from being stopped: in the background, by the terminal."""
    for number in (signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTSTP, signal.SIGCONT):  # one may be pending, so not SIG_IGN
        signal.signal(number, lambda number, frame: None)
