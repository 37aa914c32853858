"""Looks again and again at what another process writes: its files, and whether it is there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.ledger import Entry, parse_line
from tui_trainer.runs.ownership import Owner, owner_of
from tui_trainer.training.events import Paused, Resumed, RunEnded

POLL_SECONDS = 0.2
PAUSED_SECONDS = 0.5

E = TypeVar("E", covariant=True)


class Reader(Protocol[E]):
    """What has been read of a folder so far."""

    is_paused: bool

    def news(self) -> Iterator[E]:
        """Tell what is new; the end, if it came, is the last."""
        ...

    def interrupted(self, owner: Owner | None) -> E:
        """Say that a process is gone that did not write an end."""
        ...


def polled(folder: Path, reader: Reader[E], control: RemoteControl) -> Iterator[E]:
    """Tell what is in a folder, and what is to come, until the end or until `control` is left.

    Where the process is gone without an end, it says which process it was.
    """
    owner = owner_of(folder)
    while not control.stopped:
        alive = owner_of(folder)  # before the folder is read: what it wrote last is not missed
        owner = alive or owner
        for event in reader.news():
            if isinstance(event, Paused | Resumed):
                control.saw_paused(isinstance(event, Paused))
            yield event
            if isinstance(event, RunEnded):
                return
        if alive is None:
            yield reader.interrupted(owner)
            return
        control.wait(PAUSED_SECONDS if reader.is_paused else POLL_SECONDS)


class LineTail:
    """Reads the lines of a file as they come; one that is not whole waits for its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._end = 0

    def lines(self) -> list[bytes]:
        """Return the lines that came since the last time."""
        if not self._file.is_file():
            return []
        try:
            with self._file.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size <= self._end:
                    return []
                stream.seek(self._end)
                data = stream.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._end += len(whole)
        return whole.splitlines()


class LedgerTail(LineTail):
    """Reads the entries of a ledger as they come."""

    def read(self) -> list[Entry]:
        """Return the entries that came since the last time."""
        return [entry for line in self.lines() if (entry := parse_line(line)) is not None]


class FileWatch:
    """Notices that a file was replaced."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._sign = (0, 0)

    def has_changed(self) -> bool:
        """Say whether it was replaced since the last time."""
        try:
            status = self._file.stat()
        except OSError:
            return False
        before, self._sign = self._sign, (status.st_mtime_ns, status.st_ino)
        return before != self._sign
