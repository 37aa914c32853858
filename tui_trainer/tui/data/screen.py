"""The dialog that opens a data file: first its path, then what to predict, then from what."""

from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from tui_trainer.config.numbers import Share
from tui_trainer.config.settings import Dataset
from tui_trainer.config.validation import convert_text
from tui_trainer.formatting import bytes_text, printable
from tui_trainer.task.files.opening import KINDS
from tui_trainer.tui.choices import Line, Options
from tui_trainer.tui.data.paths import Entry, Listing, full_path, typed_path
from tui_trainer.tui.data.reading import DataReader, FileColumns, FileRead, Listed, Made, Opened
from tui_trainer.tui.data.wording import (
    Places,
    column_head,
    column_row,
    entry_row,
    file_title,
    gaps_problem,
    hint,
    listing_problem,
    places_of,
    question,
    settings_lines,
)
from tui_trainer.tui.widgets.fields import TextField
from tui_trainer.tui.wording import progress_bar

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.tui.data.columns import Choice, Column

_TICK = 0.1  # seconds


class Phase(Enum):
    """What is asked for."""

    PATH = auto()
    READING = auto()
    TARGET = auto()
    FEATURES = auto()
    MAKING = auto()


_BUSY = (Phase.READING, Phase.MAKING)
_COLUMNS = (Phase.TARGET, Phase.FEATURES)


class DataQuestion(ModalScreen[Opened | None]):
    """Asks for a file, its target and its features; answers None if it is left.

    Files are read in a thread; the folder of a file that was opened before is where to begin.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-roomy")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high")]
    BINDINGS = [
        Binding("escape", "back", "back"),
        Binding("tab", "next", show=False, priority=True),
        *(
            Binding(key, f"cursor('{where}')", show=False)
            for key, where in (
                ("up", "cursor_up"),
                ("down", "cursor_down"),
                ("pageup", "page_up"),
                ("pagedown", "page_down"),
                ("home", "first"),
                ("end", "last"),
            )
        ),
        Binding("enter", "take", show=False),
        Binding("space", "toggle_feature", show=False),
        Binding("t", "predict", show=False),
        Binding("a", "toggle_all", show=False),
        Binding("z", "set('standardize')", show=False),
        Binding("m", "set('drop_missing')", show=False),
    ]

    def __init__(self, folder: str = "") -> None:
        super().__init__()
        self._folder = folder
        self._phase = Phase.PATH
        self._listing = Listing("")
        self._moved = False  # whether the cursor was moved since the text was typed
        self._found: FileColumns | None = None
        self._choice: Choice | None = None
        self._places: Places | None = None  # while the list is that of the choice's columns
        self._standardize, self._drop_missing = True, False
        self._reader = DataReader(self)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog data") as page:
            page.border_title = "Open a data file"
            yield Input(
                self._folder, id="path", placeholder=f"a file: {' '.join(KINDS)}", compact=True
            )
            yield Static(id="problem", markup=False)
            yield Static(id="head", markup=False)
            yield Options(markup=False, compact=True)
            yield TextField("split", "split", "0.8", _check_split)
            yield Static(id="settings", markup=False)

    def on_mount(self) -> None:
        self.query_one("#path", Input).focus()
        self._progress = self.set_interval(_TICK, self._show_progress, pause=True)
        self._reader.list(self._folder)

    def on_resize(self, event: events.Resize) -> None:
        """Write everything anew, as wide as there is room."""
        self.call_after_refresh(self._show)

    # Paths

    @on(Input.Changed, "#path")
    def _complete(self, event: Input.Changed) -> None:
        """Look for what the text may go on as."""
        self._moved = False
        if self._phase is Phase.PATH:
            self._reader.list(event.value)

    @on(Listed)
    def _take_listing(self, message: Listed) -> None:
        if self._reader.is_newest(message) and message.answer is not None:
            self._listing = message.answer
            self._show()

    @on(Input.Submitted, "#path")
    def _open_typed(self) -> None:
        self.action_take()

    def _open_path(self) -> None:
        """Open the file that is typed, else what the cursor is on."""
        text, entry = self.query_one("#path", Input).value, self._entry
        typed_file = self._listing.text == text and self._listing.is_file
        if entry is not None and entry.is_folder and (self._moved or not typed_file):
            self._put_path(entry.text)
        elif entry is not None and (self._moved or not typed_file):
            self._put_path(entry.text)
            self._read(entry.text)
        elif text.strip():
            self._read(text)

    @property
    def _entry(self) -> Entry | None:
        place = self.query_one(OptionList).highlighted
        entries = self._listing.entries
        return entries[place] if place is not None and place < len(entries) else None

    def _put_path(self, text: str) -> None:
        field = self.query_one("#path", Input)
        field.value = text
        field.cursor_position = len(text)

    def _read(self, text: str) -> None:
        self._reader.read(str(full_path(text)))
        self._go_to(Phase.READING)

    @on(FileRead)
    def _take_columns(self, message: FileRead) -> None:
        if not self._reader.is_newest(message):
            return
        if message.answer is None:
            self._go_to(Phase.PATH, f"! {message.problem}")
            return
        from tui_trainer.tui.data.columns import Choice

        self._found = message.answer
        self._choice = Choice(message.answer.columns, message.answer.rows)
        self._places = None
        self._go_to(Phase.TARGET)

    # Columns

    @property
    def _column(self) -> "Column | None":
        place = self.query_one(OptionList).highlighted
        if self._choice is None or place is None:
            return None
        return self._choice.columns[place]

    def _require_usable(self, column: "Column | None") -> bool:
        """Tell whether a column is one of numbers that differ; else say why not."""
        if column is not None and column.problem:
            self._show(f"! {column.name} can't be used: {column.problem}")
        return column is not None and not column.problem

    def action_predict(self) -> None:
        """Make the column under the cursor the target."""
        column = self._column
        if self._phase in _COLUMNS and self._choice is not None and self._require_usable(column):
            assert column is not None
            self._choice.predict(column.name)
            self._go_to(Phase.FEATURES)

    def action_toggle_feature(self) -> None:
        """Use the column under the cursor as a feature, or no more."""
        column, choice = self._column, self._choice
        if self._phase is not Phase.FEATURES or choice is None or column is None:
            return
        if column.name == choice.target:
            self._show(f"! {column.name} is the target: t on another column makes that one it")
        elif self._require_usable(column):
            choice.toggle(column.name)
            self._show()

    def action_toggle_all(self) -> None:
        if self._phase is Phase.FEATURES and self._choice is not None:
            self._choice.toggle_all()
            self._show()

    def action_set(self, setting: str) -> None:
        """Toggle a setting."""
        if self._phase is Phase.FEATURES:
            name = f"_{setting}"
            setattr(self, name, not getattr(self, name))
            self._show()

    @property
    def _split(self) -> float:
        split: float = convert_text(self.query_one(TextField).typed, Share)
        return split

    @on(TextField.Edited)
    def _show_split(self) -> None:
        self._show()

    def _make(self) -> None:
        """Make the data set that was chosen, unless something is missing for it."""
        choice, field = self._choice, self.query_one(TextField)
        assert choice is not None
        assert self._found is not None
        if field.invalid:
            field.query_one(Input).focus()
        elif not choice.features:
            self._show("! no feature yet: space on a column makes it one")
        elif choice.missing and not self._drop_missing:
            self._show(gaps_problem(choice))
        else:
            file = self._found.file
            self._reader.make(
                Dataset(
                    name=f"{printable(Path(file).name)} · {choice.target}",
                    file=file,
                    target=choice.target,
                    feature_names=choice.feature_names,
                    split=self._split,
                    standardize=self._standardize,
                    drop_missing=self._drop_missing,
                )
            )
            self._go_to(Phase.MAKING)

    @on(Made)
    def _take_dataset(self, message: Made) -> None:
        if self._reader.is_newest(message):
            if message.answer is not None:
                self.dismiss(message.answer)
            else:
                self._go_to(Phase.FEATURES, f"! {message.problem}")

    # Keys of all phases

    def action_take(self) -> None:
        """Open the path, predict the column, take the data set."""
        match self._phase:
            case Phase.PATH:
                self._open_path()
            case Phase.TARGET:
                self.action_predict()
            case Phase.FEATURES:
                self._make()

    @on(OptionList.OptionSelected)
    def _take_clicked(self) -> None:
        self._moved = True
        self.action_toggle_feature() if self._phase is Phase.FEATURES else self.action_take()

    def action_next(self) -> None:
        """Complete the path; among columns go to the field for the split and back."""
        if self._phase is Phase.PATH:
            self._complete_path()
        elif self._phase is Phase.FEATURES:
            self.set_focus(None if self.focused else self.query_one(TextField).query_one(Input))

    def _complete_path(self) -> None:
        text, common = self.query_one("#path", Input).value, self._listing.common
        if self._listing.text != text:
            return  # what it may go on as is not known yet
        longer = len(common) > len(typed_path(text))
        if longer and not self._moved:
            self._put_path(common)
        elif self._entry is not None:
            self._put_path(self._entry.text)

    def action_cursor(self, where: str) -> None:
        options = self.query_one(OptionList)
        self._moved = True
        if self.focused is not None and self._phase is Phase.FEATURES:
            self.set_focus(None)  # the field for the split
        else:
            getattr(options, f"action_{where}")()

    def action_back(self) -> None:
        """Go back to the question before; cancel what is read; leave."""
        match self._phase:
            case Phase.PATH:
                self._reader.cancel()
                self.dismiss(None)
            case Phase.FEATURES if self.focused is not None:
                self.set_focus(None)
            case Phase.FEATURES:
                assert self._found is not None
                self._take_columns(FileRead(self._reader.newest, self._found))
            case Phase.MAKING:
                self._reader.cancel()
                self._go_to(Phase.FEATURES)
            case Phase.READING | Phase.TARGET:
                self._reader.cancel()
                self._go_to(Phase.PATH)

    # What is shown

    def _go_to(self, phase: Phase, problem: str = "") -> None:
        cursor = self.query_one(OptionList).highlighted
        if not {phase, self._phase} <= {Phase.TARGET, Phase.FEATURES, Phase.MAKING}:
            opened = self._choice if phase is Phase.TARGET else None
            cursor = opened.likely_target if opened is not None else 0
        self._phase = phase
        self.set_focus(self.query_one("#path", Input) if phase is Phase.PATH else None)
        self._progress.resume() if phase in _BUSY else self._progress.pause()
        if phase is Phase.PATH and self._listing.text != self.query_one("#path", Input).value:
            self._reader.list(self.query_one("#path", Input).value)
        self._show(problem, cursor)

    def _show(self, problem: str = "", cursor: int | None = None) -> None:
        """Write everything that depends on the phase, the choice and the size."""
        for name in Phase:
            self.set_class(name is self._phase, f"-{name.name.lower()}")
        page, options = self.query_one(".data", Vertical), self.query_one(OptionList)
        width = page.size.width - 1  # for a scrollbar
        cursor = options.highlighted if cursor is None else cursor
        found = self._found if self._phase in _COLUMNS else None
        page.border_title = Content(
            file_title(found.file, found.rows, width) if found else "Open a data file"
        )
        page.border_subtitle = hint(_HINT_OF.get(self._phase, "busy"), width)
        choice = self._choice
        words = ""
        if self._phase not in _COLUMNS:
            options.clear_options()
            self._places = None
        if self._phase is Phase.PATH:
            options.add_options(entry_row(e, width) for e in self._listing.entries)
            words = listing_problem(self._listing)
        elif choice is not None and self._phase in _COLUMNS:
            places = self._list_columns(choice, width)
            words = question(choice, self._split, width, drop_missing=self._drop_missing)
            self.query_one("#head", Static).update(column_head(places))
            self.query_one("#settings", Static).update(
                settings_lines(
                    choice,
                    standardize=self._standardize,
                    drop_missing=self._drop_missing,
                    width=width,
                )
            )
        if options.option_count:
            options.highlighted = min(cursor or 0, options.option_count - 1)
            self.call_after_refresh(options.scroll_to_highlight)
        self._say(problem or words)
        self._show_progress()

    def _list_columns(self, choice: "Choice", width: int) -> Places:
        """List the columns, or write the lines in view anew: there may be thousands."""
        options = self.query_one(Options)
        if self._places is not None and self._places.width == width:
            options.rewrite()
            return self._places
        places = self._places = places_of(choice.columns, width)
        options.clear_options()
        options.add_options(
            Line(partial(column_row, column, choice, places)) for column in choice.columns
        )
        return places

    def _say(self, words: str) -> None:
        line = self.query_one("#problem", Static)
        line.update(printable(words))
        line.set_class(words.startswith("!"), "error")

    def _show_progress(self) -> None:
        """Say how far reading is."""
        if self._phase not in _BUSY:
            return
        done, size = self._reader.read_bytes, self._reader.all_bytes
        share = done / size if size else 0.0
        count = f" {bytes_text(done)} of {bytes_text(size)}" if size else ""
        self._say(f"reading… {progress_bar(share, 20)}{count}")


_HINT_OF = {Phase.PATH: "path", Phase.TARGET: "target", Phase.FEATURES: "features"}


def _check_split(text: str) -> None:
    convert_text(text, Share)
