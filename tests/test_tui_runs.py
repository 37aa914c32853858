"""What is shown belongs to one run; the form's next one is marked, and none is lost by one key."""

from scripted import (
    EARLY,
    FINISHED,
    Script,
    ended,
    hidden,
    make_app,
    press,
    preview,
    ready,
    shown,
    until,
)

from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import NotLearning
from tui_trainer.training.state import State
from tui_trainer.tui.headless import screen_text

SIZES = [(160, 45), (120, 30), (80, 24), (60, 20), (40, 12)]
RESTORED = ended(
    StopReason.EARLY_STOPPING, "stopped early at step 100: so; its weights restored", restored=True
)


async def run_to(pilot, state):
    await ready(pilot)
    await press(pilot, "s")
    await until(pilot, lambda: pilot.app.cockpit.state is state)
    await until(pilot, lambda: not pilot.app.cockpit.unread)


def top(pilot):
    return screen_text(pilot.app).splitlines()[0]


async def test_the_header_is_the_runs_and_the_forms_settings_are_marked_at_every_size():
    def fails_with_adam(config):
        if config.optimizer.name == "adam":
            raise ValueError("no room for it")
        return preview(config)

    async with make_app(preview=fails_with_adam).run_test(size=SIZES[0]) as pilot:
        cockpit = pilot.app.cockpit
        await ready(pilot)
        await hidden(pilot, "this run")  # the form's engine is its own
        await run_to(pilot, State.RUNNING)
        await press(pilot, "t")
        for last, state in ((None, State.RUNNING), (RESTORED, State.STOPPED_EARLY)):
            if last:
                cockpit.context.work.train = Script(last)
                await press(pilot, "s", "s")
                await until(pilot, lambda s=state: cockpit.state is s and not cockpit.unread)
                await shown(pilot, "Its weights restored", "Fit · best, step 100", "k last fit")
                await press(pilot, "k")
                await shown(pilot, "Fit · step 100", "k best fit")
                await press(pilot, "k")
                await shown(pilot, "Fit · best, step 100")
            await hidden(pilot, "›")
            await press(pilot, "i", "e", "e")
            if not last:
                await shown(pilot, "this run: eager")
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await shown(pilot, "› next", "he", "wave")
                if cockpit._form_shown:
                    await shown(pilot, "Init       ›he", "Engine     ›compiled", "s starts it")
                else:
                    await shown(pilot, "init he", "engine compiled")
                assert "kaiming" in top(pilot) or size[0] <= 40
                assert "he " not in top(pilot).replace("the ", "")
                if not last:
                    await shown(pilot, "UI overhead: ", "% of the time", "100/5,000")
            await pilot.resize_terminal(*SIZES[0])
            await press(pilot, "I", "E", "E")
            await hidden(pilot, "›")
        await press(pilot, "t")
        await hidden(pilot, "UI overhead")
        cockpit.choose("optimizer", "adam")  # whose preview takes nothing from the run shown
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await shown(pilot, "⚠ No preview: no room for it", "■ STOPPED EARLY")
            assert "Stopped early at step 100" in cockpit.banner.words
        cockpit.choose("optimizer", "sgd")
        await hidden(pilot, "No preview")


async def test_what_a_key_has_just_chosen_is_seen_where_the_form_is_not():
    async with make_app(Script(EARLY), lr=0.003).run_test(size=SIZES[-1]) as pilot:
        await ready(pilot)
        for size, choices in (
            ((80, 24), (("i", "init: he, "), ("I", "init: kaiming, std 1/√d"))),
            ((60, 20), (("]", "lr: 0.005"), ("[", "lr: 0.003"))),
            ((40, 12), (("i", "init: he, "), ("]", "lr: 0.005"), ("p", "recipe: l1, "),
                        ("P", "recipe: stop-patient, "))),
        ):  # fmt: skip
            await pilot.resize_terminal(*size)
            for key, words in choices:
                await press(pilot, key)
                assert words in pilot.app.cockpit.status_line.text
                assert "next" not in pilot.app.cockpit.status_line.text
        await run_to(pilot, State.STOPPED_EARLY)
        await press(pilot, "i")
        assert "› next · init: he, " in pilot.app.cockpit.status_line.text


async def test_a_run_that_has_ended_is_not_wiped_by_a_stepping_key():
    script = Script(EARLY)
    async with make_app(script, keymap={"start": "f5"}).run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        for key in ("space", "x"):
            await press(pilot, key)
            await shown(pilot, "No run yet: f5 starts one")
        await press(pilot, "f5")
        await until(pilot, lambda: pilot.app.cockpit.state is State.STOPPED_EARLY)
        run = pilot.app.cockpit.run
        for key in ("n", "space", "x"):
            await press(pilot, key)
            await shown(pilot, "has ended: f5 starts the next")
        assert pilot.app.cockpit.run is run
        assert len(script.calls) == 1
        runs = [run]  # none is lost by starting another, whichever is shown
        for _ in range(2):
            await press(pilot, "h", "enter")
            await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)
            before = pilot.app.cockpit.run
            await press(pilot, "f5")
            await until(pilot, lambda b=before: pilot.app.cockpit.run is not b)
            await until(pilot, lambda: pilot.app.cockpit.state is State.STOPPED_EARLY)
            runs.append(pilot.app.cockpit.run)
        assert {run.result for run in pilot.app.cockpit.runs.all} == set(runs)
        assert len(set(runs)) == 3


async def test_a_run_that_trains_is_given_up_only_if_asked_for_twice():
    script = Script()
    async with make_app(script).run_test(size=SIZES[0]) as pilot:
        await run_to(pilot, State.RUNNING)
        cockpit, run = pilot.app.cockpit, pilot.app.cockpit.run
        for others in (("escape",), ("i",), ("h", "h")):
            await press(pilot, "s")
            assert "s again stops the run at step 100; esc keeps it" in cockpit.status_line.text
            await press(pilot, *others)
            await until(pilot, lambda: pilot.app.screen is cockpit)
            assert "s again" not in cockpit.status_line.text
        assert (len(script.calls), cockpit.run, cockpit.state) == (1, run, State.RUNNING)
        await press(pilot, "s", "s")
        await until(pilot, lambda: len(script.calls) == 2)
        assert cockpit.run is not run


async def test_a_former_run_is_shown_while_the_next_one_trains():
    script = Script(EARLY)
    async with make_app(script).run_test(size=SIZES[0]) as pilot:
        cockpit = pilot.app.cockpit
        await run_to(pilot, State.STOPPED_EARLY)
        first = cockpit.run
        cockpit.context.work.train = Script()
        await press(pilot, "i", "s")
        await until(pilot, lambda: cockpit.state is State.RUNNING)
        second = cockpit.run
        await press(pilot, "h", "enter")
        await until(pilot, lambda: cockpit.run is first)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await shown(pilot, "■ STOPPED EARLY", "◂ former", "● TRAINING", "100/5,000")
            assert "Stopped early at step 100" in cockpit.banner.words
            for key in ("n", "x", "space") if size == SIZES[0] else ("x",):
                await press(pilot, key)
                assert "h lists the run that is training" in cockpit.status_line.text
        assert cockpit.active
        await press(pilot, "h", "enter")
        await until(pilot, lambda: cockpit.run is second)
        assert cockpit.state is State.RUNNING
        await pilot.resize_terminal(*SIZES[0])
        await hidden(pilot, "former")
        assert not cockpit.banner.words
        await press(pilot, "x")
        await until(pilot, lambda: cockpit.state is State.STOPPED)


async def test_a_run_that_learnt_nothing_is_no_success():
    script = Script(FINISHED, extra=[NotLearning(1, 4, "all weights are zero")])
    async with make_app(script, keymap={"init_next": "f6"}).run_test(size=SIZES[0]) as pilot:
        await run_to(pilot, State.FINISHED)
        await shown(pilot, "◌ DID NOT LEARN", "no gradient reaches layers 1 to 4", "press f6")
        frame = pilot.app.cockpit.loss_pane.get_component_rich_style("pane--frame").color
        colours = pilot.app.theme_variables
        assert frame.name.lower() == colours["warning"].lower() != colours["success"].lower()


async def test_a_network_that_can_no_longer_be_made_takes_its_fit_and_size_along():
    broken = []

    def of_now(config):
        if broken:
            raise ValueError("a typo")
        return preview(config)

    def train(config, control):
        broken.append(config)
        raise ValueError("a typo")

    async with make_app(train, preview=of_now).run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        await shown(pilot, "1,321 parameters", "untrained")
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.state is State.FAILED)
        await shown(pilot, "no preview")
        await hidden(pilot, "untrained")
        await hidden(pilot, "1,321 parameters")
