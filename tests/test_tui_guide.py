"""The program explains itself: lists of presets, the first screen, its experiments."""

from scripted import make_app, press, ready, shown, until
from textual.widgets import OptionList

from tui_trainer.config.presets import load_presets
from tui_trainer.tui.choices import ChoiceList
from tui_trainer.tui.headless import screen_text


async def test_enter_on_a_row_lists_all_with_descriptions_and_takes_one():
    presets = load_presets()
    for size in ((120, 34), (80, 24), (40, 12)):
        async with make_app().run_test(size=size) as pilot:
            await ready(pilot)
            form = pilot.app.cockpit.form
            for row, name in (("regularizer", "dropout"), ("engine", "eager"), ("recipe", "l1")):
                form.row(row).focus()
                await press(pilot, "enter")
                assert isinstance(pilot.app.screen, ChoiceList)
                await shown(pilot, "● ")
                await press(pilot, *name[:4], "down", "up", "enter")
                await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)
                if row == "recipe":
                    assert form.recipe == name
                else:
                    assert name in str(getattr(form.config, row))
            form.row("recipe").focus()
            await press(pilot, "enter", "n", "o", "n", "e", "x")
            assert not pilot.app.screen.query_one(OptionList).option_count
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, ChoiceList)
            await press(pilot, *["backspace"] * 5)
            listed = [
                str(option.prompt) for option in pilot.app.screen.query_one(OptionList).options
            ]
            assert len(listed) == len(presets.recipe)
            for text, (name, preset) in zip(listed, presets.recipe.items(), strict=True):
                assert " ".join(text.removeprefix("●").split()) == f"{name} {preset.description}"
            await press(pilot, "escape")
            assert form.recipe == "l1"


async def test_a_sweeps_axis_comes_from_a_list_too_and_the_palette_names_lists():
    async with make_app().run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await press(pilot, "w")
        form = pilot.app.sweep.form
        form.row("axis").focus()
        await press(pilot, "enter", *"penalty", "enter")
        await until(pilot, lambda: form.axis.key == "l1_weight")
        await press(pilot, "escape", "escape", "ctrl+p", *"choose the init")
        await shown(pilot, "list: choose the init")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceList))
        assert "xavier" in screen_text(pilot.app)
