"""A terminal that is gone: the run goes on without it, costs no more, and takes signals."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from terminals import DEADLINE

UNSEEN = str(Path(__file__).with_name("unseen.py"))
RUN = ("--recipe", "kaiming", "--lr", "0.001", "--engine", "eager")


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)


def start(terminal):
    terminal.wait_for("READY")
    terminal.press("s")
    terminal.wait_for("TRAINING")
    return terminal.child.pid


def has_terminal(pid):
    streams = [Path(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)]
    return any(str(stream.readlink()) != os.devnull for stream in streams)


def test_app_and_command_train_on_without_their_terminals_to_the_end(open_terminal, tmp_path):
    facts, history = tmp_path / "facts", tmp_path / "history.csv"
    then = f"echo $TUI_TRAINER_STATE $TUI_TRAINER_STEPS > {facts}"
    app = open_terminal(*RUN, "--steps", "300", "--on-end", then)
    command = open_terminal("train", *RUN, "--steps", "2000", "--history", str(history))
    command.wait_for(r"train [\d.]+ val")
    command.hang_up()
    app.press("s")
    app.wait_for("STARTING")  # when it has no folder yet
    app.hang_up()
    assert command.wait_for_the_end_unread() == 0
    assert len(history.read_text().splitlines()) == 2001
    assert app.wait_for_the_end_unread() == 0
    assert facts.read_text() == "finished 300\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_it_takes_signals_without_its_terminal_however_it_learns_that_that_is_gone(open_terminal):
    told = open_terminal(UNSEEN, program=sys.executable)
    # The shell is told, and ignores it; the program finds out by itself.
    script = f"trap '' HUP; {sys.executable} {UNSEEN} & fg; exit $?"
    untold = open_terminal("-mc", script, program="/bin/bash")
    pids = [start(told), start(untold)]
    children = Path(f"/proc/{pids[1]}/task/{pids[1]}/children").read_text().split()
    pids[1] = int(children[0])
    for terminal, pid in zip((told, untold), pids, strict=True):
        terminal.hang_up()
        wait_for(lambda pid=pid: not has_terminal(pid), "it keeps its terminal")
        os.kill(pid, signal.SIGHUP)  # once more
        os.kill(pid, signal.SIGTERM)
        assert terminal.wait_for_the_end_unread() == 143


def test_a_run_that_is_paused_or_not_to_go_on_ends_with_its_terminal(open_terminal):
    paused = open_terminal(UNSEEN, program=sys.executable)
    unwanted = open_terminal(UNSEEN, "checkpoint", program=sys.executable)
    start(paused)
    paused.press(" ")
    paused.wait_for("PAUSED")
    start(unwanted)
    for terminal in (paused, unwanted):
        terminal.hang_up()
        assert terminal.wait_for_the_end_unread() == 129
