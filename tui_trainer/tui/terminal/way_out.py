"""The way out: the process is gone seconds after a request to leave, its terminal as it was.

Textual leaves once its threads have ended and the terminal has taken all that was written. A step
that does not return, or a terminal that nobody reads, would hold it for ever.

A terminal that is gone is no request to end what is trained: that may go on without a screen.
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
from queue import Empty, SimpleQueue

from textual.driver import Driver

from tui_trainer.terminal_modes import is_in_foreground
from tui_trainer.tui.terminal.hang_up import let_go_of_terminal
from tui_trainer.tui.terminal.held_terminal import STUBBORN, HeldPipes, HeldTerminal

_GRACE = 3.0  # seconds for an orderly end
_POLL, _WAKE = 0.05, 0.2
_HUNG_UP = 128 + signal.SIGHUP
_HANG_UP, _ENDED = -2, -1  # no statuses: the terminal is gone; what went on without it has ended
_REQUESTS = (signal.SIGINT, signal.SIGTERM)


class WayOut:
    """Ends the process by force where it does not end by itself.

    Args:
        leave: called in the event loop when a signal asks to leave.
        stop: asks the app's threads to end; called in a thread of its own.
        go_on: called in a thread when the terminal is gone: returns the threads that go on
            without it, if any.
    """

    def __init__(
        self,
        leave: Callable[[signal.Signals], None],
        stop: Callable[[], None],
        go_on: Callable[[], list[threading.Thread]],
    ) -> None:
        self._leave, self._stop, self._go_on = leave, stop, go_on
        self._statuses: SimpleQueue[int] = SimpleQueue()  # a signal's handler may put into it
        self._terminal: HeldTerminal | HeldPipes | None = None  # while the app has it
        self._thread: threading.Thread | None = None
        self._first = threading.Lock()  # taken by the first request; a signal's handler may try to
        self.is_hung_up = False
        self.lets_job_run = False  # in the background; else the shell's job is stopped there

    def must_end(self, status: int) -> None:
        """Give the process some seconds to end by itself, if nothing was asked for before."""
        if self._first.acquire(blocking=False):
            self._ask(status)

    def _ask(self, status: int) -> None:
        self._statuses.put(status)
        if self._thread is not None:
            # C code that never gives up the interpreter would hold up the thread below: this
            # needs none, but can't restore the terminal.
            late = _GRACE + 2 * STUBBORN
            faulthandler.dump_traceback_later(late, exit=True, file=self._nowhere)

    def take(self, terminal: HeldTerminal | HeldPipes) -> None:
        """Note that the app takes a terminal; from the first one on, signals are watched."""
        self._terminal = terminal
        if self._thread is None:
            self._nowhere = os.open(os.devnull, os.O_WRONLY)
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._insist, name="way-out", daemon=True)
            self._thread.start()
            self._watch_signals()
            terminal.on_hang_up(self.hang_up)

    def take_terminal(self, start: Callable[[], None], close: Callable[[], None]) -> None:
        """Have `start` set the terminal up, once the shell lets this process use it.

        `close` has nobody read from it any more. A process that is to leave takes none. In the
        background all of the shell's job is stopped, as by a terminal, unless it is to run there.
        """
        assert sys.__stdin__ is not None
        assert sys.__stderr__ is not None
        stdin, stderr = sys.__stdin__.fileno(), sys.__stderr__.fileno()
        while not is_in_foreground(stdin):
            time.sleep(_POLL)  # what continued it may have asked it to end, by another thread
            if self._first.locked():
                return  # stopped, it would never end
            if not self.lets_job_run and not is_in_foreground(stdin):
                os.kill(0, signal.SIGSTOP)
        if self.has_terminal:  # taken by the handler of what continued it
            return
        terminal = HeldTerminal(stdin, stderr, close)
        self.take(terminal)
        start()
        terminal.note_raw_modes()

    @property
    def has_terminal(self) -> bool:
        """Whether the app has the terminal; a suspended one has not."""
        return self._terminal is not None

    def set_raw_modes(self) -> None:
        """Set the app's modes of the terminal again, if it has it and may."""
        if isinstance(self._terminal, HeldTerminal):
            with contextlib.suppress(OSError, termios.error):
                self._terminal.set_raw_modes()

    def gave_back(self) -> None:
        """Note that the terminal is as it was."""
        self._terminal = None

    def read_to_the_end(self, read: Callable[[], None], *, is_web: bool) -> None:
        """Read what is typed until nothing more can come."""
        try:
            read()
        except OSError:
            self.hang_up()
        if is_web:  # the page, or all that served it, is gone
            self.must_end(_HUNG_UP)

    def hang_up(self) -> None:
        """Leave, since the terminal is gone, unless that was asked for; some work may go on."""
        if self._first.acquire(blocking=False):
            self.is_hung_up = True
            self._statuses.put(_HANG_UP)
            self._leave_soon(signal.SIGHUP)

    def wait(self) -> None:
        """Wait for the end of what goes on without a terminal: it ends the process."""
        while self.is_hung_up and self._thread is not None:
            # A signal that another thread was given does not wake this one, which handles them.
            self._thread.join(_WAKE)

    def _watch_signals(self) -> None:
        """Take requests by signal even while the UI's thread waits for the terminal.

        The loop's own handlers would wait with it.
        """

        def ask(number: int, frame: object) -> None:
            self._first.acquire(blocking=False)
            self._ask(128 + number)
            _stay_awake()
            self._leave_soon(signal.Signals(number))

        def hang_up(number: int, frame: object) -> None:
            _stay_awake()
            self.hang_up()

        for request in _REQUESTS:
            signal.signal(request, ask)
        signal.signal(signal.SIGHUP, hang_up)

    def _leave_soon(self, number: signal.Signals) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it is leaving already
            self._loop.call_soon_threadsafe(self._leave, number)

    def _insist(self) -> None:
        """End the process: some seconds after the first request, at once after the second."""
        status = self._statuses.get()
        if status == _HANG_UP:
            status = self._without_terminal()
        if status != _ENDED:
            threading.Thread(target=self._stop, daemon=True).start()  # this one may not be held up
            with contextlib.suppress(Empty):
                self._statuses.get(timeout=_GRACE)
        try:
            if self._terminal is not None:
                self._terminal.restore()
        finally:
            os._exit(max(status, 0))

    def _without_terminal(self) -> int:
        """Wait for the end of what goes on, or for a signal; return the status to end with."""
        threads = self._go_on()
        if not threads:
            return _HUNG_UP
        threading.Thread(target=self._report_end, args=(threads,), daemon=True).start()
        deadline = time.monotonic() + _GRACE
        while self._terminal is not None and time.monotonic() < deadline:
            time.sleep(_POLL)
        if self._terminal is not None:
            with contextlib.suppress(OSError, termios.error):
                self._terminal.restore()
            self._terminal.close()
            self._terminal = None
        let_go_of_terminal()
        return self._statuses.get()

    def _report_end(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        self._statuses.put(_ENDED)


def stop_job() -> None:
    """Stop all processes of the shell's job, as ctrl+z does; returns once they are continued.

    A shell waits for the one that it started, which may be make, or the script of a loop.
    """
    suspends = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.kill(0, signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, suspends)
    os.kill(os.getpid(), signal.SIGSTOP)


def with_way_out(driver: type[Driver], way_out: WayOut) -> type[Driver]:
    """Derive a driver that tells when it takes a terminal and when it has given it back."""

    class WatchedDriver(driver):  # type: ignore[misc, valid-type]
        def start_application_mode(self) -> None:
            if self.is_web:
                super().start_application_mode()  # which takes the signals
                way_out.take(HeldPipes())
            else:
                way_out.take_terminal(super().start_application_mode, self.exit_event.set)

        def run_input_thread(self) -> None:
            way_out.read_to_the_end(super().run_input_thread, is_web=self.is_web)

        def stop_application_mode(self) -> None:
            if way_out.has_terminal:
                super().stop_application_mode()

        def close(self) -> None:
            super().close()
            way_out.gave_back()

        def _sigcont_application(self, *_: object) -> None:
            """Repaint after SIGSTOP, of which nothing knew: the screen is as it was left.

            Taking it once more, as Textual does, would take its raw modes for those to restore.
            """
            if way_out.has_terminal:
                way_out.set_raw_modes()
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
