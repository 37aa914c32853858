"""A widget of ready-made cells that sends only those that changed.

Textual sends a refreshed widget whole; a plot that moves by a few cells ten times a second would
cost an SSH line a hundred kilobytes. So strips are compared cell by cell.
"""

from collections.abc import Sequence
from itertools import zip_longest

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

# Two changes closer than this go out as one: moving the cursor costs about as many bytes.
_GAP = 10


class Cells(Widget):
    """Shows strips of segments; lines beyond the height are not shown."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Strip] = []

    def show(self, lines: Sequence[Strip]) -> None:
        """Put `lines` in the place of those before, from the top; refresh what differs."""
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
        """What is shown, without its colours."""
        return "\n".join(strip.text for strip in self._lines)

    def render_line(self, y: int) -> Strip:
        """Return a line, blank where there is none."""
        line = self._lines[y] if y < len(self._lines) else Strip([])
        return line.adjust_cell_length(self.size.width).apply_style(self.rich_style)


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
    """Return the characters with their styles; blanks look alike, whatever their colour."""
    return [
        (char, None if char == " " and _is_plain(segment.style) else segment.style)
        for segment in strip
        for char in segment.text
    ]


def _is_plain(style: Style | None) -> bool:
    """Say whether a blank in a style is blank: no background, no line, no action."""
    return style is None or not (style.bgcolor or style.reverse or style.underline or style.meta)
