"""Reads the saved runs in a thread, the newest first, a few at a time."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import printable, seeds_text
from tui_trainer.runs.description import Description
from tui_trainer.runs.listing import INTERRUPTED, StoredRun, read_run
from tui_trainer.runs.summary import Summary
from tui_trainer.runs.timestamps import seconds_of
from tui_trainer.training.state import State
from tui_trainer.tui.runs.listed import ListedRun

_BATCH_SECONDS = 0.02
_RESTING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Read:
    """Runs that are new, or not as they were.

    The last of a round has the `folders` of all runs, and names what can't be read, a line each.
    """

    runs: tuple[ListedRun, ...] = ()
    folders: frozenset[Path] | None = None
    problems: tuple[str, ...] = ()


class SavedRuns:
    """The runs below a folder, of which only those that may have changed are read again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._settled: dict[Path, int] = {}  # when each was last written, of those at rest
        self._problems: dict[Path, str] = {}

    def read(self) -> Iterator[Read]:
        """Read what may be new since the last time."""
        try:
            written = _written(self.root)
        except OSError as error:
            yield Read(folders=frozenset(), problems=(f"{error.strerror}: {self.root}",))
            return
        self._problems = {f: words for f, words in self._problems.items() if f in written}
        started, runs = time.monotonic(), list[ListedRun]()
        for folder in sorted(written, reverse=True):
            if self._settled.get(folder) != written[folder]:
                runs += self._read(folder, written[folder])
            if runs and time.monotonic() - started > _BATCH_SECONDS:
                yield Read(tuple(runs))
                time.sleep(_BATCH_SECONDS)  # the trainer waits for the interpreter meanwhile
                started, runs = time.monotonic(), []
        folders = frozenset(written) - self._problems.keys()
        yield Read(tuple(runs), folders, tuple(self._problems.values()))

    def _read(self, folder: Path, written: int) -> Iterator[ListedRun]:
        """Read a run; it is at rest if it has not been written just now, and nobody writes it."""
        self._problems.pop(folder, None)
        at_rest = time.time() - written / 1e9 > _RESTING_SECONDS
        try:
            run = to_row(read_run(folder))
        except InvalidSettingsError as error:
            words = str(error).removeprefix(f"{folder}").lstrip("/: ")
            self._problems[folder] = f"{folder.name}: {words}"
        else:
            at_rest = at_rest and not run.is_active
            yield run
        if at_rest:
            self._settled[folder] = written


def _written(root: Path) -> dict[Path, int]:
    """Return when each run's folder was last written, in ns: files in it are replaced whole.

    Raises:
        OSError: if the folder of all runs can't be read.
    """
    written = {}
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # deleted meanwhile
                    if entry.is_dir() and not entry.name.startswith("."):
                        written[root / entry.name] = entry.stat().st_mtime_ns
    except FileNotFoundError:
        return {}
    return written


def to_row(stored: StoredRun) -> ListedRun:
    """Say how a saved run stands."""
    description, summary, owner = stored.description, stored.summary, stored.owner
    state = summary.state if summary is not None else State.STARTING
    here = owner is not None and owner.is_here and owner.pid == os.getpid()
    host = owner.host if owner is not None else description.host
    return ListedRun(
        name=stored.name,
        created=seconds_of(description.created),
        state=state,
        config=description.config,
        host="" if host == socket.gethostname() else host,
        is_elsewhere=owner is not None and not here,
        is_interrupted=stored.state == INTERRUPTED,
        is_branch=description.parent is not None,
        sweep=_sweep_text(description),
        loop=_loop_text(description),
        loop_steps=description.total,
        folder=stored.folder,
        **_figures(summary),
    )


def _figures(summary: Summary | None) -> dict[str, Any]:
    keys = ("step", "val_loss", "best_step", "best_val_loss", "lr", "recommended")
    return {key: getattr(summary, key) for key in keys} if summary is not None else {}


def _sweep_text(description: Description) -> str:
    if description.kind != "sweep":
        return ""
    axes = [
        f"{'best of ' if key == description.tunes else ''}{len(values)} {key}"
        for key, values in description.axes.items()
    ]
    return " × ".join([*axes, seeds_text(description.seeds)])


def _loop_text(description: Description) -> str:
    if description.kind != "loop":
        return ""
    return printable(" · ".join([description.name, " ".join(description.command)]))
