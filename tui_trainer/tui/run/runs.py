"""The runs of this session: which one is shown, and which lie under it in its plot."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec.structs import replace

from tui_trainer.config.differences import config_differences
from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import short_text
from tui_trainer.plotting.overlay import OVERLAY_ROLES, Overlay
from tui_trainer.runs.client import RemoteControl
from tui_trainer.training.control import Control
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.training.state import ACTIVE
from tui_trainer.tui.feed import Feed

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult

Curve: TypeAlias = Literal["last", "best", "next"]  # "next": the next run's, untrained

MOST_PINNED = len(OVERLAY_ROLES)
MOST_KEPT = 20
MOST_LOSSES = 20_000_000  # steps of all runs that are kept one by one: some 15 bytes each
_MARKS = range(MOST_PINNED)


class Run:
    """A run and what was asked of it.

    One that is read from a `folder` is another process's, or was. `lr_asked` is the lr it was last
    told to use, `parent` the run that it branched off, `created` its Unix time.
    """

    def __init__(
        self,
        result: "RunResult",
        control: Control | None = None,
        *,
        parent: "Run | None" = None,
        created: float | None = None,
        folder: Path | None = None,
    ) -> None:
        result.folder = folder
        self.created = time.time() if created is None else created
        self.is_read = folder is not None
        self.feed = Feed(result)
        self.control = control
        self.parent = parent
        self.lr_asked = result.lr

    @property
    def result(self) -> "RunResult":
        return self.feed.result

    @property
    def remote(self) -> RemoteControl | None:
        """Its control where another process trains it."""
        return self.control if isinstance(self.control, RemoteControl) else None

    @property
    def active(self) -> bool:
        """Whether it trains, or is paused."""
        return self.control is not None and self.result.state in ACTIVE

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked here to end, and is still in a step, which may take long."""
        control = self.control
        return control is not None and control.stopped and self.active and self.remote is None

    @property
    def is_elsewhere(self) -> bool:
        """Whether another process trains it now."""
        return self.active and self.remote is not None

    @property
    def standing(self) -> Curve:
        """Which curve is that of its weights as they are."""
        ended = self.result.ended
        return "best" if ended is not None and ended.restored_best else "last"

    def fit(self, curve: Curve) -> tuple[Points | None, FitSampled | None]:
        return self.result.points, self.result.fit(best=curve == "best")

    def changes_of(self, form: RunConfig) -> dict[str, str]:
        """Return what a form's run has in another way, as this one was last told to train."""
        lr = self.lr_asked if self.remote is None else self.result.lr
        config = self.result.config
        if config.lr != lr:  # a config is checked when it is made: too slow for every frame
            config = replace(config, lr=lr)
        return config_differences(form, config)


class Runs:
    """The runs that this session has seen, the one that was looked at last first.

    At most `MOST_KEPT` runs of `MOST_LOSSES` steps together stay in memory; pinned ones and those
    that are needed now stay in any case.
    """

    def __init__(self) -> None:
        self.all: list[Run] = []
        self.newest: Run | None = None  # of those that were started here
        self.lays_last = False  # whether the last run lies under the one that is shown
        self._marks: dict[Run, int] = {}  # of those that are pinned

    @property
    def shown(self) -> Run | None:
        return self.all[0] if self.all else None

    @property
    def former(self) -> Run | None:
        """The run that was shown before."""
        return self.all[1] if len(self.all) > 1 else None

    @property
    def shows_former(self) -> bool:
        return self.newest is not None and self.shown is not self.newest

    @property
    def training(self) -> Run | None:
        """The run of this process that has not ended yet."""
        return next((run for run in self.all if run.active and run.remote is None), None)

    def add(self, run: Run) -> None:
        """Show a run that starts here."""
        self.newest = run
        self.show(run)

    def show(self, run: Run) -> None:
        """Show a run; one that branched off another has that one's losses under its own."""
        self.all = [run, *(other for other in self.all if other is not run)]
        if run.parent is not None:
            self.lays_last = True
        self._forget()

    def keep(self, run: Run) -> None:
        """Keep a run that was read, as if it had been looked at the longest time ago."""
        self.all.append(run)

    def forget(self, run: Run | None) -> None:
        """Forget a run that was deleted; the one that is shown stays as long as it is."""
        if run is not None:
            self.unpin(run)
            self.all = [other for other in self.all if other is not run or run is self.shown]

    # In the plot of another

    @property
    def pinned(self) -> list[Run]:
        """The runs that stay in every plot, in the order of their marks."""
        return sorted(self._marks, key=self._marks.__getitem__)

    def mark_of(self, run: Run) -> int | None:
        """Return which of the plot's signs a pinned run has."""
        return self._marks.get(run)

    def pin(self, run: Run) -> str:
        """Keep a run in every plot; return why not, where there are enough already."""
        if run in self._marks:
            return ""
        free = next((mark for mark in _MARKS if mark not in self._marks.values()), None)
        if free is None:
            return f"{MOST_PINNED} runs are pinned, and a plot has no room for more: unpin one."
        self._marks[run] = free
        if run not in self.all:
            self.all.append(run)
        return ""

    def unpin(self, run: Run) -> None:
        self._marks.pop(run, None)

    @property
    def last(self) -> Run | None:
        """The run to lay under the one that is shown: its parent, else the one shown before."""
        shown = self.shown
        return shown.parent if shown is not None and shown.parent is not None else self.former

    @property
    def overlays(self) -> list[Overlay]:
        """What lies under the losses of the run that is shown: pinned runs and the last one."""
        if (shown := self.shown) is None:
            return []
        marks = self._others_pinned
        if (last := self.last) is not None and (mark := self.mark_of_last) is not None:
            marks[last] = mark
        runs = sorted(marks, key=marks.__getitem__)
        names = names_apart([run_differences(run.result, shown.result) for run in runs])
        return [
            Overlay(name, run.result.history, marks[run], short)
            for run, (name, short) in zip(runs, names, strict=True)
        ]

    @property
    def mark_of_last(self) -> int | None:
        """Which of the plot's signs the last run has; None where it is not laid, or pinned."""
        taken, last = self._others_pinned, self.last
        if not self.lays_last or last is None or last in taken:
            return None
        return next((mark for mark in _MARKS if mark not in taken.values()), None)

    @property
    def why_no_last(self) -> str:
        """Why the last run is not for laying under the one that is shown, "" if it is."""
        if self.last in self._others_pinned:
            return "The last run is pinned: it is in the plot."
        if len(self._others_pinned) == MOST_PINNED:
            return f"{MOST_PINNED} pinned runs are in the plot: there is no room for another."
        return ""

    @property
    def _others_pinned(self) -> dict[Run, int]:
        """The marks of pinned runs but for the one that is shown."""
        return {run: mark for run, mark in self._marks.items() if run is not self.shown}

    def _forget(self) -> None:
        """Let go of the runs that were not looked at for the longest time."""
        kept: list[Run] = []
        losses = 0
        for place, run in enumerate(self.all):
            history = run.result.history
            losses += history.steps - history.first_kept + 1
            needed = place < 2 or run.active or run is self.newest or run in self._marks
            if needed or (place < MOST_KEPT and losses <= MOST_LOSSES):
                kept.append(run)
            else:
                run.parent = None  # which may have a parent, too
        self.all = kept


def run_differences(result: "RunResult", other: "RunResult") -> dict[str, str]:
    """Return what a run has in another way than another, by setting, with what was done to it."""
    words = config_differences(result.config, other.config)
    changes = [(change.step, change.lr) for change in result.lr_changes]
    if changes != [(change.step, change.lr) for change in other.lr_changes]:
        lrs = [f"lr {short_text(result.config.lr)}"]
        lrs += [f"{short_text(lr)} at {step:,}" for step, lr in changes]
        words["lr"] = " → ".join(lrs)
    return words


def names_apart(differences: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Name runs by what they have in another way, and shorter, by what not all of them have."""
    words = [list(parts.values()) for parts in differences]
    shared = set[str]().union(*words).intersection(*words) if len(words) > 1 else set[str]()
    alone = [[word for word in parts if word not in shared] or parts for parts in words]
    return [(_joined(parts), _joined(few)) for parts, few in zip(words, alone, strict=True)]


def _joined(words: Sequence[str]) -> str:
    return " · ".join(words) or "same settings"
