"""The time that training takes, by a clock that the tests turn."""

from types import SimpleNamespace

import pytest

from tui_trainer.training import clock
from tui_trainer.training.clock import Clock


@pytest.fixture
def now(monkeypatch):
    """The time; the test turns it."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now.seconds))
    return now


def test_a_clock_stands_until_it_is_started(now):
    standing = Clock()
    now.seconds += 5
    assert standing.seconds == 0


def test_a_clock_counts_what_it_runs_and_no_pause(now):
    running = Clock()
    running.start()
    now.seconds += 2
    assert running.seconds == 2
    running.stop()
    now.seconds += 50
    assert running.seconds == 2
    running.start()
    now.seconds += 1
    assert running.seconds == 3


def test_starting_and_stopping_twice_is_once(now):
    running = Clock()
    running.start()
    now.seconds += 2
    running.start()
    now.seconds += 2
    running.stop()
    now.seconds += 2
    running.stop()
    assert running.seconds == 4


def test_a_rate_is_of_the_steps_since_the_last(now):
    running = Clock()
    running.start()
    now.seconds += 2
    assert running.since_report == 2
    assert running.rate(100) == pytest.approx(50)
    assert running.since_report == 0
    now.seconds += 1
    assert running.rate(80) == pytest.approx(80)


def test_a_rate_follows_within_about_a_second(now):
    running = Clock()
    running.start()
    now.seconds += 0.1
    running.rate(100)
    for _ in range(5):
        now.seconds += 0.1
        rate = running.rate(200)
    assert 1000 < rate < 2000
    for _ in range(50):
        now.seconds += 0.1
        rate = running.rate(200)
    assert rate == pytest.approx(2000, rel=0.01)


def test_a_rate_of_no_time_is_a_number(now):
    assert Clock().rate(1) > 0
