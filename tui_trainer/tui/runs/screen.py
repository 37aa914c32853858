"""The list of runs: this session's and the saved ones, and what can be done with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from textual import on
from textual.binding import Binding
from textual.getters import query_one
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui_trainer.formatting import printable
from tui_trainer.training.state import State
from tui_trainer.tui.choices import ChoiceList
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import LoopChosen
from tui_trainer.tui.run.branching import Parent
from tui_trainer.tui.run.rescue import after_divergence
from tui_trainer.tui.run.runs import Run
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.runs.exporting import CHOICES, SVG, export, new_file
from tui_trainer.tui.runs.listed import ListedRun, RunList
from tui_trainer.tui.runs.reading import Read, SavedRuns
from tui_trainer.tui.runs.reasons import reasons_of
from tui_trainer.tui.runs.session import listed
from tui_trainer.tui.runs.table import RunTable
from tui_trainer.tui.runs.wording import chosen_text, unreadable_text
from tui_trainer.tui.widgets.cells import cut
from tui_trainer.tui.widgets.entry import Entry
from tui_trainer.tui.widgets.row_table import MOVES, Move
from tui_trainer.tui.wording import first_that_fits

_REFRESH_SECONDS, _READ_SECONDS, _LONGEST_REST = 0.5, 1.0, 20.0


@dataclass
class SavedRead(Message):
    """Saved runs that are new to the list, or not as they were."""

    read: Read


@dataclass
class Exported(Message):
    """What became of an export, in words; `copied` is for the clipboard."""

    words: str
    copied: str = ""


class RunsScreen(LiveScreen):
    """All runs, the newest first; the cursor starts on the one that was shown before.

    So the key for the list and enter go to and fro between two runs.
    """

    screen_name = "runs"
    BINDINGS = [
        *bindings("runs"),
        *(Binding(key, f"move('{move}')", show=False) for key, move in MOVES.items()),
    ]

    table = query_one("#runs", RunTable)
    filter = query_one("#filter", Input)

    def __init__(
        self, context: Context, cockpit: Cockpit, runs: RunList, saved: SavedRuns | None
    ) -> None:
        super().__init__(context)
        self._cockpit, self._runs, self._saved = cockpit, runs, saved
        self._problems: tuple[str, ...] = ()
        self._known: tuple[frozenset[Path] | None, tuple[str, ...]] = None, ()
        self._rested = 0.0  # seconds since it was drawn
        self._active: list[Run] = []  # then
        self._left = Event()
        self._told = ""  # of the last export
        self._moved = False  # whether the cursor is where its person put it

    def make_panes(self) -> Iterator[Widget]:
        yield RunTable(self.context.charset, self._runs, id="runs")
        yield Entry(placeholder="filter", compact=True, id="filter")

    def on_mount(self) -> None:
        """Show this session's runs at once; read the saved ones in a thread, again and again."""
        self.set_interval(_REFRESH_SECONDS, self._draw_news)
        if self._saved is not None:
            self.run_worker(partial(self._read, self._saved), thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        self._left.set()

    @property
    def _panes(self) -> list[Widget]:
        return [self.table]

    @property
    def run(self) -> ListedRun | None:
        """The run under the cursor."""
        return self.table.run

    # Rows

    def _read(self, saved: SavedRuns) -> None:
        while not self._left.is_set():
            for read in saved.read():
                self.post_message(SavedRead(read))
                if self._left.is_set():
                    return
            self._left.wait(_READ_SECONDS)

    def _draw_news(self) -> None:
        """Draw where a run of this session trains; now and then also what time it is."""
        self._rested += _REFRESH_SECONDS
        active = [run for run in self._cockpit.runs.all if run.active]
        if active or active != self._active or self._rested > _LONGEST_REST:
            self._active, self._rested = active, 0.0  # one that ends is drawn once more
            self.draw_all()

    @on(SavedRead)
    def _take_saved(self, message: SavedRead) -> None:
        read = message.read
        if not read.runs and (read.folders, read.problems) == self._known:
            return
        self._known = read.folders, read.problems
        self._runs.put_saved(read.runs)
        if read.folders is not None:
            self._runs.keep_saved(read.folders)
            self._problems = read.problems
        self.draw_all()

    def draw_panes(self) -> None:
        if not self.is_current:
            return
        runs, table = self._cockpit.runs, self.table
        self._runs.put_session(listed(run) for run in runs.all)
        table.refresh_rows(runs, moved=self._moved)
        table.draw_rows()

    def action_move(self, move: Move) -> None:
        self._moved, self._told = True, ""
        self.withdraw()
        self.table.move(move)
        self.draw_all()

    @on(RunTable.Chosen)
    def _take_row(self, event: RunTable.Chosen) -> None:
        self._moved = True
        self.withdraw()
        self.table.choose(event.key)
        self.draw_all()

    # The filter

    def action_filter(self) -> None:
        self.filter.display = True
        self.set_focus(self.filter)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self.table.filter = event.value
        self.draw_all()

    @on(Input.Submitted)
    def _accept_filter(self) -> None:
        """Go back to the rows that were found."""
        self.filter.display = bool(self.filter.value)
        self.set_focus(None)

    async def action_press(self, name: str) -> None:
        """Do what a key is for; the one for the way back takes back a question first."""
        if name != "back" or not self.withdraw():
            await super().action_press(name)

    def action_back(self) -> None:
        """Leave the filter, which shows all rows again; else the list."""
        if self.filter.display:
            self.filter.value = ""
            self._accept_filter()
        else:
            self.app.pop_screen()

    # What is done with a run

    def action_open_run(self) -> None:
        """Show the run in the cockpit, attached to it where another process trains it.

        A loop has a screen of its own.
        """
        if self.run is None:
            return
        if self.run.loop and self.run.folder is not None:
            self.post_message(LoopChosen(self.run.folder))
        else:
            self._cockpit.show(self._whole(self.run))
            self._cockpit.to_front()

    def action_pin(self) -> None:
        """Keep the run in every plot of losses, or take it out."""
        if self.run is None:
            return
        runs, run = self._cockpit.runs, self._whole(self.run)
        if runs.mark_of(run) is not None:
            runs.unpin(run)
        elif why_not := runs.pin(run):
            self.say(why_not)
        self.draw_all()

    def action_go_on(self) -> None:
        """Resume a saved run where it ended."""
        run, work = self.run, self.context.work.saved
        if run is None or run.folder is None or work is None:
            return
        question = self._cockpit.start_question(self.key("go_on"))
        if question and not self.confirms("go_on", question, run.folder):
            return
        events = partial(work.go_on, run.folder)
        self._cockpit.begin(run.own_config, events, created=run.created)
        self._cockpit.runs.forget(run.run)
        self._cockpit.to_front()

    def action_branch(self) -> None:
        """Ask where to leave the run and with which settings, and train on from there."""
        run = self.run
        if run is None or run.folder is None:
            return
        step, changes = run.best_step or run.step, ""
        if run.state is State.DIVERGED:
            step, changes = after_divergence(run.step, run.settings.lr)
        parent = Parent(run.folder, run.own_config, run.step, step, changes)
        self._cockpit.ask_branch(parent, partial(self._whole, run))

    def action_export(self) -> None:
        """Ask what to make of the run."""
        if (run := self.run) is not None:
            choices = ChoiceList("Export", CHOICES, CHOICES[0].name)
            self.app.push_screen(choices, partial(self._export, run))

    def _export(self, run: ListedRun, what: str | None) -> None:
        if what == SVG:
            self.action_open_run()
            self._cockpit.save_picture(new_file(Path.cwd(), run.file_name, ".svg"))
        elif what is not None:
            self.run_worker(partial(self._write, run, what), thread=True, exit_on_error=False)

    def _write(self, run: ListedRun, what: str) -> None:
        """Write what was asked for, in a thread: a saved run is to be read first."""
        self.post_message(Exported(*export(run, what, self.context)))

    @on(Exported)
    def _take_export(self, message: Exported) -> None:
        if message.copied:
            self.app.copy_to_clipboard(message.copied)
        self._told = message.words
        self.draw_lines()

    def action_delete(self) -> None:
        """Delete a saved run, if asked for twice."""
        run, work = self.run, self.context.work.saved
        if run is None or run.folder is None or work is None:
            return
        question = f"{self.key('delete')} again deletes it for good; esc keeps it · {run.name}"
        if not self.confirms("delete", question, run.folder):
            return
        try:
            work.delete(run.folder)
        except (OSError, ValueError) as error:
            self.say(f"{run.name} is still there: {error}")
            return
        self._runs.forget(run.folder)
        self._cockpit.runs.forget(run.run)
        self.say(f"{run.name} is deleted.")
        self.draw_all()

    def _whole(self, run: ListedRun) -> Run:
        """Return a run with its losses: one of this session, or one that a thread reads."""
        known = run.run
        if known is not None and (known.active or not (known.is_read and run.is_active)):
            return known
        self._cockpit.runs.forget(known)  # it has been resumed since
        assert run.folder is not None
        return self._cockpit.read_run(run.folder, run.own_config, run.created)

    # Lines

    def header_texts(self) -> tuple[str, str]:
        place = str(self._saved.root) if self._saved is not None else "runs are not saved"
        return place, ""

    def badge_text(self) -> str:
        """Say how the run on the cockpit stands, if there is one."""
        return self._cockpit.badge_text() if self._cockpit.run is not None else ""

    def banner_text(self) -> str:
        """Say what was exported, until something else is done."""
        return self._told

    def status_text(self) -> str:
        """Name the run under the cursor."""
        run = self.run
        if run is None:
            return ""
        name, chosen = run.name or "not saved", chosen_text(run, None)
        texts = (f" {name} · {chosen}", f" {chosen}", f" {name}")
        return first_that_fits(map(printable, texts), self.size.width)

    def draw_lines(self) -> None:
        super().draw_lines()
        self.next_line.put(cut(f" {unreadable_text(self._problems)}", self.size.width).rstrip())

    def key_labels(self) -> dict[str, str]:
        pinned = self.table.pinned is not None
        return {"pin": "unpin" if pinned else "pin", "runs": ""}

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing for the run under the cursor."""
        if self.run is None:
            none = "No run is under the cursor."
            return dict.fromkeys(("open_run", "pin", "go_on", "branch", "export", "delete"), none)
        return reasons_of(self.run)
