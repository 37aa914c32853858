"""The lr finder's screen: it searches at once, says what both ways say, and hands over the lr."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scripted import LrScript, hidden, make_app, press, shown, until

from tui_trainer.config.presets import load_presets
from tui_trainer.lr_search.events import LrTrialsAdvanced, LrTrialsEnded
from tui_trainer.lr_search.plan import plan_lr_search
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.state import State
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.lr.wording import lr_status_text
from tui_trainer.tui.quit_question import QuitQuestion
from tui_trainer.tui.run.screen import Cockpit

SIZE = (120, 34)
APART = "the range test says 0.3, the trials say 0.00244, a factor of 120 apart"


async def opened(pilot, state=State.FINISHED):
    """Open the finder and wait for what it does by itself."""
    await press(pilot, "f")
    await until(pilot, lambda: pilot.app.lr_finder is not None)
    finder = pilot.app.lr_finder
    await until(pilot, lambda: finder.state is state and not finder.unread)
    if state is State.FINISHED:
        await until(pilot, lambda: finder.is_idle)
    return finder


async def test_it_searches_with_what_the_form_says_shows_both_answers_and_hands_the_lr_over():
    script = LrScript()
    async with make_app(find_lr=script, recipe="l1", seed=4).run_test(size=SIZE) as pilot:
        finder = await opened(pilot)
        ((search, _),) = script.calls
        assert (search.config.regularizer.name, search.config.seed) == ("l1", 4)
        await shown(pilot, "lr finder · wave · mlp-4x20 · kaiming · l1")
        await shown(
            pilot,
            "✓ Take lr 0.00244: from the trials",
            "╎ 0.01",
            "◆ 0.00244",
            "range test    0.01: the training loss falls steepest around it",
            "trials        0.00244: validation loss down",
        )
        assert finder.plot.text.count("◆") == 2  # legend and plot
        await hidden(pilot, "disagree")
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Cockpit))
        await press(pilot, "f")  # the same again, as the form is
        await until(pilot, lambda: pilot.app.screen is finder and finder.is_idle)
        assert len(script.calls) == 1
        await press(pilot, "escape", "a", "f")
        await until(pilot, lambda: len(script.calls) == 2)
        await press(pilot, "escape")
        for key in ("u", "enter"):
            pilot.app.cockpit.form.set_number("lr", 0.5)
            await opened(pilot)
            await shown(pilot, "u use lr 0.00244")
            await press(pilot, key)
            await until(pilot, lambda: isinstance(pilot.app.screen, Cockpit))
            assert pilot.app.cockpit.form.config.lr == 0.00244


async def test_without_an_answer_there_is_nothing_to_use_and_an_exception_is_a_banner():
    def broken(search, control):
        raise RuntimeError("the cable is out")
        yield

    script = LrScript(of_range=None, of_trials=None)
    app = make_app(find_lr=script, lr=0.5, keymap={"start": "f5"})
    async with app.run_test(size=SIZE) as pilot:
        finder = await opened(pilot)
        await shown(pilot, "No learning rate to recommend")
        await hidden(pilot, "u use")
        await shown(pilot, "every trial diverged: f5 searches below lr 0.000001", "f5 lower")
        await press(pilot, "u")
        assert pilot.app.screen is finder
        assert pilot.app.cockpit.form.config.lr == 0.5
        await press(pilot, "f5")
        await until(pilot, lambda: len(script.calls) == 2)
        span = script.calls[1][0].range
        assert (span.low, span.high) == pytest.approx((1e-11, 1e-6))
        await until(pilot, lambda: finder.is_idle)
        pilot.app.cockpit.context.work.find_lr = broken
        await press(pilot, "f5")
        await shown(pilot, "the cable is out")
        assert finder.state is State.FAILED


def test_the_bar_shows_the_numbers_beside_it_and_is_full_once_the_search_is_done():
    search = plan_lr_search(load_presets(), "kaiming")
    result = LrSearchResult(search)
    for event in LrScript()(search, None):
        if isinstance(event, LrTrialsAdvanced | LrTrialsEnded):
            steps = np.full(len(event.trials.lrs), 30)
            steps[7] = 68  # all others diverged
            event = replace(event, trials=replace(event.trials, steps=steps))
        result.apply(event)
        text = lr_status_text(result, 160)
        if counts := re.search(r"step +([\d,]+)/([\d,]+) ▕(█*)(░*)▏", text):
            done, total, full, empty = counts.groups()
            share = len(full) / len(full + empty)
            assert share == pytest.approx(int(done) / int(total), abs=1 / 30)
    assert text.startswith(" trials done at step 68 ▕█████")
    result.found = replace(result.found, reason=StopReason.STOPPED)
    assert "trials step  68/300 ▕██████░░" in lr_status_text(result, 160)


async def test_x_stops_s_searches_again_and_quitting_asks():
    script = LrScript(waits=True)
    async with make_app(find_lr=script).run_test(size=SIZE) as pilot:
        finder = await opened(pilot, State.RUNNING)
        await shown(pilot, "● TRAINING")
        await press(pilot, "x")
        await shown(pilot, "Stopped by hand.")
        assert finder.state is State.STOPPED
        await press(pilot, "s")
        await until(pilot, lambda: len(script.calls) == 2)
        await until(pilot, lambda: finder.state is State.RUNNING)
        await press(pilot, "q")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuitQuestion))
        await press(pilot, "y")
        await until(pilot, lambda: script.calls[1][1].stopped)


async def test_every_size_says_which_lr_to_take_and_that_the_two_disagree():
    script = LrScript(of_range=0.3, disagreement=APART)
    for charset, sizes in (
        (Charset.UNICODE, ((160, 45),)),
        (Charset.ASCII, ((80, 24), (40, 12))),
    ):
        async with make_app(find_lr=script, charset=charset).run_test(size=sizes[0]) as pilot:
            finder = await opened(pilot)
            for size in sizes:
                await pilot.resize_terminal(*size)
                await shown(pilot, "Take lr 0.00244", "esc back")
                await shown(pilot, "u use lr 0.00244" if size[0] > 60 else "u use")
                assert finder.plot.region.area
                await press(pilot, "tab")
                if size == (40, 12):
                    await until(pilot, lambda f=finder: not f.plot.region.area)
                await shown(pilot, "0.3: the training")
                drawn = screen_text(pilot.app)
                assert drawn.isascii() or charset is not Charset.ASCII
            if charset is Charset.UNICODE:
                await shown(pilot, f"≠ they disagree {APART}")


async def test_a_real_search_recommends_a_learning_rate():
    def real(search, control):
        from tui_trainer.lr_search.search import run_lr_search

        yield from run_lr_search(search, control)

    async with make_app(find_lr=real, recipe="kaiming", steps=40).run_test(size=SIZE) as pilot:
        finder = await opened(pilot)
        assert 0.0005 < finder.feed.result.recommended < 0.1
