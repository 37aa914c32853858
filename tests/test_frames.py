"""Frames are earned: neither oftener nor dearer than allowed."""

from types import SimpleNamespace

import pytest

from tui_trainer.tui import frames
from tui_trainer.tui.frames import COST, FrameBudget


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when it is told to: on the wall, and for the trainer by the thread's."""
    now = SimpleNamespace(wall=100.0, spent=1.0)
    fake = SimpleNamespace(perf_counter=lambda: now.wall, thread_time=lambda: now.spent / COST)
    monkeypatch.setattr(frames, "time", fake)
    return now


def test_a_cheap_frame_comes_ten_times_a_second(clock):
    budget = FrameBudget(0.05)
    budget.draws(0)
    clock.spent += 0.001
    clock.wall += 0.09
    assert not budget.due
    clock.wall += 0.02
    assert budget.due


@pytest.mark.parametrize(("share", "cost", "wait"), [(0.05, 0.02, 0.4), (0.1, 0.02, 0.2)])
def test_a_dear_frame_waits_until_it_is_earned(clock, share, cost, wait):
    budget = FrameBudget(share)
    budget.draws(0)
    clock.spent += cost
    clock.wall += wait * 0.99
    assert not budget.due
    clock.wall += wait * 0.02
    assert budget.due


def test_even_the_dearest_frame_comes_once_a_second(clock):
    budget = FrameBudget(0.05)
    budget.draws(0)
    clock.spent += 30
    clock.wall += 0.99
    assert not budget.due
    clock.wall += 0.02
    assert budget.due


def test_the_overhead_is_what_was_spent(clock):
    budget = FrameBudget(0.05)
    for count in range(200):
        budget.draws(count * 400)
        clock.wall += 0.25
        clock.spent += 0.006
        budget.charge(0.004)  # by the trainer, for what is shown
    assert budget.overhead.share == pytest.approx(0.04, rel=0.01)
    assert budget.overhead.frames_per_second == pytest.approx(4, rel=0.01)
    assert budget.overhead.bytes_per_second == pytest.approx(1600, rel=0.01)
