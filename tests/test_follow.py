"""A run of another process: watched by several, steered, killed; and one that has ended."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_cli import invoke

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.follow import config_of, follow
from tui_trainer.runs.listing import find_run
from tui_trainer.runs.ownership import owner_of
from tui_trainer.runs.recording import record
from tui_trainer.runs.saved import SavedRun
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import StepsCompleted
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State

DEADLINE = 90
FOR_EVER = ("train", "--recipe", "kaiming", "--lr", 0.001, "--steps", 10**9, "--engine", "eager")


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)
    return found


class Viewer:
    """Follows a folder; `until` takes in events up to a condition on what they amount to."""

    def __init__(self, folder):
        config = config_of(folder)
        self.problems = []
        self.control = RemoteControl(folder, self.problems.append)
        self.result = RunResult(config)
        self.events = follow(folder, config, self.control)

    def until(self, condition):
        deadline = time.monotonic() + DEADLINE
        while not condition(self.result):
            assert time.monotonic() < deadline, self.result.state
            self.result.apply(next(self.events))

    def to_the_end(self):
        for event in self.events:
            self.result.apply(event)
        self.control.leave()


def same(history, losses):
    for name, values in (("train", losses.train), ("val", losses.val)):
        np.testing.assert_array_equal(history.losses(name), values)


def status(folder):
    return json.loads(invoke("control", folder, "status", "--json").stdout)["status"]


@pytest.fixture
def process(forks, tmp_path):
    with (tmp_path / "output").open("wb") as output:
        process = forks.start(*FOR_EVER, "--runs", tmp_path / "runs", stdout=output, stderr=output)
    yield process
    process.kill()
    process.communicate()


def test_several_watch_and_steer_a_run_until_its_process_is_killed(process, tmp_path):
    root = tmp_path / "runs"
    found = wait_for(lambda: [*root.glob("*/events.jsonl")], "it does not start")
    folder = found[0].parent
    wait_for(lambda: (owner := owner_of(folder)) and owner.socket, "it takes no requests")
    assert owner_of(folder).pid == process.pid
    one, other = Viewer(folder), Viewer(folder)
    one.until(lambda run: run.step > 100)
    assert one.result.state is State.RUNNING
    assert one.result.points is not None

    one.control.pause()
    for viewer in (one, other):
        viewer.until(lambda run: run.state is State.PAUSED)
        assert viewer.control.paused
    step = status(folder)["step"]
    assert invoke("control", folder, "step").exit_code == 0
    assert invoke("control", folder, "lr", "0.0005").exit_code == 0
    one.until(lambda run: run.step == step + 1)
    one.until(lambda run: run.lr == 0.0005)
    assert status(folder)["state"] == "paused"
    text = invoke("control", "last", "status", "--runs", root).stdout
    assert f"{step + 1:,} of 1,000,000,000" in text
    one.control.leave()
    one.to_the_end()  # ends nothing
    assert status(folder)["state"] == "paused"
    other.control.resume()
    other.until(lambda run: run.step > step + 100)
    assert not other.control.paused
    refused = invoke("control", folder, "lr")
    assert refused.exit_code == 2
    assert "lr: needs the new learning rate" in refused.stderr

    process.send_signal(signal.SIGKILL)
    other.to_the_end()
    ended = other.result.ended
    assert ended.reason is StopReason.INTERRUPTED
    assert f"process {process.pid} is gone" in ended.detail
    assert f"resume {folder.name}" in ended.detail
    same(other.result.history, SavedRun(folder).losses)
    gone = invoke("control", folder, "status", "--json")
    assert gone.exit_code == 1
    assert json.loads(gone.stdout)["ok"] is False
    assert gone.stderr.count("\n") == 1
    assert one.problems == other.problems == []


def test_a_run_that_has_ended_is_told_as_it_was(tmp_path):
    config = make_config(load_presets(), "stop-patient", lr=0.003, engine="eager")
    lived, control = RunResult(config), Control()
    for event in record(config, control, tmp_path):
        lived.apply(event)
        if isinstance(event, StepsCompleted) and not lived.lr_changes:
            control.set_lr(0.004)
    folder = find_run(tmp_path, "last")
    seen = Viewer(folder)
    seen.to_the_end()
    told = seen.result
    for name in ("train", "val", "bound"):
        np.testing.assert_array_equal(told.history.losses(name), lived.history.losses(name))
    for name in ("state", "ended", "lr", "lr_changes", "best", "engine", "step", "folder"):
        assert getattr(told, name) == getattr(lived, name), name
    assert told.started.parameter_count == lived.started.parameter_count
    np.testing.assert_array_equal(told.final_fit.prediction, lived.final_fit.prediction)
    np.testing.assert_array_equal(told.points.train_x, lived.points.train_x)


def test_a_run_that_went_on_after_its_end_is_not_told_to_have_ended(tmp_path):
    config = make_config(load_presets(), "kaiming", steps=30, lr=0.001, engine="eager")
    for _ in record(config, Control(), tmp_path):
        pass
    folder = find_run(tmp_path, "last")
    with (folder / "events.jsonl").open("a") as ledger:
        ledger.write(
            '{"event": "paused", "step": 30}\n{"event": "continued", "step": 30, "steps": 60}\n'
        )
        ledger.write('{"event": "half')
    viewer = Viewer(folder)
    viewer.to_the_end()
    assert viewer.result.config.steps == 60
    assert viewer.result.state is State.INTERRUPTED
    assert viewer.result.ended.detail.startswith("interrupted after step 30: its process is gone")


def test_a_viewer_needs_no_torch():
    code = "import sys, tui_trainer.runs.follow as f; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
