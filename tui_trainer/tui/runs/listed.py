"""A run as it stands in the list, wherever it lives; all of them, through a filter."""

import dataclasses
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tui_trainer.config.settings import RunConfig, setup_text
from tui_trainer.formatting import number_text
from tui_trainer.training.state import ACTIVE, State

if TYPE_CHECKING:  # needs numpy
    from tui_trainer.tui.run.runs import Run


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """A run, a sweep, or a loop of a script, at one moment.

    `created` is in seconds since 1970, `host` the machine that it is or was on, "" for this one.
    `state` is what its process said last: `is_elsewhere` if that is another one and alive,
    `is_interrupted` if it is gone. A run of this session has a `run`, a saved one a `folder`.
    """

    name: str
    created: float
    state: State
    config: RunConfig | None  # None for a loop alone
    step: int = 0
    val_loss: float | None = None
    best_step: int | None = None
    best_val_loss: float | None = None
    lr: float | None = None
    host: str = ""
    is_elsewhere: bool = False
    is_interrupted: bool = False
    learnt_nothing: bool = False
    is_branch: bool = False
    sweep: str = ""  # what a sweep is over, in words; "" for a run
    recommended: str = ""  # by a sweep, whose best loss is the median of this
    loop: str = ""  # what a loop is called and was started with; "" for a run
    loop_steps: int = 0  # that it will take, 0 if that is not known
    folder: Path | None = None
    run: "Run | None" = None

    @property
    def file_name(self) -> str:
        """The name for a file about it."""
        return self.name or time.strftime("run-%Y%m%d-%H%M%S", time.localtime(self.created))

    @property
    def is_active(self) -> bool:
        """Whether it trains or is paused, here or elsewhere."""
        return self.state in ACTIVE and not self.is_interrupted

    @property
    def own_config(self) -> RunConfig:
        """Its config, for what no loop is asked for."""
        assert self.config is not None
        return self.config

    @property
    def steps(self) -> int:
        """How many steps it is to take; 0 if that is not known."""
        return self.config.steps if self.config is not None else self.loop_steps

    @cached_property
    def settings(self) -> RunConfig:
        """Its config, with the lr that it was last told to use."""
        return self.own_config if self.lr is None else replace(self.own_config, lr=self.lr)

    @cached_property
    def setup(self) -> str:
        """What was chosen, in a line."""
        if self.config is None:
            return f"loop: {self.loop}"
        names, size = setup_text(self.config), self.config.batch_size
        names += f" · batch {size:,}" if size is not None else ""
        return f"{names} · lr {number_text(self.settings.lr)} · seed {self.config.seed}"


class RunList:
    """The runs of this session and those on the disk, the newest first."""

    def __init__(self) -> None:
        self._session: list[ListedRun] = []
        self._saved: dict[Path, ListedRun] = {}
        self._sorted: list[ListedRun] | None = None
        self._numbers: dict[Hashable, int] = {}

    def put_session(self, runs: Iterable[ListedRun]) -> None:
        """Replace the runs of this session."""
        self._session, self._sorted = list(runs), None

    def put_saved(self, runs: Iterable[ListedRun]) -> None:
        """Add runs of the disk, or what is new of them."""
        self._saved |= {run.folder: run for run in runs if run.folder is not None}
        self._sorted = None

    def keep_saved(self, folders: Iterable[Path]) -> None:
        """Forget the runs of the disk that are in none of these folders."""
        kept = set(folders)
        self._saved = {folder: run for folder, run in self._saved.items() if folder in kept}
        self._sorted = None

    def forget(self, folder: Path) -> None:
        """Forget a run that is no longer on the disk."""
        self._saved.pop(folder, None)
        self._sorted = None

    @property
    def all(self) -> list[ListedRun]:
        """All runs, each once.

        Of one that this session trains it knows best itself, of the others the disk does.
        """
        if self._sorted is None:
            saved, runs = dict(self._saved), list[ListedRun]()
            for run in self._session:
                on_disk = saved.pop(run.folder, None) if run.folder is not None else None
                if on_disk is not None and run.run is not None and run.run.is_read:
                    run = dataclasses.replace(on_disk, run=run.run)
                elif on_disk is not None and on_disk.is_branch:  # perhaps of an earlier session
                    run = dataclasses.replace(run, is_branch=True)
                runs.append(run)
            runs += saved.values()
            self._sorted = sorted(runs, key=lambda run: (run.created, run.name), reverse=True)
        return self._sorted

    def number(self, run: ListedRun) -> int:
        """Return what tells a run from all others while the list is open, saved or not yet."""
        names: list[Hashable] = [name for name in (run.folder, run.run) if name is not None]
        known = (self._numbers[name] for name in names if name in self._numbers)
        number = next(known, len(self._numbers))
        for name in names:
            self._numbers[name] = number
        return number
