"""Reads the saved runs in a thread, the newest first, a few at a time."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.description import Description, read_description
from tui_trainer.runs.folder import SUMMARY
from tui_trainer.runs.ownership import owner_of
from tui_trainer.runs.summary import Summary, read_summary
from tui_trainer.training.state import ACTIVE, State
from tui_trainer.tui.runs.listed import ListedRun

_BATCH_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Read:
    """Runs that are new, or not as they were.

    The last of a round has the `folders` of all runs, and names what can't be read, a line each.
    """

    runs: tuple[ListedRun, ...] = ()
    folders: frozenset[Path] | None = None
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class SavedRuns:
    """The runs below a folder; only those that change are read again."""

    root: Path
    _seen: dict[Path, object] = field(default_factory=dict)  # a sign of what was read of each
    _problems: dict[Path, str] = field(default_factory=dict)

    def read(self) -> Iterator[Read]:
        """Read what is new since the last time."""
        try:
            folders = sorted((f for f in self.root.iterdir() if f.is_dir()), reverse=True)
        except FileNotFoundError:
            folders = []
        except OSError as error:
            yield Read(folders=frozenset(), problems=(f"{error.strerror}: {self.root}",))
            return
        started, runs = time.monotonic(), list[ListedRun]()
        for folder in folders:
            if (run := self._read_new(folder)) is not None:
                runs.append(run)
            if runs and time.monotonic() - started > _BATCH_SECONDS:
                yield Read(tuple(runs))
                time.sleep(_BATCH_SECONDS)  # the trainer waits for the interpreter meanwhile
                started, runs = time.monotonic(), []
        kept = frozenset(folders)
        self._problems = {f: words for f, words in self._problems.items() if f in kept}
        yield Read(tuple(runs), kept - self._problems.keys(), tuple(self._problems.values()))

    def _read_new(self, folder: Path) -> ListedRun | None:
        """Read a run unless it is as it was."""
        sign = _sign(folder)
        if self._seen.get(folder) == sign:
            return None
        self._seen[folder] = sign
        self._problems.pop(folder, None)
        try:
            return read_run(folder)
        except InvalidSettingsError as error:
            words = str(error).removeprefix(f"{folder}").lstrip("/: ")
            self._problems[folder] = f"{folder.name}: {words}"
        return None


def _sign(folder: Path) -> tuple[int, bool]:
    """Return what changes with a run: when it was written, and whether a process writes it."""
    try:
        written = (folder / SUMMARY).stat().st_mtime_ns
    except OSError:
        written = 0
    return written, owner_of(folder) is not None


def read_run(folder: Path) -> ListedRun:
    """Read how a saved run stands.

    Raises:
        InvalidSettingsError: one line, if it can't be read.
    """
    description, summary, owner = read_description(folder), read_summary(folder), owner_of(folder)
    state = summary.state if summary is not None else State.STARTING
    here = owner is not None and owner.is_here and owner.pid == os.getpid()
    host = owner.host if owner is not None else description.host
    return ListedRun(
        name=folder.name,
        created=_seconds(description),
        state=state,
        config=description.config,
        host="" if host == socket.gethostname() else host,
        is_elsewhere=owner is not None and not here,
        is_interrupted=owner is None and state in ACTIVE,
        sweep=_sweep_text(description),
        folder=folder,
        **_figures(summary),
    )


def _figures(summary: Summary | None) -> dict[str, Any]:
    keys = ("step", "val_loss", "best_step", "best_val_loss", "lr")
    return {key: getattr(summary, key) for key in keys} if summary is not None else {}


def _seconds(description: Description) -> float:
    try:
        return datetime.fromisoformat(description.created).timestamp()
    except ValueError:
        return 0.0


def _sweep_text(description: Description) -> str:
    if description.kind == "run":
        return ""
    return ", ".join(f"{key} × {len(values)}" for key, values in description.axes.items())
