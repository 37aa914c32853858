"""Pictures of the states that matter. Behaviour is asserted elsewhere; these guard the looks."""

import pytest
import textual
from scripted import DIVERGED, EARLY, GAUGE, Script, make_app, ready, until

from tui_trainer.tui.run_state import State

pytestmark = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="snapshots hold for one version of textual"
)


def reach(*keys, state=None):
    async def prepare(pilot):
        await ready(pilot)
        for key in keys:
            await pilot.press(key)
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
