"""The parts of forms: choices, and text fields that are checked as they are typed."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import printable
from tui_trainer.tui.choices import ChoiceList
from tui_trainer.tui.widgets.entry import Entry

Direction = Literal[-1, 1]
_MARK = "›"


class ChoiceRow(Static, can_focus=True):
    """One choice: its key, what is chosen, and a description."""

    DEFAULT_CSS = """
    ChoiceRow {
        height: auto;
        margin-bottom: 1;
        &:focus { background: $boost; }
        &:hover { background: $boost; }
    }
    """
    BINDINGS = [
        Binding("right", "turn(1)", "next", show=False),
        Binding("left", "turn(-1)", "previous", show=False),
        Binding("enter", "open", "list", show=False),
    ]

    @dataclass
    class Turned(Message):
        """The next or previous choice was asked for."""

        choice: str
        direction: Direction

    @dataclass
    class Opened(Message):
        """The list of all choices was asked for."""

        choice: str

    def __init__(self, choice: str, title: str, key: str) -> None:
        super().__init__(id=f"row-{choice}")
        self._choice = choice
        self._title, self._key = title, key
        self._shown = ("", "", "")
        self._mark = " "

    def put(self, chosen: str, description: str, note: str = "") -> None:
        note = printable(note)  # may hold a compiler's last words
        if (chosen, description, note) != self._shown:
            self._shown = (chosen, description, note)
            self._write()

    def mark(self, marked: bool) -> None:
        """Mark it as different from what is shown beside the form, or not."""
        if (mark := _MARK if marked else " ") != self._mark:
            self._mark = mark
            self._write()

    def _write(self) -> None:
        chosen, description, note = self._shown
        lines = [
            Content.assemble(
                (f"{self._key} ", "bold $text-accent"),
                (f"{self._title:<11}", "$foreground 70%"),
                (self._mark, "bold $text-warning"),
                (chosen, "bold"),
            ),
            *([Content.styled(description, "$foreground 60%")] if description else []),
        ]
        if note:
            lines.append(Content.styled(note, "$foreground 80%"))
        self.update(Content("\n").join(lines))

    def action_turn(self, direction: Direction) -> None:
        self.post_message(self.Turned(self._choice, direction))

    def action_open(self) -> None:
        self.post_message(self.Opened(self._choice))

    def on_click(self, event: events.Click) -> None:
        """Step forwards, or backwards with shift or the right button."""
        self.action_turn(-1 if event.shift or event.button == 3 else 1)


class TextField(Vertical):
    """A labelled text with its error below; `text` is the last valid one, accepted or left.

    `typed` is the last valid one as it is typed.

    `check` raises an `InvalidSettingsError` for an invalid text.
    """

    DEFAULT_CSS = """
    TextField {
        height: auto;
        & > Horizontal { height: 1; }
        & Label { width: 13; color: $foreground 70%; }
        & Label.mark { width: 1; color: $text-warning; text-style: bold; }
        & Input { width: 1fr; }
        & > .error { display: none; color: $text-error; }
        & > .note { display: none; color: $foreground 60%; }
        &.-invalid > .error { display: block; }
        &.-noted > .note { display: block; }
        &.-invalid > .note { display: none; }
    }
    """

    @dataclass
    class Committed(Message):
        """A changed, valid text was submitted or left."""

        key: str

    @dataclass
    class Edited(Message):
        """The text has changed while it is typed."""

    def __init__(
        self, key: str, title: str | Content, text: str, check: Callable[[str], object]
    ) -> None:
        super().__init__(id=f"field-{key}")
        self.key = key
        self.text = self.typed = text
        self._title, self._check_text = title, check
        self._marked = False

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label(self._title)
            yield Label("", classes="mark")
            yield Entry(self.text, id=f"input-{self.key}", compact=True)
        yield Static("", classes="error", markup=False)
        yield Static("", classes="note", markup=False)

    def mark(self, marked: bool) -> None:
        """Mark it as different from what is shown beside the form, or not."""
        if marked != self._marked:
            self._marked = marked
            self.query_one(".mark", Label).update(_MARK if marked else "")

    def note(self, words: str) -> None:
        """Say below it what a valid text amounts to, "" for nothing."""
        self.query_one(".note", Static).update(words)
        self.set_class(bool(words), "-noted")

    @property
    def invalid(self) -> bool:
        """Whether the current text has an error."""
        return self.has_class("-invalid")

    def put(self, text: str) -> None:
        """Replace the current text by a valid one."""
        self.text = self.typed = text
        with self.prevent(Input.Changed):
            self.query_one(Input).value = text
        self.remove_class("-invalid")

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        event.stop()
        self._judge(event.value)
        self.post_message(self.Edited())

    def _judge(self, text: str) -> None:
        """Show what is wrong with a text; remember one that is valid."""
        try:
            self._check_text(text)
        except InvalidSettingsError as error:
            self.query_one(".error", Static).update(f"! {error}")
            self.add_class("-invalid")
        else:
            self.remove_class("-invalid")
            self.typed = text

    @on(Input.Submitted)
    @on(Input.Blurred)
    def _commit(self, event: Input.Submitted | Input.Blurred) -> None:
        event.stop()
        text = self.query_one(Input).value
        self._judge(text)  # its last change may not have been told yet
        if not self.invalid and text != self.text:
            self.text = text
            self.post_message(self.Committed(self.key))
        if isinstance(event, Input.Submitted) and not self.invalid:
            self.screen.set_focus(None)  # with an error it stays: the next letters are no keys


class Form(VerticalScroll, can_focus=False):
    """Rows and fields below each other; the arrow keys move between them."""

    DEFAULT_CSS = """
    Form {
        border: round $foreground 35%;
        border-title-style: bold;
        border-title-color: $foreground;
        border-subtitle-color: $text-warning;
        padding: 0 1;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS = [
        Binding("down", "app.focus_next", "next field", show=False),
        Binding("up", "app.focus_previous", "previous field", show=False),
    ]

    @property
    def invalid_field(self) -> TextField | None:
        """The first field with an error."""
        return next((field for field in self.query(TextField) if field.invalid), None)

    @abstractmethod
    def list_of(self, choice: str) -> ChoiceList:
        """Make the list of all that a row can be."""

    @abstractmethod
    def choose(self, category: str, name: str) -> None:
        """Take what a row is to be."""

    def open_list(self, choice: str) -> None:
        """Ask with a list what a row is to be."""

        def take(name: str | None) -> None:
            if name is not None:
                self.choose(choice, name)

        self.app.push_screen(self.list_of(choice), take)

    @on(ChoiceRow.Opened)
    def _open_list(self, event: ChoiceRow.Opened) -> None:
        event.stop()
        self.open_list(event.choice)

    def row(self, name: str) -> ChoiceRow:
        return self.query_one(f"#row-{name}", ChoiceRow)

    def field(self, key: str) -> TextField:
        return self.query_one(f"#field-{key}", TextField)
