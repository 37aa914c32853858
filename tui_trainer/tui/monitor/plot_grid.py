"""The grid of plots: how many fit, and in how many columns."""

import math
from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Grid

from tui_trainer.plotting.roles import Charset
from tui_trainer.tui.messages import RoomChanged
from tui_trainer.tui.monitor.metric_pane import MetricPane

LEAST_WIDTH, LEAST_HEIGHT = 26, 6  # of a plot, in cells
_SHAPE = 4.5  # the width of a plot over its height, in cells, as it is read best
_EMPTY = 0.3  # what an empty place counts for


class PlotGrid(Grid):
    """As many plots as are wanted and have room; a plot has no more cells than its neighbours."""

    DEFAULT_CSS = """
    PlotGrid { height: 1fr; width: 1fr; grid-gutter: 0; }
    PlotGrid > MetricPane { height: 1fr; display: none; }
    """

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(id=id)
        self._charset = charset
        self._laid_out: tuple[int, int, int] | None = None

    def compose(self) -> ComposeResult:
        yield self._new(1)

    def _new(self, number: int) -> MetricPane:
        return MetricPane(self._charset, id=f"plot-{number}")

    def on_resize(self) -> None:
        self.post_message(RoomChanged())  # for more plots, or for fewer

    @property
    def panes(self) -> list[MetricPane]:
        """All panes that there are so far, shown or not: their styles make them expensive."""
        return [pane for pane in self.children if isinstance(pane, MetricPane)]

    @property
    def shown(self) -> list[MetricPane]:
        """The panes that show a plot."""
        return self.panes[: self._laid_out[0]] if self._laid_out is not None else []

    def most(self, wanted: int) -> int:
        """Return how many of the wanted plots have room."""
        width, height = self.size
        return next((n for n in range(wanted, 1, -1) if any(_fitting(n, width, height))), 1)

    def lay_out(self, count: int) -> None:
        """Show the first panes, `count` of them, as nearly alike in shape as they can be."""
        columns, rows = shape_of(count, *self.size)
        if (count, columns, rows) == self._laid_out:
            return
        self._laid_out = count, columns, rows
        self.mount_all(self._new(number) for number in range(len(self.panes) + 1, count + 1))
        self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
        for place, pane in enumerate(self.panes):
            pane.display = place < count
            is_last = place == count - 1
            pane.styles.column_span = columns * rows - count + 1 if is_last else 1


def shape_of(count: int, width: int, height: int) -> tuple[int, int]:
    """Return the columns and rows for so many plots in a room of cells."""
    fitting = list(_fitting(count, width, height)) or [(1, count)]
    return min(fitting, key=lambda shape: _price(count, shape, width, height))


def _fitting(count: int, width: int, height: int) -> Iterator[tuple[int, int]]:
    for columns in range(1, count + 1):
        rows = math.ceil(count / columns)
        fits = width // columns >= LEAST_WIDTH and height // rows >= LEAST_HEIGHT
        if fits and columns * rows - count < columns:
            yield columns, rows


def _price(count: int, shape: Sequence[int], width: int, height: int) -> float:
    columns, rows = shape
    ratio = max(1.0, width / columns) / max(1.0, height / rows)
    return abs(math.log(ratio / _SHAPE)) + _EMPTY * (columns * rows - count)
