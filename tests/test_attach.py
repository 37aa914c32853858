"""The cockpit of a run that another process trains; runs that start in the background."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminals import DEADLINE
from test_cli import PROGRAM, invoke, run

from tui_trainer.runs.client import ask
from tui_trainer.runs.ownership import owner_of
from tui_trainer.runs.protocol import make_request

FOR_EVER = ("--recipe", "kaiming", "--lr", 0.001, "--steps", 10**9, "--engine", "eager")


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)
    return found


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def running(root):
    """Wait for a run that takes requests; return its folder and its owner."""

    def find():
        for file in root.glob("*/owner.json"):
            owner = owner_of(file.parent)
            if owner is not None and owner.socket and (file.parent / "fit.npz").exists():
                return file.parent, owner
        return None

    return wait_for(find, "it does not start")


def test_two_terminals_watch_a_run_one_leaves_and_the_other_sees_its_process_die(
    root, forks, open_terminal
):
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123
        process = forks.start("train", *FOR_EVER, stdout=nothing, stderr=nothing)
    try:
        folder, owner = running(root)
        ask(folder, make_request("pause"))  # it would take what the terminals need
        one, other = open_terminal("attach"), open_terminal()
        other.wait_for("READY")
        other.press("h")
        other.wait_for("elsewhere")
        other.press("\r")
        for terminal in (one, other):
            terminal.wait_for("attached: wave")
            terminal.wait_for("PAUSED")
        one.press(" ")
        for terminal in (one, other):
            terminal.wait_for("TRAINING")
            terminal.wait_for(r"(?s)\A(?!.*Paused at step)")
        one.press(" ")
        for terminal in (one, other):
            terminal.wait_for("PAUSED")
        step = int(one.wait_for(r"Paused at step ([\d,]+)\.")[1].replace(",", ""))
        other.press("n")
        one.wait_for(rf"Paused at step {step + 1:,}\.")
        maps = Path(f"/proc/{one.child.pid}/maps")
        assert not maps.exists() or "libtorch" not in maps.read_text()
        one.press("q")
        assert one.wait_for_the_end() == 0
        one.assert_restored()
        assert f"goes on in process {owner.pid}: tui-trainer attach" in one.sent.decode()
        other.press(" ")
        other.wait_for("TRAINING")
        process.send_signal(signal.SIGKILL)
        other.wait_for("INTERRUPTED")
        other.wait_for(rf"process {owner.pid} is\s+gone")
        other.press("q")
        assert other.wait_for_the_end() == 0
    finally:
        process.kill()
        process.communicate()
    alone = invoke("attach", folder)
    assert alone.exit_code == 2
    assert "needs a terminal" in alone.stderr


def test_a_run_starts_in_the_background_from_a_pipe_as_from_cron(root, tmp_path):
    bare = {"PATH": os.defpath, "HOME": str(tmp_path), "TUI_TRAINER_RUNS": str(root)}
    with (tmp_path / "lock").open("w") as lock:  # is not held by what goes on
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = subprocess.run(
            [PROGRAM, "train", *map(str, FOR_EVER), "--json", "--detach"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=bare,
            pass_fds=(lock.fileno(),),
            timeout=DEADLINE,
            check=True,
        )
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (folder,) = root.iterdir()
    owner = owner_of(folder)
    try:
        said = started.stdout.decode()
        assert f"{folder.name} (process {owner.pid})" in said
        assert f"tui-trainer attach {folder.name}" in said
        assert started.stderr == b""
        assert os.getsid(owner.pid) == owner.pid
        asked = invoke("control", "last", "status", "--json")
        assert (asked.exit_code, json.loads(asked.stdout)["ok"]) == (0, True)
        assert invoke("control", "last", "stop").exit_code == 0
        log = folder / "output.log"
        wait_for(lambda: log.read_text().endswith("}\n"), "it says nothing of its result")
        assert json.loads(log.read_text())["stop_reason"] == "stopped"
        wait_for(lambda: owner_of(folder) is None, "it does not end")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(owner.pid, signal.SIGKILL)


def test_what_can_not_start_in_the_background_says_why_in_a_line(root, tmp_path):
    unsaved = invoke("train", "--detach", "--no-save")
    assert unsaved.exit_code == 2
    assert "--detach with --no-save" in unsaved.stderr
    program = [sys.executable, "-c", FAILS]
    failed = run("train", "--detach", "--runs", tmp_path / "runs", program=program)
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert failed.stderr == b"tui-trainer: no luck\n"


FAILS = """
import sys
from tui_trainer.cli import report, main
def fails(*_):
    raise OSError("no luck")
report.Finale = fails
main()
"""
