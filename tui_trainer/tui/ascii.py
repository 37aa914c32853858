"""The screen in ASCII, for terminals that can't show Unicode: each character has a replacement."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_STAND_INS = {
    "●": "*", "○": "o", "◔": "o", "■": "#", "□": "#", "✓": "+", "✕": "x", "⚠": "!", "◌": "o",
    "⏸": "=", "◆": "@", "∘": "o", "·": "-", "•": "*", "–": "-", "—": "-", "…": ".", "×": "x",
    "→": ">", "←": "<", "↑": "^", "↓": "v", "√": "V", "²": "2", "▕": "[", "▏": "]", "█": "#",
    "░": ".", "▌": "|", "▐": "|", "▀": "-", "▄": "_", "▔": "-", "▁": "_", "▎": "|", "▊": "|",
    "▲": "^", "◑": "o",
    "┄": "-", "┃": "|", "╎": ":", "‹": "<", "›": ">", "▸": ">", "▾": "v", "❯": ">", "≠": "/",
}  # fmt: skip
_BOXES = "─━═╌╍" + "│║╏┆┇" + "╭╮╰╯┌┐└┘┏┓┗┛╔╗╚╝├┤┬┴┼┝┥┣┫┳┻╋"
_TABLE = str.maketrans(
    dict.fromkeys(_BOXES[:5], "-")
    | dict.fromkeys(_BOXES[5:10], "|")
    | dict.fromkeys(_BOXES[10:], "+")
    | {chr(code): "#" for code in range(0x2580, 0x25A0)}  # blocks, as in scrollbars
    | {chr(code): "." for code in range(0x2800, 0x2900)}  # braille
    | _STAND_INS
)


def to_ascii(text: str) -> str:
    """Replace each character by an ASCII one."""
    return text if text.isascii() else _squeezed(text.translate(_TABLE))


class AsciiFilter(LineFilter):
    """Writes everything in ASCII, cell by cell."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


def _squeezed(text: str) -> str:
    return "".join(char if char.isascii() else "?" for char in text)
