"""Texts from files and exceptions: never markup, and nothing that a terminal would obey."""

import re
from dataclasses import replace

import pytest
from scripted import (
    FAILED,
    Script,
    make_app,
    press,
    preview,
    ready,
    shown,
    started,
    type_text,
    until,
)
from textual.widgets import Static

from tui_trainer.tui.headless import screen_text

SIZE = (120, 40)
MARKUP = [
    "L1 as in [/docs/l1.md]",
    "[weak] [$x] [ b] [@click=app.quit]x[/]",
    "ends with \\",
    "[b",
    r"\[b] [[b]] {x}",
]
HOSTILE, ESCAPED = "\x1b]0;title\x07 \x9b2J\u202e", r"\x1b]0;title\x07 \x9b2J\u202e"


@pytest.fixture
def hostile_presets(own_config_folder):
    """Presets of the user whose names and descriptions look like markup."""
    folder = own_config_folder / "tui-trainer" / "presets"
    folder.mkdir(parents=True)
    tables = [f"['z{text}']\ndescription = '{text}'\nlayer = 'LinearHe'\n" for text in MARKUP]
    (folder / "init.toml").write_text("".join(tables))


@pytest.mark.usefixtures("hostile_presets")
async def test_names_and_descriptions_are_no_markup_in_the_palette():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "ctrl+p")
        await type_text(pilot, "init: z")
        for text in MARKUP:
            await shown(pilot, f"init: z{text}\n  {text}\n")
        await press(pilot, *"[/docs", "enter")
        form = pilot.app.cockpit.form
        await until(pilot, lambda: form.config.init.name == f"z{MARKUP[0]}")


@pytest.mark.usefixtures("hostile_presets")
async def test_nor_on_the_screens():
    async with make_app(Script(FAILED)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        for text in MARKUP:
            pilot.app.cockpit.choose("init", f"z{text}")
            await ready(pilot)
            await shown(pilot, f"z{text} ·")
            assert text in " ".join(str(pilot.app.cockpit.form.row("init").content).split())
        await press(pilot, "w", "a", "a", "a", "a")
        await shown(pilot, "Compares inits")
        await press(pilot, "s")
        await shown(pilot, f"z{MARKUP[0][:20]}")


def fails(config, control=None):
    raise RuntimeError(f"{MARKUP[0]} {HOSTILE}\n  in a second line")


async def test_what_an_exception_says_is_shown_and_not_obeyed():
    async with make_app(fails, preview=fails).run_test(size=SIZE) as pilot:
        await shown(pilot, f"No preview: RuntimeError('{MARKUP[0]} ")
        await press(pilot, "s")
        await shown(pilot, f"Failed: RuntimeError: {MARKUP[0]} {ESCAPED} in a second line")
        assert screen_text(pilot.app).replace("\n", "").isprintable()


async def test_nor_are_an_engines_reason_and_a_devices_name():
    def train(config, control):
        yield replace(started(config), engine_reason=HOSTILE, device=HOSTILE)
        yield FAILED

    async with make_app(train, preview=preview).run_test(size=(200, 60)) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await shown(pilot, f"{ESCAPED} · eager")
        row = str(pilot.app.cockpit.form.row("engine").content)
        assert row.endswith(f"({ESCAPED})")
        assert screen_text(pilot.app).replace("\n", "").isprintable()


async def test_a_users_key_is_no_markup_either():
    app = make_app(keymap={"quit": "[/x]"})
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await ready(pilot)
        await press(pilot, "ctrl+c")
        await shown(pilot, "Press [/x] to quit")
        await press(pilot, "question_mark")
        page = str(pilot.app.screen.query_one(Static).content)
        assert re.search(r"^ *\[/x\] +quit +quit; asks first", page, re.MULTILINE)
