"""The installed program in a real terminal: a pty, and the screen that it draws."""

import os
import re
import sys
import termios
import time
from pathlib import Path

import pexpect
import pyte

PROGRAM = str(Path(sys.executable).with_name("tui-trainer"))
DEADLINE = 90  # seconds; the machine may be busy
WIDE, SMALL = (120, 34), (80, 24)
ALTERNATE_SCREEN, CURSOR = 1049, 25
# What Textual switches on, all of it to be switched off again: mouse, focus, pasting.
MODES = (1000, 1003, 1004, 1006, 1015, 2004)


class Terminal:
    """A program in a pty, and the screen that its output draws."""

    def __init__(self, *arguments, program=PROGRAM, size=WIDE, **environment):
        columns, rows = size
        self.sent = b""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.child = pexpect.spawn(
            program,
            list(arguments),
            dimensions=(rows, columns),
            env=os.environ
            | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor"}
            | environment,
        )
        self.child.delaybeforesend = None
        self.modes_before = self.tty_modes()

    def tty_modes(self):
        """Echo and line mode of the terminal, which a full-screen program switches off."""
        flags = termios.tcgetattr(self.child.child_fd)[3]
        return bool(flags & termios.ECHO), bool(flags & termios.ICANON)

    def read(self, seconds):
        """Take in what comes within a time; return it, None once there is nothing to come."""
        try:
            part = self.child.read_nonblocking(65536, seconds)
        except pexpect.TIMEOUT:
            return b""
        except pexpect.EOF:
            return None
        self.sent += part
        self._stream.feed(part)
        return part

    @property
    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, pattern):
        """Read until the screen shows `pattern`; return its match."""
        deadline = time.monotonic() + DEADLINE
        while not (match := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, f"{pattern!r} did not come:\n{self.text}"
            assert self.read(0.05) is not None, f"it ended before {pattern!r}:\n{self.text}"
        return match

    def wait_for_silence(self, seconds):
        """Read until nothing has come for a time."""
        deadline = time.monotonic() + DEADLINE
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < seconds:
            assert time.monotonic() < deadline, f"it never falls silent:\n{self.text}"
            if self.read(0.05):
                quiet_since = time.monotonic()

    def bytes_within(self, seconds):
        before = len(self.sent)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
        return len(self.sent) - before

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self.screen.reset()
        self.child.setwinsize(rows, columns)

    def press(self, keys):
        self.child.send(keys)

    def wait_for_the_end(self):
        """Read to the end; return the exit status, minus the signal where one killed it."""
        deadline = time.monotonic() + DEADLINE
        while self.child.isalive():
            assert time.monotonic() < deadline, f"it did not end:\n{self.text}"
            self.read(0.05)
        while self.read(0.05):
            pass
        child = self.child
        return child.exitstatus if child.signalstatus is None else -child.signalstatus

    def wait_for_the_end_unread(self):
        """Wait for the exit status, and read nothing."""
        deadline = time.monotonic() + DEADLINE
        while self.child.isalive():
            assert time.monotonic() < deadline, "it does not end unread"
            time.sleep(0.05)
        return self.child.exitstatus

    def hang_up(self):
        os.close(self.child.child_fd)
        self.child.closed = True

    def is_on(self, mode):
        """Whether a private mode was last switched on rather than off."""
        switched = re.findall(rb"\x1b\[\?%d([hl])" % mode, self.sent)
        return switched[-1:] == [b"h"]

    def shows_colour(self):
        """Whether any colour sent is not a grey."""
        colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", self.sent)
        assert colours
        return any(not red == green == blue for red, green, blue in colours)

    def assert_restored(self):
        assert b"\x1b[?1049h" in self.sent
        assert not self.is_on(ALTERNATE_SCREEN)
        assert self.is_on(CURSOR)
        assert [mode for mode in MODES if self.is_on(mode)] == []
        assert self.tty_modes() == self.modes_before == (True, True)
        assert b"Traceback" not in self.sent
