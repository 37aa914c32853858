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


async def test_idle_shows_the_untrained_network_and_its_size():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        await shown(pilot, "○ READY", "1,321 parameters", "Fit · untrained", "Nothing learns")


async def test_before_the_preview_it_says_that_torch_is_loading():
    gate = threading.Event()

    def slow_preview(config):
        gate.wait(20)
        return preview(config)

    async with make_app(preview=slow_preview).run_test(size=SIZE) as pilot:
        await shown(pilot, "LOADING TORCH", "Recipe")
        gate.set()
        await shown(pilot, "○ READY")


async def test_with_several_features_labels_are_plotted_against_predictions():
    def of_three_features(config):
        previewed = preview(config)
        return replace(previewed, points=replace(previewed.points, features=3))

    async with make_app(preview=of_three_features).run_test(size=SIZE) as pilot:
        await shown(pilot, "Predicted against actual · untrained")


async def test_a_run_whose_process_is_gone_is_interrupted_and_the_list_resumes_it():
    detail = "interrupted after step 100: its process is gone; 'tui-trainer resume x' goes on"
    script = Script(ended(StopReason.INTERRUPTED, detail))
    async with make_app(script).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await shown(pilot, "⏻ INTERRUPTED", "⏻ Interrupted after step 100: its process is gone.")
        await shown(pilot, "u in the list (h) resumes it.")
        await pilot.resize_terminal(40, 12)
        await shown(pilot, "⏻ Interrupted after step 100. u in the list (h) resumes it.")


async def test_each_init_shows_another_untrained_curve():
    async with make_app().run_test(size=SIZE) as pilot:
        await ready(pilot)
        curves = set()
        for _ in range(5):
            await press(pilot, "i")
            await ready(pilot)
            curves.add(pilot.app.cockpit.fit_pane.text)
        assert len(curves) == 5


async def test_a_network_that_cant_learn_says_so_before_and_while_training():
    async with make_app(Script(extra=[DEAD]), init="zeros").run_test(size=SIZE) as pilot:
        await ready(pilot)
        await shown(pilot, "◌ no gradient reaches")
        await press(pilot, "s")
        words = "no gradient reaches layers 1 to 4: all weights are zero"
        await until(pilot, lambda: words in pilot.app.cockpit.banner.words)


async def test_training_shows_the_gauge_the_bound_and_the_line_of_state():
    script = Script(gauge=GAUGE, bound=5.0)
    async with make_app(script).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await shown(pilot, "armed at step 50 · margin 0.31")
        await shown(pilot, "● TRAINING", "100/5,000", "2,000 steps/s", "ETA 0:02", "┄ bound")
        await shown(pilot, "lr 0.003")


async def test_an_ending_shows_in_badge_banner_frames_and_stays():
    async with make_app().run_test(size=SIZE) as pilot:
        cockpit = pilot.app.cockpit
        for last, state, badge, words in (
            (EARLY, State.STOPPED_EARLY, "■ STOPPED EARLY", "exceeded 5.41, the mean"),
            (DIVERGED, State.DIVERGED, "✕ DIVERGED", "First bad tensor: layer 5 weights."),
            (FINISHED, State.FINISHED, "✓ FINISHED", "Finished 100 steps."),
            (FAILED, State.FAILED, "⚠ FAILED", "out of memory on cuda:0 (asked for 2.1 GiB)"),
        ):
            cockpit.context.work.train = Script(last)
            await run_to(pilot, state)
            await shown(pilot, badge, words)
            idle_frame = cockpit.form.styles.border_top[1]
            frame = cockpit.loss_pane.get_component_rich_style("pane--frame")
            assert frame.color != idle_frame.rich_color
            await press(pilot, "i", "m")
            await shown(pilot, words)  # until the next run
            assert len(screen_text(pilot.app).splitlines()) == SIZE[1]


async def test_early_stopping_marks_the_stop_and_the_best_step():
    async with make_app(Script(EARLY)).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.STOPPED_EARLY)
        await until(pilot, lambda: pilot.app.cockpit.is_idle)
        assert "┃ stop at 100" in pilot.app.cockpit.loss_pane.text
        assert pilot.app.cockpit.loss_pane.text.count("┃") > 5
        assert pilot.app.cockpit.loss_pane.text.count("◆") == 2  # legend and plot


async def test_the_next_run_takes_the_banner_away():
    async with make_app(Script(EARLY)).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.STOPPED_EARLY)
        pilot.app.cockpit.context.work.train = Script()
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)
        assert pilot.app.cockpit.banner.words == ""


async def test_a_preset_changed_while_training_is_for_the_next_run():
    script = Script()
    async with make_app(script).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await press(pilot, "a")
        await shown(pilot, "next run")
        assert "mlp-4x20" in screen_text(pilot.app).splitlines()[0]
        await press(pilot, "s", "s")
        await until(pilot, lambda: len(script.calls) == 2)
        assert script.calls[1][0].architecture.name == "wide-1x400"
        await hidden(pilot, "next run")


async def test_lr_changed_while_training_goes_to_the_trainer_and_is_marked():
    script = Script()
    async with make_app(script, lr=0.003).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await press(pilot, "]")
        await shown(pilot, "╎ lr changed")
        assert script.lrs == [0.005]
        await shown(pilot, "lr 0.005")
        await hidden(pilot, "next run")


async def test_a_recipe_taken_while_training_leaves_the_runs_lr_alone():
    script = Script()
    async with make_app(script, recipe="kaiming").run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await press(pilot, "P", "P")  # exploding-normal: another lr
        assert pilot.app.cockpit.form.config.lr == 0.1
        await shown(pilot, "next run")
        await press(pilot, "space")
        await until(pilot, lambda: pilot.app.cockpit.state is State.PAUSED)
        assert script.lrs == []
        assert pilot.app.cockpit.run.lr == 0.01


async def test_starting_again_stops_the_run_before_whose_events_stay_its_own():
    script = Script()
    async with make_app(script).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await until(pilot, lambda: pilot.app.cockpit.run.step == 100)
        first = pilot.app.cockpit.feed
        await press(pilot, "s", "s")
        await until(pilot, lambda: len(script.calls) == 2)
        assert script.calls[0][1].stopped
        assert not script.calls[1][1].stopped
        await until(pilot, lambda: pilot.app.cockpit.run.step == 100)
        first.inbox.append(steps(101, 900))
        pilot.app.cockpit.post_message(Updated(first))
        await until(pilot, lambda: first.result.step == 900)
        assert pilot.app.cockpit.run.step == 100
        assert pilot.app.cockpit.state is State.RUNNING


async def test_an_exception_in_the_trainer_is_a_banner_and_the_app_goes_on():
    def broken(config, control):
        yield started(config)
        raise RuntimeError("the cable is out")

    async with make_app(broken).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.FAILED)
        assert "the cable is out" in pilot.app.cockpit.banner.words
        pilot.app.cockpit.context.work.train = Script(FINISHED)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.state is State.FINISHED)


async def test_a_preview_that_fails_is_a_banner_and_the_app_goes_on():
    def broken(config):
        raise ValueError("device cuda is not available")

    async with make_app(preview=broken).run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "device cuda is not available" in pilot.app.cockpit.banner.words
        await press(pilot, "i")
        assert pilot.app.is_running


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


async def test_waiting_for_the_compiler_shows_the_seconds_and_stays_usable():
    script = Script(extra=[Compiling(3.2), Compiling(12.4)])
    hold = Event()

    def wait(config, control):
        yield started(config)
        yield Compiling(12.4)
        hold.wait(20)
        yield Compiled(12.5)
        yield from script._obey(control, 0)

    async with make_app(wait, engine="compiled").run_test(size=SIZE) as pilot:
        await run_to(pilot, State.COMPILING)
        await shown(pilot, "◑ COMPILING 12 s")
        await press(pilot, "i", "m")
        await shown(pilot, "next run")
        hold.set()
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)


async def test_a_change_of_engine_is_marked_with_its_reason():
    change = EngineChanged(60, "compiled", "auto: its compiled step is ready")
    async with make_app(Script(extra=[change])).run_test(size=SIZE) as pilot:
        await run_to(pilot, State.RUNNING)
        await shown(pilot, "▲ compiled")
        assert pilot.app.cockpit.loss_pane.text.count("▲") == 2  # legend and plot
        await shown(pilot, "cpu · compiled", "this run: compiled (auto: its")


async def test_a_real_run_stops_early_in_front_of_the_person():
    app = make_app(real_train, preview=real_preview, seed=100)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.state is State.STOPPED_EARLY)
        assert app.cockpit.run.ended.steps == app.cockpit.run.history.steps == 146
        assert "Stopped early at step 146" in app.cockpit.banner.words


async def test_a_real_run_pauses_steps_takes_another_lr_restarts_and_stops():
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


async def test_quitting_ends_the_trainers_thread():
    app = make_app(real_train, recipe="kaiming", preview=real_preview, steps=1_000_000)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.run.step > 0)
        await press(pilot, "q", "y")
        await until(pilot, lambda: app.cockpit._control.stopped)
