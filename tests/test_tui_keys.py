"""Every key does what the help says, without anything focused."""

import re

from scripted import (
    EARLY,
    FINISHED,
    Script,
    SweepScript,
    hidden,
    make_app,
    press,
    ready,
    shown,
    until,
)
from textual.widgets import Static

from tui_trainer.config.presets import load_presets
from tui_trainer.training.state import State
from tui_trainer.tui.help import HelpScreen
from tui_trainer.tui.keys import KEYS, key_of, key_text
from tui_trainer.tui.quit_question import QuitQuestion

SIZE = (120, 40)


async def test_preset_keys_go_round_forwards_and_back():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        for key, category in (
            ("d", "dataset"), ("a", "architecture"), ("i", "init"), ("r", "regularizer"),
        ):  # fmt: skip
            names = load_presets().names(category)
            first = names.index(getattr(form.config, category).name)
            for offset in range(1, len(names) + 1):
                await press(pilot, key)
                chosen = getattr(form.config, category).name
                assert chosen == names[(first + offset) % len(names)]
            await press(pilot, key.upper())
            assert getattr(form.config, category).name == names[(first - 1) % len(names)]
            await shown(pilot, names[(first - 1) % len(names)])


async def test_recipe_keys_bring_everything_a_recipe_names():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "p")
        config = pilot.app.cockpit.form.config
        assert (config.regularizer.name, config.lr) == ("l1", 0.003)
        await press(pilot, "P", "P")
        config = pilot.app.cockpit.form.config
        assert (config.regularizer.name, config.lr) == ("stop-first-increase", 0.01)


async def test_a_recipe_keeps_the_seeds_of_the_form():
    async with make_app(seed=7, data_seed=3).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "p")
        config = pilot.app.cockpit.form.config
        assert (config.seed, config.data_seed) == (7, 3)


async def test_brackets_move_the_lr_along_1_2_5_and_back_to_where_it_was():
    async with make_app(lr=0.003).run_test(size=SIZE) as pilot:
        await ready(pilot)
        seen = []
        for key in ("]", "]", "]", "[", "[", "[", "["):
            await press(pilot, key)
            seen.append(pilot.app.cockpit.form.config.lr)
        assert seen == [0.005, 0.01, 0.02, 0.01, 0.005, 0.003, 0.002]


async def test_s_starts_and_starts_again():
    script = Script(FINISHED)
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        for count in (1, 2):
            await press(pilot, "s")
            await until(pilot, lambda: pilot.app.cockpit.state is State.FINISHED)
            assert len(script.calls) == count


async def test_space_pauses_and_resumes():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        for state in (State.RUNNING, State.PAUSED, State.RUNNING):
            await until(pilot, lambda state=state: pilot.app.cockpit.state is state)
            await press(pilot, "space")


async def test_space_while_idle_does_nothing():
    script = Script()
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "space", "x")
        assert pilot.app.cockpit.state is State.IDLE
        assert not script.calls


async def test_n_does_one_step_even_as_the_first_key():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        for step in (1, 2, 3):
            await press(pilot, "n")
            await until(pilot, lambda step=step: pilot.app.cockpit.run.step == step)
            await until(pilot, lambda: pilot.app.cockpit.state is State.PAUSED)


async def test_x_stops():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s", "x")
        await until(pilot, lambda: pilot.app.cockpit.state is State.STOPPED)
        await shown(pilot, "Stopped by hand")


async def test_l_changes_the_loss_axis_and_says_so():
    async with make_app(Script(FINISHED)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.is_idle)
        await shown(pilot, "Loss · log y")
        await press(pilot, "l")
        await hidden(pilot, "log y")
        await press(pilot, "l")
        await shown(pilot, "Loss · log y")


async def test_m_smooths_and_says_so():
    async with make_app(Script(FINISHED)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.is_idle)
        await press(pilot, "m")
        await shown(pilot, "smoothed")
        await press(pilot, "m")
        await hidden(pilot, "smoothed")


async def test_z_gives_the_losses_all_the_room_then_the_fit_and_takes_it_back():
    async with make_app(Script(FINISHED)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        cockpit = pilot.app.cockpit
        await press(pilot, "z")
        assert cockpit.loss_pane.size.width >= SIZE[0] - 4
        assert not cockpit.fit_pane.display
        assert not cockpit.form.display
        await press(pilot, "z")
        assert cockpit.fit_pane.size.width >= SIZE[0] - 4
        assert not cockpit.loss_pane.display
        await press(pilot, "z")
        assert cockpit.loss_pane.display
        assert cockpit.fit_pane.display
        assert cockpit.form.display


async def test_z_zooms_the_focused_pane():
    async with make_app(Script(FINISHED)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        cockpit = pilot.app.cockpit
        await pilot.click("#fit")
        await press(pilot, "z")
        assert cockpit.fit_pane.display
        assert not cockpit.loss_pane.display
        await press(pilot, "escape", "escape")  # the cursor that the click set, the zoom
        assert cockpit.loss_pane.display


async def test_k_shows_the_best_weights_and_the_last_again():
    async with make_app(Script(EARLY)).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.is_idle)
        await shown(pilot, "Fit · step 100")
        await press(pilot, "k")
        await shown(pilot, "Fit · best, step 100")
        await press(pilot, "k")
        await shown(pilot, "Fit · step 100")


async def test_k_while_training_asks_the_trainer_for_the_best_fit():
    script = Script()
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)
        await press(pilot, "k")
        assert script.calls[0][1].best_fit_wanted


def page_text(app):
    assert isinstance(app.screen, HelpScreen)
    return str(app.screen.query_one(Static).content)


async def test_help_says_first_what_can_be_pressed_now_and_then_everything():
    async with make_app(keymap={"smooth": "f9"}).run_test(size=(130, 45)) as pilot:
        await ready(pilot)
        await press(pilot, "?")
        now, not_now, rest = re.split("Not now\n|Training\n", page_text(pilot.app))
        assert "start, or restart" in now
        assert "f9" in not_now
        assert "No run yet: s starts one." in not_now
        assert all(key.id in rest for key in KEYS)
        await press(pilot, "escape", "s", "space")
        await until(pilot, lambda: pilot.app.cockpit.state is State.PAUSED)
        await press(pilot, "?")
        now = page_text(pilot.app).partition("Training\n")[0]
        assert re.search(r"space +resume", now)
        assert re.search(r"f9 +smooth", now)


async def test_help_is_filtered_by_what_is_typed_and_closes():
    async with make_app().run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await press(pilot, "?", "/", *"q pati", "home", "delete", "delete")
        assert "how many steps a rule waits" in page_text(pilot.app)
        assert "next or previous recipe" not in page_text(pilot.app)
        await press(pilot, *"zzz")
        await shown(pilot, "Nothing in the help has this text")
        for closing in ("?", "escape", "enter"):
            await press(pilot, closing)
            await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)
            await press(pilot, "?")
            await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_q_quits_at_once_while_idle():
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "q")
        await until(pilot, lambda: not app.is_running)
    assert not app.return_code


async def test_q_asks_while_training():
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.state is State.RUNNING)
        await press(pilot, "q")
        assert isinstance(app.screen, QuitQuestion)
        await press(pilot, "q", "enter", "s")  # none of them is a yes
        assert isinstance(app.screen, QuitQuestion)
        await press(pilot, "n")
        assert app.cockpit.state is State.RUNNING
        await press(pilot, "q", "ctrl+c")
        await until(pilot, lambda: not app.is_running)


async def test_the_palette_finds_a_preset_by_name():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "ctrl+p")
        for character in "deep-10x8":
            await press(pilot, character)
        await shown(pilot, "architecture: deep-10x8")
        await press(pilot, "enter")
        await until(pilot, lambda: pilot.app.cockpit.form.config.architecture.name == "deep-10x8")


async def test_typing_in_a_field_presses_no_keys():
    script = Script()
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        before = pilot.app.cockpit.form.config
        await pilot.click("#input-lr")
        await press(pilot, *"sdaiprlmzknx?q[]", "space")
        assert pilot.app.is_running
        assert not script.calls
        assert pilot.app.cockpit.form.config == before
        assert "s" in pilot.app.cockpit.query_one("#input-lr").value


async def test_a_click_on_a_key_of_the_last_line_presses_it():
    script = Script(FINISHED)
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.click("#keys", offset=(2, 0))
        await until(pilot, lambda: pilot.app.cockpit.state is State.FINISHED)


async def test_a_key_that_does_nothing_says_why_and_is_not_in_the_last_line():
    script, sweep = Script(FINISHED), SweepScript()
    needs_run = {"best", "branch", "overlay", "log", "smooth", "laboratory"}
    async with make_app(script, sweep=sweep, lr=1e-12).run_test(size=(160, 45)) as pilot:
        await ready(pilot)
        for opens, expected in (
            ((), {"stop", "pause", "lr_down", "batch_up", *needs_run}),
            (("w",), {"stop", "use", "open", "table", "by_loss", "log", "tune"}),
            (("s",), {"stop", "open", "tune"}),
        ):
            await press(pilot, *opens)
            screen = pilot.app.screen
            await until(pilot, lambda s=screen: s.is_idle)
            reasons = screen.why_not()
            assert set(reasons) == expected
            for name, reason in reasons.items():
                key = key_of(name)
                assert f"{key_text(key.key)} {key.label}" not in screen.key_line.text
                await press(pilot, key.key)
                await shown(pilot, reason)
        assert not script.calls
        assert len(sweep.calls) == 1


async def test_keys_of_the_last_line_keep_their_places():
    script = Script()
    async with make_app(script).run_test(size=(160, 45)) as pilot:
        await ready(pilot)
        for width in (200, 160, 120, 80, 40):
            await pilot.resize_terminal(width, 24)
            places = {}
            for key, state in (
                ("s", State.RUNNING), ("space", State.PAUSED), ("x", State.STOPPED), ("t", None),
            ):  # fmt: skip
                await press(pilot, key)
                if state is not None:
                    await until(pilot, lambda s=state: pilot.app.cockpit.state is s)
                await until(pilot, lambda: not pilot.app.cockpit.unread)
                pilot.app.cockpit.draw()
                line = pilot.app.cockpit.key_line.text
                assert len(line) <= width
                assert ("x stop" in line) == ("pause" in line or "resume" in line)
                assert width < 80 or all(text in line for text in ("f find lr", "w sweep"))
                for text in ("x stop", "space", "f find", "w sweep", "tab", "? help", "m smooth"):
                    if text in line:
                        assert places.setdefault(text, line.index(text)) == line.index(text)


async def test_in_a_text_field_the_last_line_has_the_keys_of_the_field():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        line = pilot.app.cockpit.key_line
        assert "s start" in line.text
        await pilot.click("#input-lr")
        await until(pilot, lambda: "enter accept" in line.text)
        assert "f find lr" not in line.text
        await press(pilot, "down", "down", "down", "down")
        await until(pilot, lambda: "enter list  ← → change" in line.text)
        assert "f find lr" in line.text
        await pilot.click("#input-lr")
        assert "s start" not in line.text
        await press(pilot, "escape")
        await until(pilot, lambda: "s start" in line.text)


async def test_a_click_on_a_preset_takes_the_next_one():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.click("#row-init")
        assert pilot.app.cockpit.form.config.init.name == "he"
        await pilot.click("#row-init", shift=True)
        assert pilot.app.cockpit.form.config.init.name == "kaiming"


async def test_a_users_keymap_moves_a_key_and_the_line_says_so():
    script = Script(FINISHED)
    async with make_app(script, keymap={"start": "f5"}).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        assert pilot.app.cockpit.state is State.IDLE
        await shown(pilot, "f5 start")
        await press(pilot, "f5")
        await until(pilot, lambda: pilot.app.cockpit.state is State.FINISHED)
