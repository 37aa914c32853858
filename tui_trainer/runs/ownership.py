"""Who writes a run's folder: one process at a time, and found again by all others.

The lock decides wherever the file system has locks: the kernel lets go of it with the process,
however that ends. `owner.json` says whose it is. Without locks it decides too: a pid and the
time at which its process started name that process alone, whoever is given the pid later.
"""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.files import read_file

LOCK, OWNER = "lock", "owner.json"
_LONGEST = 4096  # bytes of owner.json
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
# Clocks are set now and then, and with them the time at which a process is said to have started.
_SAME_START = 2.0
_SETTLING = 0.2  # seconds in which another may take the lock to look, or write its name


class Owner(Struct, frozen=True, kw_only=True):
    """A process that writes a run; `started` is the Unix time at which it began.

    `socket` is the path at which it takes requests, "" for none.
    """

    pid: int
    started: float
    host: str
    socket: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this host."""
        return self.host == socket.gethostname()

    @property
    def words(self) -> str:
        """Say which process it is: ``process 4711``, ``process 4711 on gpu-3``."""
        return f"process {self.pid}" if self.is_here else f"process {self.pid} on {self.host}"


class RunInUseError(InvalidSettingsError):
    """Another process writes the run. `owner` is None where that one does not say who it is."""

    def __init__(self, folder: Path, owner: Owner | None) -> None:
        who = owner.words if owner is not None else "another process"
        super().__init__(f"run {folder.name} is in use by {who}")
        self.folder, self.owner = folder, owner


class Ownership:
    """The right to write a run's folder, held by this process."""

    def __init__(self, folder: Path, owner: Owner, lock: BinaryIO) -> None:
        self._file = folder / OWNER
        self.owner = owner
        self._lock = lock

    def leave_to_parent(self) -> None:
        """Hold the lock no longer in a forked child, which may outlive the one whose it is."""
        self._lock.close()

    def publish(self, socket_path: str) -> None:
        """Tell others where this process takes requests.

        Raises:
            OSError: if that can't be written.
        """
        self.owner = msgspec.structs.replace(self.owner, socket=socket_path)
        _write(self._file, self.owner)


@contextlib.contextmanager
def own(folder: Path) -> Iterator[Ownership]:
    """Hold a run's folder; the process's end, of whatever kind, lets go of it.

    Raises:
        RunInUseError: if another process holds it, or this one does already.
        OSError: if the folder can't be written.
    """
    with _locked(folder) as (lock, has_locks):
        if not has_locks and (owner := owner_of(folder)) is not None:
            raise RunInUseError(folder, owner)
        ownership = Ownership(folder, _this_process(), lock)
        ownership.publish("")
        if not has_locks:
            _require_kept(folder, ownership.owner)
        try:
            yield ownership
        finally:
            if _read(folder) == ownership.owner:  # not where the folder was deleted, or taken
                with contextlib.suppress(OSError):
                    (folder / OWNER).unlink()


def owner_of(folder: Path) -> Owner | None:
    """Return the process that writes a run, None if there is none.

    Where the file system has no locks, a process on another host is taken to run still.
    """
    owner = _read(folder)
    if owner is None:
        return None
    is_locked = _is_locked(folder)
    if is_locked is None:
        is_locked = _is_alive(owner) if owner.is_here else True
    return owner if is_locked else None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """Hold the lock; yield its file, and whether there are locks."""
    with (folder / LOCK).open("ab") as lock:  # closed in programs that this one starts
        yield lock, _try_to_lock(lock.fileno(), folder)


def _try_to_lock(descriptor: int, folder: Path) -> bool:
    deadline = time.monotonic() + _SETTLING
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RunInUseError(folder, _read(folder)) from None
            time.sleep(_SETTLING / 10)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return False
        else:
            return True


def _is_locked(folder: Path) -> bool | None:
    """Return whether a process holds the lock, None where that can't be known."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return False


def _require_kept(folder: Path, owner: Owner) -> None:
    """Refuse where another process took the folder at the same moment: the later name stands."""
    time.sleep(_SETTLING)
    if (kept := _read(folder)) != owner:
        raise RunInUseError(folder, kept)


def _this_process() -> Owner:
    import psutil

    pid = os.getpid()
    return Owner(pid=pid, started=psutil.Process(pid).create_time(), host=socket.gethostname())


def _is_alive(owner: Owner) -> bool:
    """Return whether that process still runs, and its pid is not another's by now."""
    import psutil

    try:
        process = psutil.Process(owner.pid)
        same = abs(process.create_time() - owner.started) < _SAME_START
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return False


def _read(folder: Path) -> Owner | None:
    """Read who owns a folder; what is no such file says nothing."""
    try:
        return msgspec.json.decode(read_file(folder / OWNER, _LONGEST), type=Owner)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None


def _write(file: Path, owner: Owner) -> None:
    """Replace the file in one step: whoever reads it finds one owner or the other."""
    new = file.with_name(f".{file.name}.{owner.pid}")
    new.write_bytes(msgspec.json.encode(owner))
    new.replace(file)
