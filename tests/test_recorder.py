"""What is written of a run while it goes on, and what a disk that fails costs: nothing."""

import csv
import errno
import json
import os
import re
import statistics
import time

import numpy as np
import pytest
from comparing import assert_identical
from reference_loop import PRESETS, make

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.console.runs import row
from tui_trainer.formatting import loss_text
from tui_trainer.runs import writer as writer_module
from tui_trainer.runs.description import read_description
from tui_trainer.runs.fit_file import fit_bytes, read_fit
from tui_trainer.runs.folder import CANDIDATES, FIT
from tui_trainer.runs.ledger import parse_line, read_ledger, to_entry, to_event, to_line
from tui_trainer.runs.listing import read_run
from tui_trainer.runs.recording import record
from tui_trainer.runs.saved import SavedRun
from tui_trainer.runs.summary import read_summary
from tui_trainer.runs.sweep_recorder import record_sweep
from tui_trainer.runs.writer import MOST_BYTES, Writer
from tui_trainer.sweeps.axes import parse_axis
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.plan import plan_sweep
from tui_trainer.sweeps.result import SweepResult
from tui_trainer.sweeps.sweeper import sweep
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    EngineChanged,
    FitSampled,
    LrChanged,
    Noted,
    NotLearning,
    Paused,
    Points,
    Recorded,
    RunEnded,
)
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State
from tui_trainer.tui.runs.reading import to_row
from tui_trainer.tui.runs.wording import chosen_text

DEADLINE = 90.0


@pytest.fixture
def soon(monkeypatch):
    """Let the writer try again at once."""
    monkeypatch.setattr(writer_module, "RETRY_SECONDS", 0.01)


@pytest.fixture
def disk(monkeypatch):
    """A disk that can be full: it takes half of what is written then."""
    state = {"full": False, "refused": 0}
    pwrite, replace = os.pwrite, os.replace

    def refuse():
        state["refused"] += 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full_pwrite(descriptor, data, at):
        if state["full"]:
            if len(data) > 1:
                return pwrite(descriptor, data[: len(data) // 2], at)
            refuse()
        return pwrite(descriptor, data, at)

    def full_fsync(descriptor):
        if state["full"]:
            refuse()

    monkeypatch.setattr(os, "pwrite", full_pwrite)
    monkeypatch.setattr(os, "fsync", full_fsync)
    monkeypatch.setattr(os, "fdatasync", full_fsync)
    monkeypatch.setattr(os, "replace", replace)
    return state


def test_a_full_disk_costs_no_step(tmp_path, disk, soon):
    config = make("dropout", steps=100_000)
    control, result, told = Control(), RunResult(config), []
    deadline = time.monotonic() + DEADLINE
    for event in record(config, control, tmp_path):
        result.apply(event)
        assert time.monotonic() < deadline
        if isinstance(event, Recorded):
            told.append(event.problem)
        disk["full"] = result.step > 50 and "the disk is full" not in told
        if told[-1:] == [""] and "the disk is full" in told and result.step > 200:
            control.stop()
    assert told == ["", "the disk is full", ""]
    assert disk["refused"]
    saved = SavedRun(result.folder)
    assert saved.losses.steps == result.step
    whole = result.history.losses("train"), result.history.losses("val")
    assert_identical((saved.losses.train, saved.losses.val), whole)
    assert saved.notes == []
    assert read_summary(result.folder).state is State.STOPPED


def test_a_folder_that_is_gone_for_a_while_has_it_all_in_the_end(tmp_path, soon):
    config = make("kaiming", steps=10**6)
    control, result, told = Control(), RunResult(config), []
    elsewhere = tmp_path / "elsewhere"
    deadline = time.monotonic() + DEADLINE
    for event in record(config, control, tmp_path / "runs"):
        result.apply(event)
        assert time.monotonic() < deadline
        told += [event.problem] if isinstance(event, Recorded) else []
        if result.step > 50 and not elsewhere.exists() and told == [""]:
            result.folder.rename(elsewhere)
        elif elsewhere.exists() and told[-1]:
            elsewhere.rename(result.folder)
        elif len(told) == 3:
            control.stop()
    assert told == ["", "its folder is gone", ""]
    assert SavedRun(result.folder).losses.steps == result.step


def test_where_no_folder_can_be_made_the_run_goes_on_and_says_so(tmp_path):
    (tmp_path / "file").touch()
    events = list(record(make("kaiming", steps=20), Control(), tmp_path / "file"))
    (told,) = [event for event in events if isinstance(event, Recorded)]
    assert told.folder is None
    assert "Not a directory" in told.problem or "File exists" in told.problem
    assert events[-1].reason is StopReason.COMPLETED


def test_the_folder_says_what_was_chosen_what_happened_and_how_it_stands(tmp_path):
    config = make("stop-patient")
    events = list(record(config, Control(), tmp_path))
    (folder,) = tmp_path.iterdir()
    description = read_description(folder)
    assert description.config == config
    assert (description.kind, description.pid, description.threads) == ("run", os.getpid(), 1)
    summary = read_summary(folder)
    assert (summary.state, summary.step) == (State.STOPPED_EARLY, 146)
    assert summary.best_step == 143
    assert summary.detail == events[-1].detail
    points, fits = read_fit(folder)
    assert np.array_equal(points.train_x, events[0].points.train_x)
    last = [event for event in events if isinstance(event, FitSampled)][-2:]
    assert {(fit.weights, fit.step) for fit in fits} >= {(fit.weights, fit.step) for fit in last}
    entries, note = read_ledger(folder)
    assert [entry["event"] for entry in entries] == ["started", "ended"]
    assert note == ""
    assert to_event(entries[-1]) == events[-1]


def test_every_entry_reads_back_as_its_event():
    ended = RunEnded(StopReason.DIVERGED, "why", 3, float("inf"), float("nan"), 1, 2.5, seconds=0.1)
    for event in (
        LrChanged(5, 0.1),
        EngineChanged(7, "compiled", "ready"),
        NotLearning(1, 4, "zeros"),
        Noted("a step differs"),
        Paused(3),
        ended,
    ):
        assert repr(to_event(to_entry(event))) == repr(event)
    assert to_event({"event": "ended", "reason": "of tomorrow"}) is None
    assert to_event({"event": "of tomorrow"}) is None


def test_a_line_with_a_field_of_another_type_is_none():
    """So that what reads a ledger may trust it, whoever wrote it."""
    entries = [
        {"event": "started", "engine": "eager", "engine_reason": "", "device": "cpu", "threads": 1},
        {"event": "continued", "step": 5, "from": 3, "steps": 9},
        *map(to_entry, (LrChanged(5, 0.1), EngineChanged(7, "compiled", "ready"), Paused(3))),
        *map(to_entry, (NotLearning(1, 4, "zeros"), Noted("words"))),
        to_entry(RunEnded(StopReason.STOPPED, "why", 3, 1.0, 2.0, 1, 2.5, seconds=0.1)),
    ]
    for entry in entries:
        assert parse_line(to_line(entry)).items() >= entry.items()
        for key in entry.keys() - {"from"}:
            others = [5, [], None] if isinstance(entry[key], str) else [[], {}, "words"]
            others += [-1, 10**30] * (key in ("step", "steps", "threads", "best_step"))
            for other in others:
                line = json.dumps(entry | {key: other}).encode()
                assert parse_line(line) is None, line
    for line in (b"", b"7", b"[]", b"{}", b"[" * 10**5, b'{"event": "lr", "lr": NaN}'):
        assert parse_line(line) is None


def test_a_damaged_fit_is_none(tmp_path):
    x = np.zeros(3, np.float32)
    fit = FitSampled(5, "last", x, x, {"R²": 0.5})
    whole = fit_bytes(Points(x, x, x, x), {"last": fit})
    (tmp_path / FIT).write_bytes(whole)
    assert read_fit(tmp_path)[1][0].step == 5
    for at in range(0, len(whole), 11):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            (tmp_path / FIT).write_bytes(content)
            read_fit(tmp_path)
    for wrong in (np.zeros(2), np.zeros((3, 1)), np.array(["a", "b", "c"]), np.array([fit] * 3)):
        points = Points(x, x, x, wrong)
        (tmp_path / FIT).write_bytes(fit_bytes(points, {}))
        assert read_fit(tmp_path) == (None, [])
    empty = x[:0]
    (tmp_path / FIT).write_bytes(fit_bytes(Points(empty, empty, x, x), {}))
    assert read_fit(tmp_path) == (None, [])


def test_a_cut_ledger_is_read_up_to_there_and_goes_on_below(tmp_path):
    events = list(record(make("kaiming", steps=20), Control(), tmp_path))
    (folder,) = tmp_path.iterdir()
    ledger = folder / "events.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-30])
    entries, note = read_ledger(folder)
    assert [entry["event"] for entry in entries] == ["started"]
    assert "line 2 can't be read" in note
    assert events[-1].steps == 20


def test_a_sweep_is_a_folder_with_a_table(tmp_path):
    plan = plan_sweep(
        PRESETS, "kaiming", [parse_axis("lr=0.003,1000", PRESETS)], seeds=2, steps=30, seed=100
    )
    result = SweepResult(plan)
    for event in record_sweep(plan, lambda: sweep(plan, SweepControl()), tmp_path):
        result.apply(event)
    (folder,) = tmp_path.iterdir()
    with (folder / CANDIDATES).open() as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: int(row["candidate"]))
    assert [row["seed"] for row in rows] == ["100", "101"] * 2
    assert [row["lr"] for row in rows] == ["0.003"] * 2 + ["1000"] * 2
    assert [row["reason"] for row in rows] == ["completed"] * 2 + ["diverged"] * 2
    assert [np.float32(row["val_loss"]) for row in rows[:2]] == [
        np.float32(candidate.val_loss) for candidate in result.candidates[:2]
    ]
    summary = read_summary(folder)
    assert (summary.state, summary.step, summary.steps) == (State.FINISHED, 4, 4)
    assert (summary.recommended, summary.lr) == ("lr 0.003", 0.003)
    best = statistics.median(candidate.best.val_loss for candidate in result.candidates[:2])
    assert summary.best_val_loss == best  # not that of one lucky candidate
    stored = read_run(folder)
    assert re.search(rf" 4 done +{loss_text(best)} .* 0\.003 .* recommends lr 0\.003$", row(stored))
    assert chosen_text(to_row(stored), None) == "recommends lr 0.003 · sweep: 2 lr × 2 seeds"
    assert read_description(folder).axes == {"lr": ["0.003", "1000"]}
    with pytest.raises(InvalidSettingsError, match=r"is a sweep, not a run; .*/candidates\.csv"):
        SavedRun(folder)


def test_a_writer_gives_up_data_before_memory_and_never_a_word(soon):
    writer, done, blocked = Writer(), [], [True]

    def job(name):
        def work():
            if blocked:
                raise OSError(errno.EROFS, "read-only")
            done.append(name)

        return work

    writer.add(job("first"), size=1)
    for number in range(3):
        writer.add(job(f"data {number}"), size=MOST_BYTES // 2 - 1)
        writer.add(job(f"word {number}"))
    writer.add(job("state"), name="state")
    writer.add(job("newer state"), name="state")
    deadline = time.monotonic() + DEADLINE
    while not writer.problem and time.monotonic() < deadline:
        time.sleep(0.005)
    assert writer.problem == "the disk is read-only"
    blocked.clear()
    writer.close()
    assert writer.problem == ""
    assert writer.lost == 1
    assert done == ["first", "word 0", "data 1", "word 1", "data 2", "word 2", "newer state"]
