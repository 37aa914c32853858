"""What is asked of a run, from any thread, until its trainer takes it up."""

import threading

import pytest

from tui_trainer.training.control import Control

DEADLINE_SECONDS = 30


def test_nothing_is_asked_for_at_first():
    control = Control()
    assert not control.paused
    assert not control.stopped
    assert not control.best_fit_wanted
    assert control.take_lr() is None
    assert not control.take_step()


def test_a_learning_rate_is_taken_once_and_the_newest_counts():
    control = Control()
    control.set_lr(0.1)
    control.set_lr(0.2)
    assert control.take_lr() == 0.2
    assert control.take_lr() is None


def test_every_step_asked_for_is_taken_once():
    control = Control()
    control.step()
    control.step()
    assert control.paused
    assert [control.take_step() for _ in range(3)] == [True, True, False]


def test_going_on_forgets_the_steps_asked_for():
    control = Control()
    control.step()
    control.resume()
    assert not control.paused
    assert not control.take_step()


def test_steps_asked_for_by_many_threads_are_all_counted():
    control = Control()
    threads = [
        threading.Thread(target=lambda: [control.step() for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    taken = 0
    while control.take_step():
        taken += 1
    assert taken == 2000


def test_a_run_that_is_not_paused_does_not_wait():
    Control().wait_while_paused()


@pytest.mark.parametrize(
    "ask",
    [
        Control.resume,
        Control.stop,
        Control.step,
        lambda control: control.set_lr(0.1),
        lambda control: control.show_best_fit(True),
    ],
    ids=["resume", "stop", "step", "set_lr", "show_best_fit"],
)
def test_a_waiting_run_wakes_at_what_it_acts_on(ask):
    control, waiting = Control(paused=True), threading.Event()

    def wait():
        waiting.set()
        control.wait_while_paused()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert waiting.wait(DEADLINE_SECONDS)
    control.pause()  # nothing new: it goes on waiting
    thread.join(0.02)
    assert thread.is_alive()
    ask(control)
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_the_best_fit_may_be_wanted_and_no_more():
    control = Control()
    control.show_best_fit(True)
    assert control.best_fit_wanted
    control.show_best_fit(False)
    assert not control.best_fit_wanted
