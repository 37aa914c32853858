"""The screen of a loop: a viewer of its folder, in a process of its own, which has the terminal.

Meanwhile what the loop prints goes to ``output.log``. When the viewer is gone, however it went, the
terminal is as it was before, and prints go there again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tui_trainer.monitor.output import OutputFile
from tui_trainer.terminal_modes import RESTORING, is_in_foreground

_ENDING_SECONDS = 5.0  # that a viewer may take to give the terminal back; its own way out takes 4


def has_terminal() -> bool:
    """Say whether this process has a terminal that can show a screen, and may use it now.

    What reads from its stdout, tee or less, has the terminal for itself.
    """
    if os.environ.get("TERM", "dumb") == "dumb":
        return False
    try:
        return os.isatty(2) and os.tcgetpgrp(2) == os.getpgrp() and not _is_pipe(1)
    except OSError:
        return False


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:  # it is closed
        return False


class Screen:
    """Opens a viewer of a folder, and gives it the terminal.

    Args:
        folder: the loop's.
        output: where what is printed goes meanwhile.
        left: called in a thread when a viewer is gone by itself.

    Raises:
        OSError, termios.error: if it can't be opened; the terminal is as it was.
    """

    def __init__(self, folder: Path, output: OutputFile, left: Callable[[], None]) -> None:
        self._output, self._left = output, left
        self._terminal = os.open(os.ttyname(2), os.O_RDWR | os.O_NOCTTY)
        self._attributes: list[Any] = termios.tcgetattr(self._terminal)
        self._redirected = tuple(number for number in (1, 2) if os.isatty(number))
        self._kept = {number: os.dup(number) for number in self._redirected}
        self._lock = threading.Lock()
        self._is_open = True
        _flush()
        there, self._lifeline = os.pipe()
        try:
            self._viewer = self._start(folder, there)
            self.printed_before = output.size()
            output.take(self._redirected)
        except OSError:
            self._close_descriptors()
            raise
        finally:
            os.close(there)
        threading.Thread(target=self._watch, name="loop-screen", daemon=True).start()

    def _start(self, folder: Path, lifeline: int) -> subprocess.Popen[bytes]:
        command = [sys.executable or "python3", "-P", "-m", "tui_trainer", "attach", str(folder)]
        return subprocess.Popen(
            [*command, "--lifeline", str(lifeline)],
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            pass_fds=(lifeline,),
        )

    def _watch(self) -> None:
        self._viewer.wait()
        if self._give_back():
            self._left()

    def close(self) -> None:
        """End the viewer, if it is there, and have prints go to the terminal again."""
        if self._viewer.poll() is None:
            for number in (signal.SIGTERM, signal.SIGCONT):  # it may be suspended
                self._viewer.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._viewer.wait(_ENDING_SECONDS)
            if self._viewer.poll() is None:
                self._viewer.kill()
                self._viewer.wait()
        self._give_back()

    def _give_back(self) -> bool:
        """Restore the terminal; return whether this was the first to do so, and it is there."""
        with self._lock:
            if not self._is_open:
                return False
            self._is_open = False
            _flush()
            try:
                self._restore()
            except (OSError, termios.error):  # it is gone: nothing is to be printed there
                return False
            self._output.let_go()
            for number, kept in self._kept.items():
                os.dup2(kept, number)
            self._close_descriptors()
            return True

    def _restore(self) -> None:
        if not is_in_foreground(self._terminal):
            return  # in the background a change would stop this process; the shell has its own
        termios.tcsetattr(self._terminal, termios.TCSANOW, self._attributes)
        if self._viewer.returncode < 0 or self._viewer.returncode > 128:
            os.write(self._terminal, RESTORING)

    def leave_to_parent(self) -> None:
        """Keep nothing open in a forked child; what it prints goes where its parent's prints go."""
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        for descriptor in (self._terminal, self._lifeline, *self._kept.values()):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._kept = {}


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
