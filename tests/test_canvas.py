"""Charts in cells: every drawing has its size, every dot its cell, whatever the numbers are."""

import math
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from tui_trainer.plotting import plotext_axes
from tui_trainer.plotting.canvas import MIN_HEIGHT, MIN_WIDTH, draw, plot_area
from tui_trainer.plotting.chart import (
    BRAILLE_DOT,
    Bars,
    Chart,
    Curve,
    Dash,
    Scatter,
    VerticalLine,
)
from tui_trainer.plotting.plotext_axes import draw_axes
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.scales import Scale, linear_scale, log_scale, step_scale

NAN, INF = math.nan, math.inf
UNIT = Scale(0.0, 1.0, ((0.0, "0"), (1.0, "1")))
WIDTH, HEIGHT = 40, 12
# The bit of each dot in a braille character, rows from the bottom.
DOT_BITS = ((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))


def curve(x, y, *, high=None, role=Role.TRAIN, dash=Dash.SOLID):
    low = np.asarray(y, np.float32)
    high = low if high is None else np.asarray(high, np.float32)
    return Curve(role, np.asarray(x, np.float64), low, high, dash)


def scatter(x, y, marker="◆", ascii_marker="@", role=Role.BEST):
    return Scatter(role, np.asarray(x, np.float32), np.asarray(y, np.float32), marker, ascii_marker)


def unit_chart(*layers):
    return Chart(UNIT, UNIT, layers)


def cells(drawing, chart):
    """The rows of the plot's inside as text, from top to bottom."""
    columns, rows = plot_area(chart.y, drawing.width, drawing.height)
    lines = drawing.text.split("\n")[:rows]
    return [line[drawing.width - columns :] for line in lines]


def dots(chart, width=WIDTH, height=HEIGHT):
    """The braille dots inside the plot, [row from the bottom, column]."""
    inside = cells(draw(chart, width, height), chart)
    found = np.zeros((4 * len(inside), 2 * len(inside[0])), bool)
    for row, line in enumerate(reversed(inside)):
        for column, char in enumerate(line):
            if 0x2800 <= ord(char) < 0x2900:
                for y, bits in enumerate(DOT_BITS):
                    for x, bit in enumerate(bits):
                        found[4 * row + y, 2 * column + x] = bool(ord(char) & bit)
    return found


def nearest(share, count):
    return math.floor(share * (count - 1) + 0.5)


def roles(drawing):
    """The role of every cell, rows from top to bottom."""
    return [[run.role for run in row for _ in run.text] for row in drawing.rows]


def assert_size(drawing, width, height):
    assert len(drawing.rows) == height
    for row in drawing.rows:
        assert sum(len(run.text) for run in row) == width
        assert "\n" not in "".join(run.text for run in row)


def test_plotext_still_draws_the_axes_that_the_canvas_counts_on():
    moved = "plotext moved: see tui_trainer/plotting/plotext_axes.py"
    x, y = (Scale(0.0, 1.0, ((0.0, low), (1.0, high))) for low, high in ("ab", ("low", "high")))
    assert draw_axes(x, y, 20, 5) == [
        "high┤               ",
        "    │               ",
        " low┤               ",
        "    └┬─────────────┬",
        "     a             b",
    ], moved


def test_no_private_name_of_plotext_is_used():
    source = Path(plotext_axes.__file__).read_text(encoding="utf-8")
    assert "plotext._" not in source
    assert "import _" not in source


def test_a_drawing_has_exactly_its_size():
    for width, height, charset in product(
        [0, 1, 5, 11, 12, 13, 20, 81, 200], [0, 1, 2, 3, 4, 7, 20, 60], Charset
    ):
        chart = unit_chart(
            curve([0, 1], [0, 1]), scatter([0.5], [0.5]), VerticalLine(Role.STOP, 0.3, "┃", "|")
        )
        drawing = draw(chart, width, height, charset)
        assert (drawing.width, drawing.height) == (width, height)
        assert_size(drawing, width, height)
        room = width >= MIN_WIDTH and height >= MIN_HEIGHT
        assert bool(drawing.text.strip()) is room


def test_labels_of_any_width_break_no_drawing():
    for label in ["7", "1234567", "12345678901", "1234567890123", "1" * 60]:
        chart = Chart(UNIT, Scale(0.0, 1.0, ((0.5, label),)), (curve([0, 1], [0, 1]),))
        for width in range(MIN_WIDTH, 24):
            assert_size(draw(chart, width, 8), width, 8)


def test_no_number_breaks_a_drawing():
    for y, axis, charset in product(
        [
            [],
            [NAN],
            [0.5],
            [0.0, 0.0, 0.0],
            [NAN, NAN, NAN],
            [1.0, NAN, 2.0, INF, -INF, 3.0],
            [INF, INF],
            [-INF, INF, -INF],
            [0.0, 1e-45, -1.0],
            [1.0, 3e38, -3e38, 1.0],
            [NAN, 3e38],
        ],
        [UNIT, linear_scale(-2, 30, 5), log_scale(1e-3, 10, 5)],
        Charset,
    ):
        x = np.arange(1.0, len(y) + 1)
        chart = Chart(
            step_scale(len(y), 30),
            axis,
            (curve(x, y), curve(x, y, dash=Dash.DASHED), scatter(x, y)),
        )
        assert_size(draw(chart, WIDTH, HEIGHT, charset), WIDTH, HEIGHT)


def test_points_without_a_finite_place_break_nothing():
    for x in [[NAN], [INF, -INF], [0.2, NAN, 0.8], [NAN, INF]]:
        chart = unit_chart(scatter(x, [0.5] * len(x)), VerticalLine(Role.STOP, x[0], "┃", "|"))
        assert_size(draw(chart, WIDTH, HEIGHT), WIDTH, HEIGHT)


def test_a_curve_of_very_many_points_keeps_its_size():
    x = np.linspace(0, 1, 100_000)
    chart = unit_chart(curve(x, np.sin(90 * x)))
    assert_size(draw(chart, WIDTH, HEIGHT), WIDTH, HEIGHT)


def test_an_empty_chart_has_its_axes_and_nothing_else():
    drawing = draw(unit_chart(), WIDTH, HEIGHT)
    assert {role for row in roles(drawing) for role in row} == {Role.AXIS}
    assert not "".join(cells(drawing, unit_chart())).strip()
    assert "└" in drawing.text


def test_a_diagonal_goes_from_corner_to_corner():
    for ends in [(0, 1), (1, 0)]:
        found = dots(unit_chart(curve([0, 1], ends)))
        rows, columns = found.shape
        exact = np.interp(np.arange(columns), [0, columns - 1], np.array(ends) * (rows - 1))
        for column, row in zip(found.T, exact, strict=True):
            there = np.flatnonzero(column)
            assert len(there) >= 1
            assert np.all(abs(there - row) <= 1)
        assert found[-ends[0], 0]
        assert found[-ends[1], -1]


def test_a_level_line_at_the_edge_fills_just_the_outermost_row_of_dots():
    for y, row in [(0.0, 0), (1.0, -1)]:
        found = dots(unit_chart(curve([0, 1], [y, y])))
        assert found[row].all()
        found[row] = False
        assert not found.any()


def test_a_braille_point_is_one_dot_at_the_nearest_place():
    for share in [0.0, 0.1, 0.25, 0.5, 0.77, 1.0]:
        found = dots(unit_chart(scatter([share], [1 - share], marker=BRAILLE_DOT)))
        rows, columns = found.shape
        assert np.argwhere(found).tolist() == [
            [round(float(np.float32(1 - share)) * (rows - 1)), round(share * (columns - 1))]
        ]


def test_the_corners_are_where_the_axes_say():
    for width, height in product([20, 33, 80], [8, 9, 13, 20]):
        chart = unit_chart(scatter([0, 1, 0, 1], [0, 0, 1, 1]))
        inside = cells(draw(chart, width, height), chart)
        assert [line.strip() for line in inside[1:-1]] == [""] * (len(inside) - 2)
        for line in (inside[0], inside[-1]):
            assert line == "◆" + " " * (len(line) - 2) + "◆"


def test_ticks_stand_at_the_cells_of_their_values():
    for y, (width, height) in product(
        [linear_scale(0.0, 20.0, 5), log_scale(0.01, 30.0, 5), UNIT],
        [(30, 9), (40, 19), (81, 12), (113, 31)],
    ):
        chart = Chart(step_scale(140, width), y, ())
        columns, rows = plot_area(y, width, height)
        *lines, axis_line, labels_line = draw(chart, width, height).text.split("\n")
        for value, label in y.ticks:
            row = rows - 1 - nearest((value - y.low) / (y.high - y.low), rows)
            assert lines[row].split("┤")[0].strip() == label
        assert sum("┤" in line for line in lines) == len(y.ticks)
        left = width - columns
        expected = [left + nearest(float(chart.x.unit(step)), columns) for step, _ in chart.x.ticks]
        assert [place for place, char in enumerate(axis_line) if char == "┬"] == expected
        assert axis_line[left - 1] == "└"
        assert set(labels_line.split()) <= {label for _, label in chart.x.ticks}


def test_log_values_stand_at_the_rows_of_their_logarithms():
    y = log_scale(1.0, 1000.0, 5)
    chart = Chart(UNIT, y, (scatter([0.5] * 3, [1.0, 10.0, 1000.0]),))
    inside = cells(draw(chart, WIDTH, 12), chart)
    assert len(inside) == 10
    assert [9 - row for row, line in enumerate(inside) if "◆" in line] == [9, 3, 0]


def test_a_value_of_zero_lies_at_the_foot_of_a_log_axis():
    y = log_scale(0.1, 10.0, 5)
    found = dots(Chart(UNIT, y, (curve([0, 1], [0.0, 0.0]),)))
    assert found[0].all()
    assert not found[1:].any()


def test_one_drawing_leaves_nothing_in_the_next():
    draw(unit_chart(curve([0, 1], [0, 1])), WIDTH, HEIGHT)
    assert not dots(unit_chart()).any()
    assert {role for row in roles(draw(unit_chart(), WIDTH, HEIGHT)) for role in row} == {Role.AXIS}


def test_far_outliers_are_held_at_the_edge():
    found = dots(unit_chart(curve([0, 0.5, 1], [3e38, 3e38, 3e38])))
    assert found[-1].all()
    assert not found[:-1].any()


def test_nan_leaves_a_gap():
    for width in [20, 40, 90]:
        x = np.linspace(0, 1, 21)
        y = np.where((x > 0.39) & (x < 0.61), NAN, 0.5)
        drawn = dots(unit_chart(curve(x, y)), width).any(axis=0)
        place = np.linspace(0, 1, len(drawn))
        assert drawn[place < 0.34].all()
        assert not drawn[(place > 0.36) & (place < 0.64)].any()
        assert drawn[place > 0.66].all()


def test_a_point_between_two_gaps_is_still_there():
    assert dots(unit_chart(curve([0.2, 0.5, 0.8], [NAN, 0.5, NAN]))).sum() == 1


def test_the_ends_of_a_bucket_are_joined_in_its_column():
    found = dots(unit_chart(curve([0.5], [0.25], high=[0.75])))
    (column,) = np.flatnonzero(found.any(axis=0))
    there = np.flatnonzero(found[:, column])
    rows = found.shape[0]
    assert there[0] == round(0.25 * (rows - 1))
    assert there[-1] == round(0.75 * (rows - 1))
    assert np.all(np.diff(there) == 1)


def test_of_many_points_in_a_column_the_highest_and_lowest_are_seen():
    for place, charset in product([100, 333, 501, 777, 998], Charset):
        y = np.full(1001, 0.5)
        y[place], y[place + 1] = 1.0, 0.0
        chart = unit_chart(curve(np.linspace(0, 1, 1001), y))
        inside = cells(draw(chart, WIDTH, HEIGHT, charset), chart)
        column = nearest(place / 1000, len(inside[0]))
        for line in (inside[0], inside[-1]):
            assert line[max(0, column - 1) : column + 2].strip(" \u2800")


def test_a_jagged_line_has_no_hole_between_neighbouring_columns():
    for seed in range(8):
        y = np.random.default_rng(seed).random(30)
        found = dots(unit_chart(curve(np.linspace(0, 1, 30), y)))
        spans = [(np.flatnonzero(column)[0], np.flatnonzero(column)[-1]) for column in found.T]
        for (low, high), (next_low, next_high) in pairwise(spans):
            assert next_low <= high + 1
            assert low <= next_high + 1


def test_layers_share_their_cells():
    rising, falling = curve([0, 1], [0, 1]), curve([0, 1], [1, 0], role=Role.VALIDATION)
    both = dots(unit_chart(rising, falling))
    assert np.array_equal(both, dots(unit_chart(rising)) | dots(unit_chart(falling)))


def test_a_shared_cell_has_the_colour_of_the_topmost_layer():
    rising, falling = curve([0, 1], [0, 1]), curve([0, 1], [1, 0], role=Role.VALIDATION)
    for layers, top, below in (
        ((rising, falling), Role.VALIDATION, Role.TRAIN),
        ((falling, rising), Role.TRAIN, Role.VALIDATION),
    ):
        alone = roles(draw(unit_chart(layers[1]), WIDTH, HEIGHT))
        found = roles(draw(unit_chart(*layers), WIDTH, HEIGHT))
        assert any(role is below for row in found for role in row)
        for row, row_alone in zip(found, alone, strict=True):
            for role, role_alone in zip(row, row_alone, strict=True):
                assert role_alone is not top or role is top


def test_a_marker_stands_over_a_curve_that_it_follows():
    chart = unit_chart(curve([0, 1], [0.5, 0.5]), scatter([0.5], [0.5]))
    assert draw(chart, WIDTH, HEIGHT).text.count("◆") == 1


def test_dashes_are_on_and_off_by_columns_of_dots_up_to_the_newest():
    for dash, width in product(Dash, [40, 41, 42]):
        on, period = dash.value
        drawn = dots(unit_chart(curve([0, 1], [0.5, 0.5], dash=dash)), width).any(axis=0)
        expected = [column % period < on for column in range(len(drawn))]
        assert drawn.tolist() == [*expected[:-1], True]


def test_a_jump_is_seen_where_a_dash_has_its_gap():
    columns = dots(unit_chart()).shape[1]
    for place in range(1, columns - 1):
        x = np.array([0, place - 1, place, columns - 1]) / (columns - 1)
        found = dots(unit_chart(curve(x, [0, 0, 1, 1], dash=Dash.DASHED)))
        jump = found[:, place - 1 : place + 1].any(axis=1)
        assert jump.all()


def test_the_dashes_of_two_curves_differ():
    texts = {
        draw(unit_chart(curve([0, 1], [0, 1], dash=dash)), WIDTH, HEIGHT).text for dash in Dash
    }
    assert len(texts) == len(Dash)


def test_a_vertical_line_fills_its_column_and_no_other():
    for share, (charset, marker) in product(
        [0.0, 0.2, 0.55, 1.0], [(Charset.UNICODE, "┃"), (Charset.ASCII, "|")]
    ):
        chart = unit_chart(VerticalLine(Role.STOP, share, "┃", "|"))
        drawing = draw(chart, WIDTH, HEIGHT, charset)
        for line in cells(drawing, chart):
            place = round(share * (len(line) - 1))
            assert line == " " * place + marker + " " * (len(line) - 1 - place)
        stops = [row.count(Role.STOP) for row in roles(drawing)]
        assert stops == [1] * (HEIGHT - 2) + [0, 0]


def test_every_role_comes_back_from_a_drawing():
    for role in Role:
        drawing = draw(unit_chart(curve([0, 1], [0, 1], role=role)), WIDTH, HEIGHT)
        assert {found for row in roles(drawing) for found in row} == {Role.AXIS, role}


def test_in_ascii_there_is_nothing_but_ascii():
    chart = Chart(
        step_scale(100, WIDTH),
        linear_scale(-3.0, 7.0, 5),
        (
            VerticalLine(Role.LR, 30, "╎", ":"),
            VerticalLine(Role.STOP, 60, "┃", "|"),
            curve([0, 100], [-3, 7]),
            curve([0, 100], [7, -3], dash=Dash.DOTTED),
            scatter([50], [2]),
            scatter([20], [2], marker=BRAILLE_DOT, ascii_marker="."),
        ),
    )
    drawing = draw(chart, WIDTH, HEIGHT, Charset.ASCII)
    assert drawing.text.isascii()
    assert {":", "|", "*", "@", "."} <= set("".join(cells(drawing, chart)))
    assert_size(drawing, WIDTH, HEIGHT)


def test_an_ascii_curve_has_one_marker_in_every_column_it_crosses():
    chart = unit_chart(curve([0, 1], [0, 1]))
    inside = cells(draw(chart, WIDTH, HEIGHT, Charset.ASCII), chart)
    for column in zip(*inside, strict=True):
        assert "*" in column
    assert inside[-1][0] == "*"
    assert inside[0][-1] == "*"


def test_drawings_tell_which_rows_differ():
    level = draw(unit_chart(curve([0, 1], [0, 0])), WIDTH, HEIGHT)
    marked = draw(unit_chart(curve([0, 1], [0, 0]), scatter([0.5], [1.0])), WIDTH, HEIGHT)
    other_role = draw(unit_chart(curve([0, 1], [0, 0], role=Role.MODEL)), WIDTH, HEIGHT)
    assert level.rows_changed_from(level) == []
    assert marked.rows_changed_from(level) == [0]
    assert other_role.rows_changed_from(level) == [HEIGHT - 3]


def test_all_rows_differ_from_another_size():
    chart = unit_chart(curve([0, 1], [0, 1]))
    drawing = draw(chart, WIDTH, HEIGHT)
    for other in (None, draw(chart, WIDTH + 1, HEIGHT), draw(chart, WIDTH, HEIGHT - 1)):
        assert drawing.rows_changed_from(other) == list(range(HEIGHT))


def test_a_bar_stands_in_the_column_of_a_marker_at_the_same_place():
    for charset, width in product(Charset, [30, 31, 57, 80]):
        x = np.linspace(0, 1, 9)
        low, high = np.full(9, 0.1), np.full(9, 0.9)
        chart = unit_chart(Bars(Role.SPREAD, x, low, high), scatter(x, np.full(9, 0.5)))
        drawing = draw(chart, width, HEIGHT, charset)
        found = np.array(roles(drawing))
        marked = sorted(np.flatnonzero((found == Role.BEST).any(axis=0)))
        barred = sorted(np.flatnonzero((found == Role.SPREAD).any(axis=0)))
        assert len(marked) == 9
        assert barred == marked


def test_a_bar_reaches_from_its_lowest_to_its_highest_and_nan_is_none():
    chart = unit_chart(
        Bars(Role.SPREAD, np.array([0.5, 0.9]), np.array([0.25, np.nan]), np.ones(2))
    )
    found = dots(chart)
    rows = np.flatnonzero(found.any(axis=1))
    assert found.any(axis=0).sum() == 1
    assert rows[0] == nearest(0.25, len(found))
    assert rows.tolist() == list(range(rows[0], len(found)))


def test_a_dashed_curve_over_a_solid_one_leaves_both_to_be_seen():
    noise = np.random.default_rng(2).random(100)
    for low, high in [(np.full(100, 0.5),) * 2, (np.linspace(0, 1, 100),) * 2, (noise / 2, noise)]:
        x = np.linspace(0, 1, 100)
        solid = curve(x, low, high=high)
        dashed = curve(x, low, high=high, role=Role.VALIDATION, dash=Dash.DASHED)
        drawing = draw(unit_chart(solid, dashed), 60, HEIGHT)
        seen = [role for row in roles(drawing) for role in row]
        assert min(seen.count(Role.TRAIN), seen.count(Role.VALIDATION)) > 8
        both, alone = (dots(unit_chart(*layers), 60) for layers in ((solid, dashed), (solid,)))
        on, period = Dash.DASHED.value
        columns = np.arange(both.shape[1] - 1)
        for beside in (on, period - 1):
            cut = columns[columns % period == beside]
            assert both[:, cut].sum() < 0.2 * alone[:, cut].sum()  # without colour, too
        between = columns[columns % period == on + 1]
        assert np.array_equal(both[:, between], alone[:, between])


def test_tall_dots_are_two_on_each_other_inside_the_plot():
    for share in [0.0, 0.3, 1.0]:
        layer = Scatter(Role.BEST, np.array([0.5]), np.array([share]), BRAILLE_DOT, "o", tall=True)
        found = np.argwhere(dots(unit_chart(layer)))
        assert len(found) == 2
        assert found[0, 1] == found[1, 1]
        assert found[1, 0] - found[0, 0] == 1
