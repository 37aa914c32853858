"""The legend: each of its signs is what the plot itself draws for that role."""

from itertools import product

import numpy as np

from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.fit_chart import fit_chart
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.training.history import History
from tui_trainer.training.marks import LossMarks

LOSS_ROLES = [Role.TRAIN, Role.VALIDATION, Role.BOUND, Role.BEST, Role.STOP, Role.LR]
FIT_ROLES = [Role.MODEL, Role.TRAIN_POINT, Role.VALIDATION_POINT]


def drawings(charset):
    history = History()
    falling = np.linspace(9, 5, 80, dtype=np.float32)
    history.append(falling, falling - 2, falling + 2)
    losses = loss_chart(history, LossMarks(40, float(falling[39] - 2), 80, (20,)), 60, 20)
    x = np.linspace(-5, 5, 30, dtype=np.float32)
    points = Points(x, x, x, -x)
    fit = fit_chart(points, FitSampled(1, "last", x, np.zeros_like(x), 0.0), 60, 20)
    return [draw(chart, 60, 20, charset) for chart in (losses, fit)]


def drawn(role, charset):
    """The characters that stand for a role in the plots."""
    runs = [run for drawing in drawings(charset) for row in drawing.rows for run in row]
    return {char for run in runs if run.role is role for char in run.text}


def test_an_ascii_sign_is_the_character_in_the_plot():
    for role in LOSS_ROLES + FIT_ROLES:
        assert set(sign(role, Charset.ASCII)) == drawn(role, Charset.ASCII)


def test_a_sign_of_one_character_is_the_one_in_the_plot():
    for role in [Role.BEST, Role.STOP, Role.LR]:
        assert {sign(role, Charset.UNICODE)} == drawn(role, Charset.UNICODE)


def test_no_two_signs_of_a_plot_are_alike():
    for roles, charset in product([LOSS_ROLES, FIT_ROLES], Charset):
        assert len({sign(role, charset) for role in roles}) == len(roles)


def test_signs_have_one_width_in_both_charsets():
    for role in LOSS_ROLES + FIT_ROLES:
        fine, plain = sign(role, Charset.UNICODE), sign(role, Charset.ASCII)
        assert len(fine) == len(plain) <= 2
        assert plain.isascii()
