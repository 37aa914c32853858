"""Every key does what the help says, without anything focused."""

import re

from scripted import (
    FINISHED,
    Script,
    SweepScript,
    hidden,
    make_app,
    press,
    ready,
    shown,
    type_text,
    until,
)
from textual.widgets import Static

from tui_trainer.config.presets import load_presets
from tui_trainer.training.state import State
from tui_trainer.tui.help import HelpScreen
from tui_trainer.tui.keys import KEYS, key_of, key_text
from tui_trainer.tui.quit_question import QuitQuestion

SIZE = (120, 40)


async def test_keys_and_clicks_go_round_presets_engines_and_lrs_and_a_recipe_keeps_the_seeds():
    async with make_app(lr=0.003, seed=7, data_seed=3).run_test(size=SIZE) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        lrs = []
        for key in "]]][[[[]":
            await press(pilot, key)
            lrs.append(form.config.lr)
        assert lrs == [0.005, 0.01, 0.02, 0.01, 0.005, 0.003, 0.002, 0.003]
        engines = []
        for key in "eeeeEe":
            await press(pilot, key)
            engines.append(form.config.engine)
        assert engines == ["eager", "compiled", "cuda-graph", "auto", "cuda-graph", "auto"]
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
        await press(pilot, "p")  # what a recipe names, all of it
        assert (form.config.regularizer.name, form.config.lr) == ("l1", 0.003)
        assert (form.config.seed, form.config.data_seed) == (7, 3)
        await press(pilot, "P", "P")
        assert (form.config.regularizer.name, form.config.lr) == ("stop-first-increase", 0.01)
        await pilot.click("#row-init")
        assert form.config.init.name == "he"
        await pilot.click("#row-init", shift=True)
        assert form.config.init.name == "kaiming"


async def test_s_starts_again_and_l_m_z_and_k_change_what_is_shown():
    script = Script(FINISHED)
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        cockpit = pilot.app.cockpit
        await press(pilot, "space", "x")  # there is nothing to pause or stop
        assert cockpit.state is State.IDLE
        assert not script.calls
        for count in (1, 2):
            await press(pilot, "s")
            await until(pilot, lambda: cockpit.state is State.FINISHED and cockpit.is_idle)
            assert len(script.calls) == count
        await shown(pilot, "Loss · log y", "Fit · step 100")
        await press(pilot, "l")
        await hidden(pilot, "log y")
        await press(pilot, "l")
        await shown(pilot, "Loss · log y")
        await press(pilot, "m")
        await shown(pilot, "smoothed")
        await press(pilot, "m")
        await hidden(pilot, "smoothed")
        await press(pilot, "k")
        await shown(pilot, "Fit · best, step 100")
        await press(pilot, "k")
        await shown(pilot, "Fit · step 100")
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
        await pilot.click("#fit")
        await press(pilot, "z")  # the focused one at first
        assert cockpit.fit_pane.display
        assert not cockpit.loss_pane.display
        await press(pilot, "escape", "escape")  # the cursor that the click set, the zoom
        assert cockpit.loss_pane.display
        await pilot.click("#keys", offset=(2, 0))  # on s, in the last line
        await until(pilot, lambda: len(script.calls) == 3)


async def test_n_steps_space_pauses_x_stops_and_q_asks_while_training():
    script = Script()
    app = make_app(script)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        for step in (1, 2):
            await press(pilot, "n")  # even as the first key
            await until(pilot, lambda step=step: app.cockpit.run.step == step)
            await until(pilot, lambda: app.cockpit.state is State.PAUSED)
        for state in (State.RUNNING, State.PAUSED, State.RUNNING):
            await press(pilot, "space")
            await until(pilot, lambda state=state: app.cockpit.state is state)
        await press(pilot, "k")  # asks the trainer for the best fit
        assert script.calls[0][1].best_fit_wanted
        await press(pilot, "x")
        await until(pilot, lambda: app.cockpit.state is State.STOPPED)
        await shown(pilot, "Stopped by hand")
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


def page_text(app):
    assert isinstance(app.screen, HelpScreen)
    return str(app.screen.query_one(Static).content)


async def test_help_says_what_can_be_pressed_now_with_the_users_keys_and_is_filtered():
    app = make_app(keymap={"smooth": "f9", "start": "f5"})
    async with app.run_test(size=(130, 45)) as pilot:
        await ready(pilot)
        await press(pilot, "s")  # a key that was moved
        assert app.cockpit.state is State.IDLE
        await shown(pilot, "f5 start")
        await press(pilot, "?")
        now, not_now, rest = re.split("Not now\n|Training\n", page_text(app))
        assert "start, or restart" in now
        assert "f9" in not_now
        assert "No run yet: f5 starts one." in not_now
        assert all(key.id in rest for key in KEYS)
        await press(pilot, "escape", "f5", "space")
        await until(pilot, lambda: app.cockpit.state is State.PAUSED)
        await pilot.resize_terminal(80, 24)
        await press(pilot, "?")
        now = page_text(app).partition("Training\n")[0]
        assert re.search(r"space +resume", now)
        assert re.search(r"f9 +smooth", now)
        await press(pilot, "/", *"q pati", "home", "delete", "delete")
        assert "how many steps a rule waits" in page_text(app)
        assert "next or previous recipe" not in page_text(app)
        await press(pilot, *"zzz")
        await shown(pilot, "Nothing in the help has this text")
        for closing in ("?", "escape", "enter"):
            await press(pilot, closing)
            await until(pilot, lambda: app.screen is app.cockpit)
            await press(pilot, "?")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_a_field_takes_all_keys_as_text_the_palette_finds_presets_and_q_quits_while_idle():
    script = Script()
    app = make_app(script)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        form, line = app.cockpit.form, app.cockpit.key_line
        await press(pilot, "ctrl+p")
        await type_text(pilot, "deep-10x8")
        await shown(pilot, "architecture: deep-10x8")
        await press(pilot, "enter")
        await until(pilot, lambda: form.config.architecture.name == "deep-10x8")
        await until(pilot, lambda: app.screen is app.cockpit and "s start" in line.text)
        await shown(pilot, "* changed below")  # and the fields are where a click meets them
        await pilot.click("#input-lr")
        await until(pilot, lambda: "enter accept" in line.text)
        assert "f find lr" not in line.text
        await press(pilot, "down", "down", "down", "down")
        await until(pilot, lambda: "enter list  ← → change" in line.text)
        assert "f find lr" in line.text
        before = form.config
        field = app.cockpit.query_one("#input-lr")
        await pilot.click("#input-lr")
        assert "s start" not in line.text
        text = "sdaiprlmzknx?q[] "
        await type_text(pilot, text)
        await until(pilot, lambda: text in field.value)
        assert not script.calls
        assert form.config == before
        await press(pilot, "escape")
        await until(pilot, lambda: "s start" in line.text)
        await press(pilot, "q")
        await until(pilot, lambda: not app.is_running)
    assert not app.return_code


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
        for width in (200, 120, 80, 40):
            await pilot.resize_terminal(width, 12)
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
