"""Pictures of the states that matter. Behaviour is asserted elsewhere; these guard the looks."""

import pytest
import textual
from scripted import (
    DIVERGED,
    EARLY,
    GAUGE,
    LrScript,
    Script,
    SweepScript,
    make_app,
    press,
    ready,
    until,
)

from tui_trainer.training.state import State

pytestmark = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="snapshots hold for one version of textual"
)


def reach(*keys, state=None):
    async def prepare(pilot):
        await ready(pilot)
        for key in keys:
            await press(pilot, key)
        if state is not None:
            await until(pilot, lambda: pilot.app.cockpit.state is state)
            await until(pilot, lambda: not pilot.app.cockpit._dirty)
        pilot.app.cockpit.draw()
        await pilot.pause()

    return prepare


def test_idle(snap_compare):
    assert snap_compare(make_app(), run_before=reach(), terminal_size=(120, 34))


def test_stopped_early(snap_compare):
    prepare = reach("s", state=State.STOPPED_EARLY)
    assert snap_compare(
        make_app(Script(EARLY, bound=5.41)), run_before=prepare, terminal_size=(120, 34)
    )


def test_diverged_without_room_for_the_form(snap_compare):
    prepare = reach("s", state=State.DIVERGED)
    assert snap_compare(make_app(Script(DIVERGED)), run_before=prepare, terminal_size=(80, 24))


def test_paused_with_the_form_open(snap_compare):
    prepare = reach("s", "space", "tab", state=State.PAUSED)
    app = make_app(Script(gauge=GAUGE, bound=5.0))
    assert snap_compare(app, run_before=prepare, terminal_size=(80, 24))


def test_one_pane(snap_compare):
    prepare = reach("s", state=State.STOPPED_EARLY)
    assert snap_compare(make_app(Script(EARLY)), run_before=prepare, terminal_size=(40, 12))


def test_help(snap_compare):
    assert snap_compare(make_app(), run_before=reach("?"), terminal_size=(120, 46))


def test_a_race(snap_compare):
    async def prepare(pilot):
        await ready(pilot)
        for key in "waaaas":
            await press(pilot, key)
        sweep = pilot.app.sweep
        await until(pilot, lambda: sweep.state is State.FINISHED and sweep.is_idle)
        await pilot.press("down")
        await pilot.pause()

    app = make_app(sweep=SweepScript(diverged=(1,), seeds_differ=0.1))
    assert snap_compare(app, run_before=prepare, terminal_size=(140, 40))


def test_lr_finder(snap_compare):
    async def prepare(pilot):
        await ready(pilot)
        await pilot.press("f")
        finder = pilot.app.lr_finder
        await until(pilot, lambda: finder.state is State.FINISHED and finder.is_idle)
        await pilot.pause()

    app = make_app(find_lr=LrScript(of_range=0.3, disagreement="the two lie far apart"))
    assert snap_compare(app, run_before=prepare, terminal_size=(120, 34))
