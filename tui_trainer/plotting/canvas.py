"""Charts into cells. The only module that knows plotext, private names of 5.3 included.

plotext breaks on what training produces (inf, an empty series, 0 on a log axis), so it is given
nothing but points in [0, 1]: axes scale, curves are broken into braille dots here first.
"""

from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from plotext import _figure  # one global figure otherwise

from tui_trainer.plotting.chart import (
    BRAILLE_DOT,
    Charset,
    Chart,
    Curve,
    Dash,
    Drawing,
    Layer,
    Role,
    Row,
    Run,
    Scatter,
    VerticalLine,
)
from tui_trainer.plotting.scales import Axis

MIN_WIDTH, MIN_HEIGHT = 12, 3
_ROLES = tuple(Role)
_ASCII_AXES = str.maketrans("┤├│└┘┌┐┬┴┼─", "|||+++++++-")
_BRAILLE = (2, 4)  # dots in a cell
_JUMP = 2  # dots
_FULL_CELL = "⣿"  # stands for any braille cell until the dots are known
# The bit of each dot in a braille character, [row from the bottom, column].
_DOT_BITS = np.array([[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]], np.uint8)

Dots: TypeAlias = NDArray[np.float64]


def draw(chart: Chart, width: int, height: int, charset: Charset = Charset.UNICODE) -> Drawing:
    """Draw a chart into ``width × height`` cells; blank where there is no room for one."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        blank = (Run(" " * max(0, width), Role.AXIS),)
        return Drawing(width, height, (blank,) * max(0, height))
    figure: Any = _figure._figure_class()
    figure._limit_size(False, False)
    figure.plotsize(width, height)
    figure._set_size(width, height)
    figure.xaxes(True, False)
    figure.yaxes(True, False)
    _set_ticks(figure, chart)
    columns, rows = plot_area(chart.y, width, height)
    # plotext takes the limits from the data where there is none: two corners make it sure.
    figure.scatter([0.0, 1.0], [0.0, 1.0], marker=" ", color=_code(Role.AXIS))
    dots = np.zeros((rows, columns), np.uint8)
    for layer in chart.layers:
        x, y, marker = _place(layer, chart, columns, rows, charset)
        if marker == BRAILLE_DOT:
            x, y = _mark(dots, x, y)
            marker = _FULL_CELL
        if len(x):
            figure.scatter(x.tolist(), y.tolist(), marker=marker, color=_code(layer.role))
    figure._build_matrix()
    _merge(figure.monitor.matrix, dots)
    return _to_drawing(figure.monitor.matrix, width, height, charset)


def plot_area(y: Axis, width: int, height: int) -> tuple[int, int]:
    """Return the cells that are left for data beside labels and axes: columns and rows."""
    label_width = max((len(label) for _, label in y.ticks), default=0)
    return width - label_width - 1, height - 2


def _set_ticks(figure: Any, chart: Chart) -> None:
    figure.xlim(0.0, 1.0)
    figure.ylim(0.0, 1.0)
    # Axis.unit would take the log again: ticks are in the axis' own units.
    for axis, ticks in ((chart.x, figure.xticks), (chart.y, figure.yticks)):
        span = axis.high - axis.low
        ticks([(t - axis.low) / span for t, _ in axis.ticks], [label for _, label in axis.ticks])


def _place(
    layer: Layer, chart: Chart, columns: int, rows: int, charset: Charset
) -> tuple[Dots, Dots, str]:
    """Return a layer's points in [0, 1] and their marker."""
    ascii_only = charset is Charset.ASCII
    match layer:
        case Curve():
            fine = (1, 1) if ascii_only else _BRAILLE
            x, y = _trace(layer, chart, columns * fine[0], rows * fine[1])
            return x, y, layer.ascii if ascii_only else BRAILLE_DOT
        case Scatter():
            x, y = chart.x.unit(layer.x), chart.y.unit(layer.y)
            there = np.isfinite(x) & np.isfinite(y)
            x, y = x[there], y[there]
        case VerticalLine():
            y = np.linspace(0.0, 1.0, rows)
            x = np.full(rows, float(chart.x.unit(layer.x)))
    return x, y, layer.ascii if ascii_only else layer.marker


def _mark(dots: NDArray[np.uint8], x: Dots, y: Dots) -> tuple[Dots, Dots]:
    """Add points to the braille dots of each cell, rows from the bottom; return their cells.

    plotext's cost grows with the points it is given, so it gets each cell once.
    """
    rows, columns = dots.shape
    column = np.rint(x * (2 * columns - 1)).astype(np.int64)
    row = np.rint(y * (4 * rows - 1)).astype(np.int64)
    np.bitwise_or.at(dots, (row // 4, column // 2), _DOT_BITS[row % 4, column % 2])
    cells = np.unique(row // 4 * columns + column // 2)
    return cells % columns / max(1, columns - 1), cells // columns / max(1, rows - 1)


def _merge(matrix: Any, dots: NDArray[np.uint8]) -> None:
    """Write each braille cell with the dots of all its layers; its colour is the topmost's."""
    bottom, left = matrix.Rows_canvas.start, matrix.Cols_canvas.start
    for row, column in np.argwhere(dots).tolist():
        line = matrix.marker[bottom + row]
        if line[left + column] == _FULL_CELL:
            line[left + column] = chr(0x2800 + int(dots[row, column]))


def _trace(curve: Curve, chart: Chart, columns: int, rows: int) -> tuple[Dots, Dots]:
    """Break a curve into dots of a ``columns × rows`` grid; return them in [0, 1]."""
    if columns < 2 or rows < 2:
        return np.empty(0), np.empty(0)
    x = chart.x.unit(curve.x) * (columns - 1)
    low, high = chart.y.unit(curve.low) * (rows - 1), chart.y.unit(curve.high) * (rows - 1)
    finite = np.isfinite(low) & np.isfinite(high)
    parts = [
        _dots(x[part], low[part], high[part], curve.dash)
        for part in _stretches(finite)
        if len(x[part])
    ]
    if not parts:
        return np.empty(0), np.empty(0)
    dots_x, dots_y = (np.concatenate(axis) for axis in zip(*parts, strict=True))
    return dots_x / (columns - 1), dots_y / (rows - 1)


def _stretches(finite: NDArray[np.bool_]) -> list[slice]:
    """Return the slices over which all is finite."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]


def _dots(x: Dots, low: Dots, high: Dots, dash: Dash) -> tuple[Dots, Dots]:
    """Join points to a line: for each column of dots, those from the lowest to the highest."""
    column = np.arange(round(x[0]), round(x[-1]) + 1, dtype=np.float64)
    bottom = np.rint(np.interp(column, np.rint(x), low))
    top = np.rint(np.interp(column, np.rint(x), high))
    # Where a column starts above the one before it ends, both reach for the middle between.
    middle = np.floor((top[:-1] + bottom[1:]) / 2)
    rising = bottom[1:] > top[:-1] + 1
    falling_middle = np.floor((bottom[:-1] + top[1:]) / 2)
    falling = top[1:] < bottom[:-1] - 1
    top[:-1] = np.where(rising, middle, top[:-1])
    bottom[1:] = np.where(rising, middle + 1, bottom[1:])
    bottom[:-1] = np.where(falling, np.minimum(falling_middle + 1, bottom[:-1]), bottom[:-1])
    top[1:] = np.where(falling, np.maximum(falling_middle, top[1:]), top[1:])
    on, period = dash.value
    # A gap must not swallow what matters: a jump, and the newest step.
    drawn = (column % period < on) | (column == column[-1])
    if dash is Dash.DASHED:
        drawn |= top - bottom > _JUMP
    column, bottom, top = column[drawn], bottom[drawn], top[drawn]
    heights = (top - bottom + 1).astype(np.int64)
    starts = np.repeat(np.cumsum(heights) - heights, heights)
    offsets = np.arange(heights.sum()) - starts
    return np.repeat(column, heights), np.repeat(bottom, heights) + offsets


def _code(role: Role) -> int:
    """Give plotext a colour that stands for the role; it is read back as such."""
    return _ROLES.index(role) + 1


def _to_drawing(matrix: Any, width: int, height: int, charset: Charset) -> Drawing:
    rows: list[Row] = []
    for markers, codes in zip(reversed(matrix.marker), reversed(matrix.fullground), strict=True):
        cells = zip(markers, codes, strict=True)
        rows.append(
            tuple(
                Run(_text(group, charset), _ROLES[code - 1] if code else Role.AXIS)
                for code, group in groupby(cells, key=lambda cell: _as_code(cell))
            )
        )
    return Drawing(width, height, tuple(rows))


def _as_code(cell: tuple[str, Any]) -> int:
    marker, code = cell
    return code if isinstance(code, int) and marker != " " else 0


def _text(cells: Any, charset: Charset) -> str:
    text = "".join(marker for marker, _ in cells)
    return text.translate(_ASCII_AXES) if charset is Charset.ASCII else text
