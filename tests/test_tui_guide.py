"""The program explains itself: lists of presets, the first screen, its experiments."""

from functools import partial

import numpy as np
from scripted import (
    EARLY,
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
from textual.widgets import OptionList

from tui_trainer.cli.wiring import preview, train_events
from tui_trainer.config.presets import load_presets
from tui_trainer.config.settings import Dataset
from tui_trainer.formatting import loss_text, losses_apart
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.state import State
from tui_trainer.tui.choices import ChoiceList
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.keys import key_texts
from tui_trainer.tui.run.experiments import EXPERIMENTS, NAMES, RACE
from tui_trainer.tui.run.first_page import first_page
from tui_trainer.tui.seen import OWN_RUN, Seen


async def test_enter_on_a_row_lists_all_with_descriptions_and_takes_one():
    presets = load_presets()
    async with make_app().run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        for size, engine, recipe in (
            ((120, 34), "eager", "l1"),
            ((80, 24), "cuda-graph", "kaiming"),
            ((40, 12), "eager", "l1"),
        ):
            await pilot.resize_terminal(*size)
            for row, name in (("regularizer", "dropout"), ("engine", engine), ("recipe", recipe)):
                form.row(row).focus()
                await press(pilot, "enter")
                assert isinstance(pilot.app.screen, ChoiceList)
                await shown(pilot, "● ")
                await type_text(pilot, name[:4])
                await press(pilot, "down", "up", "enter")
                await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)
                if row == "recipe":
                    assert form.recipe == name
                else:
                    assert name in str(getattr(form.config, row))
            form.row("recipe").focus()
            await press(pilot, "enter")
            await type_text(pilot, "nonex")
            options = pilot.app.screen.query_one(OptionList)
            await until(pilot, lambda listed=options: not listed.option_count)
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, ChoiceList)
            await press(pilot, "ctrl+u")
            listed = [str(option.prompt) for option in options.options]
            assert len(listed) == len(presets.recipe)
            for text, (name, preset) in zip(listed, presets.recipe.items(), strict=True):
                assert " ".join(text.removeprefix("●").split()) == f"{name} {preset.description}"
            await press(pilot, "escape")
            assert form.recipe == recipe


async def test_the_palette_has_the_users_keys_the_reasons_and_the_lists_a_sweeps_axis_too():
    async with make_app(keymap={"start": "f5"}).run_test(size=(120, 45)) as pilot:
        await ready(pilot)
        titles = [c.title for c in pilot.app.get_system_commands(pilot.app.screen)]
        assert "Keys" not in titles  # a panel without a way out
        assert "Theme" in titles
        await press(pilot, "ctrl+p")
        await type_text(pilot, "start, or")
        await shown(pilot, "key f5")
        await press(pilot, "ctrl+u")
        await type_text(pilot, "best or last")
        await shown(pilot, "No run yet: f5 starts one.")
        await press(pilot, "escape", "w")
        form = pilot.app.sweep.form
        form.row("axis").focus()
        await press(pilot, "enter")
        await type_text(pilot, "penalty")
        await press(pilot, "enter")
        await until(pilot, lambda: form.axis.key == "l1_weight")
        await press(pilot, "escape", "escape", "ctrl+p")
        await type_text(pilot, "choose the init")
        await shown(pilot, "list: choose the init")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceList))
        await shown(pilot, "xavier")


def words(pilot):
    return " ".join(pilot.app.cockpit.banner.words.split())


async def test_the_first_screen_offers_experiments_at_every_size_with_the_users_keys():
    titles = [experiment.title for experiment in EXPERIMENTS]
    for charset, sizes in (
        (Charset.UNICODE, ((160, 45), (80, 24), (40, 12))),
        (Charset.ASCII, ((40, 12), (80, 24))),
    ):
        keymap = {"experiment_1": "f6", "start": "f5"}
        app = make_app(keymap=keymap, charset=charset)
        async with app.run_test(size=sizes[0]) as pilot:
            await ready(pilot)
            for size in sizes:
                await pilot.resize_terminal(*size)
                await shown(
                    pilot, "A network learns a curve.", "f6  Nothing", "f5", "5  A race", *titles
                )
                assert screen_text(app).isascii() or charset is Charset.UNICODE
            await press(pilot, "1")
            assert app.cockpit.state is State.IDLE
            await pilot.resize_terminal(80, 24)
            await shown(pilot, "ctrl+o")  # for one's own data


def test_the_first_page_names_what_is_open():
    keys = key_texts({})
    named = {"name": "mine", "file": "/mine.csv", "target": "load[bold]"}
    for names, said in (
        ((), "predict load[bold]."),
        (("a",), "predict load[bold] from a."),
        (("a", "b"), "predict load[bold] from 2 features."),
    ):
        dataset = Dataset(**named, feature_names=names)
        for width in (30, 60, 120):
            lines = first_page(width, 20, keys, (), dataset)
            text = " ".join("".join(text for text, _ in line) for line in lines)
            assert said in " ".join(text.split())


async def test_each_experiment_shows_what_it_says(compiled_steps_cached):
    train = partial(train_events, root=None)
    app = make_app(train, preview=preview, engine="compiled")
    async with app.run_test(size=(160, 45)) as pilot:
        await ready(pilot)
        cockpit = app.cockpit
        runs = []
        for key in "123444":
            before = cockpit.run
            await press(pilot, key)
            await until(pilot, lambda b=before: cockpit.run is not b)
            run = cockpit.run
            await until(pilot, lambda r=run: r.ended is not None, 90)
            await until(pilot, lambda: not cockpit.unread)
            cockpit.draw()
            runs.append((run, words(pilot)))

        (dead, said), *others = runs
        assert f"Nothing learned: the training loss is {loss_text(dead.train_loss)}" in said
        assert said.startswith("◌ ")  # it finished, but not with a tick
        losses = dead.history.losses("train")
        assert abs(losses[200] - losses[-1]) < 0.01
        assert said.endswith("Next: press 2.")

        (exploded, said), *others = others
        assert exploded.diverged
        assert f"{loss_text(exploded.best.val_loss)} after step {exploded.best.step}" in said
        assert exploded.best.val_loss > 1e6

        (early, said), *others = others
        val = early.history.losses("val")
        rise = losses_apart(early.best.val_loss, early.val_loss)
        assert f"At step {early.step:,} validation rose for the first time" in said
        assert f"from {rise[0]} to {rise[1]}" in said
        assert val[-1] > val[-2]
        assert np.all(np.diff(val[:-1]) <= 0)

        (patient, said), *others = others
        assert f"to {loss_text(patient.val_loss)}, over the mean of its last 50" in said
        assert patient.val_loss > np.mean(patient.history.losses("val")[-51:-1])
        assert said.endswith("Press 4 again: patience.")

        (in_time, said), *others = others
        assert (
            f"validation {loss_text(in_time.best.val_loss)} at step {in_time.best.step:,}" in said
        )
        for rule, run in (("the first rise", early), ("the mean of 50", patient)):
            assert f"{loss_text(run.val_loss)} with {rule}" in said
            assert in_time.best.val_loss < run.val_loss / 2

        ((never, said),) = others
        assert f"{never.val_loss / never.best.val_loss - 1:.0%} above its best" in said
        assert never.train_loss < never.best.val_loss < never.val_loss
        assert said.endswith("Next: press 5.")


async def test_experiments_follow_each_other_without_a_question_the_race_is_a_sweep():
    script, sweep = Script(), SweepScript()
    app = make_app(script, sweep=sweep)
    async with app.run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await press(pilot, "5")
        await until(pilot, lambda: app.sweep is not None and app.sweep.state is State.FINISHED)
        ((plan, _),) = sweep.calls
        assert len(plan.points) == len(RACE.values.split(","))
        assert (plan.seeds, plan.base.lr) == (RACE.seeds, RACE.numbers["lr"])
        await shown(pilot, "esc goes back. Next: press 1.")
        await press(pilot, "escape", "5")
        await until(pilot, lambda: app.screen is app.sweep)
        assert len(sweep.calls) == 2
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is app.cockpit)
        for count, key in enumerate("134", 1):
            await press(pilot, key)
            await until(pilot, lambda c=count: len(script.calls) == c)
        await shown(pilot, "▸ The mean of 50. Watch the bound")
        await press(pilot, "s")
        await shown(pilot, "s again stops the run")
        await press(pilot, "s", "3")
        await until(pilot, lambda: len(script.calls) == 4)
        await shown(pilot, "3 again stops the run")


async def test_an_experiment_replaces_settings_of_ones_own_only_if_asked_twice():
    script = Script(EARLY)
    app = make_app(script)
    async with app.run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.state is State.STOPPED_EARLY)
        await press(pilot, "2")
        await shown(pilot, "2 again runs “It explodes”")
        assert app.cockpit.form.recipe == "stop-patient"
        await press(pilot, "2")
        await until(pilot, lambda: len(script.calls) == 2)
        assert script.calls[1][0].init.name == "normal"
        await hidden(pilot, "It exploded")  # the script stopped early: that is what is said
        await press(pilot, "h", "enter")
        await shown(pilot, "Stopped early at step 100")


async def test_the_first_screen_is_not_shown_again_to_who_needs_it_no_more(tmp_path):
    file = tmp_path / "state" / "seen"
    assert not Seen(file).is_expert(NAMES)
    Seen(file).add(EXPERIMENTS[0].name)
    async with make_app(Script(EARLY), seen=Seen(file)).run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await shown(pilot, f"✓ 1  {EXPERIMENTS[0].title}", "Stopped too early")
        await press(pilot, "3")
        await until(pilot, lambda: pilot.app.cockpit.state is State.STOPPED_EARLY)
        assert set(file.read_text().split()) == {EXPERIMENTS[0].name, "too-early"}
        await press(pilot, "s")
        await until(pilot, lambda: OWN_RUN in file.read_text())
    async with make_app(seen=Seen(file)).run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await shown(pilot, "s starts training")
        assert "Stopped too early" not in screen_text(pilot.app)


def test_what_was_seen_needs_no_file(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    for file in (None, tmp_path / "bytes", tmp_path / "folder", tmp_path / "bytes" / "seen"):
        seen = Seen(file)
        assert not seen.is_expert(NAMES)
        for name in NAMES:
            seen.add(name)
        assert seen.is_expert(NAMES)
    seen = Seen(tmp_path / "new" / "seen")
    seen.add(OWN_RUN)
    assert Seen(tmp_path / "new" / "seen").is_expert(NAMES)
