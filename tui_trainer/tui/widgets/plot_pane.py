"""A framed plot with its legend in the upper edge."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from rich.segment import Segment
from textual.strip import Strip

from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.tui.widgets.framed import Framed, Part

if TYPE_CHECKING:  # both need numpy, which the first frame does not
    from tui_trainer.plotting.chart import Chart, Drawing, Span

MakeChart: TypeAlias = "Callable[[int, int], Chart]"
MakeTitle: TypeAlias = "Callable[[Chart], tuple[Part, ...]]"


def draw_chart(chart: "Chart", width: int, height: int, charset: Charset) -> "Drawing":
    """Import plotext and numpy only once there is something to draw."""
    from tui_trainer.plotting.canvas import draw

    return draw(chart, width, height, charset)


class PlotPane(Framed):
    """Draws a chart to its own size; `is_log` says whether the y axis in view is a log one."""

    is_log = False

    def __init__(self, charset: Charset, *, id: str, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
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
        """Show a chart, its title in the upper edge, `note` in the lower."""
        self._make_chart, self._make_title, self._note = make_chart, make_title, note
        self._draw()

    def blank(self, text: str, title: tuple[Part, ...]) -> None:
        """Show a line of text in the middle instead of a plot."""
        self._make_chart, self._title, self._note = None, title, ()
        self._blank_text = text
        self._draw()

    @property
    def scale_note(self) -> str:
        """What a title adds to its name where the y axis in view is a log one."""
        return " · log y" if self.is_log else ""

    def legend(self, *names: tuple[Role, str]) -> tuple[Part, ...]:
        """Return title parts that explain the plot's signs."""
        space = " " if self.size.width < 60 else "  "
        texts = [f"{sign(role, self._charset)} {name}{space}" for role, name in names]
        return tuple((text, role) for text, (role, _) in zip(texts, names, strict=True))

    def _redraw(self) -> None:
        """Draw every row anew, after a change of size, colours or focus."""
        self._drawing = None
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width - 2, self.size.height - 2
        if not self.is_mounted or width <= 0 or height <= 0:
            return
        if self._make_chart is None:
            self._drawing = None
            inside = self._message(self._blank_text, width, height)
        else:
            inside = self._plot(self._make_chart(width, height), width, height)
        self._box(inside, self._title, self._note)

    def _plot(self, chart: "Chart", width: int, height: int) -> list[Strip]:
        """Draw a chart; rows that did not change keep their strips."""
        self.is_log = chart.y.log
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

    def _segments(self, spans: "tuple[Span, ...]") -> list[Segment]:
        """Colour a row; blanks join the span before them, since each colour costs 40 bytes."""
        texts: list[tuple[str, Role]] = []
        for span in spans:
            if texts and span.text.isspace():
                texts[-1] = (texts[-1][0] + span.text, texts[-1][1])
            else:
                texts.append((span.text, span.role))
        return [Segment(text, self._role_style(role)) for text, role in texts]
