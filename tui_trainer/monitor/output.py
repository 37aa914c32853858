"""``output.log``: what a loop prints while a screen has its terminal."""

import contextlib
import os
from pathlib import Path

from tui_trainer.runs.folder import OUTPUT

MOST_BYTES = 64 * 1024 * 1024  # beyond that the oldest half goes
_LEAST_FREE = 2 * 1024 * 1024  # bytes of the disk


class OutputFile:
    """Where some of a process's descriptors lead, for as long as they are `taken`.

    A print must not fail in a loop because the disk is full: then they lead nowhere for a while.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / OUTPUT
        self._taken: tuple[int, ...] = ()
        self._leads_nowhere = False

    def take(self, descriptors: tuple[int, ...]) -> None:
        """Have descriptors lead to the file.

        Raises:
            OSError: if it can't be opened.
        """
        self._lead(descriptors)
        self._taken = descriptors

    def let_go(self) -> None:
        """Leave the descriptors alone, whoever they lead to next."""
        self._taken = ()

    def bound(self, problem: str) -> None:
        """Keep the file short, and prints from failing on a full disk; `problem` is what it has."""
        if not self._taken:
            return
        with contextlib.suppress(OSError):
            is_full = bool(problem) or self._free_bytes() < _LEAST_FREE
            if is_full is not self._leads_nowhere:
                self._lead(self._taken, nowhere=is_full)
                self._leads_nowhere = is_full
            if not is_full and self.path.stat().st_size > MOST_BYTES:
                self._drop_oldest()

    def size(self) -> int:
        """Return how many bytes there are; 0 without a file."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def _lead(self, descriptors: tuple[int, ...], *, nowhere: bool = False) -> None:
        path = Path(os.devnull) if nowhere else self.path
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor in descriptors:
            os.dup2(file, descriptor)
        os.close(file)

    def _free_bytes(self) -> int:
        facts = os.statvfs(self.path.parent)
        return facts.f_bavail * facts.f_frsize

    def _drop_oldest(self) -> None:
        """Move the newest half to the file's beginning: those who write to it add to its end."""
        with self.path.open("r+b") as file:
            file.seek(-MOST_BYTES // 2, os.SEEK_END)
            file.readline()  # it begins with a whole line
            newest = file.read()
            file.seek(0)
            file.write(newest)
            file.truncate()
