"""What the terminal can show is read from flags, settings, terminal and locale."""

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from tui_trainer.cli import main
from tui_trainer.cli.looks import shows_unicode, terminal_colors, terminal_problem
from tui_trainer.cli.output import echo_json

PROGRAM = str(Path(sys.executable).with_name("tui-trainer"))
DEADLINE = 90


def test_locale_and_terminal_decide_on_unicode():
    for locale, term, expected in (
        ("", "xterm", True),  # a container without a locale says nothing about the terminal
        ("C", "xterm", False),
        ("POSIX", None, False),
        ("C.UTF-8", "xterm", True),
        ("en_US.utf8", "tmux-256color", True),
        ("de_DE.UTF-8@euro", None, True),
        ("en_US.ISO-8859-1", "xterm", False),
        ("en_US", "xterm", True),
        ("C.UTF-8", "linux", False),
        ("C.UTF-8", "linux-16color", False),
        ("C.UTF-8", "screen.linux", False),
        ("C.UTF-8", "vt100", False),
        ("C.UTF-8", "vt220", False),
        ("C.UTF-8", "cons25", False),
        ("C.UTF-8", "sun-color", False),
        ("C.UTF-8", "vte-256color", True),
        ("C.UTF-8", "screen-256color", True),
    ):
        assert shows_unicode(locale, term) is expected, (locale, term)


def test_terminals_that_show_nothing_or_no_colours():
    for term in ("", "dumb", "unknown"):
        assert terminal_problem({"TERM": term}) != ""
    assert terminal_problem({}) == "TERM is not set"
    for environ, expected in (
        ({"TERM": "xterm-256color"}, "auto"),
        ({"TERM": "linux"}, "auto"),
        ({"TERM": "vt100"}, "none"),
        ({"TERM": "xterm-mono"}, "none"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm", "NO_COLOR": ""}, "auto"),
    ):
        assert terminal_problem(environ) == ""
        assert terminal_colors(environ) == expected, environ


def run(*arguments, **environment):
    """Run the program in an environment of nothing but what it needs."""
    kept = ("PATH", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    done = subprocess.run(
        [PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        env={key: os.environ[key] for key in kept if key in os.environ} | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_program_prints_ascii_where_it_must_and_where_it_is_told_to(own_config_folder):
    assert run("train", "--steps", "20", "--plot", LANG="C").isascii()
    plot = ("show", "last", "--plot")  # the same plots, and no torch
    assert run(*plot, LANG="C").isascii()
    unicode = run(*plot, LANG="C.UTF-8").decode()
    assert any(0x2800 < ord(character) < 0x2900 for character in unicode)
    assert run(*plot, "--ascii", LANG="C.UTF-8").isascii()
    folder = own_config_folder / "tui-trainer"
    folder.mkdir()
    (folder / "config.toml").write_text('glyphs = "ascii"\nrecipe = "kaiming"\n')
    listed = run("presets", LANG="C.UTF-8")
    assert listed.isascii()
    assert b"std V(2/d)" in listed
    screen = CliRunner().invoke(main, ["--headless", "--print"]).stdout_bytes
    assert screen.isascii()
    assert b"kaiming" in screen
    (folder / "config.toml").write_text('glyphs = "braille"\n')
    assert "√" in run("presets", LANG="C").decode()


def test_json_stays_json_and_holds_nothing_that_a_terminal_would_obey(capsys):
    value = {"detail": "é √ \x1b]0;x\x07 \x9b2J \u202e 😀"}
    echo_json(json.dumps(value, ensure_ascii=False))
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert printed.rstrip("\n").isprintable()
    assert "é √" in printed
