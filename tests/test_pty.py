"""The installed program in a real terminal: what a person sees, and the terminal left as it was."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from terminals import ALTERNATE_SCREEN, CURSOR, DEADLINE, MODES, SMALL, WIDE

STUBBORN, UNSEEN = (str(Path(__file__).with_name(f"{name}.py")) for name in ("stubborn", "unseen"))
FOR_EVER = ("--recipe", "kaiming", "--lr", "0.001", "--steps", "1000000000")
COUNTER = r"[\d,]+/1,000,000,000"


def unbroken(text):
    return " ".join(text.split())


def close_help(terminal):
    terminal.wait_for("esc closes")
    terminal.press("\x1b")
    terminal.wait_for(r"(?s)\A(?!.*esc closes)")


def quit_with_keys(terminal):
    terminal.press("q")
    terminal.wait_for("Quit and end it")
    terminal.press("y")


def assert_stopped_early(terminal):
    terminal.wait_for("Stopped early at step")
    assert re.search(
        r"Stopped early at step [\d,]+: validation [\d.]+ exceeded [\d.]+, the mean of its last "
        r"50 steps\. Best [\d.]+ at step [\d,]+\.",
        unbroken(terminal.text),
    ), terminal.text


def stop_without_notice(terminal, shown):
    """Stop the process and let it go on, until it shows again what was cleared meanwhile."""
    terminal.child.kill(signal.SIGSTOP)
    terminal.screen.reset()
    deadline = time.monotonic() + DEADLINE
    while shown not in terminal.text:  # one that comes before the stop takes hold may be lost
        assert time.monotonic() < deadline, f"it does not repaint:\n{terminal.text}"
        terminal.child.kill(signal.SIGCONT)
        terminal.read(0.5)


def test_a_run_is_silent_where_nothing_changes_and_drawn_anew_where_the_terminal_does(
    open_terminal,
):
    terminal = open_terminal()
    for key, state in (
        ("", "READY"), ("n", "PAUSED"), ("ss", "STOPPED EARLY"), ("?", "filter"),
    ):  # fmt: skip
        terminal.press(key)
        terminal.wait_for(state)
        terminal.wait_for_silence(1.2)  # a frame may be due only after a second
        assert terminal.bytes_within(1) == 0, state
    close_help(terminal)
    assert_stopped_early(terminal)
    terminal.wait_for("┃")  # panes are drawn after the lines
    assert "╭─ Loss" in terminal.text
    assert terminal.shows_colour()
    for columns, rows in (SMALL, (40, 12), WIDE):
        terminal.resize(columns, rows)
        terminal.wait_for(r"q quit")
        terminal.wait_for_silence(0.3)
        assert "q quit" in terminal.screen.display[rows - 1]
    stop_without_notice(terminal, "STOPPED EARLY")
    terminal.press("?")
    close_help(terminal)
    terminal.press("q")
    assert terminal.wait_for_the_end() == 0
    terminal.assert_restored()


def test_a_terminal_without_unicode_gets_ascii_and_a_signal_ends_a_run_that_is_paused(
    open_terminal,
):
    terminal = open_terminal(TERM="linux", COLORTERM="", size=SMALL)
    terminal.wait_for("READY")
    terminal.press("s")
    terminal.wait_for("STOPPED EARLY")
    assert_stopped_early(terminal)
    assert "+- Loss" in terminal.text
    terminal.press("RRs ")  # without a rule that could end it before it pauses
    terminal.wait_for("PAUSED")
    terminal.child.kill(signal.SIGINT)
    assert terminal.wait_for_the_end() == 130
    assert terminal.sent.isascii()
    assert b"\\u" not in terminal.sent
    terminal.assert_restored()


def test_the_form_stands_before_torch_is_there_and_a_run_in_training_is_quit_by_a_yes_alone(
    open_terminal,
):
    terminal = open_terminal(*FOR_EVER, NO_COLOR="1")
    terminal.wait_for("LOADING TORCH")
    terminal.wait_for(r"p Recipe +kaiming")
    terminal.wait_for(r"lr +0\.001")
    terminal.wait_for("READY")
    terminal.press("\ts")
    terminal.wait_for("TRAINING")
    terminal.press("\x03")
    terminal.wait_for("(?i)press.* q.* to quit")
    terminal.resize(50, 24)
    terminal.press("q")
    terminal.wait_for(r"A run is not finished; in the list u ")
    terminal.wait_for("Quit and end it")
    terminal.press("n")
    terminal.wait_for(r"(?s)\A(?!.*Quit and end it)")
    first = terminal.wait_for(COUNTER)[0]
    deadline = time.monotonic() + DEADLINE
    while terminal.wait_for(COUNTER)[0] == first:
        assert time.monotonic() < deadline, "it trains no longer"
        terminal.read(0.05)
    assert "TRAINING" in terminal.text
    quit_with_keys(terminal)
    assert terminal.wait_for_the_end() == 0
    terminal.assert_restored()
    codes = {
        code
        for sequence in re.findall(rb"\x1b\[([\d;]*)m", terminal.sent)
        for code in sequence.split(b";")
    }
    assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"7"}  # NO_COLOR
    assert {b"1", b"2", b"7"} <= codes  # what is bold, faint, and focused


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_can_not_show_it_is_told_in_one_line(open_terminal, term):
    terminal = open_terminal(TERM=term)
    assert terminal.wait_for_the_end() == 2
    text = unbroken(terminal.sent.decode())
    assert text.startswith("tui-trainer can't be shown: TERM is " + (term or "not set"))
    assert text.endswith("'tui-trainer train' runs the same training.")
    assert b"\x1b" not in terminal.sent


@pytest.mark.parametrize(
    ("shown", "number"), [("", signal.SIGHUP), ("LOADING TORCH", signal.SIGTERM)]
)
def test_a_signal_before_torch_is_there_ends_it_and_leaves_the_terminal_as_it_was(
    open_terminal, shown, number
):
    terminal = open_terminal()
    while b"\x1b[?1049h" not in terminal.sent:
        assert terminal.read(DEADLINE), "no first byte"
    terminal.wait_for(shown)
    terminal.child.kill(number)
    assert terminal.wait_for_the_end() == 128 + number
    terminal.assert_restored()


def test_a_shell_takes_the_terminal_and_gives_it_back(open_terminal):
    terminal = open_terminal("--norc", "-i", program="/bin/bash")
    terminal.press(f"{sys.executable} {UNSEEN}\r")
    terminal.wait_for("READY")
    program = child_of(terminal.child.pid)
    terminal.press("\x1a")
    wait_for_state(terminal, program, "T")
    terminal.screen.reset()
    terminal.press("bg\r")  # there it may not use the terminal: it stops again
    deadline = time.monotonic() + DEADLINE
    while not re.search(r"&\s[\s\S]*Stopped", terminal.text):  # it says so before a prompt
        assert time.monotonic() < deadline, f"it does not stop:\n{terminal.text}"
        terminal.press("\r")
        terminal.read(0.3)
    for _ in range(2):
        terminal.press("fg\r")
        wait_until_it_has_the_terminal(terminal, program)
        terminal.wait_for_silence(0.3)
        os.kill(program, signal.SIGSTOP)  # of which it learns nothing
        wait_for_state(terminal, program, "T")
    terminal.press("fg\r")
    wait_until_it_has_the_terminal(terminal, program)
    terminal.press("?")
    terminal.wait_for("Help")
    terminal.screen.reset()
    os.kill(program, signal.SIGTERM)
    terminal.wait_for(r"bash-[\d.]+[#$]")
    terminal.press("exit\r")
    assert terminal.wait_for_the_end() == 143
    assert not terminal.is_on(ALTERNATE_SCREEN)
    assert terminal.is_on(CURSOR)
    assert [mode for mode in MODES if terminal.is_on(mode)] == []  # bash has its own, too
    assert terminal.tty_modes() == (True, True)


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def wait_for_state(terminal, pid, state):
    deadline = time.monotonic() + DEADLINE
    while f"State:\t{state}" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, f"it is not in state {state}:\n{terminal.text}"
        terminal.read(0.05)


def wait_until_it_has_the_terminal(terminal, pid):
    deadline = time.monotonic() + DEADLINE
    while (
        os.tcgetpgrp(terminal.child.child_fd) != os.getpgid(pid)  # readline's modes are the same
        or terminal.tty_modes() != (False, False)
        or not terminal.is_on(ALTERNATE_SCREEN)
    ):
        assert time.monotonic() < deadline, f"it does not take it:\n{terminal.text}"
        terminal.read(0.05)


def test_a_suspended_program_ends_in_the_background(open_terminal):
    # A job that bash takes for suspended still is not waited for: 128 and the signal's number.
    wait = "wait $job; status=$?; while ((status > 146)); do sleep 0.1; wait $job; status=$?; done"
    ends = f"job=$(jobs -p); kill %1; {wait}; echo $status"
    script = f"set -m; {sys.executable} {UNSEEN}; echo suspended; {ends}"
    terminal = open_terminal("-c", script, program="/bin/bash")
    terminal.wait_for("READY")
    terminal.press("\x1a")
    terminal.wait_for("suspended")
    terminal.wait_for("143")
    assert terminal.tty_modes() == (True, True)


def stop_look_around_and_quit(terminal):
    terminal.press("x")
    terminal.wait_for("STOPPING…")
    terminal.press("x")
    terminal.wait_for("It stops after the step that it is in; q quits")
    terminal.press("?")
    close_help(terminal)
    quit_with_keys(terminal)


@pytest.mark.parametrize(
    ("never_returns", "leave", "status"),
    [
        ("spin", stop_look_around_and_quit, 0),
        ("sleep", lambda terminal: terminal.child.kill(signal.SIGTERM), 143),
        ("preview", lambda terminal: terminal.press("q"), 0),
    ],
)
def test_a_step_or_preview_that_does_not_return_keeps_nothing(
    open_terminal, never_returns, leave, status
):
    terminal = open_terminal(STUBBORN, never_returns, program=sys.executable)
    if never_returns == "preview":
        terminal.wait_for("LOADING TORCH")
    else:
        terminal.wait_for("READY")
        terminal.press("s")
        terminal.wait_for("TRAINING")
    leave(terminal)
    assert terminal.wait_for_the_end() == status
    terminal.assert_restored()


def test_a_second_signal_leaves_at_once(open_terminal):
    terminal = open_terminal(STUBBORN, "patient", program=sys.executable)
    terminal.wait_for("READY")
    terminal.press("s")
    terminal.wait_for("TRAINING")
    terminal.child.kill(signal.SIGINT)
    while terminal.is_on(ALTERNATE_SCREEN):  # the app has left, and its thread does not end
        assert terminal.read(DEADLINE), "it does not leave"
    assert terminal.child.isalive()
    terminal.child.kill(signal.SIGTERM)
    assert terminal.wait_for_the_end() == 130
    terminal.assert_restored()


def test_a_call_that_keeps_the_interpreter_is_ended_though_nothing_restores_the_terminal(
    open_terminal,
):
    terminal = open_terminal(STUBBORN, "hold", program=sys.executable)
    terminal.wait_for("READY")
    terminal.press("s")
    terminal.wait_for("TRAINING")
    quit_with_keys(terminal)
    assert terminal.wait_for_the_end() == 1


def test_a_step_that_does_not_return_ends_with_its_terminal(open_terminal):
    terminal = open_terminal(STUBBORN, "spin", program=sys.executable)
    terminal.wait_for("READY")
    terminal.press("s")
    terminal.wait_for("TRAINING")
    terminal.hang_up()
    assert terminal.wait_for_the_end_unread() == 129


def test_a_terminal_that_nobody_reads_is_restored(open_terminal, tmp_path):
    is_full = tmp_path / "full"
    terminal = open_terminal(STUBBORN, "flood", str(is_full), program=sys.executable)
    terminal.wait_for("READY")
    terminal.press("s")
    deadline = time.monotonic() + DEADLINE
    while not is_full.exists():
        assert time.monotonic() < deadline, "the terminal never fills up"
        time.sleep(0.05)
    terminal.child.kill(signal.SIGINT)
    assert terminal.wait_for_the_end_unread() == 130
    while terminal.read(1):
        pass
    terminal.assert_restored()
