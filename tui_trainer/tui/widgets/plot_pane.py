"""A plot in a frame, with its legend in the upper edge."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from rich.segment import Segment
from textual.strip import Strip

from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.tui.widgets.framed import Framed, Part

if TYPE_CHECKING:  # both need numpy, which the first frame does not
    from tui_trainer.plotting.chart import Chart, Drawing, Span

MakeChart: TypeAlias = "Callable[[int, int], Chart]"
Named: TypeAlias = Sequence[tuple[Role, str]]


def draw_chart(chart: "Chart", width: int, height: int, charset: Charset) -> "Drawing":
    """Import plotext and numpy only once there is something to draw."""
    from tui_trainer.plotting.canvas import draw

    return draw(chart, width, height, charset)


class PlotPane(Framed):
    """Draws a chart to its own size."""

    log_axis: bool | None = None  # the losses' axis; None chooses by their range

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(id=id)
        self._charset = charset
        self._make_chart: MakeChart | None = None
        self._heading = ""
        self._legend_names: Named = ()
        self._note = ""
        self._blank_text = ""
        self._is_log = False
        self._drawing: Drawing | None = None
        self._rows: list[Strip] = []

    def plot(self, make_chart: MakeChart, name: str, legend: Named, note: str = "") -> None:
        """Show a chart, its name and legend in the upper edge and `note` in the lower one."""
        self._make_chart, self._heading, self._note = make_chart, name, note
        self._legend_names = legend
        self._draw()

    def blank(self, text: str, name: str) -> None:
        """Show a line of text instead of a plot."""
        self._make_chart, self._heading, self._note = None, name, ""
        self._blank_text = text
        self._draw()

    def toggle_log(self) -> None:
        """Toggle between a log and a linear axis of losses."""
        self.log_axis = not (self._is_log if self.log_axis is None else self.log_axis)

    def _redraw(self) -> None:
        """Draw everything: the size, the colours or the focus have changed."""
        self._drawing = None
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width - 2, self.size.height - 2
        if not self.is_mounted or width <= 0 or height <= 0:
            return
        note: tuple[Part, ...] = ((self._note, "note"),) if self._note else ()
        if self._make_chart is None:
            self._drawing = None
            self._box(self._message(self._blank_text, width, height), self._title(()), note)
            return
        chart = self._make_chart(width, height)
        self._is_log = chart.y.log
        inside = self._plot(chart, width, height)
        self._box(inside, self._title(self._legend_names), note)

    def _title(self, legend: Named) -> tuple[Part, ...]:
        """Return the name, a log scale, and the legend."""
        space = " " if self.size.width < 60 else "  "
        scale = " · log y" if legend and self._is_log else ""
        signs = [(f"{sign(role, self._charset)} {name}{space}", role) for role, name in legend]
        return ((f"{self._heading}{scale}  ", "title"), *signs)

    def _plot(self, chart: "Chart", width: int, height: int) -> list[Strip]:
        """Draw a chart; make new strips only for the rows that changed."""
        drawing = draw_chart(chart, width, height, self._charset)
        changed = drawing.rows_changed_from(self._drawing)
        if len(changed) == height:
            self._rows = [Strip([])] * height
        for y in changed:
            self._rows[y] = self._boxed(self._segments(drawing.row(y)))
        self._drawing = drawing
        return self._rows

    def _segments(self, spans: "tuple[Span, ...]") -> list[Segment]:
        """Colour a row; blanks join the span before them, since each colour costs 40 bytes."""
        texts: list[tuple[str, Role]] = []
        for span in spans:
            if texts and span.text.isspace():
                texts[-1] = (texts[-1][0] + span.text, texts[-1][1])
            else:
                texts.append((span.text, span.role))
        return [Segment(text, self._role_style(role)) for text, role in texts]
