"""What the dialog of data files shows: a path and how it may go on, or a file's columns."""

from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.getters import query_one
from textual.widgets import Input, Static

from tui_trainer.config.numbers import Share
from tui_trainer.config.validation import convert_text
from tui_trainer.formatting import bytes_text, printable
from tui_trainer.task.files.opening import KINDS
from tui_trainer.tui.choices import Line, Options
from tui_trainer.tui.data.paths import Listing
from tui_trainer.tui.data.wording import (
    HintName,
    Places,
    column_head,
    column_row,
    entry_row,
    file_title,
    hint,
    listing_problem,
    places_of,
    question,
    settings_lines,
)
from tui_trainer.tui.widgets.entry import Entry
from tui_trainer.tui.widgets.fields import TextField
from tui_trainer.tui.wording import progress_bar

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.tui.data.columns import Choice

_TITLE = "Open a data file"


class DataPage(Vertical):
    """The dialog's box; which of its parts show, the screen's classes say."""

    path = query_one("#path", Input)
    options = query_one(Options)
    split_field = query_one("#field-split", TextField)

    def __init__(self, folder: str) -> None:
        super().__init__(classes="dialog data")
        self._folder = folder
        self._listed: tuple[Choice, Places] | None = None  # while the list is that of columns
        self.border_title = _TITLE

    def compose(self) -> ComposeResult:
        yield Entry(self._folder, id="path", placeholder=f"a file: {' '.join(KINDS)}", compact=True)
        yield Static(id="problem", markup=False)
        yield Static(id="head", markup=False)
        yield Options(markup=False, compact=True)
        yield TextField("split", "split", "0.8", _share)
        yield Static(id="settings", markup=False)

    @property
    def _width(self) -> int:
        return self.size.width - 1  # for a scrollbar

    @property
    def split(self) -> float:
        """The share of the rows that train, as it is typed."""
        return _share(self.split_field.typed)

    @property
    def place(self) -> int | None:
        """Where in the list the cursor is."""
        return self.options.highlighted

    def put_path(self, text: str) -> None:
        """Replace what is typed."""
        self.path.value = text
        self.path.cursor_position = len(text)

    def show_hint(self, name: HintName) -> None:
        """Say below everything what can be pressed."""
        self.border_subtitle = hint(name, self._width)

    def say(self, words: str) -> None:
        """Say what is asked, or what is wrong, with an exclamation mark in front."""
        line = self.query_one("#problem", Static)
        line.update(printable(words))
        line.set_class(words.startswith("!"), "error")

    def show_paths(self, listing: Listing, problem: str, cursor: int | None) -> None:
        """List what the path may go on as, with the cursor at a place; None leaves it."""
        cursor = self.place if cursor is None else cursor
        self.clear()
        self.options.add_options(entry_row(entry, self._width) for entry in listing.entries)
        self._put_cursor(cursor)
        self.say(problem or listing_problem(listing))

    def show_columns(self, file: str, choice: "Choice", problem: str, cursor: int | None) -> None:
        """List a file's columns, with what was chosen of them and the settings."""
        cursor, width = self.place if cursor is None else cursor, self._width
        self.border_title = Content(file_title(file, choice.rows, width))
        places = self._list_columns(choice)
        self.query_one("#head", Static).update(column_head(places))
        self.query_one("#settings", Static).update(settings_lines(choice, width))
        self._put_cursor(cursor)
        self.say(problem or question(choice, self.split, width))

    def show_progress(self, done: int, size: int) -> None:
        """Say how far reading is, in bytes; a size of 0 is not known yet."""
        share = done / size if size else 0.0
        count = f" {bytes_text(done)} of {bytes_text(size)}" if size else ""
        self.say(f"reading… {progress_bar(share, 20)}{count}")

    def clear(self) -> None:
        """List nothing."""
        self.options.clear_options()
        self.border_title = _TITLE
        self._listed = None

    def _list_columns(self, choice: "Choice") -> Places:
        """List the columns, or write the lines in view anew: there may be thousands."""
        if self._listed is not None:
            listed, places = self._listed
            if listed is choice and places.width == self._width:
                self.options.rewrite()
                return places
        places = places_of(choice.columns, self._width)
        self._listed = choice, places
        self.options.clear_options()
        self.options.add_options(
            Line(partial(column_row, column, choice, places)) for column in choice.columns
        )
        return places

    def _put_cursor(self, place: int | None) -> None:
        if self.options.option_count:
            self.options.highlighted = min(place or 0, self.options.option_count - 1)
            self.call_after_refresh(self.options.scroll_to_highlight)


def _share(text: str) -> float:
    share: float = convert_text(text, Share)
    return share
