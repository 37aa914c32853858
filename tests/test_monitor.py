"""`Monitor` around loops as people write them, in this process and without a screen."""

import errno
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tui_trainer import Monitor
from tui_trainer.cli import main
from tui_trainer.monitor import monitor as monitor_module
from tui_trainer.monitor import output
from tui_trainer.monitor.follow import follow_loop
from tui_trainer.monitor.result import LoopResult
from tui_trainer.monitor.rows import MOST_NAMES, Rows
from tui_trainer.monitor.steering import Rates
from tui_trainer.monitor.stop_rule import parse_stop_rule
from tui_trainer.runs import metrics_writer
from tui_trainer.runs.client import RemoteControl, ask
from tui_trainer.runs.ledger import read_ledger
from tui_trainer.runs.metrics import read_metrics
from tui_trainer.runs.protocol import make_request
from tui_trainer.training.state import State
from tui_trainer.training.stopping_rules.prechelt import ProgressQuotientRule

DEADLINE = 90


@pytest.fixture(autouse=True)
def _without_a_screen(monkeypatch):
    monkeypatch.setenv("TUI_TRAINER", "attach")
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)


def folder_in(root):
    (folder,) = root.iterdir()
    return folder


def result_of(root):
    """Fold what a loop left in its folder."""
    folder = folder_in(root)
    control, result = RemoteControl(folder, lambda _: None), LoopResult()
    for event in follow_loop(folder, control):
        result.apply(event)
    control.leave()
    return result


def ledger_of(root):
    return [entry["event"] for entry in read_ledger(folder_in(root))[0]]


def values_of(root, name):
    series = read_metrics(folder_in(root) / "metrics").series[name]
    return dict(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, problem
        time.sleep(0.01)
    return found


def test_a_loop_is_on_disk_as_it_was_logged(tmp_path, capsys):
    with Monitor(name="resnet, lr 0.1", total=1000, runs=tmp_path) as monitor:
        for step in monitor:
            monitor.log(train_loss=1 / step, odd=np.float32(step))
            if step % 100 == 0:
                monitor.log({"val/acc": torch.tensor(step / 1000, requires_grad=True)})
                monitor.log(train_loss=2.0, whole=step, flag=True, nothing=None)
    result = result_of(tmp_path)
    assert (result.name, result.total, result.step) == ("resnet, lr 0.1", 1000, 1000)
    assert result.state is State.FINISHED
    expected = {step: np.float32(2.0 if step % 100 == 0 else 1 / step) for step in range(1, 1001)}
    assert values_of(tmp_path, "train_loss") == expected
    assert values_of(tmp_path, "odd")[999] == 999
    assert values_of(tmp_path, "val/acc") == {
        s: np.float32(s / 1000) for s in range(100, 1001, 100)
    }
    assert set(values_of(tmp_path, "flag").values()) == {1.0}
    assert "nothing" not in result.metrics
    assert result.metrics["val/acc"].best == (1000, 1.0)
    told = capsys.readouterr().err
    assert "tui-trainer attach" in told
    assert "✓ resnet, lr 0.1 finished 1,000 steps" in told


def test_odd_loops_leave_what_they_did(tmp_path):
    def nested(monitor):
        for step in monitor:
            monitor.log(loss=[math.nan, math.inf, -math.inf, 1e300, 10**400][step % 5])
            for _ in range(3):
                break
            if step == 50:
                return "left"
        return "done"

    with Monitor(total=100, runs=tmp_path / "left") as monitor:
        assert nested(monitor) == "left"
    values = values_of(tmp_path / "left", "loss")
    assert math.isnan(values[5])
    assert [values[step] for step in range(6, 10)] == [math.inf, -math.inf, math.inf, math.inf]
    assert (result_of(tmp_path / "left").step, result_of(tmp_path / "left").total) == (50, 100)

    with Monitor(runs=tmp_path / "quiet") as monitor:  # logs nothing, knows no total
        for step in monitor:
            if step == 7:
                break
    assert (result_of(tmp_path / "quiet").step, result_of(tmp_path / "quiet").metrics) == (7, {})

    with Monitor(runs=tmp_path / "uncounted") as monitor:  # never says which step it is
        monitor.log(val=9.0)
        for number in range(5):
            monitor.log(loss=float(number))
            monitor.log(acc=1.0)
    assert list(values_of(tmp_path / "uncounted", "loss")) == [1, 2, 3, 4, 5]
    assert values_of(tmp_path / "uncounted", "val") == {1: 9.0}

    with Monitor(runs=tmp_path / "told") as monitor:
        for number in (10, 20, 30, 25):
            monitor.log({"loss": float(number)}, step=number)
        monitor.log(late=1.0, step=15)
    assert list(values_of(tmp_path / "told", "loss")) == [10, 20, 25, 30]
    assert list(values_of(tmp_path / "told", "late")) == [15]

    with Monitor(runs=tmp_path / "items") as monitor:
        seen = [item for _ in range(2) for item in monitor.over("abc")]
    assert (seen, result_of(tmp_path / "items").step) == (list("abcabc"), 6)


def test_metrics_that_come_together_once_and_apart_later_are_each_in_one_file_from_then_on():
    rows = Rows()
    rows.add([(1, {"a": 1.0, "b": 2.0, "c": 3.0}), (2, {"b": 4.0}), (3, {"c": 1.0, "a": 5.0})])
    rows.add([(4, {"a": 1.0, "b": 2.0, "c": 3.0})])
    tables = [(names, steps.tolist()) for names, steps, _ in rows.take()]
    assert tables == [(("a", "b", "c"), [1]), (("b",), [2, 4]), (("a", "c"), [3, 4])]
    rows.add([(3, {"b": 1.0}), (5, {"step": 1.0, "\x1b[2J": 2.0})])
    assert [(names, steps.tolist()) for names, steps, _ in rows.take()] == [(("\\x1b[2J",), [5])]
    assert len(rows.notes) == 2


def test_the_last_value_is_the_one_that_was_logged_last_in_whatever_company():
    rows = Rows()
    rows.add([(10, {"loss": 10.0, "acc": 10.0}), (11, {"loss": 11.0})])
    assert rows.last == {"loss": 11.0, "acc": 10.0}
    rows.add([(20, {"loss": 20.0, "acc": 20.0}), (21, {"loss": 21.0}),
              (30, {"loss": 30.0, "acc": 30.0})])  # fmt: skip
    assert rows.last == {"loss": 30.0, "acc": 30.0}
    apart = [(step, {name: float(step)}) for step in range(31, 40) for name in ("loss", "acc")]
    rows.add(apart)  # as threads do, whose values are joined in a step
    assert rows.last == {"loss": 39.0, "acc": 39.0}


def test_of_many_names_the_first_are_kept(tmp_path):
    with Monitor(total=20, runs=tmp_path) as monitor:
        for step in monitor:
            monitor.log({f"m{step * 1000 + number}": 1.0 for number in range(1000)})
    result = result_of(tmp_path)
    assert len(result.metrics) == MOST_NAMES
    assert [note for note in result.notes if "10,000 metrics" in note]
    assert result.step == 20


def test_what_is_no_number_is_refused_by_name(tmp_path):
    with Monitor(runs=tmp_path) as monitor:
        for value in (
            "text",
            [1.0],
            torch.zeros(3, 4),
            np.zeros(2),
            1j,
            np.complex64(1),
            {"a": 1},
            object(),
        ):
            with pytest.raises(
                TypeError, match=r"^val_acc: expected a number or a tensor"
            ) as caught:
                monitor.log(val_acc=value)
            assert "\n" not in str(caught.value)
        for step in (2**70, -1, math.nan, math.inf, "one", 10**5000):
            with pytest.raises(ValueError, match=r"^log: step: expected 0 to [^\n]*$"):
                monitor.log(val_acc=1.0, step=step)
    for arguments in (
        {"total": 0}, {"total": 2**54}, {"total": 1.5}, {"total": True}, {"stop_when": "patience"},
        {"name": 5}, {"stop_when": 5},
        {"stop_when": "val_loss: sloth 3"}, {"stop_when": "val_loss: patience 0"},
        {"stop_when": "val_loss: patience 1 2 3"}, {"stop_when": "acc: generalization-loss"},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"^(name|total|stop_when): [^\n]*$"):
            Monitor(**arguments)
    with pytest.raises(RuntimeError, match="with statement"):
        next(iter(Monitor()))
    with pytest.raises(TypeError, match="expected an optimizer"):
        Monitor().attach(torch.nn.Linear(1, 1))


def test_off_and_every_rank_but_the_first_do_nothing_at_all(tmp_path, monkeypatch, capsys):
    for name, value in (("TUI_TRAINER", "off"), ("RANK", "1"), ("SLURM_PROCID", "3")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with Monitor(total=3, runs=tmp_path) as monitor:
                for step in monitor:
                    monitor.log(loss=step)
                monitor.checkpoint(print)
            assert monitor.lr is None
    assert (list(tmp_path.iterdir()), capsys.readouterr().err) == ([], "")
    monkeypatch.setenv("RANK", "0")
    with Monitor(total=3, runs=tmp_path):
        pass
    assert result_of(tmp_path).state is State.FINISHED
    monkeypatch.setenv("TUI_TRAINER", "maybe")
    with pytest.raises(ValueError, match="TUI_TRAINER: expected attach or off, got 'maybe'"):
        Monitor()


def test_a_rule_ends_the_loop_and_says_why(tmp_path):
    with Monitor(runs=tmp_path / "up", stop_when="val_acc: patience 5") as monitor:
        for step in monitor:
            monitor.log(val_acc=min(step, 7) / 10)
            monitor.checkpoint(lambda: None)
            time.sleep(0.001)
    result = result_of(tmp_path / "up")
    assert result.state is State.STOPPED_EARLY
    assert result.ended.detail == "val_acc has not improved on 0.700 for 5 values (step 12)"
    assert monitor.stopped
    assert list(values_of(tmp_path / "up", "val_acc bound"))[-1] == 12
    assert ledger_of(tmp_path / "up")[-2:] == ["checkpoint", "ended"]

    rule = parse_stop_rule("val/acc: first-increase")
    rule.judge(np.array([1, 2]), np.array([0.5, 0.25], np.float32))
    assert rule.reason == "val/acc 0.250 fell below 0.500, the value before (step 2)"
    rule = parse_stop_rule("loss: patience 3 0.5")
    bounds = rule.judge(np.arange(1, 9), np.array([3, 2, 1.9, 1.8, 1.7, 0, 0, 0], np.float32))
    assert bounds.tolist()[1:] == [2.5, 1.5, 1.5, 1.5]
    assert not rule.wants("loss")


def test_progress_quotient_pairs_each_value_with_the_training_loss_of_then(tmp_path):
    text = "val_loss, train_loss: progress-quotient 0.5 4"
    steps = np.arange(1, 401)
    train = (1 + 1 / steps).astype(np.float32)
    val = (abs(steps - 100) / 100 + 1).astype(np.float32)
    every = steps % 5 == 0  # validation comes at every fifth step, and twice before training
    expected = ProgressQuotientRule(0.5, 4).observe(train[every][2:], val[every][2:])
    assert expected.stop

    def logged(step):
        value = train[step - 1] if step > 10 else None
        return {"train_loss": value} | ({"val_loss": val[step - 1]} if step % 5 == 0 else {})

    rules = [parse_stop_rule(text) for _ in range(3)]
    for rule, chunk in zip(rules, (1, 7, 400), strict=True):
        rows, bounds = Rows(), []
        for first in range(1, 401, chunk):
            named = [(n, logged(n)) for n in range(first, min(first + chunk, 401))]
            rows.add([(n, {k: v for k, v in row.items() if v is not None}) for n, row in named])
            tables = list(rows.take())
            for table in tables:
                rule.see(table)
            for names, at, values in tables:
                if rule.wants("val_loss") and "val_loss" in names:
                    bounds += rule.judge(at, values[:, names.index("val_loss")]).tolist()
        assert np.isnan(bounds[:2]).all()
        assert np.array_equal(
            np.array(bounds[2:], np.float32), expected.bounds.astype(np.float32), equal_nan=True
        )
    reasons = {rule.reason for rule in rules}
    assert len(reasons) == 1
    at = 10 + 5 * len(expected.bounds)
    assert re.fullmatch(
        rf"val_loss \S+ exceeded \S+, \S+ % above its lowest: 0.5 × the training progress of \S+ "
        rf"over 4 values \(step {at}\)", reasons.pop()
    )  # fmt: skip

    with Monitor(runs=tmp_path, stop_when=text, total=400) as monitor:
        for step in monitor:
            monitor.log(logged(step))
            time.sleep(0.002)
    result = result_of(tmp_path)
    assert result.state is State.STOPPED_EARLY
    assert result.ended.detail.endswith(f"(step {at})")


def test_it_is_steered_from_outside_between_steps(tmp_path, capsys):
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(3)]
    groups = [{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 0.2}]
    first = torch.optim.SGD(groups, lr=0.1)
    second = torch.optim.Adam([parameters[2]], lr=torch.tensor(0.4))
    steps, saved, problems = [], [], []

    def watch():
        try:
            folder = wait_for(lambda: tmp_path.exists() and folder_in(tmp_path), "no folder")
            send = partial(_send, folder)
            wait_for(lambda: steps and (folder / "owner.json").exists(), "no step")
            wait_for(lambda: _answers(send), "no answer")
            send("pause")
            wait_for(lambda: send("status")["state"] == "paused", "no pause")
            seen = len(steps)
            send("step")
            wait_for(lambda: len(steps) == seen + 1, "no single step")
            send("checkpoint")
            wait_for(lambda: saved, "no checkpoint while paused")
            send("lr", 0.05)
            wait_for(lambda: send("status")["lr"] == 0.05, "no lr")
            assert len(steps) == seen + 1
            send("resume")
            wait_for(lambda: len(steps) > seen + 5, "it did not resume")
            send("stop")
        except BaseException as error:
            problems.append(error)
            monitor._control.stop()

    def save():
        saved.append(len(steps))
        raise OSError("no room")

    with Monitor(runs=tmp_path) as monitor:
        monitor.attach(first)
        monitor.attach(second)
        monitor.checkpoint(save)
        assert monitor.lr == pytest.approx(0.1)
        watcher = threading.Thread(target=watch)
        watcher.start()
        for step in monitor:
            steps.append(step)
            time.sleep(0.002)
    watcher.join()
    assert problems == []
    rates = [group["lr"] for group in first.param_groups]
    assert rates == pytest.approx([0.05, 0.1])
    assert float(second.param_groups[0]["lr"]) == pytest.approx(0.2)
    result = result_of(tmp_path)
    assert (result.state, result.step) == (State.STOPPED, steps[-1])
    assert result.lr_changes == [saved[0] + 1]
    assert len(saved) == 2  # when it was asked for, and before the stop
    assert "OSError: no room" in result.notes[0]
    assert f"⚠ no checkpoint at step {len(steps)}: OSError: no room" in capsys.readouterr().err
    events = ledger_of(tmp_path)
    assert (events[1], events.count("checkpoint"), events[-1]) == ("paused", 2, "ended")


def test_a_scheduler_goes_on_in_proportion_from_an_lr_that_was_set():
    schedules = torch.optim.lr_scheduler

    def in_sequence(optimizer):
        parts = [schedules.LinearLR(optimizer, 0.1, 1.0, 9), schedules.StepLR(optimizer, 4)]
        return [*parts, schedules.SequentialLR(optimizer, parts, [9])]

    makers = (
        lambda it: [schedules.LambdaLR(it, lambda step: 0.9**step)],
        lambda it: [schedules.StepLR(it, 4)],
        lambda it: [schedules.PolynomialLR(it, 20, power=2.0)],
        lambda it: [schedules.CosineAnnealingLR(it, 12, eta_min=0.02)],
        lambda it: [schedules.CosineAnnealingWarmRestarts(it, 7, eta_min=0.02)],
        lambda it: [schedules.OneCycleLR(it, 1.0, total_steps=25)],
        lambda it: [schedules.CyclicLR(it, 0.1, 1.0, step_size_up=5)],
        lambda it: [torch.optim.swa_utils.SWALR(it, 0.05, anneal_epochs=12)],
        in_sequence,
    )
    for make in makers:
        found = []
        for factor in (1.0, 0.3):
            parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
            groups = [{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 0.2}]
            optimizer = torch.optim.SGD(groups, lr=0.1)
            *parts, last = make(optimizer)
            rates = Rates()
            rates.attach(optimizer)
            rates.schedulers = parts or [last]
            lrs = []
            for step in range(20):
                if step == 6:
                    rates.change(rates.lr * factor)
                by = factor if step >= 6 else 1
                lrs += [group["lr"] / by for group in optimizer.param_groups]
                optimizer.step()
                last.step()
            found.append(lrs)
        assert found[1] == pytest.approx(found[0])


def test_the_lr_it_shows_is_the_one_in_force_and_a_rule_without_its_metric_says_so(
    tmp_path, capsys
):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.4)
    halve = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with Monitor(runs=tmp_path, stop_when="val_los: patience 3") as monitor:
        monitor.attach(optimizer)
        for _ in range(3):
            monitor.step()
            monitor.log(val_loss=1.0, acc=0.5, gap=math.nan)
            optimizer.step()
            halve.step()
    result = result_of(tmp_path)
    assert result.lr == pytest.approx(0.05)
    words = "stop_when: nothing is logged as 'val_los'; logged: val_loss, acc, gap"
    assert list(result.notes) == [words]
    assert result.summary.metrics["gap"] is None
    assert result.summary.steps_per_second == pytest.approx(3 / result.seconds)
    shown = CliRunner().invoke(main, ["show", str(folder_in(tmp_path))]).stdout
    assert re.search(r"\ngap +not finite\n", shown)
    assert f"⚠ {words}" in capsys.readouterr().err


def _send(folder, name, lr=None):
    return ask(folder, make_request(name, lr))


def _answers(send):
    try:
        return send("status")
    except ValueError:
        return False


def test_exceptions_pass_as_they_are_and_end_it(tmp_path):
    def train(root, error):
        with Monitor(total=10, runs=root) as monitor:
            for step in monitor:
                monitor.log(loss=step)
                if step == 4:
                    raise error

    for error, state, detail in (
        (ValueError("bad\nluck"), State.FAILED, "ValueError: bad luck"),
        (KeyboardInterrupt(), State.STOPPED, "interrupted with ctrl+c"),
        (SystemExit(0), State.STOPPED, "ended with sys.exit"),
        (SystemExit(3), State.FAILED, "SystemExit: 3"),
    ):
        root = tmp_path / f"{type(error).__name__}{error.args}"
        with pytest.raises(type(error)) as caught:
            train(root, error)
        assert caught.value is error
        files = [str(entry.path) for entry in caught.traceback]
        assert not [file for file in files if file.startswith(monitor_module.__file__)]
        result = result_of(root)
        assert (result.state, result.ended.detail, result.step) == (state, detail, 4)
        assert values_of(root, "loss") == {1: 1, 2: 2, 3: 3, 4: 4}


def test_a_full_disk_is_a_line_and_what_waits_is_written_when_there_is_room(
    tmp_path, monkeypatch, capsys
):
    write, is_full = os.pwrite, threading.Event()

    def pwrite(*arguments):
        if is_full.is_set():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(*arguments)

    monkeypatch.setattr(metrics_writer.os, "pwrite", pwrite)
    with Monitor(runs=tmp_path / "a") as monitor:
        is_full.set()
        for step in monitor:
            monitor.log(loss=float(step))
            time.sleep(0.001)
            if monitor._recorder.problem:
                break
        assert monitor._recorder.status()["problem"] == "the disk is full"
        is_full.clear()
    assert len(values_of(tmp_path / "a", "loss")) == step
    assert "not all of it is saved" not in capsys.readouterr().err
    (tmp_path / "file").touch()
    with Monitor(total=3, runs=tmp_path / "file" / "runs") as monitor:
        assert [monitor.log(loss=1.0) for _ in monitor] == [None] * 3
    assert "is not saved" in capsys.readouterr().err


def test_a_forked_child_is_off_and_holds_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        with Monitor(runs=tmp_path) as monitor:
            monitor.log(loss=1.0)
            child = os.fork()
            if not child:
                try:
                    monitor.log(loss=2.0)
                    list(monitor.over([1, 2]))
                    monitor.close()
                    still = monitor._append
                finally:
                    os._exit(0 if still is None else 1)
            assert os.waitpid(child, 0)[1] == 0
            monitor.log(loss=3.0)
    assert list(values_of(tmp_path, "loss").values()) == [1.0, 3.0]
    assert ledger_of(tmp_path) == ["started", "ended"]


def test_the_scripts_own_handler_of_sigterm_has_its_turn_after_the_checkpoint(tmp_path):
    calls = []
    before = signal.signal(signal.SIGTERM, lambda *_: calls.append("handler"))
    try:
        own = signal.getsignal(signal.SIGTERM)
        with Monitor(total=5, runs=tmp_path) as monitor:
            monitor.checkpoint(lambda: calls.append("saved"))
            for step in monitor:
                if step == 2:
                    os.kill(os.getpid(), signal.SIGTERM)
                    calls.append("the step's end")
        assert calls == ["the step's end", "saved", "handler"]
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result_of(tmp_path).state is State.FINISHED
    assert ledger_of(tmp_path) == ["started", "checkpoint", "ended"]


def test_what_is_printed_is_bounded_and_leads_nowhere_while_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "MOST_BYTES", 1000)
    file, stream = output.OutputFile(tmp_path), os.open(os.devnull, os.O_WRONLY)
    file.take((stream,))
    for number in range(200):
        os.write(stream, b"line %03d\n" % number)
    file.bound("")
    os.write(stream, b"after\n")
    lines = file.path.read_bytes().splitlines()
    assert lines == [b"line %03d" % n for n in range(200 - len(lines) + 1, 200)] + [b"after"]
    assert 400 < file.size() <= 506
    file.bound("the disk is full")
    os.write(stream, b"lost\n")
    file.bound("")
    os.write(stream, b"back\n")
    assert file.path.read_bytes().endswith(b"after\nback\n")
    os.close(stream)


def test_importing_it_brings_neither_torch_nor_textual_nor_numpy():
    code = "from tui_trainer import Monitor; import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(found.stdout.split())
    assert "tui_trainer.monitor.monitor" in names
    assert not {"torch", "textual", "numpy", "pyarrow", "tqdm"} & names
