"""Cells in a frame with text in its edges; the frame has the colour of the screen's state."""

from typing import ClassVar, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from tui_trainer.tui.widgets.cells import Cells, cut
from tui_trainer.tui.widgets.looks import LOOKS, Shown

Part: TypeAlias = tuple[str, Shown]

_THIN, _HEAVY = "╭╮╰╯─│", "┏┓┗┛━┃"


class Framed(Cells, can_focus=True):
    """A pane; a subclass draws its contents in `_draw`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pane--frame"}
    DEFAULT_CSS = """
    Framed {
        height: 1fr;
        & > .pane--frame { color: $foreground 35%; }
    }
    """

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def on_focus(self) -> None:  # the focused pane is the one to zoom
        self._redraw()

    def on_blur(self) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._redraw()

    def _redraw(self) -> None:
        """Draw everything: the size, the colours or the focus have changed."""
        self._draw()

    def _draw(self) -> None:
        """Draw what has changed."""

    def _room(self) -> tuple[int, int] | None:
        """Return the width and height within the frame; where there is none, show nothing."""
        width, height = self.size.width - 2, self.size.height - 2
        if not self.is_mounted:
            return None
        if width <= 0 or height <= 0:  # nothing, and not what fitted a larger size
            self.show([])
            return None
        return width, height

    def _box(
        self,
        inside: list[Strip],
        title: tuple[Part, ...],
        note: tuple[Part, ...],
        below: tuple[Part, ...] = (),
    ) -> None:
        """Show lines that have their sides between the other two edges.

        The upper one has the title, whose first part is cut where it does not fit. The lower one
        has `below` on the left, and the note on the right where there is room.
        """
        if title and cell_len(title[0][0].rstrip()) > (room := self.size.width - 6):
            title = ((cut(title[0][0].rstrip(), room), title[0][1]),)
        corners = _HEAVY if self.has_focus else _THIN
        top = self._edge(corners[0], corners[4], corners[1], title)
        bottom = self._edge(corners[2], corners[4], corners[3], below, note)
        self.show([top, *inside, bottom])

    def _message(self, text: str, width: int, height: int) -> list[Strip]:
        """Centre a line of text."""
        lines = [" " * width] * height
        lines[height // 2] = text.center(width)[:width]
        return [self._boxed([Segment(line, self._style("note"))]) for line in lines]

    def _boxed(self, segments: list[Segment]) -> Strip:
        side = Segment((_HEAVY if self.has_focus else _THIN)[5], self._style("frame"))
        return Strip([side, *segments, side])

    def _edge(
        self,
        start: str,
        line: str,
        end: str,
        left: tuple[Part, ...],
        right: tuple[Part, ...] = (),
    ) -> Strip:
        """Draw an edge with text at its ends; parts that do not fit go, the last ones first."""
        room = self.size.width - 4
        first, used = self._words(left, room)
        last, more = self._words(right, room - used - bool(used))
        rest, frame = line * (room - used - more), self._style("frame")
        before, after = Segment(start + line, frame), Segment(line + end, frame)
        return Strip([before, *first, Segment(rest, frame), *last, after])

    def _words(self, parts: tuple[Part, ...], room: int) -> tuple[list[Segment], int]:
        """Return the parts that fit, between two blanks, and how many cells they take."""
        shown: list[Part] = []
        for text, role in parts:
            if sum(cell_len(t) for t, _ in shown) + cell_len(text.rstrip()) > room - 2:
                break
            shown.append((text, role))
        if not shown:
            return [], 0
        shown[-1] = (shown[-1][0].rstrip(), shown[-1][1])
        blank = Segment(" ", self._style("frame"))
        words = [Segment(text, self._style(role)) for text, role in shown]
        return [blank, *words, blank], 2 + sum(cell_len(text) for text, _ in shown)

    def _style(self, name: Shown) -> Style:
        """Return the style of a role, or of a part of the pane, cached as component styles are."""
        if name not in LOOKS:
            return self.component_style(f"pane--{name}")
        if name not in self._styles:
            background = self.background_colors[1]
            self._styles[name] = LOOKS[name].style(self.app.theme_variables, background)
        return self._styles[name]
