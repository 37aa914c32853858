"""Data files: which may be read, and what tells one from what it was before."""

import hashlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tui_trainer.config.validation import InvalidSettingsError

if TYPE_CHECKING:  # slow to import, and the first frame knows which kinds of files there are
    import pyarrow as pa

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
        self._content: pa.Buffer | None = None

    def content(self) -> "pa.Buffer":
        """Read stdin to its end, the first time.

        Raises:
            InvalidSettingsError: if it is a terminal, or closed.
        """
        import pyarrow as pa

        with self._lock:
            if self._content is None:
                if sys.stdin is None or sys.stdin.isatty():
                    raise InvalidSettingsError("stdin is a terminal: pipe a CSV file into it")
                stream = pa.BufferOutputStream()
                while block := sys.stdin.buffer.read(_BLOCK):
                    stream.write(block)
                self._content = stream.getvalue()
        return self._content


_stdin = _Stdin()


def stdin_content() -> "pa.Buffer":
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
        return (0, 0, stdin_content().size, 0)
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
def opened(file: str) -> "Iterator[pa.NativeFile]":
    """Open a file that can be read to its end, for pyarrow.

    Its threads may let go of one after they have read it: of a file of Python's they could not
    while the interpreter ends, and would abort the process.

    Raises:
        InvalidSettingsError: one line that names it, if it can't be read.
    """
    import pyarrow as pa

    stamp_of(file)
    try:
        with pa.BufferReader(stdin_content()) if file == STDIN else pa.OSFile(file) as stream:
            yield stream
    except OSError as error:
        raise InvalidSettingsError(f"{file}: can't be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)


def digest_of(stream: Any, progress: Progress | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; the stream is at its start again."""
    digest, done, size = hashlib.sha256(), 0, stream.size()
    while block := stream.read(_BLOCK):
        digest.update(block)
        done += len(block)
        if progress is not None:
            progress(done, size)
    stream.seek(0)
    return digest.hexdigest()
