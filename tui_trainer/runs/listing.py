"""Finds saved runs: all of them, the newest first, or the one that is named; and deletes them."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.runs.description import Description, read_description
from tui_trainer.runs.folder import DESCRIPTION
from tui_trainer.runs.ownership import Owner, RunInUseError, own, owner_of
from tui_trainer.runs.summary import Summary, read_summary
from tui_trainer.training.state import ACTIVE, State

LAST = "last"
INTERRUPTED = "interrupted"
_NAMED_BY_TIME = re.compile(r"[0-9]{8}-[0-9]{6}-.+")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run in its folder, as it stood when it was read; `owner` is the process that writes it."""

    folder: Path
    description: Description
    summary: Summary | None
    owner: Owner | None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def state(self) -> str:
        """How it stands: "interrupted" where the process that trained it is gone."""
        state = self.summary.state if self.summary is not None else State.STARTING
        return INTERRUPTED if state in ACTIVE and self.owner is None else state.value


@dataclass(frozen=True, slots=True)
class UnreadableRun:
    """A run's folder that can't be read, and why, in a line."""

    folder: Path
    problem: str


def stored_runs(root: Path) -> Iterator[StoredRun | UnreadableRun]:
    """Read the runs below a folder one by one, the newest first. No folder has no runs.

    A run that a process has only begun to write is left out: it can be read a moment later.

    Raises:
        InvalidSettingsError: one line, if the folder can't be read.
    """
    for name in _names(root):
        folder = root / name
        try:
            yield read_run(folder)
        except InvalidSettingsError as error:
            if not (folder / DESCRIPTION).exists() and owner_of(folder) is not None:
                continue
            yield UnreadableRun(folder, str(error).removeprefix(str(folder)).lstrip("/: "))


def read_run(folder: Path) -> StoredRun:
    """Read how a run stands.

    Raises:
        InvalidSettingsError: one line, if it can't be read.
    """
    return StoredRun(folder, read_description(folder), read_summary(folder), owner_of(folder))


def find_run(root: Path, text: str) -> Path:
    """Find a run by its folder, by its name or a unique piece of it, or as ``last``.

    Raises:
        InvalidSettingsError: one line, if there is none, or there are several.
    """
    if text and (Path(text) / DESCRIPTION).is_file():
        return Path(text)
    found = _matching(root, text)
    if len(found) == 1:
        return root / found[0]
    if not found:
        raise InvalidSettingsError(
            f"no run in {root} is named {shortened(text)}; 'tui-trainer runs' lists them"
        )
    more = f" and {len(found) - _MOST_NAMED} more" * (len(found) > _MOST_NAMED)
    raise InvalidSettingsError(
        f"{len(found)} runs in {root} are named {shortened(text)}: "
        f"{', '.join(found[:_MOST_NAMED])}{more}"
    )


def run_names(root: Path, start: str) -> list[str]:
    """Return the names of runs that begin so, the newest first; none where they can't be read."""
    try:
        return [name for name in _names(root) if name.startswith(start)]
    except InvalidSettingsError:
        return []


def find_to_delete(root: Path, text: str) -> Path:
    """Find a run below `root`, damaged or not, that may be deleted.

    Raises:
        InvalidSettingsError: one line, if there is none, or it is not `root`'s own folder.
    """
    found = Path(os.path.abspath(find_run(root, text)))  # noqa: PTH100 - follows no link
    if not _is_same(found.parent, root):
        raise InvalidSettingsError(f"{text} is not in {root}: --runs {found.parent} deletes it")
    folder = root / found.name
    if folder.is_symlink() or not folder.is_dir():
        raise InvalidSettingsError(f"{folder} is a link: what it leads to is not deleted")
    has_description = (folder / DESCRIPTION).is_file()
    if not (has_description or _NAMED_BY_TIME.fullmatch(folder.name)):
        raise InvalidSettingsError(f"{folder}: no run: it has no {DESCRIPTION}")
    return folder


def delete_run(folder: Path) -> None:
    """Delete a run's folder and what is in it; links in it are removed, not followed.

    Raises:
        RunInUseError: if a process writes it.
        OSError: if it can't be deleted.
    """
    if (owner := owner_of(folder)) is not None:
        raise RunInUseError(folder, owner)
    with own(folder):
        shutil.rmtree(folder)


def _names(root: Path) -> list[str]:
    """Return the names of all folders of runs, the newest first."""
    try:
        with os.scandir(root) as entries:
            found = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidSettingsError(f"{root}: {error.strerror}") from None
    return sorted(found, reverse=True)


def _matching(root: Path, text: str) -> list[str]:
    names = _names(root)
    if text in names:
        return [text]
    if text == LAST:
        return next(([name] for name in names if (root / name / DESCRIPTION).is_file()), [])
    return [name for name in names if text in name] if text else []


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
