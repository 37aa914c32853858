"""A person reads, enlarges and moves along the plots, with keys and with the mouse."""

import threading

import numpy as np
from scripted import (
    FINISHED,
    GAUGE,
    LrScript,
    Script,
    hidden,
    make_app,
    press,
    ready,
    shown,
    started,
    steps,
    until,
)
from textual.events import MouseScrollUp

from tui_trainer.formatting import loss_text
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.events import StepsCompleted
from tui_trainer.tui.headless import screen_text

SIZES = [(160, 45), (80, 24), (40, 12)]


def losses(first, last):
    """What `scripted.steps` trains with: train and validation."""
    steps = np.arange(first, last + 1)
    return (20 / np.sqrt(steps)).astype(np.float32), (22 / np.sqrt(steps)).astype(np.float32)


async def ended(pilot):
    await ready(pilot)
    await press(pilot, "s")
    await until(pilot, lambda: pilot.app.cockpit.run and pilot.app.cockpit.is_idle)


def reading(step, validation="validation", gap=" · ", best=False):
    train, val = losses(1, 100)
    texts = (f"train {loss_text(float(train[step - 1]))}", loss_text(float(val[step - 1])))
    return f"step {step}{gap}{texts[0]}{gap}{validation} {texts[1]}{' ◆' if best else ''}"


async def test_a_cursor_reads_exact_losses_at_every_size():
    async with make_app(Script(FINISHED)).run_test(size=SIZES[0]) as pilot:
        await ended(pilot)
        pane = pilot.app.cockpit.loss_pane
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await until(pilot, lambda s=size: pilot.app.cockpit.size == s and pane.region.area)
            narrow = ("val", "  ") if pane.size.width < 60 else ("validation", " · ")
            await press(pilot, "left")
            await shown(pilot, reading(100, *narrow, best=True))
            await press(pilot, "home")
            await shown(pilot, reading(1, *narrow))
            await press(pilot, "right")
            step = int(pane.cursor)
            assert step > 1
            await shown(pilot, reading(step, *narrow))
            await press(pilot, "ctrl+right")
            assert pane.cursor >= step + 5
            await press(pilot, "end")
            await shown(pilot, reading(100, *narrow, best=True))
            await press(pilot, "escape")
            await hidden(pilot, f"step 100{narrow[1]}train")
            assert pane.cursor is None


async def test_zooming_makes_steps_single_and_the_focused_plot_gets_the_keys_not_a_fields():
    async with make_app(Script(FINISHED)).run_test(size=(120, 34)) as pilot:
        await ended(pilot)
        cockpit = pilot.app.cockpit
        pane = cockpit.loss_pane
        await press(pilot, "home", "ctrl+right", "ctrl+right")
        step = pane.cursor
        await press(pilot, "plus", "equals_sign", "plus")
        low, high = pane.view.part
        assert low <= step <= high
        assert high - low < 20
        await shown(pilot, f"steps {np.floor(low):.0f} to {np.ceil(high):.0f}")
        await press(pilot, "right")
        assert pane.cursor == step + 1  # a step is wider than a column now
        await press(pilot, "shift+right")
        assert pane.view.part[0] > low
        await press(pilot, "minus")
        assert pane.view.part[1] - pane.view.part[0] > high - low
        await press(pilot, "0")
        await hidden(pilot, "· steps ")
        assert pane.view.part is None
        await press(pilot, "0")
        await shown(pilot, "All of it is shown.")
        await press(pilot, "escape")
        cockpit.fit_pane.focus()
        await press(pilot, "right", "right")
        assert pane.cursor is None
        assert cockpit.fit_pane.cursor is not None
        await shown(pilot, " · model ")
        await press(pilot, "escape")
        cockpit.query_one("#input-lr").focus()
        await press(pilot, "left", "home", "shift+right")
        assert pane.cursor is None
        assert cockpit.fit_pane.cursor is None
        cockpit.query_one("#row-init").focus()
        init = cockpit.form.config.init
        await press(pilot, "right")
        assert cockpit.form.config.init != init
        assert pane.cursor is None
        await press(pilot, "escape", "left", "plus")
        assert pane.view.part is not None
        cockpit.context.work.train = Script(FINISHED, gauge=GAUGE, bound=6.31)
        await press(pilot, "s")
        await until(pilot, lambda: pane.view.part is None)  # a new run is shown whole
        await until(pilot, lambda: cockpit.is_idle)
        await press(pilot, "left", "left")
        await shown(pilot, "bound 6.31")
        await hidden(pilot, "armed at step")


async def test_a_cursor_stays_at_its_step_while_the_run_grows():
    async with make_app(Script()).run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await press(pilot, "s", "space")
        await until(pilot, lambda: pilot.app.cockpit.run.step >= 100)
        await press(pilot, "home", "right", "right")
        step = pilot.app.cockpit.loss_pane.cursor
        for _ in range(3):
            await press(pilot, "n")
        await until(pilot, lambda: pilot.app.cockpit.run.step >= 103)
        await shown(pilot, reading(int(step)))
        assert pilot.app.cockpit.loss_pane.cursor == step


async def test_the_mouse_points_drags_and_zooms():
    async with make_app(Script(FINISHED)).run_test(size=(120, 34)) as pilot:
        await ended(pilot)
        pane = pilot.app.cockpit.loss_pane
        await pilot.mouse_down(pane, offset=(30, 5))
        first = pane.cursor
        await pilot.hover(pane, offset=(50, 5))
        dragged = pane.cursor
        await pilot.mouse_up(pane, offset=(50, 5))
        assert first < dragged
        await shown(pilot, reading(int(dragged)))
        await pilot.hover(pane, offset=(20, 5))
        assert pane.cursor == dragged  # let go
        before = pane.size.width
        at = (pane.region.x + 50, pane.region.y + 5)
        pane.post_message(
            MouseScrollUp(pane, 50, 5, 0, -1, 0, False, False, False, *at, style=None)
        )
        await until(pilot, lambda: pane.view.part is not None)
        low, high = pane.view.part
        assert low <= dragged <= high
        assert pane.size.width == before


class Turning:
    """A script whose losses differ by more than a factor of ten once it may go on."""

    def __init__(self):
        self.goes_on, self.ends = threading.Event(), threading.Event()

    def __call__(self, config, control):
        yield started(config)
        yield steps(1, 10)
        assert self.goes_on.wait(60)
        yield steps(11, 400)
        assert self.ends.wait(60)
        yield FINISHED


async def test_an_axis_that_turns_to_log_by_itself_is_said_once_no_question_stands():
    for asks in (False, True):
        script = Turning()
        async with make_app(script).run_test(size=(120, 34)) as pilot:
            await ready(pilot)
            await press(pilot, "s")
            await shown(pilot, "━━ train")
            await hidden(pilot, "log y")
            if asks:
                await press(pilot, "s")
            script.goes_on.set()
            if asks:
                await shown(pilot, "log y", "s again stops the run at step 10")
                await press(pilot, "escape")
            await shown(pilot, "log y", "their axis is log now")
            script.ends.set()


class Spike:
    """A script whose first loss towers over the others."""

    def __call__(self, config, control):
        yield started(config)
        train, val = losses(1, 200)
        train, val = train / 20 + 1, val / 20 + 1
        train[0] = 1e7
        for array in (train, val):
            array.setflags(write=False)
        yield StepsCompleted(1, train, val, None, None, 200, float(val[-1]), 0.1, 2000.0)
        yield FINISHED


async def test_a_cut_loss_is_said_and_zero_shows_it():
    for charset in (Charset.UNICODE, Charset.ASCII):
        async with make_app(Spike(), charset=charset).run_test(size=(120, 34)) as pilot:
            await ended(pilot)
            sign = "▲" if charset is Charset.UNICODE else "^"
            await shown(pilot, f"{sign} up to 1.00e+07")
            drawn = screen_text(pilot.app)
            await press(pilot, "0")
            await hidden(pilot, "up to 1.00e+07")
            await shown(pilot, "The highest losses are shown")
            assert screen_text(pilot.app) != drawn


async def test_the_lr_finder_is_read_too():
    async with make_app(find_lr=LrScript()).run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await press(pilot, "f")
        await until(pilot, lambda: pilot.app.lr_finder and pilot.app.lr_finder.is_idle)
        await press(pilot, "right", "right", "right")
        await shown(pilot, "lr 0.", "range test ", "trial at ")
        await press(pilot, "plus")
        await shown(pilot, "Loss by lr · log y · lr ", " to ")
        await press(pilot, "escape")
        assert pilot.app.lr_finder.plot.cursor is None
        await press(pilot, "escape")
        await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)
