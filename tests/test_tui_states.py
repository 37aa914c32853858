"""What the screen says in each state, how one leads to another, and what can go wrong."""

import threading
from dataclasses import replace
from threading import Event

from scripted import (
    DIVERGED,
    EARLY,
    FAILED,
    FINISHED,
    GAUGE,
    Script,
    ended,
    hidden,
    make_app,
    press,
    preview,
    ready,
    shown,
    started,
    steps,
    until,
)

from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Compiled, Compiling, EngineChanged, NotLearning
from tui_trainer.training.state import State
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.messages import Updated

SIZE = (120, 40)
DEAD = NotLearning(1, 4, "all weights are zero")


def real_train(config, control):
    from tui_trainer.training.trainer import train

    yield from train(config, control)


def real_preview(config):
    from tui_trainer.training.setup import preview

    return preview(config)


async def run_to(pilot, state):
    await ready(pilot)
    await press(pilot, "s")
    await until(pilot, lambda: pilot.app.cockpit.state is state)


async def test_idle_says_that_torch_is_loading_then_each_init_shows_another_untrained_curve():
    gate = threading.Event()

    def slow_preview(config):
        gate.wait(20)
        return preview(config)

    async with make_app(preview=slow_preview).run_test(size=SIZE) as pilot:
        await shown(pilot, "LOADING TORCH", "Recipe")
        gate.set()
        await shown(pilot, "○ READY", "1,321 parameters", "Fit · untrained", "Nothing learns")
        curves = set()
        for _ in range(5):
            await press(pilot, "i")
            await ready(pilot)
            curves.add(pilot.app.cockpit.fit_pane.text)
        assert len(curves) == 5


async def test_with_several_features_labels_are_plotted_against_predictions_a_failure_is_a_banner():
    def of_three_features(config):
        if config.init.name != "kaiming":
            raise ValueError("device cuda is not available")
        previewed = preview(config)
        return replace(previewed, points=replace(previewed.points, features=3))

    async with make_app(preview=of_three_features).run_test(size=SIZE) as pilot:
        await shown(pilot, "Predicted against actual · untrained")
        await press(pilot, "i")
        await ready(pilot)
        assert "device cuda is not available" in pilot.app.cockpit.banner.words
        await press(pilot, "I")
        await shown(pilot, "Predicted against actual · untrained")


async def test_a_network_that_cant_learn_says_so_before_and_while_training():
    async with make_app(Script(extra=[DEAD]), init="zeros").run_test(size=SIZE) as pilot:
        await ready(pilot)
        await shown(pilot, "◌ no gradient reaches")
        await press(pilot, "s")
        words = "no gradient reaches layers 1 to 4: all weights are zero"
        await until(pilot, lambda: words in pilot.app.cockpit.banner.words)


async def test_an_ending_shows_in_badge_banner_frames_and_stays_until_the_next_run():
    def broken(config, control):
        yield started(config)
        raise RuntimeError("the cable is out")

    gone = "interrupted after step 100: its process is gone; 'tui-trainer resume x' goes on"
    async with make_app().run_test(size=SIZE) as pilot:
        cockpit = pilot.app.cockpit
        for script, state, badge, words in (
            (Script(DIVERGED), State.DIVERGED, "✕ DIVERGED", "First bad tensor: layer 5 weights."),
            (broken, State.FAILED, "⚠ FAILED", "the cable is out"),
            (Script(FINISHED), State.FINISHED, "✓ FINISHED", "Finished 100 steps."),
            (Script(FAILED), State.FAILED, "⚠ FAILED", "out of memory on cuda:0 (asked for 2.1"),
            (Script(ended(StopReason.INTERRUPTED, gone)), State.INTERRUPTED, "⏻ INTERRUPTED",
             "⏻ Interrupted after step 100: its process is gone."),
            (Script(EARLY), State.STOPPED_EARLY, "■ STOPPED EARLY", "exceeded 5.41, the mean"),
        ):  # fmt: skip
            cockpit.context.work.train = script
            await run_to(pilot, state)
            await shown(pilot, badge, words)
            idle_frame = cockpit.form.styles.border_top[1]
            frame = cockpit.loss_pane.get_component_rich_style("pane--frame")
            assert frame.color != idle_frame.rich_color
            await press(pilot, "i", "m")
            await shown(pilot, words)
            assert len(screen_text(pilot.app).splitlines()) == SIZE[1]
            if state is State.INTERRUPTED:
                await shown(pilot, "u in the list (h) resumes it.")
                await pilot.resize_terminal(40, 12)
                await shown(pilot, "⏻ Interrupted after step 100. u in the list (h) resumes it.")
                await pilot.resize_terminal(*SIZE)
            await press(pilot, "m")
        await until(pilot, lambda: "┃ stop at 100" in cockpit.loss_pane.text)
        assert cockpit.loss_pane.text.count("┃") > 5
        assert cockpit.loss_pane.text.count("◆") == 2  # legend and plot
        cockpit.context.work.train = Script()
        await run_to(pilot, State.RUNNING)
        assert cockpit.banner.words == ""


async def test_what_a_key_changes_while_training_is_for_the_next_run_except_for_the_lr():
    script = Script(gauge=GAUGE, bound=5.0)
    async with make_app(script, lr=0.003).run_test(size=SIZE) as pilot:
        cockpit = pilot.app.cockpit
        await run_to(pilot, State.RUNNING)
        await shown(pilot, "armed at step 50 · margin 0.31", "lr 0.003")
        await shown(pilot, "● TRAINING", "100/5,000", "2,000 steps/s", "ETA 0:02", "┄ bound")
        await press(pilot, "]")
        await shown(pilot, "╎ lr changed")
        assert script.lrs == [0.005]
        await shown(pilot, "lr 0.005")
        await hidden(pilot, "next run")
        await press(pilot, "a")
        await shown(pilot, "next run")
        assert "mlp-4x20" in screen_text(pilot.app).splitlines()[0]
        first = cockpit.feed
        await press(pilot, "s", "s")  # stops the run, whose late events stay its own
        await until(pilot, lambda: len(script.calls) == 2)
        assert script.calls[0][1].stopped
        assert not script.calls[1][1].stopped
        assert script.calls[1][0].architecture.name == "wide-1x400"
        await hidden(pilot, "next run")
        await until(pilot, lambda: cockpit.run.step == 100)
        first.inbox.append(steps(101, 900))
        cockpit.post_message(Updated(first))
        await until(pilot, lambda: first.result.step == 900)
        assert cockpit.run.step == 100
        assert cockpit.state is State.RUNNING
        cockpit.form.choose("recipe", "exploding-normal")  # which has another lr
        assert cockpit.form.config.lr == 0.1
        await shown(pilot, "next run")
        await press(pilot, "space")
        await until(pilot, lambda: cockpit.state is State.PAUSED)
        assert script.lrs == [0.005]
        assert cockpit.run.lr == 0.005


async def test_waiting_for_the_compiler_shows_the_seconds_and_a_change_of_engine_its_reason():
    hold = Event()
    change = EngineChanged(60, "compiled", "auto: its compiled step is ready")

    def wait(config, control):
        yield started(config)
        yield Compiling(3.2)
        yield Compiling(12.4)
        hold.wait(20)
        yield Compiled(12.5)
        yield change
        yield from Script()._obey(control, 0)

    async with make_app(Script(extra=[change])).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await shown(pilot, "▲ compiled")
        assert pilot.app.cockpit.loss_pane.text.count("▲") == 2  # legend and plot
        await shown(pilot, "cpu · compiled", "this run: compiled (auto: its")
        pilot.app.cockpit.context.work.train = wait
        await press(pilot, "s", "s")
        await shown(pilot, "◑ COMPILING 12 s")
        assert pilot.app.cockpit.state is State.COMPILING
        await press(pilot, "i", "m")
        await shown(pilot, "next run")
        hold.set()
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)


async def test_a_field_in_error_keeps_a_run_from_starting():
    script = Script()
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.click("#input-lr")
        await press(pilot, "end", "x")
        pilot.app.cockpit.set_focus(None)
        await press(pilot, "s")
        assert not script.calls
        assert pilot.app.focused is pilot.app.cockpit.query_one("#input-lr")
        await shown(pilot, "! expected a number")


async def test_a_real_run_stops_early_in_front_of_the_person():
    app = make_app(real_train, preview=real_preview, seed=100)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.state is State.STOPPED_EARLY)
        assert app.cockpit.run.ended.steps == app.cockpit.run.history.steps == 146
        assert "Stopped early at step 146" in app.cockpit.banner.words


async def test_a_real_run_pauses_steps_takes_another_lr_restarts_and_ends_with_the_app():
    app = make_app(real_train, recipe="kaiming", preview=real_preview, steps=1_000_000)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        cockpit = app.cockpit
        await press(pilot, "s")
        await until(pilot, lambda: cockpit.state is State.RUNNING and cockpit.run.step > 0)
        await press(pilot, "space")
        await until(pilot, lambda: cockpit.state is State.PAUSED)
        paused_at = cockpit.run.step
        await press(pilot, "n")
        await until(pilot, lambda: cockpit.run.step == paused_at + 1)
        await press(pilot, "[")
        await until(pilot, lambda: cockpit.run.lr == 0.005)
        assert cockpit.run.marks.lr_changes == (paused_at + 2,)
        await press(pilot, "space")
        await until(pilot, lambda: cockpit.run.step > paused_at + 1)
        first = cockpit.run
        await press(pilot, "s", "s")
        await until(pilot, lambda: cockpit.run is not first and cockpit.run.step > 0)
        assert cockpit.run.marks.lr_changes == ()
        await press(pilot, "x")
        await until(pilot, lambda: cockpit.state is State.STOPPED)
        await press(pilot, "s")
        await until(pilot, lambda: cockpit.state is State.RUNNING and cockpit.run.step > 0)
        control = cockpit._control
        await press(pilot, "q", "y")
        await until(pilot, lambda: control.stopped)
