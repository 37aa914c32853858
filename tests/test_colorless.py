"""Without colours: none is sent, and what has the focus is still seen."""

import pytest
from rich.style import Style
from scripted import FINISHED, Script, make_app, press, ready, until
from textual.color import Color

from tui_trainer.training.state import State
from tui_trainer.tui.terminal.colorless import colorless

DARK = Color.parse("#121212")


@pytest.fixture(autouse=True)
def no_color(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")


def segments(app):
    """Every segment that the screen shows."""
    return [s for strip in app.screen._compositor.render_strips(app.size) for s in strip]


def colors(app):
    found = {c for s in segments(app) if s.style for c in (s.style.color, s.style.bgcolor)}
    return {color for color in found if color is not None and not color.is_default}


def reversed_text(app):
    return " ".join(s.text for s in segments(app) if s.style and s.style.reverse)


async def test_no_screen_has_a_colour_and_what_is_focused_or_chosen_is_reversed():
    app = make_app(Script(FINISHED))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        assert colors(app) == set()
        await press(pilot, "tab")
        await until(pilot, lambda: "Recipe" in reversed_text(app))
        await press(pilot, "enter")  # the list, in which it is the line with all its words
        await until(pilot, lambda: "over the mean of 50" in reversed_text(app))
        await press(pilot, "escape")
        await press(pilot, "escape", "s")
        await until(pilot, lambda: app.cockpit.state is State.FINISHED)
        assert colors(app) == set()
        assert "Recipe" not in reversed_text(app)
        await press(pilot, "ctrl+p", "down")
        await until(pilot, lambda: len(reversed_text(app).split()) > 2)  # more than the cursor
        await press(pilot, "escape", "w", "s")
        await until(pilot, lambda: app.sweep is not None and app.sweep.state is State.FINISHED)
        await press(pilot, "down")
        await until(pilot, lambda: "0." in reversed_text(app))
        assert colors(app) == set()


def test_a_marked_background_is_reversed_and_a_faint_text_dim():
    for style, reverse, dim in (
        ("#e0e0e0 on #121212", False, False),
        ("#555555 on #121212", False, True),
        ("#e0e0e0 on #0178d4", True, False),
        ("bold reverse #e0e0e0 on #121212", True, False),
    ):
        found = colorless(Style.parse(style), DARK)
        assert (bool(found.reverse), bool(found.dim)) == (reverse, dim), style
        assert found.bold == Style.parse(style).bold
        assert found.color is None
        assert found.bgcolor is None
