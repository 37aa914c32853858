"""A table that makes only the rows in view: thousands cost as much as twenty."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui_trainer.tui.messages import RoomChanged
from tui_trainer.tui.widgets.cells import cut
from tui_trainer.tui.widgets.framed import Framed, Part
from tui_trainer.tui.widgets.looks import Name


@dataclass(frozen=True, slots=True)
class Picture:
    """A cell of several colours, as wide as its column."""

    parts: tuple[Part, ...]


Row: TypeAlias = Sequence[Part | Picture]
Move: TypeAlias = Literal["up", "down", "page_up", "page_down", "first", "last"]
MOVES: Mapping[str, Move] = {  # by the keys for them
    "up": "up",
    "down": "down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "first",
    "end": "last",
}

_EDGES = 3  # lines for frame and head
_SIGN = 2  # columns for the sign of the cursor


@dataclass(frozen=True, slots=True)
class Column:
    """A column; where there is no room, the last ones are omitted."""

    title: str
    width: int
    right: bool = False

    def fitted(self, cell: Part) -> Part:
        """Return a cell of the column's width, cut off or filled up."""
        text, role = cell
        text = cut(text, self.width)
        gap = " " * (self.width - cell_len(text))
        return gap + text if self.right else text + gap, role


class RowTable(Framed):
    """A table with a cursor on one of its rows, or on none."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pane--chosen"}
    DEFAULT_CSS = """
    RowTable {
        & > .pane--chosen { background: $primary-muted; text-style: bold; }
    }
    """

    @dataclass
    class Chosen(Message):
        """The row of this key was clicked; since then it may have gone."""

        key: int

    def __init__(self, *, id: str, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._columns: Sequence[Column] = ()
        self._keys: tuple[int, ...] = ()  # of the rows from the top to the bottom
        self._row: Callable[[int], Row] = lambda key: ()
        self._title = ""
        self._blank_text = ""
        self._cursor: int | None = None
        self._first = 0
        self._foot: Row = ()
        self._notes: Sequence[str] = ()
        self._made: dict[tuple[Row, Name], Strip] = {}

    def put(
        self,
        title: str,
        columns: Sequence[Column],
        keys: Sequence[int],
        row: Callable[[int], Row],
        cursor: int | None,
        foot: Row = (),
        notes: Sequence[str] = (),
    ) -> None:
        """Show a row for each of the distinct `keys`, with the cursor on that of `cursor`.

        `row` is called with the key of each row that comes into view, now and until the next call.
        A `foot` stands below the last row, and below it as many lines of `notes` as have room.
        """
        grows = (len(keys), bool(foot)) != (len(self._keys), bool(self._foot))
        if columns != self._columns:
            self._made = {}
        self._title, self._columns, self._keys = title, columns, tuple(keys)
        self._row, self._cursor = row, self._place(cursor)
        self._foot, self._notes = foot, notes
        self._keep_in_view()
        if grows:
            self.refresh(layout=True)
        self._draw()

    def blank(self, text: str, title: str) -> None:
        """Show a line of text instead of rows."""
        self._blank_text = text
        self.put(title, (), (), self._row, None)

    def to_top(self) -> None:
        """Scroll to the first row, for rows that have nothing to do with those before."""
        self._first = 0

    @property
    def page(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - self._edges)

    @property
    def _edges(self) -> int:
        return _EDGES + bool(self._foot)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Ask for a line per row, plus frame and head."""
        return max(1, len(self._keys)) + self._edges

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view; which columns there are is the screen's to say."""
        self._keep_in_view()
        self.post_message(RoomChanged())

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse."""
        row = self._first + event.y - 2
        if event.y >= 2 and row < min(len(self._keys), self._first + self.page):
            self.post_message(self.Chosen(self._keys[row]))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll by three rows; the cursor may leave the view."""
        self._scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll by three rows; the cursor may leave the view."""
        self._scroll(-3)

    def _scroll(self, rows: int) -> None:
        self._first = max(0, min(self._first + rows, len(self._keys) - self.page))
        self._draw()

    def _place(self, key: int | None) -> int | None:
        return self._keys.index(key) if key in self._keys else None

    def _keep_in_view(self) -> None:
        if self._cursor is not None:
            self._first = min(self._first, self._cursor)
            self._first = max(self._first, self._cursor - self.page + 1)
        self._first = max(0, min(self._first, len(self._keys) - self.page))

    def _redraw(self) -> None:
        self._made = {}
        self._draw()

    def _draw(self) -> None:
        if (room := self._room()) is None:
            return
        width, height = room
        if not self._keys:
            self._box(self._message(self._blank_text, width, height), ((self._title, "title"),), ())
            return
        columns = self._that_fit(width)
        last = min(len(self._keys), self._first + self.size.height - self._edges)
        head: Row = [(c.title, "head") for c in columns]
        lines = [self._line(head, columns, width, "head")]
        made, self._made = self._made, {}
        for place in range(self._first, last):
            look: Name = "chosen" if place == self._cursor else "row"
            row = tuple(self._row(self._keys[place]))
            line = made.get((row, look)) or self._line(row, columns, width, look)
            self._made[row, look] = line  # unchanged rows are not rendered again
            lines.append(line)
        if self._foot and len(lines) < height:
            lines.append(self._line(self._foot, columns, width, "head"))
        for words in ["", *self._notes][: height - len(lines)] if self._notes else ():
            padded = f"{'':{_SIGN}}{words}"[:width].ljust(width)
            lines.append(self._boxed([Segment(padded, self._style("note"))]))
        lines += [self._boxed([Segment(" " * width)])] * (height - len(lines))
        shown = f"{self._first + 1:,} to {last:,} of {len(self._keys):,}"
        some = 0 < last - self._first < len(self._keys)
        note: tuple[Part, ...] = ((shown, "note"),) if some else ()
        self._box(lines, ((self._title, "title"),), note)

    @property
    def room(self) -> int:
        """The columns for cells and the gaps after them."""
        return self.size.width - 2 - _SIGN

    def _that_fit(self, width: int) -> list[Column]:
        gap = self.gap
        fitting: list[Column] = []
        for column in self._columns:
            if _SIGN + sum(c.width + gap for c in fitting) + column.width > width:
                break
            fitting.append(column)
        return fitting

    @property
    def gap(self) -> int:
        """The blanks after a column."""
        return 2 if self.size.width >= 60 else 1

    def _line(self, cells: Row, columns: Sequence[Column], width: int, look: Name) -> Strip:
        """Render a row; the chosen one has a sign in front, too, for terminals without colour."""
        base = self._style(look)
        segments = [Segment("▸ " if look == "chosen" else "  ", base)]
        for cell, column in zip(cells, columns, strict=False):
            parts = cell.parts if isinstance(cell, Picture) else (column.fitted(cell),)
            segments += [Segment(text, base + self._style(role)) for text, role in parts]
            segments.append(Segment(" " * self.gap, base))
        line = Strip(segments).adjust_cell_length(width, base)
        return self._boxed(list(line))


def moved(place: int, move: Move, count: int, page: int) -> int:
    """Return the place, of `count`, to which a cursor moves; a `page` has so many rows."""
    places = {
        "up": place - 1,
        "down": place + 1,
        "page_up": place - page,
        "page_down": place + page,
        "first": 0,
        "last": count - 1,
    }
    return max(0, min(places[move], count - 1))
