"""The screen in 16 colours: by hue, since the nearest of the palette is mostly a grey."""

from functools import lru_cache

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_BLACK, _GREY, _SILVER, _WHITE, _BRIGHT = 0, 8, 7, 15, 8
# Where a hue ends, in degrees, and the colour's number.
_HUES = ((20, 1), (70, 3), (165, 2), (195, 6), (260, 4), (330, 5), (360, 1))
_PALE = 0.25  # a colour of less saturation is a grey
_DARK, _LIGHT = 0.28, 0.45  # backgrounds below are black, texts above are bright


class SixteenColorsFilter(LineFilter):
    """Replaces all colours by the terminal's own sixteen."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, style and in_sixteen_colors(style), control)
            for text, style, control in segments
        ]


@lru_cache(maxsize=4096)
def in_sixteen_colors(style: Style) -> Style:
    """Return a style in colours of the same hue; a text always differs from its background."""
    if style.reverse:  # of one piece, whatever the colours in it
        return style + Style(color=_rich(_WHITE), bgcolor=_rich(_BLACK))
    back = None if style.bgcolor is None else _background(style.bgcolor)
    text = None if style.color is None else _text(style.color)
    if text is not None and text == back:
        text = _BLACK if back in (_SILVER, _WHITE) else _WHITE
    return style + Style(color=_rich(text), bgcolor=_rich(back))


def _text(color: RichColor) -> int | None:
    if color.is_default:
        return None
    hue, saturation, lightness = Color.from_rich_color(color).hsl
    if saturation >= _PALE and lightness < 0.95:
        return _number(hue) + (_BRIGHT if lightness >= _LIGHT else 0)
    levels = ((0.15, _BLACK), (0.5, _GREY), (0.8, _SILVER))
    return next((number for below, number in levels if lightness < below), _WHITE)


def _background(color: RichColor) -> int | None:
    if color.is_default:
        return None
    hue, saturation, lightness = Color.from_rich_color(color).hsl
    if lightness < _DARK:
        return _BLACK
    if saturation >= _PALE and lightness < 0.95:
        return _number(hue)
    return _GREY if lightness < 0.5 else _SILVER if lightness < 0.9 else _WHITE


def _number(hue: float) -> int:
    return next(number for end, number in _HUES if hue * 360 <= end)


def _rich(number: int | None) -> RichColor | None:
    return None if number is None else RichColor(f"color({number})", ColorType.STANDARD, number)
