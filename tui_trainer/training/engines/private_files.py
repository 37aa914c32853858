"""Files that nobody else can have written: code is loaded from no others.

Folders are checked from the root down. Below a folder that only this user and root may change,
nothing can be exchanged: what has been checked is still the same when it is used.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they are missing, for this user alone.

    Raises:
        OSError: if it can't be made, or is not private.
    """
    for place in (*reversed(folder.parents), folder):
        if not place.exists():
            with contextlib.suppress(FileExistsError):
                place.mkdir(0o700)
                place.chmod(0o700)  # whatever the umask
        _require_safe(place)
    _require_own(folder, folder.lstat())


def require_private_folder(folder: Path) -> None:
    """Refuse a folder that somebody else may write to, or exchange; links on the way as well.

    Raises:
        OSError: what is wrong, and where.
    """
    for place in (*reversed(folder.parents), folder):
        _require_safe(place)
    _require_own(folder, folder.lstat())


@contextlib.contextmanager
def open_private(file: Path) -> Iterator[BufferedReader]:
    """Open a regular file of this user's, in a private folder, for reading.

    Raises:
        OSError: if it is anything else.
    """
    require_private_folder(file.parent)
    _require_own_file(file, file.lstat())  # opening a device may change it
    with open(file, "rb", opener=_opener) as stream:
        _require_own_file(file, os.fstat(stream.fileno()))
        yield stream


def read_private(file: Path) -> str:
    """Read a line or two of ASCII.

    Raises:
        OSError, ValueError: if it is no such file.
    """
    with open_private(file) as stream:
        return stream.read(100).decode("ascii")


def write_private(file: Path, text: str) -> None:
    """Write a file anew, for this user alone; its folder is made if need be.

    Raises:
        OSError: if it can't be written.
    """
    make_private_folder(file.parent)
    file.unlink(missing_ok=True)
    with open(file, "x", encoding="ascii", opener=_opener) as stream:
        os.fchmod(stream.fileno(), 0o600)  # whatever the umask
        stream.write(text)


def _opener(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


def _require_safe(folder: Path) -> None:
    """Refuse a folder in which somebody else may rename what is ours."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{folder} is not a folder")
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(f"{folder} belongs to user {status.st_uid}")
    # By convention a group of the user's own number has no other members.
    own_group = status.st_gid == os.geteuid()
    others_write = stat.S_IWOTH if own_group else _OTHERS_WRITE
    if status.st_mode & others_write and not status.st_mode & stat.S_ISVTX:
        raise _writable_by_others(folder)


def _require_own_file(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{file} is not a regular file")
    _require_own(file, status)


def _require_own(place: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{place} belongs to user {status.st_uid}")
    if status.st_mode & _OTHERS_WRITE:
        raise _writable_by_others(place)


def _writable_by_others(place: Path) -> OSError:
    return PermissionError(f"others may write to {place}: chmod go-w ends that")
