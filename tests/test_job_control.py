"""ctrl+z, fg and bg, as bash has them: the job is all that the shell has started together."""

import re
import sys
import time

import psutil
import pytest
from terminals import ALTERNATE_SCREEN, DEADLINE, PROGRAM

LOOP = """
import time
from pathlib import Path
from tui_trainer import Monitor

with Monitor(name="mine", total=1_000_000) as monitor:
    for step in monitor:
        time.sleep(0.002)
        monitor.log(loss=1 / step)
        if Path("break").exists():
            break
print("after the loop")
"""


@pytest.fixture
def shell(open_terminal, tmp_path, monkeypatch):
    """Open bash where a script `train.py` is, and its runs are."""
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path / "runs"))
    for name in ("TUI_TRAINER", "RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(LOOP)
    terminal = open_terminal("--norc", "-i", program="/bin/bash", PS1="ready> ")
    terminal.wait_for(r"ready>")
    return terminal


def press(shell, keys, pattern):
    """Press keys, and wait for what is sent from then on."""
    before, deadline = len(shell.sent), time.monotonic() + DEADLINE
    shell.press(keys)
    while not re.search(pattern.encode(), shell.sent[before:], re.DOTALL):
        assert time.monotonic() < deadline, f"{pattern!r} did not come:\n{shell.text}"
        assert shell.read(0.05) is not None


def suspend(shell):
    """Press ctrl+z, and wait for bash's word; return the job's processes, stopped all of them."""
    press(shell, "\x1a", "Stopped.*ready> ")
    assert not shell.is_on(ALTERNATE_SCREEN)
    return wait_until_stopped(shell)


def wait_until_stopped(shell):
    """Wait until all of the job's processes are, and return them."""
    processes = psutil.Process(shell.child.pid).children(recursive=True)
    deadline = time.monotonic() + DEADLINE
    while {process.status() for process in processes} != {psutil.STATUS_STOPPED}:
        assert time.monotonic() < deadline, processes
        time.sleep(0.05)
    return processes


def test_a_loop_is_suspended_with_its_screen_and_goes_on_in_front_and_in_the_background(
    shell, tmp_path
):
    press(shell, f"{sys.executable} train.py\n", "TRAINING")
    assert len(suspend(shell)) == 2  # the loop and its screen
    press(shell, "fg\n", "TRAINING")

    suspend(shell)
    press(shell, "bg\n", "&.*ready> ")
    press(shell, "fg\n", "TRAINING")  # to a job that runs bash sends nothing

    suspend(shell)
    (tmp_path / "break").touch()
    press(shell, "bg\n", "✓ mine finished .*after the loop")
    press(shell, "wait; echo gone\n", "\ngone")


def test_a_screen_that_another_program_has_started_is_suspended_with_it(shell, tmp_path):
    (tmp_path / "break").touch()
    press(shell, f"TUI_TRAINER=attach {sys.executable} train.py\n", "after the loop.*ready> ")
    press(shell, f"sh -c '{PROGRAM} attach last; echo left'\n", "FINISHED")  # as make would
    assert len(suspend(shell)) == 2
    press(shell, "fg\n", "FINISHED")

    suspend(shell)
    press(shell, "bg\n", "&.*ready> ")
    wait_until_stopped(shell)  # it has no use for the background
    press(shell, "fg\n", "FINISHED")
    press(shell, "q", "left.*ready> ")
