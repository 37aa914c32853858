"""Cells in a frame with text in its edges; the frame has the colour of the screen's state."""

from typing import ClassVar, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from tui_trainer.plotting.roles import Role
from tui_trainer.tui.widgets.cells import Cells

Part: TypeAlias = tuple[str, Role | str]

_THIN, _HEAVY = "╭╮╰╯─│", "┏┓┗┛━┃"


class Framed(Cells, can_focus=True):
    """A pane; a subclass draws its contents in `_draw`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane--frame",
        "pane--title",
        "pane--note",
        "pane--key",
        *(f"pane--{role.name.lower().replace('_', '-')}" for role in Role),
    }
    DEFAULT_CSS = """
    Framed {
        height: 1fr;
        & > .pane--frame { color: $foreground 35%; }
        & > .pane--title { color: $foreground; text-style: bold; }
        & > .pane--note { color: $foreground 70%; }
        & > .pane--axis { color: $foreground 55%; }
        & > .pane--train { color: $text-primary; }
        & > .pane--validation { color: $text-warning; }
        & > .pane--train-raw { color: $text-primary 40%; }
        & > .pane--validation-raw { color: $text-warning 40%; }
        & > .pane--bound { color: $foreground 60%; }
        & > .pane--best { color: $text-success; text-style: bold; }
        & > .pane--stop { color: $text-error; }
        & > .pane--lr { color: $text-accent; }
        & > .pane--engine { color: $text-accent; }
        & > .pane--train-point { color: $text-primary; }
        & > .pane--validation-point { color: $text-warning 75%; }
        & > .pane--model { color: $text-success; }
        & > .pane--median { color: $text-warning; }
        & > .pane--spread { color: $foreground 45%; }
        & > .pane--diverged { color: $text-error; }
        & > .pane--key { color: $text-accent; text-style: bold; }
        & > .pane--cursor { color: $foreground 80%; }
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

    def _box(
        self,
        inside: list[Strip],
        title: tuple[Part, ...],
        note: tuple[Part, ...],
        *,
        note_left: bool = False,
    ) -> None:
        """Show lines that have their sides between the other two edges."""
        corners = _HEAVY if self.has_focus else _THIN
        top = self._edge(corners[0], corners[4], corners[1], title, left=True)
        bottom = self._edge(corners[2], corners[4], corners[3], note, left=note_left)
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
        self, start: str, line: str, end: str, parts: tuple[Part, ...], *, left: bool
    ) -> Strip:
        """Draw an edge with text in it; parts that do not fit are dropped, the last ones first."""
        room = self.size.width - 6
        shown: list[Part] = []
        for text, role in parts:
            if sum(len(t) for t, _ in shown) + len(text.rstrip()) > room:
                break
            shown.append((text, role))
        if shown:
            shown[-1] = (shown[-1][0].rstrip(), shown[-1][1])
        used = sum(len(text) for text, _ in shown)
        frame = self._style("frame")
        padding = 2 if used else 0
        rest = line * (self.size.width - 4 - used - padding)
        words = [Segment(text, self._part_style(role)) for text, role in shown]
        if used:
            words = [Segment(" ", frame), *words, Segment(" ", frame)]
        before, after = (line, rest + line) if left else (rest + line, line)
        return Strip([Segment(start + before, frame), *words, Segment(after + end, frame)])

    def _part_style(self, role: Role | str) -> Style:
        return self._role_style(role) if isinstance(role, Role) else self._style(role)

    def _role_style(self, role: Role) -> Style:
        return self._style(role.name.lower().replace("_", "-"))

    def _style(self, name: str) -> Style:
        return self.component_style(f"pane--{name}")
