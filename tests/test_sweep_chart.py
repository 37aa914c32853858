"""What stands in a sweep's plot: where, with which marks, on which axes."""

from itertools import product

import numpy as np
import pytest

from tui_trainer.config.presets import load_presets
from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.chart import Bars, Scatter
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.sweep_chart import sweep_chart
from tui_trainer.sweeps.axes import make_axis
from tui_trainer.sweeps.plan import Point
from tui_trainer.sweeps.result import PointResult, Spread

PRESETS = load_presets()
NOTHING = Spread(np.nan, np.nan, np.nan)
LOG, LINEAR = make_axis("lr", "0.001:10:log:5", PRESETS), make_axis("lr", "1:5:lin:5", PRESETS)
LISTED = make_axis("lr", "0.1,0.5,1,2,50", PRESETS)
INITS = make_axis("init", "zeros,normal,kaiming,he,xavier", PRESETS)
MEDIANS = (4.0, 3.0, 2.0, 3.0, 5.0)


def results(medians=MEDIANS, *, spread=1.0, diverged=()):
    """Points whose losses reach `spread` below and above their median."""
    return [
        PointResult(
            Point(index, (index,)),
            best := Spread(median, median - spread, median + spread),
            best,
            NOTHING,
            ended=2,
            seeds=2,
            stopped_early_share=0.0,
            diverged_share=0.5 if index in diverged else 0.0,
            losses=(median, median),
            objective=best,
        )
        for index, median in enumerate(medians)
    ]


def layer(chart, role, kind=Scatter):
    return next(part for part in chart.layers if part.role is role and isinstance(part, kind))


def test_values_of_a_range_stand_where_they_are_and_listed_ones_side_by_side():
    for axis, places, log in [
        (LOG, [0.001, 0.01, 0.1, 1, 10], True),
        (LINEAR, [1, 2, 3, 4, 5], False),
        (LISTED, [0, 1, 2, 3, 4], False),
        (INITS, [0, 1, 2, 3, 4], False),
    ]:
        chart = sweep_chart(axis, results(), 80, 20)
        assert layer(chart, Role.MEDIAN).x == pytest.approx(places)
        assert chart.x.log is log


def test_listed_values_are_written_whole_and_apart_under_their_places():
    assert [label for _, label in sweep_chart(LISTED, results(), 80, 20).x.ticks] == [
        "0.1", "0.5", "1", "2", "50"
    ]  # fmt: skip
    for text, width in product(["0,0.1,0.3,1", "0.0000001,0.0000464,0.001"], range(16, 120)):
        axis = make_axis("l1_weight", text, PRESETS)
        chart = sweep_chart(axis, results((1.0, 2.0, 3.0, 4.0)[: len(axis.values)]), width, 6)
        shown = draw(chart, width, 6).text.split("\n")[-1].split()
        values = iter(text.split(","))
        assert shown
        assert all(label in values for label in shown)  # in their order, none cut


def test_a_bar_reaches_from_the_lowest_seed_to_the_highest():
    bars = layer(sweep_chart(LOG, results(), 80, 20), Role.SPREAD, Bars)
    assert list(bars.low) == [3, 2, 1, 2, 4]
    assert list(bars.high) == [5, 4, 3, 4, 6]


def test_the_leader_and_the_cursor_are_marked_where_they_are():
    chart = sweep_chart(LOG, results(), 80, 20, leader=2, cursor=4)
    assert (layer(chart, Role.BEST).x[0], layer(chart, Role.BEST).y[0]) == (0.1, 2.0)
    cursor = layer(chart, Role.CURSOR)
    assert (cursor.x[0], cursor.y[0]) == (10.0, chart.y.low)
    text = draw(chart, 80, 20).text
    assert text.count("◆") == 1
    assert text.count("▲") == 1


def test_what_diverged_stands_at_the_upper_edge_and_its_bar_reaches_there():
    points = results((4.0, 3.0, 2.0, 3.0, np.inf), diverged=(3, 4))
    chart = sweep_chart(LOG, points, 80, 20)
    marks, bars = layer(chart, Role.DIVERGED), layer(chart, Role.SPREAD, Bars)
    assert list(marks.x) == [1.0, 10.0]
    assert list(marks.y) == [chart.y.high] * 2
    assert bars.high[3] == chart.y.high
    assert draw(chart, 80, 20).text.split("\n")[0].count("✕") == 2


def test_losses_a_factor_of_ten_apart_get_a_log_axis_unless_asked_otherwise():
    wide = results((100.0, 10.0, 2.0, 3.0, 5.0))
    assert sweep_chart(LOG, wide, 80, 20).y.log
    assert not sweep_chart(LOG, wide, 80, 20, log=False).y.log
    assert not sweep_chart(LOG, results(spread=0.1), 80, 20).y.log
    assert sweep_chart(LOG, results(), 80, 20, log=True).y.log


def test_axes_stand_still_while_losses_move_a_little():
    one = sweep_chart(LOG, results(), 80, 20)
    other = sweep_chart(LOG, results([loss * 0.99 for loss in MEDIANS]), 80, 20)
    assert (one.x, one.y) == (other.x, other.y)


def test_points_without_a_loss_are_no_hindrance():
    for axis, medians in product(
        [LOG, INITS], [(np.nan,) * 5, (np.inf,) * 5, (np.nan, 2.0, np.inf, 1.0, 3.0)]
    ):
        chart = sweep_chart(axis, results(medians), 60, 15)
        assert draw(chart, 60, 15).height == 15


def test_in_ascii_every_sign_is_a_letter():
    chart = sweep_chart(LOG, results(diverged=(4,)), 80, 20, leader=2, cursor=0)
    text = draw(chart, 80, 20, Charset.ASCII).text
    assert text.isascii()
    assert all(sign in text for sign in "o|x@^")
