"""The table of runs: its columns by width, its rows, and the cursor, which stays on its run."""

import time

from tui_trainer.formatting import loss_text, printable
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.overlay import OVERLAY_ROLES
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.state import State
from tui_trainer.tui.run.runs import Runs
from tui_trainer.tui.runs.listed import ListedRun, RunList
from tui_trainer.tui.runs.wording import (
    best_texts,
    chosen_text,
    matches,
    place_text,
    state_text,
    steps_text,
)
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.looks import Shown
from tui_trainer.tui.widgets.row_table import Column, Move, Row, RowTable, moved
from tui_trainer.tui.wording import NARROW

_LOOKS: dict[State, Shown] = {
    State.STOPPED_EARLY: "warning",
    State.DIVERGED: "error",
    State.FAILED: "error",
    State.INTERRUPTED: "warning",
    State.FINISHED: "success",
    State.RUNNING: "success",
    State.PAUSED: "accent",
}
_SHOWN = "◂"  # beside the run on the cockpit
_WIDE = 140  # columns from which there is room for the last loss
_ROOMY = 110  # and for the names of other machines
_CHOSEN = "chosen · of others what differs from ▸"
_EDGES = 4  # columns for the frame and the cursor's sign


class RunTable(RowTable):
    """Rows of runs, the newest first."""

    def __init__(self, charset: Charset, runs: RunList, *, id: str) -> None:
        super().__init__(id=id)
        self._charset, self._runs = charset, runs
        self.filter = ""
        self._session = Runs()
        self._found: dict[int, ListedRun] = {}
        self._order: list[int] = []
        self._selected: int | None = None

    @property
    def run(self) -> ListedRun | None:
        """The run under the cursor."""
        return self._found.get(self._selected) if self._selected is not None else None

    @property
    def pinned(self) -> int | None:
        """The mark of the run under the cursor, if it is pinned."""
        return self._mark_of(self.run) if self.run is not None else None

    def refresh_rows(self, session: Runs, *, moved: bool) -> None:
        """Take in what has become of the runs. The cursor stays on its run.

        Until it was `moved`, it is on the run that was shown before the one that is, or else on
        the newest other one.
        """
        self._session = session
        words, now = self.filter.casefold().split(), time.time()
        found = [run for run in self._runs.all if not words or matches(run, words, now)]
        self._found = {self._runs.number(run): run for run in found}
        self._order = list(self._found)
        if not moved:
            self._selected = self._first_choice()
        elif self._selected not in self._found:
            self._selected = self._order[0] if self._order else None

    def _first_choice(self) -> int | None:
        shown, former = self._session.shown, self._session.former
        others = [
            number for number, run in self._found.items() if run.run is None or run.run is not shown
        ]
        is_former = (n for n in others if former is not None and self._found[n].run is former)
        return next(is_former, next(iter(others or self._order), None))

    def draw_rows(self) -> None:
        if not self._order:
            words = "no run has this text" if self.filter else "no runs yet"
            self.blank(words, self._title_text)
            return
        self.put(self._title_text, self._columns_for(), self._order, self._row_of, self._selected)

    def choose(self, number: int | None) -> None:
        """Put the cursor on a run, if it is in the list."""
        if number in self._found:
            self._selected = number

    def move(self, move: Move) -> None:
        if self._selected is not None:
            place = self._order.index(self._selected)
            self._selected = self._order[moved(place, move, len(self._order), self.page)]

    @property
    def _title_text(self) -> str:
        count = f"Runs · {len(self._order):,}"
        if not self.filter:
            return count
        return f"{count} of {len(self._runs.all):,} · /{printable(self.filter)}"

    def _columns_for(self) -> list[Column]:
        """Return the columns that a width has room for; what was chosen takes the rest."""
        width = self.size.width
        sizes = [("", 1), ("when", 9), ("", 1), ("best", 7)]
        if width >= NARROW:
            sizes = [("", 1), ("when", 9), ("state", 15), ("best", 8), ("at", 7)]
        if width >= _WIDE:
            sizes += [("last", 8), ("steps", 12)]
        if width >= _ROOMY and any(run.host for run in self._found.values()):
            sizes[1] = ("when", 13)
        columns = [Column(title, size, title in ("best", "last")) for title, size in sizes]
        room = width - _EDGES - sum(size + self.gap for _, size in sizes)
        chosen = _CHOSEN if len(self._order) > 1 and room >= len(_CHOSEN) else "chosen"
        return [*columns, Column(chosen, max(1, room))]

    def _row_of(self, number: int) -> Row:
        run, width = self._found[number], self.size.width
        mark, (state, word) = self._mark_of(run), state_text(run)
        best, at = best_texts(run)
        look = _LOOKS.get(run.state, "row")
        if run.learnt_nothing or run.is_interrupted:
            look = "warning"
        is_shown = run.run is not None and run.run is self._session.shown
        sign_part: Part = (_SHOWN if is_shown else "", "note")
        if mark is not None:
            role = OVERLAY_ROLES[mark]
            sign_part = (sign(role, self._charset), role)
        cells: list[Part] = [sign_part, (place_text(run, time.time()), "note")]
        cells.append((f"{state} {word}" if width >= NARROW else state, look))
        cells.append((best, Role.BEST if run.best_val_loss is not None else "note"))
        if width >= NARROW:
            cells.append((at, "note"))
        if width >= _WIDE:
            cells += [(loss_text(run.val_loss), "row"), (steps_text(run), "note")]
        return (*cells, (printable(chosen_text(run, self.run)), "row"))

    def _mark_of(self, run: ListedRun) -> int | None:
        return self._session.mark_of(run.run) if run.run is not None else None
