"""Another run's curve under the one that is shown: laid, named, read and taken off with keys."""

import numpy as np
from scripted import (
    FINISHED,
    GAUGE,
    Script,
    frozen,
    hidden,
    make_app,
    press,
    ready,
    shown,
    started,
    until,
)

from tui_trainer.formatting import loss_text
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.events import StepsCompleted

SIZES = [(160, 45), (80, 24), (40, 12)]


class Level:
    """A script of 100 steps whose validation loss falls from ten times the run's lr to it."""

    def __call__(self, config, control):
        yield started(config)
        val = frozen(np.linspace(10, 1, 100) * config.lr)
        yield StepsCompleted(1, val, val, None, None, 100, float(val[-1]), 0.1, 2000.0)
        yield FINISHED


async def trained(pilot, *keys):
    """Press keys, and wait for the end of the run that the last of them starts."""
    cockpit, before = pilot.app.cockpit, pilot.app.cockpit.run
    await ready(pilot)
    await press(pilot, *keys)
    await until(pilot, lambda: cockpit.run is not before and cockpit.is_idle)


def is_drawn(pane, role):
    return any(span.role is role for row in pane._drawing.rows for span in row)


async def test_the_last_runs_curve_is_laid_named_and_taken_off_at_every_size():
    async with make_app(Level(), lr=0.01).run_test(size=SIZES[0]) as pilot:
        pane = pilot.app.cockpit.loss_pane
        await ready(pilot)
        await press(pilot, "o")
        await shown(pilot, "No run yet: s starts one")
        await trained(pilot, "s")
        await press(pilot, "o")
        await shown(pilot, "No former run yet: s starts another")
        await trained(pilot, "]", "s")
        assert not is_drawn(pane, Role.OVERLAY_1)
        await press(pilot, "o")
        await shown(pilot, "○ lr 0.01: the last run's validation losses; o takes them")
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: "○ lr 0.01" in pane.text)
            assert is_drawn(pane, Role.OVERLAY_1)
        await trained(pilot, "]", "s")  # it stays on, of the run before
        await until(pilot, lambda: "○ lr 0.02" in pane.text)
        runs = pilot.app.cockpit._runs
        runs.show(runs.former)
        pilot.app.cockpit._show_run()
        await until(pilot, lambda: "○ lr 0.05" in pane.text)
        await press(pilot, "o")
        await until(pilot, lambda: "○ lr" not in pane.text)
        assert not is_drawn(pane, Role.OVERLAY_1)


async def test_a_cursor_reads_each_overlay_with_its_name_and_where_room_is_short_by_its_mark():
    app = make_app(Level(), lr=0.01, charset=Charset.ASCII)
    async with app.run_test(size=SIZES[0]) as pilot:
        for keys in ("s", "]s", "]s"):
            await trained(pilot, *keys)
        runs = pilot.app.cockpit._runs
        assert not any(runs.pin(run) for run in reversed(runs.all))
        pilot.app.cockpit.draw()
        pane = pilot.app.cockpit.loss_pane
        await press(pilot, "home", "right")
        step = int(pane.cursor)
        at_1, at_2, own = (
            loss_text(float(run.result.history.losses("val")[step - 1]))
            for run in reversed(runs.all)
        )
        await shown(
            pilot, f"step {step} - validation {own} - o lr 0.01 {at_1} - # lr 0.02 {at_2} - train"
        )
        await pilot.resize_terminal(40, 12)
        await shown(pilot, f"step {step}  val {own}  o {at_1} ")
        await press(pilot, "escape")
        await shown(pilot, "o lr 0.01  # lr 0.02 ")


async def test_a_gauge_and_the_names_share_the_lower_edge():
    app = make_app(Script(FINISHED), lr=0.01)
    async with app.run_test(size=SIZES[0]) as pilot:
        cockpit = pilot.app.cockpit
        await trained(pilot, "s")
        cockpit.context.work.train = Script(gauge=GAUGE, bound=5.0)
        await press(pilot, "]", "s", "o")
        await until(pilot, lambda: cockpit.run.step == 100)
        await until(pilot, lambda: "○ lr 0.01 ─" in cockpit.loss_pane.text)
        await shown(pilot, "margin 0.31 ▕")
        await pilot.resize_terminal(40, 12)
        await shown(pilot, "○ lr 0.01 ─", " ▕██████░░▏ ─")
        await press(pilot, "x")
        await hidden(pilot, "▕██████░░▏ ─")


async def test_zero_shows_all_of_a_run_that_went_further_and_goes_back():
    class Longer(Level):
        def __call__(self, config, control):
            yield from super().__call__(config, control) if config.lr < 1 else self._long(config)

        def _long(self, config):
            yield started(config)
            val = frozen(np.full(900, 50.0))
            yield StepsCompleted(1, val, val, None, None, 1, 50.0, 0.1, 2000.0)
            yield FINISHED

    async with make_app(Longer(), lr=2.0, steps=1000).run_test(size=(120, 34)) as pilot:
        pane = pilot.app.cockpit.loss_pane
        await trained(pilot, "s")
        await trained(pilot, "[", "[", "s", "o")
        assert pane._chart.x.high < 200
        assert "▲○" in pane.text  # far above
        await press(pilot, "0")
        await shown(pilot, "All of every run is shown")
        assert pane._chart.x.high >= 900
        assert "▲○" not in pane.text
        await press(pilot, "end")
        await shown(pilot, "step 900 · ○ lr 2 50.00")
        await press(pilot, "escape", "0")
        await shown(pilot, "The axes are those of the run that is shown again")
        assert pane._chart.x.high < 200
