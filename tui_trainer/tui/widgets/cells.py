"""A widget that sends only the cells that changed.

Textual sends a refreshed widget whole; a plot that moves by a few cells ten times a second would
cost an SSH line a hundred kilobytes. So strips are compared cell by cell.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

# Two changes closer than this go out as one: moving the cursor costs about as many bytes.
_GAP = 10


def cut(text: str, width: int) -> str:
    """Shorten a text to a number of cells, with … at its end: some characters take two."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 1).rstrip()}…" if width > 0 else ""


class Cells(Widget):
    """Shows strips as they are; lines beyond the height are cut off."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Strip] = []
        self._styles: dict[object, Style] = {}

    def show(self, lines: Sequence[Strip]) -> None:
        """Replace the lines, and refresh what differs."""
        regions = [
            Region(start, y, stop - start, 1)
            for y, (old, new) in enumerate(zip_longest(self._lines, lines, fillvalue=Strip([])))
            for start, stop in _changes(old, new)
        ]
        self._lines = list(lines)
        if regions:
            self.refresh(*regions)

    @property
    def text(self) -> str:
        """The lines without their colours."""
        return "\n".join(strip.text for strip in self._lines)

    def component_style(self, name: str) -> Style:
        """Return a component's style, cached: Textual drops its own cache with every refresh."""
        if name not in self._styles:
            own = self.get_component_rich_style(name, partial=True)
            if own.color is not None:  # a partial style has lost how transparent its colour is
                own += Style(color=self.get_component_rich_style(name).color)
            self._styles[name] = own
        return self._styles[name]

    def refresh(self, *regions: Region, **what: bool) -> Self:
        """Refresh some regions; without any, all of it in styles looked up anew."""
        if not regions:
            self._styles.clear()
        return super().refresh(*regions, **what)

    def notify_style_update(self) -> None:
        """Look styles up anew."""
        super().notify_style_update()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        """Return a line; below the last one they are blank."""
        line = self._lines[y] if y < len(self._lines) else Strip([])
        # Textual caches this style, but computes `self.rich_style` for each line.
        return line.adjust_cell_length(self.size.width).apply_style(self.visual_style.rich_style)


def _changes(old: Strip, new: Strip) -> list[tuple[int, int]]:
    """Return the spans of cells in which two lines differ."""
    if old is new or old == new:
        return []
    spans: list[tuple[int, int]] = []
    pairs = zip_longest(_cells(old), _cells(new), fillvalue=(" ", None))
    for x, (before, after) in enumerate(pairs):
        if before != after:
            if spans and x - spans[-1][1] < _GAP:
                spans[-1] = (spans[-1][0], x + 1)
            else:
                spans.append((x, x + 1))
    return spans


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """Return each cell's character with its style; plain blanks are equal whatever their colour.

    A wide character is in both of its cells, one without a width in that of the one before.
    """
    cells: list[tuple[str, Style | None]] = []
    for segment in strip:
        text, style, _ = segment
        blank = None if _is_plain(style) else style
        if segment.cell_length == len(text):
            cells += [(char, blank if char == " " else style) for char in text]
            continue
        for char in text:
            if width := cell_len(char):
                cells += [(char, blank if char == " " else style)] * width
            elif cells:
                cells[-1] = (cells[-1][0] + char, style)
    return cells


def _is_plain(style: Style | None) -> bool:
    """Say whether a blank in this style shows nothing: no background, no underline, no action."""
    return style is None or not (style.bgcolor or style.reverse or style.underline or style.meta)
