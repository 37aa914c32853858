"""The list of runs: rows from this session and from the disk, and what its keys do."""

import fcntl
import shutil
import time
from datetime import UTC, datetime

import msgspec
from reference_loop import make
from scripted import (
    EARLY,
    Script,
    ended,
    fit,
    hidden,
    make_app,
    press,
    ready,
    shown,
    started,
    steps,
    until,
)
from textual.widgets import Input

from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.folder import DESCRIPTION
from tui_trainer.runs.listing import delete_run
from tui_trainer.runs.ownership import OWNER, Owner
from tui_trainer.runs.summary import Summary, summary_bytes
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Recorded
from tui_trainer.training.state import State
from tui_trainer.tui.background import SavedWork
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.runs.listed import ListedRun, RunList
from tui_trainer.tui.runs.wording import chosen_text, matches

SIZES = [(120, 30), (80, 24), (40, 12)]


def saved_run(root, name, config, state=State.FINISHED, *, age=0.0, host=None, **figures):
    """Write what the list reads of a run; `age` in seconds."""
    folder = root / name
    folder.mkdir(parents=True)
    created = datetime.fromtimestamp(time.time() - age, UTC).isoformat()
    facts = {"created": created} | ({"host": host} if host else {})
    write_description(folder, msgspec.structs.replace(describe(config, name=name), **facts))
    summary = Summary(state=state, steps=config.steps, **figures)
    (folder / "summary.json").write_bytes(summary_bytes(summary))
    return folder


class Disk:
    """Saved runs whose losses are scripted; remembers what was asked for."""

    def __init__(self, root):
        self.root, self.asked = root, []

    def work(self):
        return SavedWork(self.root, self.events, self.go_on, self.branch, delete_run)

    def events(self, folder, config, control):
        yield started(make("kaiming"))
        yield Recorded(folder)
        yield steps(1, 60)
        yield fit(60)
        yield ended(StopReason.COMPLETED, f"finished 60 steps of {folder.name}", 60)

    def go_on(self, folder, control):
        self.asked.append(("go on", folder))
        yield from Script()(make("kaiming"), control)

    def branch(self, folder, step, config, lr, control):
        self.asked.append(("branch", folder, step, config, lr))
        yield from Script()(config, control)


def app_of(root=None, train=None, **settings):
    app = make_app(train or Script(EARLY), **settings)
    if root is not None:
        app.cockpit.context.work.saved = Disk(root).work()
    return app


async def run_to_end(pilot, *keys):
    """Start a run and wait for its end."""
    cockpit = pilot.app.cockpit
    await press(pilot, *keys, "s")
    await until(pilot, lambda: not (cockpit.active or cockpit.unread or cockpit.run is None))


def row(pilot, text):
    """Return the line of the screen that holds a text."""
    found = [line for line in screen_text(pilot.app).splitlines() if text in line]
    assert found, screen_text(pilot.app)
    return found[0]


async def test_the_key_of_the_list_and_enter_go_to_and_fro_between_two_runs():
    async with app_of().run_test(size=SIZES[0]) as pilot:
        cockpit = pilot.app.cockpit
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "no runs yet")
        await press(pilot, "enter", "delete", "e")
        await shown(pilot, "No run is under the cursor")
        await press(pilot, "h")
        seen = []
        for keys in ((), ("i",), ("r",)):
            await run_to_end(pilot, *keys)
            seen.append(cockpit.run)
        first, second, third = seen
        for expected in (second, third, second):
            await press(pilot, "h", "enter")
            await until(pilot, lambda expected=expected: cockpit.run is expected)
        await press(pilot, "h")
        await shown(pilot, "Runs · 3")
        await press(pilot, "end", "enter")
        await until(pilot, lambda: cockpit.run is first)
        await press(pilot, "h", "escape")
        await until(pilot, lambda: pilot.app.screen is cockpit)
        assert cockpit.run is first


async def test_a_row_says_how_a_run_went_and_what_differs_from_the_one_under_the_cursor():
    async with app_of().run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        await run_to_end(pilot)
        await run_to_end(pilot, "i", "]")
        await press(pilot, "h")
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await shown(pilot, "Runs · 2", "2.20", "init he")
            if size[0] >= 80:
                assert "■ stopped early" in row(pilot, "init he · lr 0.005")
                await shown(pilot, "100", "▸")
        await pilot.resize_terminal(*SIZES[0])
        await press(pilot, "up")
        await shown(pilot, "init kaiming · lr 0.003")
        assert "init kaiming · lr 0.003" in row(pilot, "kaiming · lr 0.003")


async def test_pinned_runs_have_their_sign_in_list_and_plot(tmp_path):
    saved_run(tmp_path, "a-run", make("kaiming"), age=50)
    async with app_of(tmp_path).run_test(size=SIZES[0]) as pilot:
        cockpit = pilot.app.cockpit
        await ready(pilot)
        await run_to_end(pilot)
        await run_to_end(pilot, "i")
        await press(pilot, "h")
        await shown(pilot, "Runs · 3", "space pin")
        await press(pilot, "space", "end", "space")
        await shown(pilot, "space unpin")
        assert [run.is_read for run in cockpit.runs.pinned] == [False, True]
        await press(pilot, "h")
        await until(pilot, lambda: len(cockpit.runs.overlays) == 2)
        await shown(pilot, "init kaiming")
        await press(pilot, "h", "end", "space", "up", "space")
        assert not cockpit.runs.pinned


async def test_a_run_that_trains_is_live_in_the_list():
    script = Script()
    async with app_of(train=script).run_test(size=(160, 45)) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)
        await press(pilot, "h")
        await shown(pilot, "● training", "100/5,000")
        await press(pilot, "u", "delete")
        await shown(pilot, "This run is not saved")
        script.calls[0][1].step()
        await shown(pilot, "⏸ paused", "101/5,000")
        script.calls[0][1].stop()
        await shown(pilot, "□ stopped")


async def test_hundreds_of_saved_runs_are_listed_and_those_that_are_damaged_are_named(tmp_path):
    config = make("l1")
    first = saved_run(tmp_path, "20250101-000000-first", config, age=7e7, best_val_loss=9.5)
    for number in range(296):
        shutil.copytree(first, tmp_path / f"20260101-{number:06}-run")
    for number in range(3):
        shutil.copytree(first, tmp_path / f"20260301-{number:06}-bad")
    (tmp_path / "20260301-000000-bad" / DESCRIPTION).write_text("format = 99")
    (tmp_path / "20260301-000001-bad" / DESCRIPTION).write_text("config = [")
    (tmp_path / "20260301-000002-bad" / DESCRIPTION).unlink()
    async with app_of(tmp_path).run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "Runs · 297", "can't be read (and 2 more)", "20260301-000002-bad")
        await press(pilot, "end")
        await shown(pilot, "297 of 297", "9.50", "20250101-000000-first")
        await press(pilot, "slash")
        await shown(pilot, "other run", "esc show all")
        last = pilot.app.screen.run
        await press(pilot, "up")
        await until(pilot, lambda: pilot.app.screen.run not in (last, None))
        await press(pilot, *"000295")
        await shown(pilot, "Runs · 1 of 297 · /000295")
        await press(pilot, "enter", "enter")
        await shown(pilot, "Finished 60 steps of 20260101-000295-run")
        await press(pilot, "h")
        await shown(pilot, "Runs · 297")


async def test_a_saved_run_says_whether_it_was_interrupted_or_trains_elsewhere(tmp_path):
    config = make("kaiming")
    interrupted = saved_run(tmp_path, "a-interrupted", config, State.RUNNING, age=4000, step=812)
    remote = saved_run(tmp_path, "b-remote", config, State.RUNNING, age=3 * 86_400, step=40)
    saved_run(tmp_path, "c-diverged", config, State.DIVERGED, age=30, host="gpu-3", step=3)
    owner = Owner(pid=4711, started=0.0, host="gpu-7")
    (remote / OWNER).write_bytes(msgspec.json.encode(owner))
    async with app_of(tmp_path).run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        with (remote / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            await press(pilot, "h")
            await shown(pilot, "Runs · 3", "⏻ interrupted", "● elsewhere", "✕ diverged")
            assert "3 days gpu-7" in row(pilot, "elsewhere")
            assert "1 h" in row(pilot, "interrupted")
            assert "now gpu-3" in row(pilot, "diverged")
            await press(pilot, "end", "u", "delete")
            await shown(pilot, "not finished: stop it first")
            await press(pilot, "space")
            await until(pilot, lambda: pilot.app.cockpit.runs.pinned[0].remote is not None)
        await until(pilot, lambda: "elsewhere" not in screen_text(pilot.app))
        await press(pilot, "home", "u")
        await shown(pilot, "This run diverged: branch off before that")
        disk = pilot.app.cockpit.context.work.saved.go_on.__self__
        await press(pilot, "down", "u")
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)
        assert disk.asked == [("go on", interrupted)]
        await press(pilot, "h", "end", "u")
        await shown(pilot, "u again stops the run at step 100")
        await press(pilot, "u")
        await until(pilot, lambda: len(disk.asked) == 2)
        assert disk.asked[1] == ("go on", remote)


async def test_a_run_is_deleted_only_if_asked_for_twice(tmp_path):
    folder = saved_run(tmp_path, "a-run", make("kaiming"))
    kept = saved_run(tmp_path, "b-run", make("kaiming"), age=100)
    async with app_of(tmp_path).run_test(size=SIZES[1]) as pilot:
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "Runs · 2")
        for keys, asked in ((["escape"], "a"), (["down"], "b"), (["home"], "a"),
                            (["slash", *"b-run", "enter"], "b")):  # fmt: skip
            await press(pilot, "delete", *keys, "delete")
            await shown(pilot, f"del again deletes it for good; esc keeps it · {asked}-run")
            await press(pilot, "escape")
            await hidden(pilot, "del again")
        await press(pilot, "escape")
        await shown(pilot, "Runs · 2")
        await press(pilot, "home")
        assert (folder.exists(), kept.exists()) == (True, True)
        await press(pilot, "delete", "delete")
        await shown(pilot, "a-run is deleted", "Runs · 1")
        assert not folder.exists()
        other = saved_run(tmp_path, "c-run", make("kaiming"))
        await shown(pilot, "Runs · 2")
        await press(pilot, "home", "delete")
        await shown(pilot, "esc keeps it · c-run")
        shutil.rmtree(other)  # in another terminal: then b-run is under the cursor
        await shown(pilot, "Runs · 1")
        await press(pilot, "delete")
        await shown(pilot, "esc keeps it · b-run")
        assert kept.exists()


async def test_exports_are_written_where_one_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved_run(tmp_path / "runs", "a-run", make("kaiming"), age=50)
    async with app_of(tmp_path / "runs").run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        await run_to_end(pilot)
        await press(pilot, "h")
        await shown(pilot, "Runs · 2")
        for keys, words in (
            (("home", "e", "enter"), "written: run-"),
            (("e", *"csv", "enter"), ".csv, in"),
            (("e", *"command", "enter"), "tui-trainer train --recipe stop-patient"),
            (("end", "e", "enter"), "written: a-run.py"),
            (("e", "enter"), "written: a-run-2.py"),
            (("e", *"csv", "enter"), "written: a-run.csv"),
            (("e", *"svg", "enter"), "written: a-run.svg"),
        ):
            await press(pilot, *keys)
            await shown(pilot, words)
        assert pilot.app.screen is pilot.app.cockpit
    assert len((tmp_path / "a-run.csv").read_text().splitlines()) == 61
    assert "WIDTHS = [1, 20, 20, 20, 20, 1]" in (tmp_path / "a-run.py").read_text()
    assert "a-run" in (tmp_path / "a-run.svg").read_text()
    assert len(list(tmp_path.glob("run-*"))) == 2


async def test_a_branch_asks_for_a_step_and_settings(tmp_path):
    config = make("kaiming", lr=0.3)
    folder = saved_run(tmp_path, "a-run", config, State.DIVERGED, step=812, lr=0.3)
    async with app_of(tmp_path).run_test(size=SIZES[2]) as pilot:  # nothing is cut off
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "Runs · 1")
        await press(pilot, "b")
        await shown(pilot, "Branch off a-run", "712", "lr=0.1")
        for text, words in (("9999", "step: expected 0 to 812"), ("-1", "expected 0 to 812")):
            pilot.app.screen.query_one("#step", Input).value = text
            await press(pilot, "enter")
            await shown(pilot, words)
        pilot.app.screen.query_one("#step", Input).value = "100"
        changes = pilot.app.screen.query_one("#changes", Input)
        changes.value = ""
        await shown(pilot, "other settings (empty: none)", "e.g. lr=0.001")
        for text, *words in (
            ("lr=x", "lr: expected"),
            ("lr", "'lr': expected KEY=VALUE"),
            ("foo=1", "'foo=1': unknown setting of", "allowed: lr, steps,"),
        ):
            changes.value = text
            await press(pilot, "enter")
            await shown(pilot, *words)
        changes.value = "lr=0.02 regularizer=l1"
        await press(pilot, "enter")
        await until(pilot, lambda: pilot.app.cockpit.state is State.RUNNING)
        disk = pilot.app.cockpit.context.work.saved.go_on.__self__
        [(what, *where, branched, lr)] = disk.asked
        assert (what, where, lr) == ("branch", [folder, 100], 0.02)
        assert (branched.regularizer.name, branched.seed) == ("l1", config.seed)


def test_a_branch_that_is_resumed_is_still_one(tmp_path):
    facts = {"created": 1.0, "state": State.RUNNING, "config": make("kaiming"), "folder": tmp_path}
    runs = RunList()
    runs.put_session([ListedRun(name="session", **facts)])
    assert not runs.all[0].is_branch
    runs.put_saved([ListedRun(name="saved", is_branch=True, **facts)])
    assert [(run.name, run.is_branch) for run in runs.all] == [("session", True)]
    [run], other = runs.all, ListedRun(name="other", **facts)
    assert chosen_text(run, None) == f"branch: {run.setup}"
    assert chosen_text(run, other) == "branch: same settings"
    assert matches(run, ["branch"], 1.0)
    assert not matches(other, ["branch"], 1.0)


async def test_on_the_cockpit_a_branch_starts_at_the_cursor_with_what_the_form_has(tmp_path):
    saved_run(tmp_path, "a-run", make("kaiming"), step=60, best_step=57, best_val_loss=0.7)
    async with app_of(tmp_path).run_test(size=SIZES[0]) as pilot:
        cockpit = pilot.app.cockpit
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "Runs · 1")
        assert "none · lr 0.01 · seed 100" in row(pilot, "▸ ")  # what was chosen is whole
        await press(pilot, "enter")
        await until(pilot, lambda: cockpit.run is not None and cockpit.run.ended is not None)
        cockpit.take({"regularizer": "l1", "lr": 0.002, "steps": 50})
        await press(pilot, "end", "b")
        await shown(pilot, "Branch off a-run", "lr=0.002 regularizer=l1")  # 50 steps are over
        changes = pilot.app.screen.query_one("#changes", Input)
        assert "steps" not in changes.value
        changes.value = "steps=60"
        await press(pilot, "enter")
        await shown(pilot, "after step 60 needs more than 60 steps")
        await press(pilot, "escape")
        cockpit.take({"steps": cockpit.run.config.steps})
        await press(pilot, "home", "b")
        await shown(pilot, "Branch off a-run", "lr=0.002 regularizer=l1")
        assert pilot.app.screen.query_one("#step", Input).value == "1"
        await press(pilot, "enter")
        await until(pilot, lambda: cockpit.state is State.RUNNING)
        [(_, _, step, branched, lr)] = cockpit.context.work.saved.go_on.__self__.asked
        assert (step, branched.regularizer.name, lr) == (1, "l1", 0.002)
        assert cockpit.runs.shown.parent is cockpit.runs.former
        await shown(pilot, "steps/s")


async def test_a_folder_that_can_not_be_read_is_said_in_a_line(tmp_path):
    root = tmp_path / "file"
    root.touch()
    async with app_of(root).run_test(size=SIZES[1]) as pilot:
        await ready(pilot)
        await press(pilot, "h")
        await shown(pilot, "no runs yet", "Not a directory")
