"""The real app without a terminal: keys in, a condition awaited, the screen as text and as SVG."""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from textual import keys

from tui_trainer.cli import main
from tui_trainer.cli.output import require_writable
from tui_trainer.cli.parameters import parse_until
from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.lr_search.search import run_lr_search
from tui_trainer.plotting.roles import Charset
from tui_trainer.sweeps.sweeper import sweep
from tui_trainer.training.setup import preview
from tui_trainer.training.trainer import train
from tui_trainer.tui import headless
from tui_trainer.tui.app import TrainerApp
from tui_trainer.tui.background import Work
from tui_trainer.tui.headless import Visit, key_name, parse_keys, visit

PROGRAM = str(Path(sys.executable).with_name("tui-trainer"))
PRESETS = load_presets()
DEADLINE = 90  # seconds; the machine may be busy
SIZES = [(160, 45), (80, 24), (40, 12)]
STOPPED = re.compile(r"Stopped early at step [\d,]+:\s+validation [\d.]+ exceeded [\d.]+")


def make_app(
    recipe="stop-patient", charset=Charset.UNICODE, train=train, presets=PRESETS, **settings
):
    config = make_config(presets, recipe, **settings)
    work = Work(train, preview, sweep, run_lr_search)
    return TrainerApp(presets, config, recipe, work, charset=charset, ui_share=1.0)


async def visited(*keys, size=(120, 40), until="idle", screenshot=None, **settings):
    """The screen of a visit that went well."""
    plan = Visit(size, keys, until, DEADLINE, screenshot)
    outcome = await visit(make_app(**settings), plan)
    assert outcome.problem is None
    return outcome.screen


def invoke(*arguments):
    """Run the program in this process; what it raises comes out."""
    arguments = ["--headless", "--ui-budget", 100, *arguments]
    return CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)


def mistake(result):
    """The one line that says what is wrong with the command."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.split("\n") if line.startswith("Error: ")]
    return line


def unbroken(screen):
    return " ".join(screen.split())


def svg_text(file):
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    return "".join(root.itertext()).replace("\xa0", " ")


def test_one_line_checks_an_installation(tmp_path):
    file = tmp_path / "screen.svg"
    line = "--headless --recipe stop-first-increase --press s --until ended --print --screenshot"
    done = subprocess.run(
        [PROGRAM, *line.split(), file],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    screen = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "STOPPED EARLY" in screen
    assert STOPPED.search(unbroken(screen))
    assert "STOPPED EARLY" in svg_text(file)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_the_screen_fills_its_size_and_says_how_the_run_ended(width, height, tmp_path):
    file = tmp_path / "screen.svg"
    screen = await visited("s", size=(width, height), until="ended", screenshot=file)
    lines = screen.split("\n")
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)
    assert "■ STOPPED EARLY" in screen
    assert STOPPED.search(unbroken(screen))
    assert "╭─ Loss" in screen
    assert "┃" in screen
    assert "STOPPED EARLY" in svg_text(file)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (12, 60), (300, 3)])
async def test_a_screen_of_any_size_survives_a_run(width, height):
    screen = await visited("s", size=(width, height), until="ended", recipe="stop-first-increase")
    assert len(screen.split("\n")) == height


async def test_keys_are_pressed_in_their_order_and_idle_waits_for_the_untrained_network():
    screen = await visited("i", "a", "a", "bracket", recipe="kaiming")
    assert "he" in re.search(r"i Init +(\S+)", screen)[1]
    assert re.search(r"a Network +deep-10x8", screen)
    assert "READY" in screen
    assert "673 parameters" in screen
    assert "Fit · untrained" in screen


async def test_idle_waits_for_the_run_that_a_key_started():
    screen = await visited("s", recipe="kaiming", steps=300)
    assert "✓ FINISHED" in screen
    assert "Finished 300 steps" in screen


async def test_what_comes_out_is_the_newest_state_of_the_run():
    screen = await visited("s", until="ended", recipe="exploding-normal")
    assert "✕ DIVERGED" in screen
    assert "First bad tensor: layer" in unbroken(screen)


async def test_seconds_are_waited_though_nothing_happens():
    happened = []
    asyncio.get_running_loop().call_later(0.05, happened.append, "what was due before")
    assert await headless._wait_until(SimpleNamespace(is_running=True), 0.1, deadline=0.0)
    assert happened


async def test_seconds_are_waited_and_no_longer_though_a_run_goes_on():
    def endless(config, control):
        while not control.stopped:
            time.sleep(0.005)
        yield from ()

    app = make_app(train=endless)
    outcome = await visit(app, Visit(keys=["s"], until=0.0, timeout=DEADLINE))
    assert outcome.problem is None
    assert "STARTING" in outcome.screen


async def test_an_app_that_fails_to_train_is_a_problem():
    def failing(config, control):
        raise MemoryError("no room for the weights")
        yield

    outcome = await visit(
        make_app(train=failing), Visit(keys=["s"], until="ended", timeout=DEADLINE)
    )
    assert outcome.problem == "the run failed"
    assert "no room for the weights" in unbroken(outcome.screen)


def test_flags_fill_the_form():
    flags = ("--size", "80x24", "--lr", "0.004")
    result = invoke("--press", "s", "--until", "ended", "--print", *flags)
    assert result.exit_code == 0
    assert "lr 0.004" in result.stdout
    assert len(result.stdout.rstrip("\n").split("\n")) <= 24


def test_a_visit_that_ends_with_quit_went_well_and_without_print_nothing_is_printed():
    result = invoke("--press", "q")
    assert (result.exit_code, result.output) == (0, "")


def test_a_timeout_is_one_line_and_a_failure():
    result = invoke("--until", "ended", "--timeout", "0.1", "--print")
    assert result.exit_code == 1
    assert result.stderr == "tui-trainer --headless: 'ended' did not come within 0.1 s\n"
    assert "READY" in result.stdout or "LOADING" in result.stdout


def test_a_run_that_fails_is_one_line_and_a_failure():
    result = invoke("--device", "cuda:99", "--press", "s", "--until", "ended", "--print")
    assert result.exit_code == 1
    assert result.stderr == "tui-trainer --headless: the run failed\n"
    assert "⚠ FAILED" in result.stdout
    assert "device cuda:99 is not available" in unbroken(result.stdout)


ENDLESS = """
import ctypes, sys, time
from scripted import make_app, started
from tui_trainer.cli.headless import run_headless
from tui_trainer.tui.headless import Visit

def train(config, control):
    yield started(config)
    {step}

plan = Visit((80, 24), ["s"], "ended", 3)
sys.exit(run_headless(make_app(train), plan, print_screen=True))
"""


def test_a_step_that_never_returns_does_not_outlast_the_timeout():
    steps = ("time.sleep(1_000_000)", "ctypes.PyDLL(None).sleep(1_000_000)")
    waits, keeps_the_interpreter = (
        subprocess.Popen(
            [sys.executable, "-c", ENDLESS.format(step=step)],
            cwd=Path(__file__).parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for step in steps
    )
    screen, problem = waits.communicate(timeout=DEADLINE)
    keeps_the_interpreter.communicate(timeout=DEADLINE)
    assert waits.returncode == keeps_the_interpreter.returncode == 1
    assert problem == b"tui-trainer --headless: 'ended' did not come within 3 s\n"
    assert "TRAINING" in screen.decode()


def test_a_bad_size_is_one_line():
    for size in ["", "80", "80x", "x24", "80x24x3", "0x10", "-1x5", "axb", "1.5x2"]:
        line = mistake(invoke("--size", size))
        assert "--size" in line
        assert "120x40" in line


def test_a_bad_condition_is_one_line():
    for until in ["", "end", "Ended", "-1", "nan", "inf", "5s"]:
        line = mistake(invoke("--until", until))
        assert "ended, idle or a number of seconds" in line
        assert f"'{until}'" in line


def test_a_bad_timeout_is_one_line():
    for timeout in ["0", "-1", "soon"]:
        assert "--timeout" in mistake(invoke("--timeout", timeout))


def test_a_key_that_does_not_exist_is_one_line_that_names_it():
    for key in ["foo", "F13x", "ctrl+", "space bar", "start", "strg+p"]:
        assert f"'{key}'" in mistake(invoke("--press", f"p,{key},s"))


def test_keys_are_read_as_the_footer_writes_them():
    text = "p, P,[,],?,escape,ctrl+p,escape ,tab,space,comma,question_mark,f1,shift+tab"
    assert parse_keys(text) == [key.strip() for key in text.split(",")]
    assert invoke("--press", text, "--until", "0").exit_code == 0


def test_every_character_is_pressed_by_the_name_that_textual_has_for_it():
    for character in map(chr, range(32, 127)):
        assert key_name(character) == keys._character_to_key(character)


def test_no_keys_are_no_mistake():
    assert parse_keys("") == parse_keys(",") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_costs_the_screenshot_but_not_the_screen():
    result = invoke("--screenshot", "/dev/full", "--print")
    assert result.exit_code == 1
    assert "--screenshot /dev/full: No space left on device" in result.stderr
    assert "tui-trainer" in result.stdout


def test_asking_whether_a_file_can_be_written_leaves_the_folder_as_it_was(tmp_path):
    old, new = tmp_path / "old.svg", tmp_path / "new.svg"
    old.write_text("kept")
    for file in (old, new):
        require_writable(file, "--screenshot")
    assert old.read_text() == "kept"
    assert not new.exists()


def test_a_screenshot_that_can_not_be_written_is_one_line(tmp_path):
    for place in [".", "no/such/folder.svg"]:
        file = tmp_path / place
        line = mistake(invoke("--screenshot", file))
        assert f"--screenshot {file}" in line
        assert "directory" in line


def test_conditions_are_read():
    for text, expected in [("ended", "ended"), ("idle", "idle"), ("0", 0.0), ("1.5", 1.5)]:
        found = parse_until(text)
        assert found == expected
        assert type(found) is type(expected)
