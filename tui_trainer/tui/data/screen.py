"""The dialog that opens a data file: first its path, then what to predict, then from what."""

from enum import Enum, auto
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.getters import query_one
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList

from tui_trainer.tui.data.page import DataPage
from tui_trainer.tui.data.paths import Entry, Listing, full_path, typed_path
from tui_trainer.tui.data.reading import DataReader, FileColumns, FileRead, Listed, Made, Opened
from tui_trainer.tui.data.wording import HintName, gaps_problem
from tui_trainer.tui.frames import TICK
from tui_trainer.tui.widgets.fields import TextField

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.tui.data.columns import Choice, Column


class Phase(Enum):
    """What is asked for."""

    PATH = auto()
    READING = auto()
    TARGET = auto()
    FEATURES = auto()
    MAKING = auto()


_BUSY = (Phase.READING, Phase.MAKING)
_COLUMNS = (Phase.TARGET, Phase.FEATURES)
_HINTS: dict[Phase, HintName] = {
    Phase.PATH: "path",
    Phase.READING: "busy",
    Phase.TARGET: "target",
    Phase.FEATURES: "features",
    Phase.MAKING: "busy",
}


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

    page = query_one(DataPage)

    def __init__(self, folder: str = "") -> None:
        super().__init__()
        self._folder = folder
        self._phase = Phase.PATH
        self._listing = Listing("")
        self._moved = False  # whether the cursor was moved since the text was typed
        self._failed = "", ""  # the path that could not be opened, and why not
        self._found: FileColumns | None = None
        self._choice: Choice | None = None
        self._reader = DataReader(self)

    def compose(self) -> ComposeResult:
        yield DataPage(self._folder)

    def on_mount(self) -> None:
        self.page.path.focus()
        self._progress = self.set_interval(TICK, self._show_progress, pause=True)
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
        """Open the file that is typed, else what the cursor is on.

        A list that is still that of an earlier text is not opened from.
        """
        text, entry = self.page.path.value, self._entry
        listed = self._listing.text == text and not self._listing.is_file
        if entry is not None and (self._moved or listed):
            self.page.put_path(entry.text)
            if not entry.is_folder:
                self._read(entry.text)
        elif text.strip():
            self._read(text)

    def _complete_path(self) -> None:
        """Type what all that the text may go on as have in common, else what the cursor is on."""
        text, common = self.page.path.value, self._listing.common
        if self._listing.text != text:
            return  # what it may go on as is not known yet
        longer = len(common) > len(typed_path(text))
        if longer and not self._moved:
            self.page.put_path(common)
        elif self._entry is not None:
            self.page.put_path(self._entry.text)

    @property
    def _entry(self) -> Entry | None:
        return self._listing.entry(self.page.place)

    def _read(self, text: str) -> None:
        self._reader.read(str(full_path(text)))
        self._go_to(Phase.READING)

    @on(FileRead)
    def _take_columns(self, message: FileRead) -> None:
        if not self._reader.is_newest(message):
            return
        if message.answer is None:
            self._failed = self.page.path.value, f"! {message.problem}"
            self._go_to(Phase.PATH)
            return
        from tui_trainer.tui.data.columns import Choice

        self._found = message.answer
        choice = self._choice or Choice((), 0)
        self._choice = choice.start_over(message.answer.columns, message.answer.rows)
        self._go_to(Phase.TARGET)

    # Columns

    @property
    def _column(self) -> "Column | None":
        place = self.page.place
        if self._phase not in _COLUMNS or self._choice is None or place is None:
            return None
        return self._choice.columns[place]

    def _require_usable(self, column: "Column") -> bool:
        """Tell whether a column is one of numbers that differ; else say why not."""
        if column.problem:
            self._show(f"! {column.name} can't be used: {column.problem}")
        return not column.problem

    def action_predict(self) -> None:
        """Make the column under the cursor the target."""
        column, choice = self._column, self._choice
        if column is not None and choice is not None and self._require_usable(column):
            choice.predict(column.name)
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
        choice = self._choice
        if self._phase is Phase.FEATURES and choice is not None:
            setattr(choice, setting, not getattr(choice, setting))
            self._show()

    @on(TextField.Edited)
    def _show_split(self) -> None:
        self._show()

    def _make(self) -> None:
        """Make the data set that was chosen, unless something is missing for it."""
        choice, field = self._choice, self.page.split_field
        assert choice is not None
        assert self._found is not None
        if field.invalid:
            field.query_one(Input).focus()
        elif not choice.features:
            self._show("! no feature yet: space on a column makes it one")
        elif choice.missing and not choice.drop_missing:
            self._show(gaps_problem(choice))
        else:
            self._reader.make(choice.dataset(self._found.file, self.page.split))
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
            self.set_focus(None if self.focused else self.page.split_field.query_one(Input))

    def action_cursor(self, where: str) -> None:
        self._moved = True
        if self.focused is not None and self._phase is Phase.FEATURES:
            self.set_focus(None)  # the field for the split
        else:
            getattr(self.page.options, f"action_{where}")()

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
        cursor = self.page.place
        if not {phase, self._phase} <= {Phase.TARGET, Phase.FEATURES, Phase.MAKING}:
            opened = self._choice if phase is Phase.TARGET else None
            cursor = opened.likely_target if opened is not None else 0
        self._phase = phase
        self.set_focus(self.page.path if phase is Phase.PATH else None)
        self._progress.resume() if phase in _BUSY else self._progress.pause()
        if phase is Phase.PATH and self._listing.text != self.page.path.value:
            self._reader.list(self.page.path.value)
        self._show(problem, cursor)

    def _show(self, problem: str = "", cursor: int | None = None) -> None:
        """Write everything that depends on the phase, the choice and the size."""
        for name in Phase:
            self.set_class(name is self._phase, f"-{name.name.lower()}")
        self.page.show_hint(_HINTS[self._phase])
        if self._phase is Phase.PATH:
            path, why_not = self._failed  # which stands as long as the text does
            problem = problem or (why_not if path == self.page.path.value else "")
            self.page.show_paths(self._listing, problem, cursor)
        elif self._phase is Phase.READING:
            self.page.clear()
        elif self._found is not None and self._choice is not None:
            self.page.show_columns(self._found.file, self._choice, problem, cursor)
        self._show_progress()

    def _show_progress(self) -> None:
        """Say how far reading is."""
        if self._phase in _BUSY:
            self.page.show_progress(self._reader.read_bytes, self._reader.all_bytes)
