"""Letters of stopping rules in a plot: all are seen, and a cursor finds and names them."""

import numpy as np

from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.plotting.readings import loss_reading, step_near
from tui_trainer.plotting.roles import Charset
from tui_trainer.plotting.view import View
from tui_trainer.training.history import History
from tui_trainer.training.marks import LossMarks, RuleMark

VAL = np.linspace(9, 1, 1000).astype(np.float32)


def marks(*steps, chosen=None):
    letters = zip("ABCDEFGH", steps, strict=False)
    rules = [RuleMark(sign, s, float(VAL[s - 1]), s == chosen) for sign, s in letters]
    return LossMarks(best_step=1000, best_val_loss=1.0, planned_steps=1000, rules=tuple(rules))


def picture(found, width=60, height=12, charset=Charset.UNICODE, view=None):
    history = History()
    history.append(VAL - 0.5, VAL)
    chart = loss_chart(history, found, width, height, view=view or View())
    return draw(chart, width, height, charset).text


def test_every_letter_is_seen_also_where_rules_stop_together():
    for steps in ((10, 400, 900), (500, 501, 501, 502, 503), (998, 999, 1000, 1000), (1, 1, 2, 3)):
        for charset in Charset:
            text = picture(marks(*steps), charset=charset)
            letters = "ABCDEFGH"[: len(steps)]
            assert [text.count(letter) for letter in letters] == [1] * len(letters), steps


def test_one_outside_the_part_that_is_shown_is_not_drawn_and_the_chosen_one_has_a_line():
    part = picture(marks(10, 400, 900), view=View(part=(300.0, 500.0)))
    assert "B" in part
    assert not set(part) & {"A", "C"}
    assert "┃" not in part
    assert "┃" in picture(marks(10, 400, chosen=400))
    assert picture(marks(10, 400), width=14, height=4)  # hardly any room


def test_a_cursor_stops_at_a_rule_and_names_it():
    history, found = History(), marks(10, 400, 400)
    history.append(VAL - 0.5, VAL)
    assert [step_near(x, 3, found) for x in (7, 12.6, 14, 398, 999)] == [10, 10, 14, 400, 1000]
    assert loss_reading(history, found, 400)[-1].text == "B C stops"
    assert all("stops" not in reading.text for reading in loss_reading(history, found, 401))
