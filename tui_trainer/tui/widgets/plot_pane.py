"""A plot in a frame: its legend in the upper edge, what a cursor reads in the lower one."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from tui_trainer.plotting.overlay import Overlay
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.view import ALL, View
from tui_trainer.tui.widgets.framed import Framed, Part
from tui_trainer.tui.widgets.plot_edges import (
    Named,
    note_parts,
    overlay_parts,
    reading_parts,
    title_parts,
)

if TYPE_CHECKING:  # both need numpy, which the first frame does not
    from tui_trainer.plotting.chart import Chart, Drawing, Span
    from tui_trainer.plotting.readings import Reader

MakeLines: TypeAlias = Callable[[int, int], Iterable[tuple[Part, ...]]]
MakeChart: TypeAlias = "Callable[[int, int], Chart]"
PlotCommand: TypeAlias = Literal["move", "end", "zoom", "pan", "all"]

_ZOOM = 2.0  # a key's or a wheel's factor
_PAN = 0.25  # of what is shown


def draw_chart(chart: "Chart", width: int, height: int, charset: Charset) -> "Drawing":
    """Import plotext and numpy only once there is something to draw."""
    from tui_trainer.plotting.canvas import draw

    return draw(chart, width, height, charset)


class PlotPane(Framed):
    """Draws a chart to its own size; with a reader, it has a cursor, and shows parts of x."""

    log_axis: bool | None = None  # the losses' axis; None chooses by their range
    view: View = ALL
    cursor: float | None = None  # the x that is read

    @dataclass
    class Noted(Message):
        """The plot changed by itself in a way that has to be said."""

        words: str

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(id=id)
        self._charset = charset
        self._make_chart: MakeChart | None = None
        self._reader: Reader | None = None
        self._heading = ""
        self._legend_names: Named = ()
        self._overlays: Sequence[Overlay] = ()
        self._notes: Sequence[str] = ()
        self._blank_text = ""
        self._make_lines: MakeLines | None = None
        self._chart: Chart | None = None
        self._log_told = False
        self._drawing: Drawing | None = None
        self._rows: list[Strip] = []

    def plot(
        self,
        make_chart: MakeChart,
        name: str,
        legend: Named,
        notes: Sequence[str] = (),
        reader: "Reader | None" = None,
        overlays: Sequence[Overlay] = (),
    ) -> None:
        """Show a chart, its name and legend in the upper edge.

        In the lower one are the names of the overlays, and the first of the `notes` that fits.
        """
        self._make_chart, self._heading, self._notes = make_chart, name, notes
        self._legend_names, self._reader, self._overlays = legend, reader, overlays
        self._draw()

    def blank(self, text: str, name: str) -> None:
        """Show a line of text instead of a plot."""
        self._make_chart, self._heading = None, name
        self._blank_text, self._make_lines, self._chart = text, None, None
        self._draw()

    def explain(self, make_lines: MakeLines, name: str) -> None:
        """Show lines for a width and a height instead of a plot."""
        self._make_chart, self._heading = None, name
        self._make_lines, self._chart = make_lines, None
        self._draw()

    def _blank(self, width: int, height: int) -> list[Strip]:
        if self._make_lines is None:
            return self._message(self._blank_text, width, height)
        lines = [*self._make_lines(width, height)][:height]
        strips = [
            Strip([Segment(part, self._style(role)) for part, role in line]) for line in lines
        ]
        strips += [Strip([])] * (height - len(strips))
        return [self._boxed(list(strip.adjust_cell_length(width))) for strip in strips]

    def toggle_log(self) -> None:
        """Toggle between a log and a linear axis of losses."""
        is_log = self._chart is not None and self._chart.y.log
        self.log_axis = not (is_log if self.log_axis is None else self.log_axis)

    @property
    def axis_kind(self) -> bool | None:
        """Whether losses are to be on a log axis: a part keeps that of the whole."""
        if self.log_axis is None and self.view.part is not None and self._chart is not None:
            return self._chart.y.log
        return self.log_axis

    # The cursor, and what part is shown

    def obey(self, command: PlotCommand, amount: int) -> str:
        """Do what a key asks for, and return words to say about it, "" for none."""
        chart = self._chart
        if self._reader is None or chart is None or chart.whole is None:
            return "There is no curve to read here yet."
        words = ""
        match command:
            case "move":
                self._move(chart, amount)
            case "end":
                self._point_at(chart, math.copysign(math.inf, amount))
            case "zoom":
                words = self._zoom(chart, amount)
            case "pan":
                before, self.view = self.view, self.view.panned(amount * _PAN, chart.ends)
                words = "" if self.view != before else "All of it is shown on that side."
            case "all":
                words = self._show_all(chart)
        self._draw()
        return words

    def drop_cursor(self) -> bool:
        """Take the cursor away, and return whether there was one."""
        dropped = self.cursor is not None
        self.cursor = None
        self._draw()
        return dropped

    def _move(self, chart: "Chart", columns: int) -> None:
        """Move the cursor by columns, by one step at least; the first time, show it at an end."""
        if (x := self._cursor_in(chart)) is None:
            self._point_at(chart, -math.inf if columns > 0 else math.inf, inside=True)
            return
        count = self._columns(chart)
        column = round(float(chart.x.unit(x)) * (count - 1)) + columns
        self._point_at(chart, self._x_at(chart, column))
        if self.cursor is not None and abs(self.cursor - x) < chart.grain:
            self._point_at(chart, x + math.copysign(chart.grain, columns))

    def _point_at(self, chart: "Chart", x: float, *, inside: bool = False) -> None:
        """Put the cursor at an x that there are data at, and show it; `inside` what is shown."""
        first, last = chart.extent or (chart.x.foot, chart.x.top)
        if inside:
            first, last = max(first, chart.x.foot), min(last, chart.x.top)
        self.cursor = min(max(x, first), last)
        self.view = self.view.showing(chart.x.place(self.cursor), chart.ends)

    def _x_at(self, chart: "Chart", column: int) -> float:
        """Return the x that is read in a column."""
        assert self._reader is not None
        share = 1 / max(1, self._columns(chart) - 1)
        x: float = chart.x.value(column * share)
        reach = chart.x.value(share) - chart.x.value(0)
        near: float = self._reader.near(x, 0.499 * reach)
        return near

    def _zoom(self, chart: "Chart", direction: int, anchor: float | None = None) -> str:
        x = self._cursor_in(chart) if anchor is None else anchor
        if x is None and chart.grain and chart.extent is not None:
            x = chart.extent[1]
        place = chart.x.place(x) if x is not None else (chart.x.low + chart.x.high) / 2
        before = self.view
        self.view = before.zoomed(_ZOOM**-direction, chart.ends, place, chart.grain)
        if self.view != before:
            return ""
        return "There is no finer detail." if direction > 0 else "All of it is shown."

    def _show_all(self, chart: "Chart") -> str:
        if self.view.part is not None:
            self.view = replace(self.view, part=None)
            return ""
        if not chart.cut and self.view.clipped:
            return "All of it is shown."
        self.view = replace(self.view, clipped=not self.view.clipped)
        if self._overlays:
            return (
                "The axes are those of the run that is shown again."
                if self.view.clipped
                else "All of every run is shown; the same key goes back to this run's axes."
            )
        return (
            "Losses that tower over the rest are cut again."
            if self.view.clipped
            else "The highest losses are shown, too; the same key cuts them again."
        )

    def _cursor_in(self, chart: "Chart") -> float | None:
        """Return where the cursor is: no further than data reach."""
        if self.cursor is None or chart.extent is None:
            return None
        return min(max(self.cursor, chart.extent[0]), chart.extent[1])

    def _columns(self, chart: "Chart") -> int:
        from tui_trainer.plotting.canvas import plot_area

        return max(2, plot_area(chart.y, self.size.width - 2, self.size.height - 2)[0])

    # The mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Point at what was clicked, and follow the mouse until it is let go."""
        if event.button == 1 and self._point_at_mouse(event):
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while its button is down."""
        if self.app.mouse_captured is self:
            self._point_at_mouse(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Leave the cursor where it is."""
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in around the mouse; with shift, pan to the left."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out around the mouse; with shift, pan to the right."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        chart = self._chart
        if self._reader is None or chart is None or chart.whole is None:
            return
        event.stop()
        if event.shift:
            self.view = self.view.panned(-direction * _PAN, chart.ends)
        else:
            self._zoom(chart, direction, self._x_at(chart, self._mouse_column(chart, event)))
        self._draw()

    def _point_at_mouse(self, event: events.MouseEvent) -> bool:
        chart = self._chart
        if self._reader is None or chart is None or chart.whole is None:
            return False
        self._point_at(chart, self._x_at(chart, self._mouse_column(chart, event)), inside=True)
        self._draw()
        return True

    def _mouse_column(self, chart: "Chart", event: events.MouseEvent) -> int:
        columns = self._columns(chart)
        left = self.size.width - 1 - columns
        return int(min(max(event.x - left, 0), columns - 1))

    # Drawing

    def _redraw(self) -> None:
        """Draw everything: the size, the colours or the focus have changed."""
        self._drawing = None
        self._draw()

    def _draw(self) -> None:
        if (room := self._room()) is None:
            return
        width, height = room
        if self._make_chart is None:
            self._drawing = None
            title: tuple[Part, ...] = ((self._heading, "title"),)
            self._box(self._blank(width, height), title, ())
            return
        chart = self._make_chart(width, height)
        self._tell_log(chart)
        self._chart = chart
        x = self._cursor_in(chart) if self._reader is not None else None
        shown = chart if x is None else chart.with_cursor(x)
        inside = self._plot(shown, width, height)
        self._box(inside, self._title(chart), *self._lower_edge(x))

    def _tell_log(self, chart: "Chart") -> None:
        """Say it once when the axis of losses turns to a log one by itself."""
        before = self._chart
        turned = before is not None and not before.y.log and chart.y.log
        if turned and self.log_axis is None and self.view.part is None and not self._log_told:
            self._log_told = True
            self.post_message(self.Noted("Losses differ tenfold and more: their axis is log now."))

    def _title(self, chart: "Chart") -> tuple[Part, ...]:
        return title_parts(
            chart, self._heading, self._legend_names, self._reader, self._charset, self.size.width
        )

    def _lower_edge(self, x: float | None) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        """Return a note and what is beside it: of a cursor at `x`, what it reads alone."""
        width = self.size.width
        if x is not None:
            assert self._reader is not None
            return (), reading_parts(self._reader.read(x), width)
        names = overlay_parts(self._overlays, self._charset, width)
        return note_parts(self._notes, names, width), names

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
        return [Segment(text, self._style(role)) for text, role in texts]
