"""A loop in its folder: its metrics at any cadence, the events that readers get, and their fold."""

import json
import os

import msgspec
import numpy as np
import pytest
from test_cli import invoke

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.monitor.events import MetricsLogged, OutputRead
from tui_trainer.monitor.follow import OutputTail, follow_loop
from tui_trainer.monitor.result import LoopResult
from tui_trainer.monitor.series import Cadence, Metric, is_better_higher
from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.description import describe, read_description, write_description
from tui_trainer.runs.ledger import to_line
from tui_trainer.runs.listing import read_run
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.saved import SavedRun
from tui_trainer.runs.summary import Summary, summary_bytes
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.state import State


def test_steps_at_any_cadence_are_found_again_however_they_come():
    rng = np.random.default_rng(0)
    for trial in range(60):
        strides = np.repeat(rng.integers(1, 9, 20), rng.integers(1, 40, 20))
        if trial % 2:
            strides = rng.choice([1, 1, 1, 2, 7], 300)
        steps = np.cumsum(strides)
        cadence, at = Cadence(), 0
        while at < len(steps):
            part = steps[at : at + int(rng.integers(1, 90))]
            cadence.append(part)
            at += len(part)
        assert cadence.count == len(steps)
        assert (cadence.steps(np.arange(len(steps), dtype=float)) == steps).all()
        asked = np.arange(steps[-1] + 3)
        counts = [cadence.count_until(step) for step in asked.tolist()]
        assert counts == np.searchsorted(steps, asked, side="right").tolist()


def test_a_metric_keeps_its_best_and_comes_in_buckets_that_lose_no_spike():
    steps = np.arange(10, 1_000_001, 10)
    values = np.ones(len(steps), np.float32)
    values[77_777] = 9.0
    values[88_888] = np.nan
    metric = Metric("val_acc")
    for start in range(0, len(steps), 9_973):
        metric.append(steps[start : start + 9_973], values[start : start + 9_973])
    assert metric.best == (777_780, 9.0)
    buckets = metric.buckets(1, 1_000_000, 120)
    assert len(buckets.step) <= 120
    assert np.nanmax(buckets.high) == 9.0
    at = int(np.nanargmax(buckets.high))
    assert abs(buckets.step[at] - 777_780) < 1_000_000 / 120
    few = metric.buckets(777_700, 777_800, 120)
    assert few.step.tolist() == list(range(777_700, 777_801, 10))
    assert metric.at(777_785) == (777_780, 9.0)
    assert metric.at(9) is None
    metric.append(np.array([999_990, 1_000_000]), np.zeros(2, np.float32))  # told before
    assert metric.count == len(steps)
    names = ["train/loss", "acc_loss", "val/acc", "top5_acc", "F1", "val/top5"]
    assert list(map(is_better_higher, names)) == [False, False, True, True, True, True]


@pytest.fixture
def loop(tmp_path):
    """A loop that has ended, as its process leaves it."""
    folder = tmp_path / "20260101-000000-mine"
    folder.mkdir()
    command = ["train.py", "--epochs", "3"]
    facts = {"name": "mine", "kind": "loop", "command": command, "total": 40}
    write_description(folder, describe(None, **facts))
    writer = MetricsWriter(folder / "metrics")
    ones = np.ones(20, np.float32)
    writer.append(1, {"train_loss": ones, "train_acc": ones / 2})
    writer.append_rows(np.array([10, 20]), {"val_loss": np.array([3, np.nan], np.float32)})
    writer.close()
    entries = [
        {"event": "started"},
        {"event": "lr", "step": 5, "old": 0.1, "lr": 0.01},
        {"event": "checkpoint", "step": 6, "seconds": 0.1, "problem": ""},
        {"event": "noted", "words": "a note"},
        {"event": "ended", "reason": "stopped", "detail": "by hand", "steps": 20, "seconds": 4.0},
    ]
    (folder / "events.jsonl").write_bytes(b"".join(map(to_line, entries)))
    summary = Summary(state=State.STOPPED, step=20, steps=40, metrics={"train_loss": 1.0})
    (folder / "summary.json").write_bytes(summary_bytes(summary))
    (folder / "output.log").write_bytes(b"\x1b[31mred\x1b[0m\n 10%\r 20%\nlast\rdone")
    return folder


def folded(folder):
    control, result = RemoteControl(folder, lambda _: None), LoopResult()
    events = list(follow_loop(folder, control))
    control.leave()
    for event in events:
        result.apply(event)
    return events, result


def test_what_is_in_the_folder_comes_as_events_and_folds(loop):
    events, result = folded(loop)
    logged = [event for event in events if isinstance(event, MetricsLogged)]
    assert {event.names: [len(column) for column in event.columns] for event in logged} == {
        ("train_loss", "train_acc"): [20, 20],
        ("val_loss",): [2],
    }
    assert result.started.command == "train.py --epochs 3"
    assert (result.total, result.step, result.lr, result.lr_changes) == (40, 20, 0.01, [5])
    assert (result.ended.reason, result.state) == (StopReason.STOPPED, State.STOPPED)
    assert result.metrics["val_loss"].best == (10, 3.0)
    assert np.isnan(result.metrics["val_loss"].last)
    assert list(result.notes) == ["a note"]
    assert list(result.output) == ["red", " 20%"]
    assert result.unfinished == "done"
    assert result.checkpointed.step == 6


def test_a_loop_whose_process_is_gone_has_failed(loop):
    ledger = (loop / "events.jsonl").read_bytes().splitlines(keepends=True)
    (loop / "events.jsonl").write_bytes(b"".join(ledger[:-1]))
    _, result = folded(loop)
    assert result.state is State.FAILED
    assert result.ended.detail == "interrupted after step 20: its process is gone"


def test_output_comes_as_it_grows_and_after_its_oldest_half_is_gone(tmp_path):
    file = tmp_path / "output.log"
    tail = OutputTail(file)
    assert tail.read() is None
    file.write_bytes(b"x" * 300_000 + b"\nwhole\nha")
    assert tail.read() == OutputRead(("whole",), "ha")
    assert tail.read() is None
    with file.open("ab") as stream:
        stream.write(b"lf\n\xff\x07 odd")
    assert tail.read() == OutputRead(("half",), "\ufffd\\x07 odd")
    os.truncate(file, 10)
    assert tail.read().lines == ()
    with file.open("ab") as stream:
        stream.write(b"new\n")
    assert tail.read() == OutputRead(("new",), "")


def test_the_commands_take_a_loop_or_say_why_not(loop, tmp_path):
    root = ("--runs", str(tmp_path))
    assert "loop" in invoke("runs", *root).stdout
    shown = invoke("show", "last", *root).stdout
    assert "train.py --epochs 3" in shown
    assert "train_loss       1\n" in shown
    assert json.loads(invoke("show", "last", "--json", *root).stdout)["config"] is None
    table = tmp_path / "table.csv"
    invoke("show", "last", "--csv", str(table), *root)
    lines = table.read_text().splitlines()
    assert lines[0] == "step,train_loss,train_acc,val_loss"
    assert (lines[1], lines[10], lines[20]) == ("1,1,0.5,", "10,1,0.5,3", "20,1,0.5,nan")
    for command in ("resume", "replay", "branch"):
        done = invoke(command, "last", *root, *(["--at", "3"] if command == "branch" else []))
        assert done.exit_code == 2, done.stdout
        assert "is a loop of a script" in done.stderr
    assert "is not running" in invoke("control", "last", "stop", *root).stderr
    with pytest.raises(InvalidSettingsError, match="only that script"):
        SavedRun(loop)
    assert read_run(loop).description.config is None
    assert invoke("delete", "last", "--yes", *root).exit_code == 0
    assert not loop.exists()


def test_only_a_loop_may_have_no_config(tmp_path, loop):
    told = msgspec.structs.replace(read_description(loop), kind="loop", total=7)
    write_description(loop, told)
    assert read_description(loop).total == 7
    text = (loop / "run.toml").read_text().replace('kind = "loop"', 'kind = "run"')
    (loop / "run.toml").write_text(text)
    with pytest.raises(InvalidSettingsError, match="config: is missing"):
        read_description(loop)
