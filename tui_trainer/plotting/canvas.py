"""Rasterises charts into terminal cells.

plotext draws the axes, which takes some milliseconds, and they are cached while they stay the same.
Layers change with every frame and are rasterised here; those that don't, once.
"""

from functools import lru_cache
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.chart import (
    BRAILLE_DOT,
    ROLES,
    Bars,
    Chart,
    Curve,
    Dash,
    Drawing,
    Layer,
    Scatter,
    VerticalLine,
)
from tui_trainer.plotting.octants import OCTANTS
from tui_trainer.plotting.plotext_axes import draw_axes
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.scales import AXIS_ROWS, Scale

MIN_WIDTH, MIN_HEIGHT = 12, 3
_ASCII_AXES = str.maketrans("┤├│└┘┌┐┬┴┼─", "|||+++++++-")
_FINE = (2, 4)  # dots in a cell
_BRAILLE = np.arange(0x2800, 0x2900, dtype=np.uint32)
_JUMP = 2  # dots
_NAME_GAP = 2  # cells beside the name of an axis
# The bit of each dot in a braille character and in an octant, [row from the bottom, column].
_BRAILLE_BITS = np.array([[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]], np.uint8)
_OCTANT_BITS = np.array([[0x40, 0x80], [0x10, 0x20], [0x04, 0x08], [0x01, 0x02]], np.uint8)

Dots: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]
Spans: TypeAlias = tuple[Dots, Dots, Dots, NDArray[np.bool_]]
Grid: TypeAlias = tuple[Places, Places]

_Area: TypeAlias = tuple[Scale, Scale, int, int, tuple[int, int]]
_PLACED: WeakKeyDictionary[Curve | Scatter, tuple[_Area, tuple[Grid, Grid | None]]] = (
    WeakKeyDictionary()
)


def draw(chart: Chart, width: int, height: int, charset: Charset = Charset.UNICODE) -> Drawing:
    """Draw a chart into ``width × height`` cells; blank where there is no room for one."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return _blank(width, height)
    axes = _draw_axes(chart.x, chart.y, width, height, charset)
    drawing = Drawing(axes.characters.copy(), axes.roles.copy())
    _write_name(drawing, chart.x_name)
    columns, rows = plot_area(chart.y, width, height)
    if columns > 0 and rows > 0:
        _draw_layers(drawing, chart, columns, rows, charset)
    return drawing


def _write_name(drawing: Drawing, name: str) -> None:
    """Write the name of the x axis into the last gap between its labels that is wide enough."""
    labels = drawing.characters[-1]
    room = len(name) + 2 * _NAME_GAP
    for start in range(drawing.width - len(name), 0, -1) if name else ():
        around = labels[max(0, start - _NAME_GAP) : start - _NAME_GAP + room]
        if (around == ord(" ")).all():
            labels[start : start + len(name)] = [ord(character) for character in name]
            return


def plot_area(y: Scale, width: int, height: int) -> tuple[int, int]:
    """Return the cells that are left for data beside labels and axes: columns and rows."""
    label_width = max((len(label) for _, label in y.ticks), default=0)
    return width - label_width - 1, height - AXIS_ROWS


def _blank(width: int, height: int) -> Drawing:
    shape = (max(0, height), max(0, width))
    return Drawing(np.full(shape, ord(" "), np.uint32), np.full(shape, _code(Role.AXIS), np.uint8))


@lru_cache(maxsize=16)
def _draw_axes(x: Scale, y: Scale, width: int, height: int, charset: Charset) -> Drawing:
    drawing = _blank(width, height)
    for row, text in enumerate(draw_axes(x, y, width, height)):
        text = text.translate(_ASCII_AXES) if charset is Charset.ASCII else text
        drawing.characters[row] = [ord(character) for character in text]
    return drawing


def _draw_layers(drawing: Drawing, chart: Chart, columns: int, rows: int, charset: Charset) -> None:
    """Draw the layers, the last on top; braille layers share the dots of a cell."""
    left = drawing.width - columns
    # Rows from the bottom, as the places of points count them.
    characters = drawing.characters[:rows, left:][::-1]
    roles = drawing.roles[:rows, left:][::-1]
    dots = np.zeros((rows * _FINE[1], columns * _FINE[0]), bool)
    is_braille = np.zeros((rows, columns), bool)
    fine = (1, 1) if charset is Charset.ASCII else _FINE
    for layer in chart.layers:
        marker = _marker(layer, charset)
        (row, column), beside = _placed(layer, chart, columns, rows, fine)
        if beside is not None:
            dots[beside] = False
        cells = row // fine[1], column // fine[0]
        roles[cells] = _code(layer.role)
        is_braille[cells] = marker == BRAILLE_DOT
        if marker == BRAILLE_DOT:
            dots[row, column] = True
        else:
            characters[cells] = ord(marker)
    characters[is_braille] = _glyphs(dots, charset)[is_braille]


def _placed(
    layer: Layer, chart: Chart, columns: int, rows: int, fine: tuple[int, int]
) -> tuple[Grid, Grid | None]:
    """Return the dots of a layer, and those beside them to clear: once for as long as both stay."""
    if isinstance(layer, Bars | VerticalLine):
        return _places(layer, chart, columns, rows, fine), None
    key = (chart.x, chart.y, columns, rows, fine)
    if (known := _PLACED.get(layer)) is None or known[0] != key:
        if isinstance(layer, Scatter):
            known = key, (_places(layer, chart, columns, rows, fine), None)
        else:
            spans = _spans(layer, chart, columns * fine[0], rows * fine[1])
            cuts = layer.dash is Dash.DASHED and fine == _FINE
            beside = _gaps(layer.dash, spans, rows * fine[1]) if cuts else None
            known = key, (_columns(*_dashes(layer.dash, spans)), beside)
        _PLACED[layer] = known
    return known[1]


def _glyphs(dots: NDArray[np.bool_], charset: Charset) -> NDArray[np.uint32]:
    """Return the character of each cell's dots, both from the bottom row up."""
    octant = charset is Charset.OCTANT
    glyphs, bits = (OCTANTS, _OCTANT_BITS) if octant else (_BRAILLE, _BRAILLE_BITS)
    across, up = _FINE
    cells = dots.reshape(len(dots) // up, up, -1, across)
    patterns: NDArray[np.uint8] = np.einsum("ruca,ua->rc", cells.view(np.uint8), bits)
    characters: NDArray[np.uint32] = glyphs[patterns]
    return characters


def _marker(layer: Layer, charset: Charset) -> str:
    if charset is Charset.ASCII:
        return layer.ascii
    return BRAILLE_DOT if isinstance(layer, Curve | Bars) else layer.marker


def _places(
    layer: Scatter | Bars | VerticalLine,
    chart: Chart,
    columns: int,
    rows: int,
    fine: tuple[int, int],
) -> tuple[Places, Places]:
    """Return the rows and columns of a layer's points on a grid of cells, each of `fine` dots.

    A marker shares its column with a tick at the same x, and its row with a curve at the same y.
    """
    match layer:
        case Scatter():
            x, y = chart.x.unit(layer.x), chart.y.unit(layer.y)
            there = chart.x.holds(layer.x) & np.isfinite(y)
            whole = 1 if layer.marker == BRAILLE_DOT else fine[0]
            column = _nearest(x[there], columns * fine[0] // whole) * whole
            row = _nearest(y[there], rows * fine[1])
            if not (layer.tall and fine == _FINE):
                return row, column
            above = np.where(row + 1 < rows * fine[1], row + 1, row - 1)
            return np.concatenate([row, above]), np.concatenate([column, column])
        case Bars():
            return _bars(layer, chart, columns, rows, fine)
        case VerticalLine():
            height = rows if chart.x.holds(layer.x) else 0
            x = chart.x.unit(np.full(height, layer.x))
            return np.arange(height) * fine[1], _nearest(x, columns) * fine[0]


def _nearest(unit: Dots, count: int) -> Places:
    """Return the nearest of `count` places for values in [0, 1]; halves go up."""
    return np.floor(unit * (count - 1) + 0.5).astype(np.int64)


def _bars(
    bars: Bars, chart: Chart, columns: int, rows: int, fine: tuple[int, int]
) -> tuple[Places, Places]:
    """Place bars in the same columns as markers at the same x."""
    x, low, high = chart.x.unit(bars.x), chart.y.unit(bars.low), chart.y.unit(bars.high)
    there = chart.x.holds(bars.x) & np.isfinite(low) & np.isfinite(high)
    bottom, top = (_nearest(y[there], rows * fine[1]) for y in (low, high))
    return _columns(_nearest(x[there], columns) * fine[0], bottom, top)


def _gaps(dash: Dash, spans: Spans, rows: int) -> tuple[Places, Places]:
    """Return the dots beside a dashed curve's dashes, where others are cut to show both."""
    on, period = dash.value
    column, bottom, top, _ = spans
    phase = column % period
    beside = (phase == on) | (phase == period - 1)
    bottom, top = np.maximum(bottom - 1, 0), np.minimum(top + 1, rows - 1)
    return _columns(column[beside], bottom[beside], top[beside])


def _spans(curve: Curve, chart: Chart, columns: int, rows: int) -> Spans:
    """Return the columns of dots that a curve crosses: the lowest and highest dot in each."""
    x = chart.x.unit(curve.x) * (columns - 1)
    low, high = chart.y.unit(curve.low) * (rows - 1), chart.y.unit(curve.high) * (rows - 1)
    finite = chart.x.holds(curve.x) & np.isfinite(low) & np.isfinite(high)
    parts = [_joined(x[part], low[part], high[part]) for part in _stretches(finite)]
    if not parts:
        nothing = np.empty(0)
        return nothing, nothing, nothing, np.empty(0, np.bool_)
    column, bottom, top, newest = (np.concatenate(axis) for axis in zip(*parts, strict=True))
    return column, bottom, top, newest


def _stretches(finite: NDArray[np.bool_]) -> list[slice]:
    """Return the slices of consecutive finite values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]


def _joined(x: Dots, low: Dots, high: Dots) -> Spans:
    """Join points to a line: for each column of dots, the lowest and highest, and whether it ends.

    `x` is not negative and never goes down.
    """
    dots = np.rint(x)
    firsts = np.flatnonzero(np.diff(dots, prepend=-1.0))
    places = dots[firsts]
    column = np.arange(places[0], places[-1] + 1)
    bottom = np.rint(np.interp(column, places, np.minimum.reduceat(low, firsts)))
    top = np.rint(np.interp(column, places, np.maximum.reduceat(high, firsts)))
    # Where a column starts above the one before it ends, both reach for the middle between.
    middle = np.floor((top[:-1] + bottom[1:]) / 2)
    rising = bottom[1:] > top[:-1] + 1
    falling_middle = np.floor((bottom[:-1] + top[1:]) / 2)
    falling = top[1:] < bottom[:-1] - 1
    top[:-1] = np.where(rising, middle, top[:-1])
    bottom[1:] = np.where(rising, middle + 1, bottom[1:])
    bottom[:-1] = np.where(falling, np.minimum(falling_middle + 1, bottom[:-1]), bottom[:-1])
    top[1:] = np.where(falling, np.maximum(falling_middle, top[1:]), top[1:])
    return column, bottom, top, column == column[-1]


def _dashes(dash: Dash, spans: Spans) -> tuple[Dots, Dots, Dots]:
    """Return the columns that are drawn: a gap must not swallow a jump, nor the newest step."""
    column, bottom, top, newest = spans
    on, period = dash.value
    drawn = (column % period < on) | newest
    if dash is Dash.DASHED and len(column):
        heights = top - bottom
        around = _usual_height(np.where(drawn, heights, 0.0), period)
        drawn |= heights > np.maximum(_JUMP, 2 * around)  # in noise all are high, and none a jump
    return column[drawn], bottom[drawn], top[drawn]


def _usual_height(heights: Dots, reach: int) -> Dots:
    """Return the fourth highest within `reach` columns of each: a jump alone does not raise it."""
    padded = np.pad(heights, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    usual: Dots = np.partition(windows, -4, axis=1)[:, -4]
    return usual


def _columns(
    column: Dots | Places, bottom: Dots | Places, top: Dots | Places
) -> tuple[Places, Places]:
    """Return the rows and columns of vertical strokes' dots, both ends included."""
    column, bottom = column.astype(np.int64), bottom.astype(np.int64)
    heights = top.astype(np.int64) - bottom + 1
    starts = np.repeat(np.cumsum(heights) - heights, heights)
    offsets = np.arange(heights.sum()) - starts
    return np.repeat(bottom, heights) + offsets, np.repeat(column, heights)


def _code(role: Role) -> int:
    return ROLES.index(role)
