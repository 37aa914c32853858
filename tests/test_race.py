"""Names on one scale in rows: where the signs stand, which ticks, whose verdict."""

import random

import numpy as np
import pytest
from scripted_sweep import finished, plan
from test_sweep_chart import results

from tui_trainer.console.sweep import summary
from tui_trainer.console.sweep_plot import plot
from tui_trainer.formatting import distinct
from tui_trainer.plotting.race import log_share, log_span, race_bar, race_scale, tick_line
from tui_trainer.plotting.roles import Charset, Role

NAMES = ["stop-patient", "stop-patience", "stop-patience-2", "none", "stop-first-increase"]


def text(parts):
    return "".join(part for part, _ in parts)


def random_points(dice):
    """Five points between two random ends, some with a diverged seed, some with nothing else."""
    top = 10.0 ** dice.randint(-6, 7)
    medians = [dice.choice([np.nan, np.inf, *[dice.uniform(top / 500, top)] * 5]) for _ in range(5)]
    spread = dice.choice([0.0, top / 1000])
    return results(medians, spread=spread, diverged=dice.sample(range(5), dice.randrange(3)))


def test_bars_fill_their_columns_in_the_order_of_the_losses():
    dice = random.Random(3)
    for _ in range(300):
        points, columns = random_points(dice), dice.randint(4, 90)
        scale = race_scale(points, columns, dice.choice([None, True, False]))
        places = []
        for index, point in enumerate(points):
            bar = text(race_bar(point, scale, columns, Charset.UNICODE, leads=index == 0))
            assert len(bar) == columns
            assert (bar[-1] == "✕") is (point.diverged_share > 0)
            assert bar.strip(" ✕").strip("├─┤") in (("◆", "") if index == 0 else ("●", ""))
            if np.isfinite(median := point.objective.median):
                places.append((median, bar.index("◆" if index == 0 else "●")))
        assert [place for _, place in sorted(places)] == sorted(place for _, place in places)


def test_ticks_stand_whole_apart_and_in_order_below_what_they_name():
    dice = random.Random(5)
    for _ in range(300):
        points, columns = random_points(dice), dice.randint(14, 90)
        scale = race_scale(points, columns, dice.choice([None, True, False]))
        line = tick_line(scale, columns)
        labels = [label for _, label in scale.ticks]
        assert len(line) == columns
        assert len(scale.ticks) >= 2
        shown = line.split()
        assert len(shown) >= 1
        kept = iter(labels)
        assert all(label in kept for label in shown)


def test_a_log_scale_spans_the_losses_and_no_more():
    scale = race_scale(results((0.8, 3, 12, 5, 1), spread=0), 40)
    assert scale.log
    assert (scale.foot, scale.top) == pytest.approx((0.794, 12.6), rel=0.01)
    assert [label for _, label in scale.ticks] == ["1", "2", "5", "10"]
    assert not race_scale(results((2, 3, 4, 5, 6), spread=0), 40).log


def test_names_are_cut_to_texts_that_stay_different():
    dice = random.Random(9)
    for _ in range(200):
        names = {"".join(dice.choices("ab", k=dice.choice([3, 20]))) for _ in range(8)}
        names |= {*NAMES, "x" * 30 + "1" + "x" * 30, "x" * 30 + "2" + "x" * 30}
        room = dice.randint(5, 24)
        cut = distinct(sorted(names), room)
        assert len(set(cut)) == len(names)
        assert max(map(len, cut)) <= room
    assert distinct(["none", "l1"], 9) == ["none", "l1"]
    assert distinct(NAMES, 40) == NAMES


def test_a_console_plot_names_each_point_once_the_best_first_with_its_verdict():
    sweep = plan("init=he,kaiming,normal,zeros", seeds=8)
    losses = [base + seed / 10 for base in (3, 1, 9, 1.2) for seed in range(8)]
    losses[-1] = 0.9  # of zeros, which wins once
    done = finished(sweep, losses, diverged=range(16, 24))
    for charset, best in ((Charset.UNICODE, "◆"), (Charset.ASCII, "@")):
        title, *rows, ticks = plot(done, 90, charset, lambda words, _: words).split("\n")
        assert title.startswith("Best validation loss by init, 8 seeds:")
        assert [row.split()[0] for row in rows] == ["kaiming", "zeros", "he", "normal"]
        assert [row.split("  ")[-1].strip() for row in rows] == [
            "recommended", "within noise (7/8, p 0.39)", "worse (8/8, p 0.047)", "diverged",
        ]  # fmt: skip
        assert [best in row for row in rows] == [True, False, False, False]
        assert max(map(len, [*rows, ticks])) <= 90
        assert len(ticks.split()) >= 2
    words = summary(done, "PLOT")
    assert words.startswith("PLOT\n\nrecommended")  # one list, not two
    assert "corrected for picking the best of 4 and comparing it with 3 others (Holm)" in words


def test_roles_colour_what_they_name():
    (point, *_) = points = results((1.0, 2, 3, 4, 5), spread=0.5, diverged=[0])
    bar = race_bar(point, race_scale(points, 40), 40, Charset.UNICODE, leads=True)
    assert {role: part.strip()[:1] for part, role in bar if part.strip()} == {
        Role.SPREAD: "─", Role.BEST: "◆", Role.DIVERGED: "✕",
    }  # fmt: skip


def test_a_loss_that_came_after_its_span_was_taken_lies_at_an_end_of_it():
    span = log_span([1.0, 100.0])
    assert [log_share(loss, span) for loss in (1e-9, 1.0, 10.0, 100.0, 1e9)] == pytest.approx(
        [0.0, 0.0, 0.5, 1.0, 1.0]
    )
