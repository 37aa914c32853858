"""What was logged, gathered step by step into metrics that are written together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from tui_trainer.formatting import printable
from tui_trainer.runs.segments import Steps
from tui_trainer.training.history import FloatArray

MOST_NAMES = 10_000
LONGEST_NAME = 120  # characters
Row: TypeAlias = tuple[int, dict[Any, Any]]
Table: TypeAlias = tuple[tuple[str, ...], Steps, FloatArray]  # (steps, names)


class Rows:
    """Takes logged values in the order in which they came, and gives out those of whole steps.

    What is logged before a loop counts its steps is of step 1; a name that comes again begins the
    next one, so that a loop that never counts has steps all the same. Of several values of a name
    in a step the last one stands. `notes` says, in a line each, what was left out.

    Metrics are written together that have always come together: a partition of the names, which is
    only ever refined. So each is in one file, and those that come apart once in a few more.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.last: dict[str, float] = {}  # values by name
        self.last_step = 0
        self._steps: dict[int, dict[str, float]] = {}  # not given out yet
        self._uncounted = 1  # the step of what is logged outside of any
        self._names: dict[Any, str] = {}  # as they are written; "" for those left out
        self._home: dict[str, tuple[str, ...]] = {}
        self._written: dict[str, int] = {}  # the last step of each metric
        self._told: set[str] = set()

    def add(self, rows: list[Row]) -> None:
        """Take in what was logged."""
        for step, values in rows:
            named = {self._name(name): value for name, value in values.items()}
            named.pop("", None)
            if step < 1:
                step = self._place(named)
            self._steps.setdefault(step, {}).update(named)
            self.last_step = max(self.last_step, step)
            self.last.update(named)

    def _place(self, named: Mapping[str, float]) -> int:
        if not named.keys().isdisjoint(self._steps.get(self._uncounted, ())):
            self._uncounted += 1
        return self._uncounted

    def _name(self, given: Any) -> str:
        if (name := self._names.get(given)) is not None:
            return name
        name = printable(str(given))[:LONGEST_NAME]
        if name == "step":
            self._tell("step", "a metric named step is left out: log(step=...) says which step")
            name = ""
        elif len(self._names) >= MOST_NAMES:
            self._tell("names", f"more than {MOST_NAMES:,} metrics: those after these are left out")
            return ""
        self._names[given] = name
        return name

    def _tell(self, kind: str, words: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self.notes.append(words)

    def take(self, before: int | None = None) -> Iterator[Table]:
        """Give out the steps before one, or all, as tables of metrics that come together."""
        steps = sorted(step for step in self._steps if before is None or step < before)
        parts: dict[tuple[str, ...], list[tuple[int, list[float]]]] = {}
        for step in steps:
            values = self._steps.pop(step)
            for names in self._parts(tuple(values)):
                parts.setdefault(names, []).append((step, [values[name] for name in names]))
        for names, rows in parts.items():
            fresh = [row for row in rows if row[0] > self._written.get(names[0], 0)]
            if len(fresh) < len(rows):
                after = self._written[names[0]]
                self._tell(
                    names[0], f"{names[0]}: steps up to {after:,} that came late are left out"
                )
            if fresh:
                self._written |= dict.fromkeys(names, fresh[-1][0])
                with np.errstate(over="ignore"):
                    table = np.array([values for _, values in fresh], np.float64).astype(np.float32)
                yield names, np.array([step for step, _ in fresh], np.int64), table

    def _parts(self, names: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the parts of the partition that some names are made of, refined by these."""
        if not names or self._home.get(names[0]) == names:
            return [names] if names else []
        by_home: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            by_home.setdefault(self._home.get(name, ()), []).append(name)
        found = []
        for home, part in by_home.items():
            if len(part) == len(home):
                found.append(home)
                continue
            rest = tuple(name for name in home if name not in part)
            for piece in (tuple(part), rest):
                self._home |= dict.fromkeys(piece, piece)
            found.append(tuple(part))
        return found
