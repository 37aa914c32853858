"""A plot in a frame, its legend in the frame's upper edge."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.tui.widgets.cells import Cells

if TYPE_CHECKING:  # both need numpy, which the first frame does not
    from tui_trainer.plotting.chart import Chart, Drawing, Row

Part: TypeAlias = tuple[str, Role | str]
MakeChart: TypeAlias = "Callable[[int, int], Chart]"
MakeTitle: TypeAlias = "Callable[[Chart], tuple[Part, ...]]"

_THIN, _HEAVY = "╭╮╰╯─│", "┏┓┗┛━┃"


def draw_chart(chart: "Chart", width: int, height: int, charset: Charset) -> "Drawing":
    """Draw with plotext, which is imported when there is something to draw."""
    from tui_trainer.plotting.canvas import draw

    return draw(chart, width, height, charset)


class PlotPane(Cells, can_focus=True):
    """Draws a chart to its own size; the frame takes the colour of the run's state."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane--frame",
        "pane--title",
        "pane--note",
        *(f"pane--{role.name.lower().replace('_', '-')}" for role in Role),
    }
    DEFAULT_CSS = """
    PlotPane {
        height: 1fr;
        & > .pane--frame { color: $foreground 35%; }
        & > .pane--title { color: $foreground; text-style: bold; }
        & > .pane--note { color: $foreground 70%; }
        & > .pane--axis { color: $foreground 55%; }
        & > .pane--train { color: $text-primary; }
        & > .pane--validation { color: $text-warning; }
        & > .pane--train-raw { color: $text-primary 30%; }
        & > .pane--validation-raw { color: $text-warning 30%; }
        & > .pane--bound { color: $foreground 60%; }
        & > .pane--best { color: $text-success; text-style: bold; }
        & > .pane--stop { color: $text-error; }
        & > .pane--lr { color: $text-accent; }
        & > .pane--engine { color: $text-accent; }
        & > .pane--train-point { color: $text-primary; }
        & > .pane--validation-point { color: $text-warning 55%; }
        & > .pane--model { color: $text-success; }
    }
    """

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(id=id)
        self._charset = charset
        self._make_chart: MakeChart | None = None
        self._make_title: MakeTitle | None = None
        self._title: tuple[Part, ...] = ()
        self._note: tuple[Part, ...] = ()
        self._blank_text = ""
        self._drawing: Drawing | None = None
        self._rows: list[Strip] = []

    def plot(
        self, make_chart: MakeChart, make_title: MakeTitle, note: tuple[Part, ...] = ()
    ) -> None:
        """Show a chart, its title in the upper edge and `note` in the lower one."""
        self._make_chart, self._make_title, self._note = make_chart, make_title, note
        self._draw()

    def blank(self, text: str, title: tuple[Part, ...]) -> None:
        """Show a line of text in the middle, in the place of a plot."""
        self._make_chart, self._title, self._note = None, title, ()
        self._blank_text = text
        self._draw()

    def legend(self, *names: tuple[Role, str]) -> tuple[Part, ...]:
        """Return the parts of a title that say what the plot's signs mean."""
        space = " " if self.size.width < 60 else "  "
        texts = [f"{sign(role, self._charset)} {name}{space}" for role, name in names]
        return tuple((text, role) for text, (role, _) in zip(texts, names, strict=True))

    def on_resize(self, event: events.Resize) -> None:
        """Draw to the new size."""
        self._redraw()

    def on_focus(self) -> None:
        """Show that this pane is the one to zoom."""
        self._redraw()

    def on_blur(self) -> None:
        """Show that it is no longer."""
        self._redraw()

    def notify_style_update(self) -> None:
        """Take up new colours."""
        super().notify_style_update()
        self._redraw()

    def _redraw(self) -> None:
        """Draw everything: the size, the colours or the focus are new."""
        self._drawing = None
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width - 2, self.size.height - 2
        if not self.is_mounted or width <= 0 or height <= 0:
            return
        corners = _HEAVY if self.has_focus else _THIN
        if self._make_chart is None:
            inside = self._message(width, height)
        else:
            inside = self._plot(self._make_chart(width, height), width, height)
        top = self._edge(corners[0], corners[4], corners[1], self._title, left=True)
        bottom = self._edge(corners[2], corners[4], corners[3], self._note, left=False)
        self.show([top, *inside, bottom])

    def _message(self, width: int, height: int) -> list[Strip]:
        self._drawing = None
        lines = [" " * width] * height
        lines[height // 2] = self._blank_text.center(width)[:width]
        return [self._boxed([Segment(line, self._style("note"))]) for line in lines]

    def _plot(self, chart: "Chart", width: int, height: int) -> list[Strip]:
        """Draw a chart; make new strips just for the rows that changed."""
        if self._make_title is not None:
            self._title = self._make_title(chart)
        drawing = draw_chart(chart, width, height, self._charset)
        changed = drawing.rows_changed_from(self._drawing)
        if len(changed) == height:
            self._rows = [Strip([])] * height
        for y in changed:
            self._rows[y] = self._boxed(self._segments(drawing.row(y)))
        self._drawing = drawing
        return self._rows

    def _segments(self, row: "Row") -> list[Segment]:
        """Colour a row; blanks go with what stands before them: each colour costs 40 bytes."""
        texts: list[tuple[str, Role]] = []
        for run in row:
            if texts and run.text.isspace():
                texts[-1] = (texts[-1][0] + run.text, texts[-1][1])
            else:
                texts.append((run.text, run.role))
        return [Segment(text, self._role_style(role)) for text, role in texts]

    def _boxed(self, segments: list[Segment]) -> Strip:
        side = Segment((_HEAVY if self.has_focus else _THIN)[5], self._style("frame"))
        return Strip([side, *segments, side])

    def _edge(
        self, start: str, line: str, end: str, parts: tuple[Part, ...], *, left: bool
    ) -> Strip:
        """Draw an edge with text in it: as many parts as fit, the first before the last."""
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
