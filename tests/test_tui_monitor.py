"""The screen of a loop: which metrics it shows, how they are read, and what the keys ask for."""

import re

import numpy as np
from rich.cells import cell_len
from scripted import hidden, make_app, press, ready, shown, type_text, until
from scripted_loop import FOLDER, MACHINE, TYPICAL, LoopScript, logged, make_loop_app, status

from tui_trainer.cli.wiring import saved_work
from tui_trainer.monitor.events import OutputRead
from tui_trainer.plotting.roles import Charset
from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.folder import METRICS, SUMMARY
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.summary import Summary, summary_bytes
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Noted, RunEnded
from tui_trainer.training.state import State

MANY = [f"layer{n}/grad_norm" for n in range(20)]


async def read(pilot):
    """Wait until all that the script tells at first has been drawn."""
    app = pilot.app
    await until(pilot, lambda: app.monitor and app.monitor.result and app.monitor.result.summary)
    await until(pilot, lambda: not app.monitor.unread)


def titles(app):
    """The plots on the screen, from the left to the right and downwards."""
    return [pane.shown.title for pane in app.monitor.grid.shown if pane.shown is not None]


async def test_it_says_which_loop_it_shows_where_it_is_and_what_its_machine_does():
    async with make_loop_app(LoopScript(*TYPICAL)).run_test(size=(160, 45)) as pilot:
        await read(pilot)
        await shown(
            pilot, "resnet, lr 0.1 · python train.py --epochs 3", "TRAINING", "process 4242"
        )
        await shown(pilot, "step 500/1,000", "1,980 steps/s", "ETA 0:00", "lr 0.1")
        await shown(pilot, "CPU 1.9 cores", "1.2 GB of 14 GB", "GPU 87 %", "412 W", "61 °C")
        await until(pilot, lambda: titles(pilot.app) == ["loss", "grad_norm", "val_acc"])
        await shown(pilot, "━━ train", "╺╸ validation", "validation 0.134 · best 0.134 at 500")
        await press(pilot, "question_mark")
        await shown(pilot, "show so many plots at once", "1 … 9")


async def test_keys_ask_the_loop_for_what_they_say_and_what_came_of_it_is_said():
    script = LoopScript(*TYPICAL)
    async with make_loop_app(script).run_test(size=(160, 45)) as pilot:
        await read(pilot)
        await press(pilot, "c")
        await shown(pilot, "The loop made a checkpoint after step 500.")
        script.problem = "OSError: disk full"
        await press(pilot, "c")
        await shown(pilot, "⚠ no checkpoint at step 500: OSError: disk full. esc hides this.")
        await press(pilot, "escape")
        await hidden(pilot, "no checkpoint at step 500")
        await press(pilot, "left_square_bracket", "x")
        await shown(pilot, "x again stops the loop before its next step")
        await press(pilot, "escape", "x", "n")
        assert script.asked == ["ask_checkpoint", "ask_checkpoint", 0.05, "step"]
        await press(pilot, "x", "x")
        await shown(pilot, "STOPPED", "Stopped at step 500")
        assert script.asked[4:] == ["stop"]
        await press(pilot, "space", "right_square_bracket", "x", "x")
        await shown(pilot, "This loop has ended.")
        assert script.asked[5:] == []


async def test_filter_pins_and_numbers_say_which_plots_are_shown_page_by_page():
    script = LoopScript(logged(["train_loss", *MANY], 1, 50), status(50))
    async with make_loop_app(script).run_test(size=(120, 34)) as pilot:
        await read(pilot)
        await press(pilot, "p", "slash")
        await type_text(pilot, "r1[27]/")
        await until(pilot, lambda: titles(pilot.app) == ["train_loss", MANY[12], MANY[17]])
        await press(pilot, "(")
        await shown(pilot, "no regular expression: missing )")
        assert titles(pilot.app) == ["train_loss", MANY[12], MANY[17]]
        await press(pilot, "backspace", "enter", "a")
        await shown(pilot, "Metrics · 3 of 21")
        await hidden(pilot, "no regular expression")
        await press(pilot, "down", "enter", "escape", "escape")
        await shown(pilot, "Metrics · 21")
        await until(pilot, lambda: titles(pilot.app)[0] == "train_loss")
    async with make_loop_app(script).run_test(size=(160, 45)) as pilot:
        await read(pilot)
        for count in (1, 2, 3, 5, 9):
            await press(pilot, f"{count}")
            await until(pilot, lambda count=count: len(titles(pilot.app)) == count)
        seen = set()
        for _ in range(3):
            seen |= set(titles(pilot.app))
            await press(pilot, "pagedown")
        assert seen == {"train_loss", *MANY}
        assert titles(pilot.app)[0] == "train_loss"
        await press(pilot, "pageup")
        await until(pilot, lambda: titles(pilot.app)[-1] == MANY[-1])
        for size, most in (((80, 24), 9), ((40, 12), 1)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda most=most: 1 <= len(titles(pilot.app)) <= most)
            sizes = [pane.size for pane in pilot.app.monitor.grid.shown]
            assert all(width >= 26 and height >= 6 for width, height in sizes), sizes


async def test_what_a_loop_prints_is_no_markup_and_another_loop_starts_afresh():
    lines = tuple(f"[red]line {n}[/red]" for n in range(200))
    script = LoopScript(OutputRead(lines, "50%|████"), *TYPICAL[:3])
    async with make_loop_app(script).run_test(size=(120, 34)) as pilot:
        await read(pilot)
        await press(pilot, "o")
        await shown(pilot, "[red]line 199[/red]", "50%|████")  # the newest lines
        await hidden(pilot, "[red]line 100[/red]")
        pilot.app.monitor.output.move("first")
        await shown(pilot, "[red]line 0[/red]")
        await press(pilot, "o", "p", "1", "home")
        script.events = (logged(["reward"], 1, 10), status(10, machine=MACHINE))
        pilot.app.show_loop(FOLDER.with_name("other"))
        await until(pilot, lambda: titles(pilot.app) == ["reward"])
        assert pilot.app.monitor.grid.shown[0].cursor is None
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)


async def test_one_cursor_and_one_part_of_the_steps_for_all_plots():
    script = LoopScript(*TYPICAL)
    async with make_loop_app(script).run_test(size=(160, 45)) as pilot:
        await read(pilot)
        monitor = pilot.app.monitor
        await press(pilot, "home", "ctrl+right", "ctrl+right", "right")
        step = round(monitor.grid.shown[0].cursor)
        assert step > 100
        metric = monitor.result.metrics
        loss, acc = (metric[name].at(step) for name in ("train_loss", "val_acc"))
        await shown(pilot, f"step {step} · train {loss.value:.3f}")
        await shown(pilot, f"step {step} · {acc.value:.3f} at {acc.step}")
        await press(pilot, "plus", "plus")
        ranges = {re.search(r"steps [\d,]+ to [\d,]+", str(pane.text))[0]
                  for pane in monitor.grid.shown}  # fmt: skip
        assert len(ranges) == 1, ranges
        await press(pilot, "z", "0")
        await until(pilot, lambda: titles(pilot.app) == ["loss"])
        await press(pilot, "z")
        await until(pilot, lambda: titles(pilot.app) == ["grad_norm"])
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: titles(pilot.app) == ["loss", "grad_norm", "val_acc"])
        assert {pane.cursor for pane in monitor.grid.shown} == {None}


async def test_whatever_is_logged_is_shown_or_said():
    bad = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0], np.float32)
    names = ["x" * 120, "[b]bold[/b]", "val_loss", "nan"]
    values = logged(names, 1, 6, value=lambda place, t: bad if place < 3 else bad * np.nan)
    early = RunEnded(StopReason.EARLY_STOPPING, "stopped early at step 6: val_loss rose", 6)
    script = LoopScript(values, status(6, machine=None, total=0), last=early, total=0)
    async with make_loop_app(script, charset=Charset.ASCII).run_test(size=(160, 45)) as pilot:
        await read(pilot)
        for size in ((160, 45), (80, 24), (40, 12)):
            await pilot.resize_terminal(*size)
            await shown(pilot, "STOPPED EARLY", "topped early at step 6")
            await press(pilot, *"9aoaolmz", "right", "pagedown", "z")
        assert pilot.app.monitor.state is State.STOPPED_EARLY


async def test_a_plot_has_its_name_at_any_size_and_a_frame_around_it_however_long_that_is():
    names = ["a_loss_" + "x" * 120, "損失" * 30, "acc"]
    script = LoopScript(logged(names, 1, 5_000), status(5_000))
    async with make_loop_app(script).run_test(size=(160, 45)) as pilot:
        await read(pilot)
        monitor = pilot.app.monitor
        for size in ((160, 45), (80, 24), (40, 12)):
            await pilot.resize_terminal(*size)
            await press(pilot, "home", "plus", "plus")  # the title has the part that is shown
            for _ in names:
                await until(pilot, lambda: framed(monitor.grid.shown))
                await press(pilot, "pagedown")
            await press(pilot, "escape")


def framed(panes):
    """Whether all lines of some plots fill them, under the beginning of their names."""
    named = [str(pane.text).startswith(f"╭─ {pane.shown.title[:6]}") for pane in panes]
    lines = [cell_len(line) == pane.size.width
             for pane in panes for line in str(pane.text).splitlines()]  # fmt: skip
    return all([*named, *lines])


async def test_a_loop_that_logs_nothing_or_loses_its_process_says_so():
    gone = RunEnded(StopReason.FAILED, "interrupted after step 7: process 4242 is gone", 7)
    script = LoopScript(Noted("disk full"), status(7), last=gone)
    async with make_loop_app(script).run_test(size=(120, 34)) as pilot:
        await read(pilot)
        await shown(pilot, "FAILED", "process 4242 is gone", "disk full", "nothing was logged")
        await press(pilot, "l", "escape")
        await hidden(pilot, "disk full")
        await press(pilot, "escape")
        await shown(pilot, "q leaves, h lists all runs.")


async def test_the_list_of_runs_opens_a_loop_from_its_folder_and_goes_to_and_fro(tmp_path):
    folder = make_loop(tmp_path / "runs" / "20260101-000000-mine")
    app = make_app()
    app.cockpit.context.work.saved = saved_work(folder.parent)
    async with app.run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "loop: mine · python train.py")
        await press(pilot, "enter")
        await shown(pilot, "mine · python train.py", "is gone")
        await until(pilot, lambda: titles(app) == ["loss", "reward"])
        monitor = app.screen
        await press(pilot, "h")
        await until(pilot, lambda: app.screen is not monitor)
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is monitor)
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is app.cockpit)


def make_loop(folder):
    """Write a loop whose process is gone."""
    folder.mkdir(parents=True)
    facts = {"kind": "loop", "name": "mine", "command": ["python", "train.py"], "total": 100}
    write_description(folder, describe(None, **facts))
    writer = MetricsWriter(folder / METRICS)
    for event in (logged(["train_loss", "val_loss"], 1, 50), logged(["reward"], 10, 50, 10)):
        columns = dict(zip(event.names, event.columns, strict=True))
        writer.append_rows(event.steps, columns)
    writer.close()
    summary = Summary(state=State.RUNNING, step=50)
    (folder / SUMMARY).write_bytes(summary_bytes(summary))
    return folder
