"""The legend: each of its signs is what the plot itself draws for that role."""

from itertools import product

import numpy as np

from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.fit_chart import fit_chart
from tui_trainer.plotting.legend import names_that_fit, sign
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.plotting.overlay import OVERLAY_ROLES, Overlay
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.training.history import History
from tui_trainer.training.marks import LossMarks

OVERLAYS = list(OVERLAY_ROLES)
LOSS_ROLES = [Role.TRAIN, Role.VALIDATION, Role.BOUND, Role.BEST, Role.STOP, Role.LR]
FIT_ROLES = [Role.MODEL, Role.TRAIN_POINT, Role.VALIDATION_POINT]


def overlay(losses, mark):
    history = History()
    history.append(losses, losses)
    return Overlay("another", history, mark)


def drawings(charset):
    history = History()
    falling = np.linspace(9, 5, 80, dtype=np.float32)
    history.append(falling, falling - 2, falling + 2)
    marks = LossMarks(40, float(falling[39] - 2), 80, (20,))
    others = [overlay(falling - n / 9, n) for n in range(len(OVERLAYS))]
    losses = loss_chart(history, marks, 60, 20, overlays=others)
    x = np.linspace(-5, 5, 30, dtype=np.float32)
    points = Points(x, x, x, -x)
    fit = fit_chart(points, FitSampled(1, "last", x, np.zeros_like(x), 0.0), 60, 20)
    return [draw(chart, 60, 20, charset) for chart in (losses, fit)]


def drawn(role, charset):
    """The characters that stand for a role in the plots."""
    runs = [run for drawing in drawings(charset) for row in drawing.rows for run in row]
    return {char for run in runs if run.role is role for char in run.text}


def test_an_ascii_sign_is_the_character_in_the_plot():
    for role in LOSS_ROLES + FIT_ROLES + OVERLAYS:
        assert set(sign(role, Charset.ASCII)) == drawn(role, Charset.ASCII)


def test_a_sign_of_one_character_is_the_one_in_the_plot():
    for role in [Role.BEST, Role.STOP, Role.LR]:
        assert {sign(role, Charset.UNICODE)} == drawn(role, Charset.UNICODE)


def test_the_sign_of_an_overlay_is_on_its_curve():
    for role, charset in product(OVERLAYS, Charset):
        assert sign(role, charset) in drawn(role, charset)


def test_no_two_signs_of_a_plot_are_alike():
    for roles, charset in product([LOSS_ROLES + OVERLAYS, FIT_ROLES], Charset):
        assert len({sign(role, charset) for role in roles}) == len(roles)


def test_signs_have_one_width_in_both_charsets():
    for role in LOSS_ROLES + FIT_ROLES + OVERLAYS:
        fine, plain = sign(role, Charset.UNICODE), sign(role, Charset.ASCII)
        assert len(fine) == len(plain) <= 2
        assert plain.isascii()


def test_names_fit_into_any_room_and_stay_whole_while_they_can():
    full = ("init he · lr 0.005", "init he · lr 0.01", "init he · regularizer l1+patient", "lr 3")
    short = ("lr 0.005", "lr 0.01", "regularizer l1+patient", "lr 3")
    before = 0
    for room in range(120):
        names, rest = names_that_fit((full, short), room, 2, 3)
        parts = ["@ " + name for name in names] + ([rest] if rest else [])
        assert len(" · ".join(parts)) <= room
        assert len(set(names)) == len(names) >= before
        assert rest == (f"+{4 - len(names)}" if 0 < len(names) < 4 else "")
        before = len(names)
        if names not in (full, short):
            assert all(
                len(name) >= min(8, len(whole)) for name, whole in zip(names, short, strict=False)
            )
    assert names == full
    assert names_that_fit((full, short), 60, 2, 3)[0] == short
