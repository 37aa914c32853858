"""The screen without colours: what they told apart is told apart by reverse, bold and dim."""

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

# Differences of brightness, of 1 from black to white.
_MARKED = 0.15  # a background that differs by so much is a cursor or a selection
_FAINT = 0.4  # a text that differs by less from its background is a frame or an axis


class ColorlessFilter(LineFilter):
    """Removes all colours, so that the terminal shows its own two."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, style and colorless(style, background), control)
            for text, style, control in segments
        ]


@lru_cache(maxsize=4096)
def colorless(style: Style, background: Color) -> Style:
    """Return a style without colours for cells of a widget before `background`."""
    own = background if style.bgcolor is None else Color.from_rich_color(style.bgcolor)
    text = None if style.color is None else Color.from_rich_color(style.color)
    marked = abs(own.brightness - background.brightness) > _MARKED
    faint = text is not None and abs(text.brightness - own.brightness) < _FAINT
    plain = style.without_color
    if marked:
        return plain + Style(reverse=not style.reverse, dim=False)
    return plain + Style(dim=True) if faint and not style.reverse else plain
