"""The thread that writes a run's files: it may wait for a disk, so that nobody else has to.

Jobs are done in order. One that fails is tried again until it succeeds or the run is over, and
says so meanwhile: a full disk costs no training and no step that was written before.
"""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tui_trainer.formatting import error_text

Job: TypeAlias = Callable[[], None]

RETRY_SECONDS = 1.0
CLOSING_SECONDS = 3.0  # for what is left to be written at the end
MOST_BYTES = 400_000_000  # that may wait


@dataclass(slots=True, eq=False)
class _Task:
    job: Job
    name: str
    size: int


class Writer:
    """Does jobs that may raise `OSError`, in a thread of its own.

    `problem` is what is wrong now, in words: "" if nothing is. `lost` counts the jobs that were
    given up, since too much was waiting or the end had come. `took` are the seconds that named jobs
    took last.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._waiting = 0  # bytes
        self._closing_at: float | None = None
        self.problem = ""
        self.lost = 0
        self.took: dict[str, float] = {}
        self._thread = threading.Thread(target=self._work, name="run-writer", daemon=True)
        self._thread.start()

    def add(self, job: Job, *, name: str = "", size: int = 0) -> None:
        """Have a job done; one with a `name` replaces that which waits under it.

        `size` is that of the data it holds, in bytes.
        """
        with self._changed:
            if name:
                for task in list(self._tasks)[1:]:  # the first may be under way
                    if task.name == name:
                        self._tasks.remove(task)
            self._tasks.append(_Task(job, name, size))
            self._waiting += size
            self._drop_surplus()
            self._changed.notify_all()

    def _drop_surplus(self) -> None:
        """Give up the oldest data, but for what may be under way, while too much waits."""
        for task in [task for task in self._tasks if task.size][1:]:
            if self._waiting <= MOST_BYTES:
                return
            self._tasks.remove(task)
            self._waiting -= task.size
            self.lost += 1

    def waits(self, name: str) -> bool:
        """Say whether a job of this name is still to be done."""
        with self._changed:
            return any(task.name == name for task in self._tasks)

    def close(self) -> None:
        """Do what is left, for some seconds at most, and end the thread."""
        with self._changed:
            self._closing_at = time.monotonic() + CLOSING_SECONDS
            self._changed.notify_all()
        self._thread.join(CLOSING_SECONDS + 1.0)
        with self._changed:
            self.lost += len(self._tasks)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            began = time.monotonic()
            try:
                task.job()
            except OSError as error:
                self.problem = describe_problem(error)
                self._wait()
                continue
            except Exception as error:  # a mistake of ours is no reason to stop writing
                self.problem = error_text(error)
            else:
                self.problem = ""
                self.took[task.name] = time.monotonic() - began
            with self._changed:
                if self._tasks and self._tasks[0] is task:
                    self._tasks.popleft()
                    self._waiting -= task.size

    def _next(self) -> _Task | None:
        """Wait for a task, and return it; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._closing_at is not None)
            if not self._tasks or self._too_late():
                return None
            return self._tasks[0]

    def _wait(self) -> None:
        with self._changed:
            seconds = 0.1 if self._closing_at is not None else RETRY_SECONDS
            self._changed.wait_for(lambda: self._closing_at is not None, timeout=seconds)
        time.sleep(0.05)  # when it closes, too

    def _too_late(self) -> bool:
        return (
            self._closing_at is not None
            and bool(self.problem)
            and time.monotonic() >= self._closing_at
        )


def describe_problem(error: OSError) -> str:
    """Say in a few words why a run can't be saved."""
    words = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the quota of the disk is used up",
        errno.EROFS: "the disk is read-only",
        errno.ENOENT: "its folder is gone",
    }
    return words.get(error.errno or 0, error.strerror or type(error).__name__)
