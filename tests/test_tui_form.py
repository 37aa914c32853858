"""The form: valid numbers go in, invalid ones stand beside their error and lose nothing."""

from scripted import FINISHED, Script, hidden, make_app, press, ready, shown, type_text, until

from tui_trainer.tui.headless import screen_text

SIZE = (120, 45)


async def type_into(pilot, key, text):
    field = pilot.app.cockpit.query_one(f"#input-{key}")
    if pilot.app.focused is not field:
        await pilot.click(f"#input-{key}")
    field.value = ""
    await type_text(pilot, text)
    await until(pilot, lambda: field.value == text)


async def test_a_number_counts_once_enter_is_pressed_or_the_field_is_left():
    async with make_app(seed=3).run_test(size=SIZE) as pilot:
        await ready(pilot)
        for key, text, number in (
            ("lr", "0.25", 0.25), ("lr", " .5 ", 0.5), ("lr", "5.", 5), ("lr", "1e-5", 1e-5),
            ("steps", "77", 77), ("seed", "0", 0),
            ("data_seed", "12", 12),
        ):  # fmt: skip
            await type_into(pilot, key, text)
            await press(pilot, "enter")
            assert getattr(pilot.app.cockpit.form.config, key) == number
            assert pilot.app.focused is None  # so that the keys work again
        await type_into(pilot, "steps", "42")
        await press(pilot, "escape")
        await until(pilot, lambda: pilot.app.cockpit.form.config.steps == 42)


async def test_an_invalid_number_is_beside_its_error_and_changes_nothing():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        before = pilot.app.cockpit.form.config
        for key, text, error in (
            ("lr", "-1", "expected a number > 0"),
            ("lr", "0", "expected a number > 0"),
            ("lr", "abc", "expected a number"),
            ("lr", "inf", "expected a finite number"),
            ("lr", "nan", "expected a number > 0"),
            ("steps", "0", "expected a whole number >= 1"),
            ("steps", "2.5", "expected a whole number"),
            ("seed", "-3", "expected a whole number >= 0"),
            ("data_seed", "x", "expected a whole number"),
        ):
            await type_into(pilot, key, text)
            await press(pilot, "enter")
            await shown(pilot, f"! {error}")
            assert pilot.app.focused.id == f"input-{key}"  # what is typed next is no command
            assert "start" not in pilot.app.cockpit.key_line.text
            assert pilot.app.cockpit.query_one(f"#input-{key}").value == text
            assert pilot.app.cockpit.form.config == before
            await type_into(pilot, key, "5")
            await hidden(pilot, f"! {error}")
            pilot.app.cockpit.form.field(key).put(str(getattr(before, key)))


async def test_arrows_walk_the_form_which_says_what_is_chosen_and_that_it_left_its_recipe():
    async with make_app(recipe="kaiming", seed=7).run_test(size=SIZE) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        await hidden(pilot, "changed below")  # seeds of one's own don't count
        await press(pilot, "]")
        await shown(pilot, "* changed below")
        await press(pilot, "[")
        await hidden(pilot, "changed below")
        await press(pilot, "tab")
        assert pilot.app.focused.id == "row-recipe"
        await press(pilot, *["down"] * 7, "right")
        assert pilot.app.focused.id == "row-architecture"
        assert form.config.architecture.name == "wide-1x400"
        await press(pilot, "left", "up")
        assert pilot.app.focused.id == "row-dataset"
        assert form.config.architecture.name == "mlp-4x20"
        await press(pilot, "escape")
        assert pilot.app.focused is None
        form.choose("regularizer", "l1+patient")

        def text():
            lines = screen_text(pilot.app).splitlines()
            return " ".join(line[2:35].strip() for line in lines if line[:1] == "│")

        await until(pilot, lambda: "adds 1 × mean |p| of each tensor to the loss" in text())
        assert "stops when validation exceeds its mean over 50 steps" in text()


async def test_the_trained_fit_stays_and_k_shows_the_next_runs_network():
    async with make_app(Script(FINISHED)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.is_idle)
        await press(pilot, "]")
        await ready(pilot)
        await shown(pilot, "Fit · step 100")
        await press(pilot, "i")
        await ready(pilot)
        await shown(pilot, "Fit · step 100")
        await press(pilot, "k", "k")
        await shown(pilot, "Fit · next run, untrained")
        await press(pilot, "k")
        await shown(pilot, "Fit · step 100")
        await press(pilot, "I")  # the run's own network again: there is no other to be shown
        await press(pilot, "k", "k")
        await hidden(pilot, "next run, untrained")
