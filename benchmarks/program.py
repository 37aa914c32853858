"""The installed program in a pseudo-terminal: keys in, bytes out, CPU time read from outside."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

import pyte

PROGRAM = Path(sys.executable).with_name("tui-trainer")
WIDTH, HEIGHT = 120, 40
_SECONDS_A_TICK = 1 / os.sysconf("SC_CLK_TCK")
_COLOR = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Program:
    """``tui-trainer`` with some flags, as a context: it is ended on the way out."""

    def __init__(self, *flags: str, **environment: str) -> None:
        self._flags = flags
        self._state = tempfile.TemporaryDirectory()  # for its runs: they are saved, as ever
        self._environment = {"XDG_STATE_HOME": self._state.name} | environment
        self._received = b""  # that is not drawn yet
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)

    def __enter__(self) -> "Program":
        self.started_at = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(self._environment, TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(PROGRAM, [str(PROGRAM), *self._flags])
        size = struct.pack("HHHH", HEIGHT, WIDTH, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGTERM)
        self.read(2.0)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.hang_up()
        self._state.cleanup()

    def hang_up(self) -> None:
        """Close the terminal."""
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def press(self, key: str) -> None:
        """Send a key."""
        os.write(self._terminal, key.encode())

    def read(self, seconds: float, until: bytes | None = None) -> bytes:
        """Read for some seconds, or until the bytes without their colours have `until` in them."""
        got = b""
        deadline = time.perf_counter() + (seconds if self._terminal >= 0 else 0.0)
        while (left := deadline - time.perf_counter()) > 0:
            if not select.select([self._terminal], [], [], min(left, 0.002))[0]:
                continue
            try:
                received = os.read(self._terminal, 65536)
            except OSError:  # the program has ended
                break
            got += received
            self._received += received
            if until is not None and until in _COLOR.sub(b"", got):
                return got
        if until is not None:
            raise TimeoutError(f"{until!r} did not come within {seconds} s")
        return got

    def wait_ready(self) -> None:
        """Wait for the first preview: torch is imported, all stands still."""
        self.read(60, until=b"READY")
        self.read(1.0)

    @property
    def screen(self) -> str:
        """What stands in the terminal: drawn when it is asked for, not while a time is taken."""
        self._stream.feed(self._received)
        self._received = b""
        return "\n".join(self._screen.display)

    @property
    def cpu_seconds(self) -> float:
        """CPU time that the program has used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _SECONDS_A_TICK
