"""What was logged, gathered step by step into metrics that are written together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from tui_trainer.formatting import printable
from tui_trainer.runs.segments import Steps
from tui_trainer.training.events import FloatArray

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
        self._plain: set[tuple[str, ...]] = set()  # names that are written as they were given
        self._told: set[str] = set()

    def add(self, rows: list[Row]) -> None:
        """Take in what was logged, and keep it."""
        steps, plain = self._steps, self._plain
        newest: dict[tuple[Any, ...], dict[Any, float]] = {}  # by names, the last one last
        for _, values in rows:
            newest.pop(names := tuple(values), None)
            newest[names] = values
        for values in newest.values():  # before they are joined with others of their steps
            self.last |= {self._name(name): value for name, value in values.items()}
        self.last.pop("", None)
        for step, values in rows:
            if (names := tuple(values)) not in plain:
                values = self._named(values, names)
            if step < 1:
                step = self._place(values)
            if (known := steps.get(step)) is None:
                steps[step] = values
            else:
                known |= values
            if step > self.last_step:
                self.last_step = step

    def _named(self, values: dict[Any, float], names: tuple[Any, ...]) -> dict[str, float]:
        """Return values by the names under which they are written, and note those as they are."""
        named = {self._name(name): value for name, value in values.items()}
        named.pop("", None)
        if tuple(named) == names:
            self._plain.add(names)
        return named

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
        elif not name.strip():
            self._tell("", "a metric without a name is left out")
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
        parts: dict[tuple[str, ...], tuple[list[int], list[list[float]]]] = {}
        for step in steps:
            values = self._steps.pop(step)
            names = tuple(values)
            is_whole = self._home.get(next(iter(names), "")) == names
            for part in (names,) if is_whole else self._parts(names):
                table = parts.get(part)
                if table is None:
                    table = parts[part] = [], []
                table[0].append(step)
                table[1].append([*values.values()] if is_whole else [values[n] for n in part])
        for names, (at, rows) in parts.items():
            yield from self._fresh(names, np.array(at, np.int64), rows)

    def _fresh(
        self, names: tuple[str, ...], steps: Steps, rows: list[list[float]]
    ) -> Iterator[Table]:
        """Give out a table without the steps that these metrics have had already."""
        last = self._written.get(names[0], 0)
        late = int(np.searchsorted(steps, last, side="right"))
        if late:
            words = f"{names[0]}: steps up to {last:,} that came late are left out"
            self._tell(names[0], words)
        if late < len(steps):
            self._written |= dict.fromkeys(names, int(steps[-1]))
            flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(names))
            with np.errstate(over="ignore"):
                table = flat.reshape(len(rows), len(names)).astype(np.float32)
            yield names, steps[late:], table[late:]

    def _parts(self, names: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the parts of the partition that some names are made of, refined by these."""
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
