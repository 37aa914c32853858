"""The stopping laboratory on the screen: what it says of a run, live, and what its keys do."""

import threading

import numpy as np
from scripted import (
    EARLY,
    FINISHED,
    Script,
    ended,
    frozen,
    hidden,
    make_app,
    press,
    ready,
    shown,
    started,
    until,
)
from textual.widgets import Input

from tui_trainer.config.stopping import GeneralizationLoss
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Recorded, StepsCompleted
from tui_trainer.training.laboratory import Laboratory
from tui_trainer.tui.background import SavedWork
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.lab.screen import LaboratoryScreen

VAL = np.concatenate([np.linspace(9, 4, 50), np.linspace(4, 6, 20), np.linspace(6, 3, 30)])


def steps(first, val):
    train = frozen(np.linspace(1.5, 1, len(val)))
    seconds = (first + len(val)) / 2000
    return StepsCompleted(first, train, frozen(val), None, None, 1, 1.0, seconds, 2000.0)


class InParts:
    """A run that waits for a permit before each part of `VAL`, then ends as `last`."""

    def __init__(self, *parts, last=None, extra=()):
        self.parts, self.last, self.extra = parts, last, extra
        self.permits = threading.Semaphore(0)

    def __call__(self, config, control):
        yield started(config)
        yield from self.extra
        first = 0
        for part in self.parts:
            while not self.permits.acquire(timeout=0.01):
                if control.stopped:
                    return
            yield steps(first + 1, VAL[first:part])
            first = part
        if self.last is not None:
            yield self.last


def done(step=100, reason=StopReason.COMPLETED):
    return ended(reason, f"finished {step} steps", step)


def at_once(last=None, extra=()):
    work = InParts(100, last=last or done(), extra=extra)
    work.permits.release()
    return work


async def opened(pilot):
    """Start a run and open its laboratory once it has ended."""
    app = pilot.app
    await ready(pilot)
    await press(pilot, "s")
    await until(pilot, lambda: not app.cockpit.active and app.cockpit.is_idle)
    await press(pilot, "j")
    await shown(pilot, "Where would it have stopped?", "first increase", "never")


def row(app, rule):
    """Return the line of a rule, "" while there is none."""
    lines = screen_text(app).splitlines()
    return next((line for line in lines if f" {rule}" in line), "")


async def test_a_run_read_in_parts_has_a_row_and_a_letter_for_each_rule_at_every_size(monkeypatch):
    monkeypatch.setattr("tui_trainer.tui.lab.screen._READING", 0.0)  # a chunk at a time,
    monkeypatch.setattr(Laboratory.read, "__defaults__", (7,))  # as of a long history
    app = make_app(at_once(), "kaiming", steps=100)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        lab = app.screen
        await shown(pilot, "no stop")
        assert lab._laboratory.step == 100
        figures = row(app, "first increase").split()[-7:-2]
        assert figures == ["52", "4.11", "+1.11", "48", "%"]
        for size, words in (
            ((160, 45), ("patience 200, keeps best", "no stop", "never", "A to ", "◆ ")),
            ((120, 40), ("GL 5 %, keeps best", "above best", "enter take ")),
            ((80, 24), ("GL 5 %, keeps best", "validation  above best  saves", "take rule")),
            ((40, 12), ("GL 5 %", "no stop", "3.00 ◆", "take rule")),
        ):
            await pilot.resize_terminal(*size)
            await shown(pilot, "Where would it have stopped?", "✓ FINISHED", *words)
            assert lab.table.region.area
        await press(pilot, "tab")  # the pane after the table, of two
        await until(pilot, lambda: lab.loss_pane.region.area)
        plot = lab.loss_pane.text
        assert all(letter in plot for letter in "ABD")


async def test_the_cursor_starts_on_the_best_and_enter_takes_its_rule():
    app = make_app(at_once(), "l1", steps=100)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await press(pilot, "j")
        await shown(pilot, "No run yet: s starts one.")
        assert app.screen is app.cockpit
        await opened(pilot)
        assert row(app, "never").startswith("│▸")
        assert "◆" in row(app, "never")
        for key in ("up", "up"):
            await press(pilot, key)
        await shown(pilot, "take GL 5 %")
        await press(pilot, "enter")
        await until(pilot, lambda: app.screen is app.cockpit)
        regularizer = app.cockpit.form.config.regularizer
        assert regularizer.stopping == GeneralizationLoss(restore_best=True)
        assert regularizer.l1_weight == 1  # as in the run that it was tried on
        await press(pilot, "j")
        await until(pilot, lambda: isinstance(app.screen, LaboratoryScreen))
        await press(pilot, "j")
        await until(pilot, lambda: app.screen is app.cockpit)


async def test_while_a_run_goes_on_each_step_is_read_once_and_what_has_not_fired_says_so(
    monkeypatch,
):
    read = []
    observe = Laboratory.observe
    monkeypatch.setattr(
        Laboratory, "observe", lambda lab, *new: (read.append(len(new[1])), observe(lab, *new))[1]
    )
    script = InParts(40, 60, 100, last=done())
    app = make_app(script, "kaiming", steps=100)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        script.permits.release()
        await until(pilot, lambda: app.cockpit.run is not None and app.cockpit.run.step == 40)
        await press(pilot, "j")
        await until(pilot, lambda: "not yet" in screen_text(app))
        assert "not yet" in row(app, "first increase")
        script.permits.release()
        await until(pilot, lambda: " 52 " in row(app, "first increase"))
        assert "not yet" in row(app, "patience 200")
        await until(pilot, lambda: sum(read) == 60)
        await press(pilot, "space")
        await until(pilot, lambda: app.cockpit.run.config and app.cockpit._control.paused)
        await press(pilot, "space")
        script.permits.release()
        await until(pilot, lambda: "no stop" in row(app, "patience 200"))
        await hidden(pilot, "not yet")
        assert sum(read) == 100


async def test_a_branch_leaves_the_run_where_the_rule_stops(tmp_path):
    asked = []

    def branch(folder, step, config, lr, control):
        asked.append((folder, step, config.regularizer.name, lr))
        yield from Script(FINISHED)(config, control)

    app = make_app(at_once(extra=[Recorded(tmp_path)]), "kaiming", steps=100)
    app.cockpit.context.work.saved = SavedWork(tmp_path, None, None, branch, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await press(pilot, "b")
        await shown(pilot, "This rule has not stopped")  # that is no rule
        await press(pilot, *["up"] * 5, "b")
        await until(pilot, lambda: app.screen.query("#step"))
        assert app.screen.query_one("#step", Input).value == "52"
        app.screen.query_one("#changes", Input).value = "lr=0.5 regularizer=l1"
        await press(pilot, "enter")
        await until(pilot, lambda: app.screen is app.cockpit and asked)
        assert asked == [(tmp_path, 52, "l1", 0.5)]


async def test_what_lies_behind_the_end_of_a_history_is_unknown_of_the_run_that_is_shown():
    first = at_once(done(100, StopReason.STOPPED))
    app = make_app(first, "kaiming", steps=500, charset=Charset.ASCII)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shown(pilot, "The history ends at step 100, where it was stopped by hand", "unknown.")
        assert all("unknown" in row(app, rule) for rule in ("patience 200", "never"))
        assert " 52 " in row(app, "first increase")
        await press(pilot, "escape")
        app.cockpit.context.work.train = Script(EARLY)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.run.stopped_early)
        await press(pilot, "j")
        await shown(pilot, "where the run's own rule stopped it")
        assert "unknown" in row(app, "first increase")
