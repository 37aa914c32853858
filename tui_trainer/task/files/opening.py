"""Data files as streams of bytes: which may be read, their digest, how far reading has come."""

import hashlib
import io
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from tui_trainer.config.validation import InvalidSettingsError

STDIN = "-"
KINDS = (".csv", ".tsv", ".npz", ".parquet")
# Told while a file is read: how many of its bytes are, and how many there are.
Progress: TypeAlias = Callable[[int, int], None]
# What tells a file from what it was before: device, inode, size and time of the last change.
Stamp: TypeAlias = tuple[int, int, int, int]

_BLOCK = 2**20


class _Stdin:
    """What came on stdin: it comes once, and a process may want it several times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._content: bytes | None = None

    def content(self) -> bytes:
        """Read stdin to its end, the first time.

        Raises:
            InvalidSettingsError: if it is a terminal, or closed.
        """
        with self._lock:
            if self._content is None:
                if sys.stdin is None or sys.stdin.isatty():
                    raise InvalidSettingsError("stdin is a terminal: pipe a CSV file into it")
                self._content = sys.stdin.buffer.read()
        return self._content


_stdin = _Stdin()


def stdin_content() -> bytes:
    """Return all that came on stdin; see `_Stdin.content`."""
    return _stdin.content()


def kind_of(file: str) -> str:
    """Return which of `KINDS` a file is, by its name.

    Raises:
        InvalidSettingsError: if it is none of them.
    """
    if file == STDIN:
        return ".csv"
    suffix = Path(file).suffix.lower()
    if suffix not in KINDS:
        raise InvalidSettingsError(f"{file}: unknown kind of file: expected {', '.join(KINDS)}")
    return suffix


def short_name(file: str) -> str:
    """Name a file in a message about what is in it."""
    return "stdin" if file == STDIN else Path(file).name


def stamp_of(file: str) -> Stamp:
    """Look at a file without opening it.

    Raises:
        InvalidSettingsError: if it is not there, or nothing whose end can be read up to.
    """
    if file == STDIN:
        return (0, 0, len(stdin_content()), 0)
    try:
        status = Path(file).stat()
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        raise InvalidSettingsError(f"{file}: {_reason(error)}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InvalidSettingsError(f"{file}: a folder, not a file")
    if not stat.S_ISREG(status.st_mode):  # a pipe might never end
        raise InvalidSettingsError(f"{file}: not a regular file; CSV from a pipe: --data -")
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Open a file that can be read to its end.

    Raises:
        InvalidSettingsError: one line that names it, if it can't be read.
    """
    stamp_of(file)
    try:
        with io.BytesIO(stdin_content()) if file == STDIN else Path(file).open("rb") as stream:
            yield stream
    except OSError as error:
        raise InvalidSettingsError(f"{file}: can't be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Digesting(io.RawIOBase):
    """A stream that computes the digest of what is read from another, from its start to its end."""

    def __init__(self, stream: BinaryIO, size: int, progress: Progress | None) -> None:
        super().__init__()
        self._stream, self._size, self._progress = stream, size, progress
        self._digest = hashlib.sha256()
        self._done = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read the next bytes."""
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        self._digest.update(content)
        self._done += len(content)
        if self._progress is not None:
            self._progress(self._done, self._size)
        return len(content)

    def finish(self) -> str:
        """Read what is left, and return the digest of all."""
        while self.read(_BLOCK):
            pass
        return self._digest.hexdigest()


def size_of(stream: BinaryIO) -> int:
    """Return how many bytes a file has that is at its start; it stays there."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size
