"""A progress bar on stderr that never holds up what it reports on."""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tqdm import tqdm

from tui_trainer.formatting import printable

END_SECONDS = 1.0  # for the last line, before a terminal that takes none is given up


@contextlib.contextmanager
def progress_bar(**options: Any) -> Iterator[tuple[Any, Callable[[str], None]]]:
    """Yield a bar and a function that writes a line above it; both idle where stderr is closed."""
    stream: Any = sys.stderr
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(io.UnsupportedOperation):  # it is in memory, and never waits
            if stream is not None:
                stream = stack.enter_context(contextlib.closing(Mailbox(stream)))
        options["disable"] = stream is None or options.get("disable", False)
        bar = stack.enter_context(tqdm(file=stream, dynamic_ncols=True, **options))

        def note(line: str) -> None:
            if not bar.disable:
                bar.write(printable(line), file=stream)

        yield bar, note


def start_bar_at(bar: Any, step: int) -> None:
    """Have a bar count on from a step: its speed and the time left are those of what follows."""
    bar.reset()
    bar.initial = bar.n = bar.last_print_n = step
    bar.refresh()


class Mailbox:
    """A stream whose writer never waits: a thread writes to the one behind it.

    Until it can, a line drawn again replaces what it was. What can't be written is lost.

    Raises:
        io.UnsupportedOperation: if the stream has no file descriptor.
    """

    def __init__(self, stream: TextIO) -> None:
        self.encoding = stream.encoding
        self._descriptor = stream.fileno()
        self._changed = threading.Condition()
        self._text = ""
        self._closing = False
        self._thread = threading.Thread(target=self._post, name="progress", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the stream's, which knows the terminal's width."""
        return self._descriptor

    def flush(self) -> None:
        """Leave that to the thread."""

    def write(self, text: str) -> int:
        """Leave a text to be written."""
        with self._changed:
            self._text = "\n".join(map(last_drawing, (self._text + text).split("\n")))
            self._changed.notify()
        return len(text)

    def close(self) -> None:
        """Wait for the last text to be written, a while at most."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(END_SECONDS)
        with self._changed:
            self._text = ""

    def _post(self) -> None:
        while text := self._take():
            left = text.encode(self.encoding, errors="replace")
            with contextlib.suppress(OSError):
                while left:
                    left = left[os.write(self._descriptor, left) :]

    def _take(self) -> str:
        """Wait for a text; return none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._text or self._closing)
            text, self._text = self._text, ""
            return text


def last_drawing(line: str) -> str:
    """Omit of a line that carriage returns draw again what is drawn over."""
    first, *drawings = line.split("\r")
    if not drawings:
        return line
    width = max(map(len, [first, *drawings]))
    return f"\r{drawings[-1]:<{width}}" if drawings[-1] else f"\r{'':<{width}}\r"
