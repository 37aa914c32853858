"""Other runs in a plot of losses: each where it is, none in the way of the run that is shown."""

import math
from itertools import product

import numpy as np
from test_loss_chart import HEIGHT, WIDTH, cell_at, cells_of, chart_of, falling, history, noisy

from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.chart import Curve
from tui_trainer.plotting.overlay import OVERLAY_ROLES, Overlay
from tui_trainer.plotting.readings import loss_reader
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.view import View
from tui_trainer.training.marks import LossMarks

NAN, INF = math.nan, math.inf


def overlay(losses, mark=0, name="lr 0.01"):
    """A run whose training losses are far from those that count."""
    losses = np.asarray(losses, np.float32)
    return Overlay(name, history(np.full_like(losses, 1e6), losses), mark)


def share(chart, losses):
    """The share of the height that losses have."""
    heights = chart.y.unit(losses)
    return float(heights.max() - heights.min())


def test_each_overlay_is_drawn_where_its_losses_are_below_the_runs_own():
    others = [overlay(falling(80) - n, n) for n in range(1, 6)]
    for charset in Charset:
        chart = chart_of(history(falling(80)), overlays=others)
        for other in others:
            found = set(cells_of(chart, other.role, charset=charset))
            for step in (1, 20, 41, 60, 80):
                column, row = cell_at(chart, step, float(other.history.losses("val")[step - 1]))
                near = {(column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
                assert near & found, f"{other.role} is not at step {step}"
    same = chart_of(history(falling(80)), overlays=[overlay(falling(80))])
    assert len(cells_of(same, Role.VALIDATION)) > 4 * len(cells_of(same, OVERLAY_ROLES[0]))


def test_a_run_that_ended_sooner_ends_at_its_step_with_its_sign():
    chart = chart_of(history(falling(80)), overlays=[overlay(falling(40) - 3)])
    column, row = cell_at(chart, 40, 2.0)
    columns = {c for c, _ in cells_of(chart, OVERLAY_ROLES[0])}
    assert max(columns) == column
    drawing = draw(chart, WIDTH, HEIGHT)
    left = WIDTH - plot_columns(chart)
    assert chr(drawing.characters[HEIGHT - 3 - row][left + column]) == "○"


def plot_columns(chart):
    from tui_trainer.plotting.canvas import plot_area

    return plot_area(chart.y, WIDTH, HEIGHT)[0]


def test_no_other_run_squashes_the_one_that_is_shown():
    for own, factor, log in product(
        [falling(200), noisy(200) + 20, falling(200, 60, 0.6)], [3, 100, 1e20], [None, False, True]
    ):
        alone = chart_of(history(own), log=log)
        chart = chart_of(history(own), log=log, overlays=[overlay(own * factor), overlay(own, 1)])
        assert chart.x == alone.x
        least = 1 / 3 if chart.y.log == alone.y.log else 0.1
        assert share(chart, own) >= least * share(alone, own)
    spike = np.append(falling(200, 60, 0.6), np.full(4, 1e30))
    chart = chart_of(history(falling(200, 60, 0.6)), overlays=[overlay(spike)])
    assert chart.y.top < 1000


def test_what_lies_beyond_is_marked_at_the_edge_and_an_unclipped_view_shows_it():
    own = falling(200, 9, 5)
    for factor, arrow in ((1e4, "▲"), (1e-6, "▼")):
        other = overlay(np.append(own, own) * factor)
        chart = chart_of(history(own), overlays=[other])
        assert chart.cut
        assert f"{arrow}○" in draw(chart, WIDTH, HEIGHT).text
        whole = chart_of(history(own), overlays=[other], view=View(clipped=False))
        assert arrow not in draw(whole, WIDTH, HEIGHT).text
        assert whole.y.holds(other.history.losses("val")).all()
        assert whole.x.high >= 400
        assert whole.extent == (1, 400)
    assert not chart_of(history(own), overlays=[overlay(own + 1)]).cut


def test_a_run_that_has_ended_is_drawn_once_while_the_shown_one_grows():
    losses, marks = noisy(3000) + 20, LossMarks(planned_steps=3000)
    ended, growing = overlay(losses, 0), overlay(losses[:1000], 1)
    shown = history(losses[:2500])

    def curves():
        chart = chart_of(shown, marks, overlays=[ended, growing])
        return [next(c for c in chart.layers if isinstance(c, Curve) and c.role is o.role)
                for o in (ended, growing)]  # fmt: skip

    before = curves()
    shown.append(losses[2500:2600], losses[2500:2600])
    growing.history.append(losses[1000:1200], losses[1000:1200])
    after = curves()
    assert after[0] is before[0]
    assert after[1].x[-1] > before[1].x[-1]
    assert len(after[0].x) <= 2 * WIDTH


def test_smoothing_smooths_overlays_too():
    losses = noisy(300) + 20
    (plain, smooth) = (
        next(
            layer
            for layer in chart_of(history(losses), smooth=s, overlays=[overlay(losses)]).layers
            if isinstance(layer, Curve) and layer.role is OVERLAY_ROLES[0]
        )
        for s in (False, True)
    )
    assert np.ptp(smooth.low) < np.ptp(plain.low)


def test_no_overlay_breaks_the_chart():
    hostile = [[], [NAN], [INF, NAN, -INF], [0.0], [5.0], [1.0, INF, NAN, 3.0], [-1.0, -2.0],
               [3e38, 1e-45]]  # fmt: skip
    others = [overlay(losses, n % 6) for n, losses in enumerate(hostile)]
    for losses, (width, height) in product(hostile, [(0, 0), (12, 3), (60, 20)]):
        for log, clipped in product((None, True, False), (True, False)):
            view = View(clipped=clipped)
            chart = chart_of(
                history(losses), width=width, height=height, log=log, view=view, overlays=others
            )
            for charset in Charset:
                rows = draw(chart, width, height, charset).rows
                assert [sum(len(run.text) for run in row) for row in rows] == [width] * height


def test_a_cursor_reads_the_exact_losses_of_runs_that_got_that_far():
    own, other = noisy(900) + 20, noisy(500) + 9
    overlays = [overlay(other, 0, "lr 0.1"), overlay(own * 2, 3, "init he")]
    reader = loss_reader(history(own), LossMarks(), overlays)
    texts = [reading.text for reading in reader.read(500)]
    assert texts == [
        "step 500", f"validation {own[499]:.2f}", f"○ lr 0.1 {other[499]:.2f}",
        f"◇ init he {own[499] * 2:.2f}", f"train {own[499]:.2f}",
    ]  # fmt: skip
    assert len(reader.read(501)) == len(texts) - 1
    assert [reading.short for reading in reader.read(500)][2] == f"○ {other[499]:.2f}"
