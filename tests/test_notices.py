"""What is told at an end: the terminal's own notice, and a command."""

import os
import re
import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from scripted import FINISHED, Script, make_app, press, ready, shown, until

from tui_trainer.cli import main
from tui_trainer.notices.command import chosen, run_on_end
from tui_trainer.notices.endings import Ending
from tui_trainer.notices.terminals import forms_of, notice
from tui_trainer.training.state import State

# But for the length from which an end is worth a notice: the program, and the app alone.
AT_ONCE = "import tui_trainer.notices.terminals as terminals; terminals.LONG_RUN = 0\n"
PROGRAM = f"{AT_ONCE}from tui_trainer.cli import main; main()"
APP = f"""{AT_ONCE}
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from scripted import FINISHED, Script, make_app
app = make_app(Script(FINISHED), on_end=sys.argv[1])
app.run()
app.wait()
"""
OSC = re.compile(rb"\x1b\]777;notify;tui-trainer;([^\a]*)\a")
HOSTILE = "a;b\x1b]0;title\x07\x1b\\ \x9c\x9d9;x\n\r\x00\u202e\ud800 9;4;1"


@pytest.fixture(autouse=True)
def no_terminal_of_its_own(monkeypatch):
    for name in ("TMUX", "STY", "TERM_PROGRAM", "VTE_VERSION", "WT_SESSION", "TUI_TRAINER_STATE"):
        monkeypatch.delenv(name, raising=False)


def test_a_terminal_gets_the_notice_that_it_takes():
    for environ, forms in (
        ({}, ("bell",)),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, ("bell",)),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, ("osc9",)),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, ("osc777",)),
        ({"TERM": "xterm-kitty"}, ("osc9",)),
        ({"TERM": "foot-extra"}, ("osc777",)),
        ({"TERM": "xterm-ghostty"}, ("osc777",)),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7800"}, ("osc777", "bell")),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, ("osc777", "bell")),
        ({"TERM": "rxvt-unicode-256color"}, ("osc777", "bell")),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x", "TERM_PROGRAM": "tmux"}, ("bell",)),
        ({"TERM": "screen", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, ("osc9", "bell")),
        ({"TERM": "screen", "STY": "1.x", "KITTY_WINDOW_ID": "1"}, ("bell",)),
    ):
        assert forms_of("auto", environ) == forms, environ
        assert forms_of("off", environ) == ()
        assert forms_of("bell", environ) == ("bell",)
        assert forms_of("osc9", environ)[0] == "osc9"
    assert forms_of("osc777", {"TMUX": "/tmp/x"}) == ("osc777", "bell")


def test_no_words_get_out_of_their_notice():
    for ascii_only in (False, True):
        plain = notice(HOSTILE, "osc9", {}, ascii_only=ascii_only)
        wrapped = notice(HOSTILE, "osc777", {"TMUX": "x"}, ascii_only=ascii_only)
        assert re.fullmatch(r"\x1b\]9;tui-trainer: [^\x00-\x1f\x7f-\x9f\u202e]*\a", plain)
        assert re.fullmatch(
            r"\x1bPtmux;\x1b\x1b\]777;notify;tui-trainer;[^\x00-\x1f\x7f-\x9f;]*\a\x1b\\\a", wrapped
        )
        (plain + wrapped).encode("ascii" if ascii_only else "utf-8")
    assert len(notice("x" * 10_000, "osc9", {})) < 300


def python(open_terminal, *arguments):
    return open_terminal("-c", *arguments, program=sys.executable, TERM_PROGRAM="WezTerm")


def read_until(terminal, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"it did not come:\n{terminal.text}"
        assert terminal.read(0.05) is not None, f"it ended:\n{terminal.text}"


def notices_in(terminal):
    return [words.decode() for words in OSC.findall(terminal.sent)]


def test_the_app_gives_notice_of_an_end_that_nobody_looks_at(open_terminal, tmp_path):
    file = tmp_path / "ends"
    command = f'echo "$TUI_TRAINER_STATE $TUI_TRAINER_STEPS" >> {file}; echo on screen; exit 5'
    terminal = python(open_terminal, APP, command)
    terminal.wait_for("READY")

    def ends():
        return file.read_text().splitlines() if file.exists() else []

    for count, (focus, notices) in enumerate((("", 1), ("\x1b[I", 1), ("\x1b[O", 2)), 1):
        terminal.press(f"{focus}s")
        read_until(
            terminal,
            lambda count=count, notices=notices: (
                len(ends()) == count and len(notices_in(terminal)) >= notices
            ),
        )
    terminal.wait_for("--on-end failed with status 5")
    assert ends() == ["finished 100"] * 3
    assert len(notices_in(terminal)) == 2
    assert "finished 100 steps" in notices_in(terminal)[0]
    assert "on screen" not in terminal.text
    terminal.press("q")
    assert terminal.wait_for_the_end() == 0
    terminal.assert_restored()


def test_train_gives_notice_on_its_terminal_and_runs_the_command_of_the_settings(
    open_terminal,
    own_config_folder,
):
    folder = own_config_folder / "tui-trainer"
    folder.mkdir()
    (folder / "config.toml").write_text("on_end = '''env > \"$XDG_CONFIG_HOME/facts\"'''\n")
    terminal = python(open_terminal, PROGRAM, "train", "--steps", "30")
    assert terminal.wait_for_the_end() == 0
    (words,) = notices_in(terminal)
    assert "finished 30 steps" in words
    lines = (own_config_folder / "facts").read_text().splitlines()
    facts = dict(line.partition("=")[::2] for line in lines if line.startswith("TUI_TRAINER_"))
    assert facts["TUI_TRAINER_KIND"] == "run"
    assert facts["TUI_TRAINER_STATE"] == "finished"
    assert facts["TUI_TRAINER_STEPS"] == "30"
    assert float(facts["TUI_TRAINER_BEST_VAL_LOSS"]) <= float(facts["TUI_TRAINER_VAL_LOSS"])
    assert 1 <= int(facts["TUI_TRAINER_BEST_STEP"]) <= 30
    assert float(facts["TUI_TRAINER_SECONDS"]) > 0
    assert "finished 30 steps" in facts["TUI_TRAINER_REASON"]
    assert Path(facts["TUI_TRAINER_RUN"]).is_dir()


def test_through_tmux_the_outer_terminal_gets_the_notice(open_terminal, tmp_path):
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("needs tmux")
    send = 'from tui_trainer.notices.terminals import notice; print(notice(chr(27), "auto"))'
    conf = tmp_path / "tmux.conf"
    conf.write_text("set -g allow-passthrough on\nset -g status off\n")
    terminal = open_terminal(
        *("-S", str(tmp_path / "socket"), "-f", str(conf)),
        *("new-session", f"{sys.executable} -c '{send}'; sleep 60"),
        program=tmux,
        WEZTERM_PANE="0",
    )
    read_until(terminal, lambda: notices_in(terminal) == [r"\x1b"])


def invoke(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_command_that_fails_or_hangs_is_one_line_and_holds_up_nothing(tmp_path, monkeypatch):
    run = partial(invoke, "train", "--steps", "2", "--on-end")
    for command, told in (
        ("true", ""),
        ("", ""),
        ("echo out; echo err >&2; exit 3", "tui-trainer: --on-end failed with status 3\n"),
        ("no-such-command-at-all", "failed with status 127: no such command"),
        ("kill -9 $$", "was ended by signal 9"),
    ):
        done = run(command)
        assert done.exit_code == 0
        assert done.stdout.startswith("result ")
        assert told in done.stderr
        assert bool(told) == ("on-end" in done.stderr)
        assert "out\n" not in done.output
        assert "err\n" not in done.output
    monkeypatch.setattr("tui_trainer.cli.ending.WAIT_SECONDS", 0.2)
    pid = tmp_path / "pid"
    done = run(f"echo $$ > {pid}; exec sleep 600")
    os.kill(int(pid.read_text()), signal.SIGKILL)  # it was left to itself
    assert done.exit_code == 0
    assert "still runs after 0 s and is left to itself" in done.stderr
    done = invoke("sweep", "--over", "lr=0.001,0.002", "--steps", "2", "--on-end", "exit $((40+"
                  "TUI_TRAINER_CANDIDATES))")  # fmt: skip
    assert "status 42" in done.stderr


def test_a_flag_goes_before_the_setting_and_a_command_starts_no_other():
    assert chosen(None, None, {}) == chosen("", "b", {}) == ""
    assert chosen("a", "b", {}) == chosen("a", None, {"TUI_TRAINER_STATE": "finished"}) == "a"
    assert chosen(None, "b", {}) == "b"
    assert chosen(None, "b", {"TUI_TRAINER_STATE": "finished"}) == ""
    assert "can't be run" in run_on_end("a\0b", Ending(State.FINISHED, "", {}))


async def test_quitting_waits_for_no_command(tmp_path):
    pid = tmp_path / "pid"
    app = make_app(Script(FINISHED), on_end=f"echo $$ > {pid}; exec sleep 600")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await shown(pilot, "FINISHED")
        await until(pilot, lambda: pid.exists() and pid.read_text().strip())
    os.kill(int(pid.read_text()), signal.SIGKILL)
