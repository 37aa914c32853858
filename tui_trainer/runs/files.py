"""Files that are whole at any moment: replaced in one step, or added to line by line."""

import contextlib
import errno
import os
from pathlib import Path


def read_file(file: Path, most: int = -1) -> bytes:
    """Read `most` bytes of a file, or all; a pipe or a device, which may have no end, is none.

    Raises:
        OSError: if it can't be read.
    """
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "no regular file", str(file))
    with file.open("rb") as stream:
        return stream.read(most)


def replace_file(file: Path, content: bytes | memoryview, *, sync: bool = False) -> None:
    """Write a file anew beside the old one, and put it in its place.

    With `sync` it is on the disk when this returns.

    Raises:
        OSError: if it can't be written; the old one stays.
    """
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as stream:
            stream.write(content)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        new.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    if sync:
        _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Have a new name survive a loss of power; some file systems can't."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def append_whole(file: Path, line: bytes) -> None:
    """Append a line that is on the disk when this returns, or nothing of it.

    A line before it that was cut is ended first.

    Raises:
        OSError: if it can't be written.
    """
    with file.open("ab") as stream:
        end = stream.tell()
        try:
            if end and not _ends_line(file):
                line = b"\n" + line
            stream.write(line)
            stream.flush()
            os.fdatasync(stream.fileno())
        except OSError:
            os.ftruncate(stream.fileno(), end)
            raise


def _ends_line(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"
