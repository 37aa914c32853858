"""``tui-trainer run``: scripts as people write them, in an interpreter of their own."""

import io
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from terminals import DEADLINE, PROGRAM

from tui_trainer.cli import main
from tui_trainer.runs.client import NotReachedError, ask
from tui_trainer.runs.ledger import read_ledger
from tui_trainer.runs.metrics import read_metrics
from tui_trainer.runs.protocol import make_request

SCRIPTS = Path(__file__).parent / "scripts"
NOTHING = re.compile(r"tui-trainer: .*: nothing was recorded\n")


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("TUI_TRAINER", "RANK", "LOCAL_RANK", "SLURM_PROCID", "PYTHONSAFEPATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "runs"


def run(*words, program=(PROGRAM, "run"), **keywords):
    return subprocess.run([*program, *words], capture_output=True, text=True, **keywords)


def folder_of(runs, name):
    (folder,) = runs.glob(f"*{name}*")
    return folder


def values_in(folder):
    found = read_metrics(folder / "metrics").series.items()
    return {
        name: dict(zip(series.steps.tolist(), series.values.tolist(), strict=True))
        for name, series in found
    }


def printed_values(text):
    """Return what a script printed as ``step 3 loss 0.5 lr 0.1``: values by step, by name."""
    found = {}
    for line in re.findall(r"^step (.*)$", text, re.MULTILINE):
        step, *rest = line.split()
        for name, value in zip(rest[::2], rest[1::2], strict=True):
            found.setdefault(name, {})[int(step)] = np.float32(value)
    return found


def printed_by(path, monkeypatch):
    """Run a script in this process, which has torch already, and return what it prints."""
    monkeypatch.setattr(sys, "argv", [str(path)])
    threads, out = torch.get_num_threads(), io.StringIO()
    torch.set_num_threads(1)
    try:
        with redirect_stdout(out):
            runpy.run_path(str(path), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    return out.getvalue()


def fork(forks, *words):
    """Run a script in a process that has imported torch already."""
    process = forks.start("run", *words)
    out, err = process.communicate(DEADLINE)
    return subprocess.CompletedProcess(words, process.returncode, out.decode(), err.decode())


def test_scripts_print_the_same_and_what_they_print_is_on_disk(runs, forks, monkeypatch):
    for name in ("odd", "classifier", "transformer", "gan"):
        path = SCRIPTS / f"{name}.py"
        words = ("--grad-norm", str(path))
        done = run(*words) if name == "odd" else fork(forks, *words)
        assert (done.returncode, done.stdout) == (0, printed_by(path, monkeypatch)), done.stderr
        first, ending, where = done.stderr.splitlines()[-3:]
        assert "watch it: tui-trainer attach" in first
        assert ending.startswith(f"✓ {name}.py finished")
        folder = folder_of(runs, name)
        assert str(folder) in where
        recorded, printed = values_in(folder), printed_values(done.stdout)
        norms = printed.pop("norm", None)
        assert {metric: recorded[metric] for metric in printed} == printed
        expected = {"loss", "lr", "grad_norm"}
        if name == "gan":
            expected |= {f"{metric}_2" for metric in expected}
        if name != "odd":  # whose loops bring optimisers of their own
            assert set(recorded) == expected
        if norms is not None:
            assert recorded["grad_norm"] == pytest.approx(norms, abs=1e-5)


def follow(process, runs):
    """Return the folder of a run that a process has just begun, once it answers."""
    deadline = time.monotonic() + DEADLINE
    while True:
        assert time.monotonic() < deadline, "it does not answer"
        assert process.poll() is None, process.communicate()
        try:
            (folder,) = runs.iterdir()
            if ask(folder, make_request("status"))["step"] > 3:
                return folder
        except (OSError, ValueError, NotReachedError):
            time.sleep(0.05)


def until_status(folder, condition):
    deadline = time.monotonic() + DEADLINE
    while not condition(status := ask(folder, make_request("status"))):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def test_it_is_steered_and_stopped_between_two_steps(runs, forks):
    words = ["--epochs", "1000000", "--every", "1000000"]
    process = forks.start("run", SCRIPTS / "classifier.py", *words)
    try:
        folder = follow(process, runs)
        ask(folder, make_request("pause"))
        paused = until_status(folder, lambda status: status["state"] == "paused")
        ask(folder, make_request("lr", 0.003))
        ask(folder, make_request("step"))
        stepped = until_status(folder, lambda status: status["step"] > paused["step"])
        assert stepped["step"] == paused["step"] + 1
        until_status(folder, lambda status: status["metrics"]["lr"] == pytest.approx(0.003))
        ask(folder, make_request("step"))
        stepped = until_status(folder, lambda status: status["step"] > stepped["step"])
        ask(folder, make_request("stop"))
        _, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert f"□ classifier.py stopped after {stepped['step']:,} steps" in err.decode()
    lrs = values_in(folder)["lr"]  # before the last of them the script's scheduler set one
    last = [lrs[stepped["step"] - back] for back in (2, 1, 0)]
    assert last == pytest.approx([0.1, 0.003, 0.003])
    told = [entry["event"] for entry in read_ledger(folder)[0]]
    assert list(dict.fromkeys(told)) == ["started", "paused", "lr", "resumed", "ended"]


def test_a_rule_stops_it_with_an_interrupt_that_the_script_may_catch(runs, forks, tmp_path):
    saved = tmp_path / "model.pt"
    words = ["--epochs", "1000000", "--lr", "0", "--every", "1000000", "--save", saved]
    rule = ["--stop-when", "loss: patience 20", "--name", "mine"]
    done = fork(forks, *rule, str(SCRIPTS / "classifier.py"), *words)
    assert done.returncode == 0, done.stderr
    assert "■ mine stopped early after" in done.stderr
    assert done.stdout.endswith("interrupted, saving\n")
    assert torch.load(saved)["step"] == values_in(folder_of(runs, "mine"))["loss"].popitem()[0]


def test_a_script_sees_and_ends_what_it_would_without_us(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    source = (SCRIPTS / "plain.py").read_text()
    for file in (tmp_path / "plain.py", package / "__main__.py", package / "module.py"):
        file.write_text(source)
    (package / "__init__.py").touch()
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    statuses = {}
    for words in (
        *(["plain.py", how] for how in ("raise", "interrupt", "hook", "exit", "words", "spawn")),
        ["package", "-m", "--help"],
        ["-m", "package", "--name", "raise"],
        ["-m", "package.module", "exit"],
        ["broken.py"],
        ["-m", "missing.module"],
        ["empty"],
    ):
        ours, pythons = run(*words), run(*words, program=(sys.executable,))
        told = NOTHING.sub("", ours.stderr)
        assert (ours.returncode, ours.stdout) == (pythons.returncode, pythons.stdout), told
        assert told == pythons.stderr
        statuses[words[-1]] = ours.returncode
    assert (statuses["interrupt"], statuses["empty"]) == (-signal.SIGINT, 1)


def test_what_can_not_be_run_is_a_line(tmp_path, monkeypatch):
    (tmp_path / "program").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "program").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for words, problem in (
        (["nowhere.py"], "no file nowhere.py"),
        (["program"], "program is no Python script"),
        (["--stop-when", "loss: patience -1", "x.py"], "stop_when: "),
        ([], "Missing argument 'SCRIPT'"),
    ):
        done = CliRunner().invoke(main, ["run", *words])
        assert (done.exit_code, done.stdout) == (2, "")
        assert problem in done.stderr
    console_script = run("tui-trainer", "--version")  # our own is one
    assert console_script.stdout.startswith("tui-trainer, version ")
    assert NOTHING.fullmatch(console_script.stderr)
