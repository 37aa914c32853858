"""The screen in ASCII, for terminals that can't show Unicode: each character has a replacement."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui_trainer.formatting import to_ascii


class AsciiFilter(LineFilter):
    """Writes everything in ASCII, cell by cell."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
