"""The command line: what it prints where, and the exit status it leaves."""

import csv
import functools
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from tui_trainer.cli import main
from tui_trainer.config.presets import CATEGORIES, load_presets

PROGRAM = str(Path(sys.executable).with_name("tui-trainer"))
PRESETS = load_presets()
DEADLINE = 90  # seconds; the machine may be busy
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")


def invoke(*arguments, **options):
    """Run the program in this process; what it raises comes out."""
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False, **options)


def run(*arguments, program=(PROGRAM,), **options):
    """Run the program as a process of its own, without a terminal."""
    environment = os.environ | options.pop("env", {})
    return subprocess.run(
        [*program, *map(str, arguments)],
        **{"stdin": subprocess.DEVNULL} | options,
        env=environment,
        capture_output=True,
        timeout=DEADLINE,
    )


def start(*arguments, program=(PROGRAM,), **options):
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # it may be ignored here
    return subprocess.Popen(
        [*program, *map(str, arguments)], **pipes | {"preexec_fn": heed} | options
    )


def read_until(process, pattern):
    """Read what a process writes to stderr until `pattern` is in it."""
    seen = b""
    deadline = time.monotonic() + DEADLINE
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while not re.search(pattern, seen):
            assert time.monotonic() < deadline, f"{pattern!r} did not come: {seen!r}"
            if selector.select(0.1):
                part = os.read(process.stderr.fileno(), 65536)
                assert part, f"it ended before {pattern!r}: {seen!r}"
                seen += part
    return seen


def interrupted(process, pattern):
    """Send Ctrl-C once `pattern` is on stderr; return status, stdout and all of stderr."""
    try:
        seen = read_until(process, pattern)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out.decode(), (seen + err).decode()


def interrupted_here(pattern, *arguments):
    """Run the program in this process, with Ctrl-C once `pattern` is on stderr."""
    came = []

    outer = sys.stderr

    def interrupt():
        deadline = time.monotonic() + DEADLINE
        while not came and time.monotonic() < deadline:
            if sys.stderr is not outer:  # click has put its own in place
                came.extend(re.findall(pattern, sys.stderr.buffer.getvalue()))
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    hang_up = signal.getsignal(signal.SIGHUP)
    waiting = threading.Thread(target=interrupt)
    waiting.start()
    try:
        result = invoke(*arguments)
    finally:
        waiting.join()
        signal.signal(signal.SIGHUP, hang_up)  # the program leaves it ignored: it is to end
    assert came, result.stderr
    return result


def mistake(result):
    """The one line that says what is wrong with the command."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    (line,) = [line for line in result.stderr.split("\n") if line.startswith("Error: ")]
    assert result.stderr.rstrip().endswith(line)
    return line


def facts(text):
    return {line[:16].strip(): line[17:] for line in text.rstrip("\n").split("\n")}


def test_every_recipe_trains():
    for recipe in PRESETS.names("recipe"):
        result = invoke("train", "--recipe", recipe, "--steps", 20)
        found = facts(result.stdout)
        diverges = recipe == "exploding-normal"
        assert result.exit_code == (1 if diverges else 0)
        assert ("is not finite" if diverges else "finished 20 steps") in found["result"]
        assert 1 <= int(found["steps"]) <= 20
        assert "steps/s" in result.stderr
        assert diverges or "20/20" in result.stderr


def test_stopping_early_counts_as_trained():
    result = invoke("train", "--recipe", "stop-first-increase")
    assert result.exit_code == 0
    assert re.match(r"stopped early at step \d+: validation", facts(result.stdout)["result"])


def test_the_same_command_gives_the_same_numbers():
    def numbers():
        found = facts(invoke("train", "--recipe", "dropout", "--steps", 30).stdout)
        del found["time"], found["speed"], found["saved in"]
        return found

    assert numbers() == numbers()


def test_each_flag_changes_its_setting():
    for flags, path, value in (
        (["--dataset", "wave-40"], ["dataset", "train_points"], 40),
        (["--architecture", "mlp-2x64"], ["architecture", "hidden"], [64, 64]),
        (["--init", "xavier"], ["init", "layer"], "LinearXavier"),
        (["--regularizer", "l1"], ["regularizer", "l1_weight"], 1.0),
        (["--lr", "0.0007"], ["lr"], 0.0007),
        (["--steps", "4"], ["steps"], 4),
        (["--seed", "7"], ["seed"], 7),
        (["--data-seed", "9"], ["data_seed"], 9),
        (["--device", "cpu"], ["device"], "cpu"),
        (["--recipe", "l1"], ["lr"], 0.003),
    ):
        arguments = ("--recipe", "kaiming", "--steps", 2, "--json", *flags)
        found = json.loads(invoke("train", *arguments).stdout)["config"]
        for key in path:
            found = found[key]
        assert found == value


def test_a_bad_flag_is_one_line_that_says_what_is_allowed():
    for flags, words in (
        (["--recipe", "stop-patien"], ["recipe", "did you mean 'stop-patient'", "exploding"]),
        (["--dataset", "mnist"], ["dataset 'mnist'", "allowed: wave"]),
        (["--architecture", "cnn"], ["architecture 'cnn'", "mlp-4x20"]),
        (["--init", "kaimin"], ["init 'kaimin'", "did you mean 'kaiming'", "zeros"]),
        (["--regularizer", "l2"], ["regularizer 'l2'", "weight-decay"]),
        (["--lr", "0"], ["--lr", "a number > 0", "'0'"]),
        (["--lr", "-0.1"], ["--lr", "a number > 0", "'-0.1'"]),
        (["--lr", "fast"], ["--lr", "a number", "'fast'"]),
        (["--lr", "nan"], ["--lr", "number", "'nan'"]),
        (["--lr", "inf"], ["--lr", "number", "'inf'"]),
        (["--lr", ""], ["--lr", "a number"]),
        (["--steps", "0"], ["--steps", "a whole number >= 1", "'0'"]),
        (["--steps", "1.5"], ["--steps", "a whole number", "'1.5'"]),
        (["--steps", "99999999999"], ["--steps", "<= 1000000000"]),
        (["--seed", "-1"], ["--seed", "a whole number >= 0", "'-1'"]),
        (["--data-seed", "x"], ["--data-seed", "a whole number", "'x'"]),
        (["--device", "tpu"], ["device", "cpu, cuda, cuda:N or mps", "'tpu'"]),
        (["--device", "cuda:x"], ["device", "cpu, cuda, cuda:N or mps"]),
        (
            ["--presets", "/no/such/folder"],
            ["--presets /no/such/folder", "No such file or directory"],
        ),
        (["--presets", __file__], ["--presets", "Not a directory"]),
        (["--speed"], ["--speed"]),
        (["--lr"], ["--lr", "requires an argument"]),
        (["more"], ["more"]),
    ):
        line = mistake(invoke("train", "--steps", 3, *flags))
        for word in words:
            assert word in line


def test_the_app_itself_refuses_bad_flags_alike():
    for flags in (("--lr", "0"), ("--init", "kaimin"), ("--until", "never"), ("--ui-budget", "0")):
        assert flags[1] in mistake(invoke("--headless", *flags))


def test_flags_before_the_command_are_not_dropped_without_a_word():
    for flags in (("--steps", "3"), ("--recipe", "l1"), ("--headless",)):
        arguments = ("--dataset", "wave-40", "--regularizer", "none", "--steps", 3)
        assert flags[0] in mistake(invoke(*flags, "train", *arguments))


def test_an_unknown_command_is_one_line():
    assert "'trian'" in mistake(invoke("trian"))


def test_a_bad_flag_leaves_a_process_without_a_traceback():
    done = run("train", "--lr", "-1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr


def test_a_run_that_diverges_ends_with_status_1_and_its_summary():
    result = invoke("train", "--recipe", "exploding-normal")
    assert result.exit_code == 1
    assert "first bad tensor" in facts(result.stdout)["result"]


@NO_GPU
def test_a_device_that_is_not_there_ends_with_status_1_and_says_so_in_any_encoding():
    arguments = ["train", "--device", "cuda", "--plot"]
    result = CliRunner(charset="ascii").invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 1
    found = facts(result.stdout.split("\n\n")[0])
    assert found["result"].startswith("failed: ")
    assert "device cuda is not available" in found["result"]
    assert found["train loss"] == "-"


@NO_GPU
def test_a_device_that_is_not_there_is_one_object_in_json():
    result = invoke("train", "--device", "cuda:3", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["stop_reason"] == "failed"
    assert "cuda:3" in found["stop_detail"]
    assert found["train_loss"] is None


FOR_EVER = ("train", "--recipe", "kaiming", "--lr", "0.001", "--steps", "1000000000")


def test_ctrl_c_ends_with_status_130_and_all_there_is_so_far_in_any_encoding(tmp_path):
    file = tmp_path / "history.csv"
    arguments = (*FOR_EVER, "--plot", "--history", file, "--batch-size", 300)
    process = start(*arguments, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    status, out, err = interrupted(process, rb"train [\d.]+ val")
    assert status == 130
    assert (out + err).isascii()
    summary, plots = out.split("\n\n", 1)
    found = facts(summary)
    assert found["result"].startswith("stopped by hand at step")
    steps = int(found["steps"].replace(",", ""))
    assert len(file.read_text().splitlines()) == steps + 1 > 1
    assert float(found["train loss"]) > 0
    assert found.keys() >= {"validation loss", "best validation", "time", "speed"}
    assert "Loss by step" in plots
    assert "** train" in plots
    assert "\x1b" not in plots
    assert "batch size 300: all 200 points a step" in err
    assert "Traceback" not in err


def test_ctrl_c_before_the_first_step_is_a_run_of_no_steps():
    status, out, err = interrupted(start(*FOR_EVER, "--json", "--plot"), rb"0/1000000000")
    assert status == 130
    assert json.loads(out)["stop_reason"] == "stopped"
    assert "Fit after step" in err
    assert "Traceback" not in err


def test_json_is_exactly_one_object_on_stdout():
    for recipe in ("kaiming", "stop-first-increase", "exploding-normal"):
        result = invoke("train", "--recipe", recipe, "--steps", 100, "--json", "--plot")
        assert result.stdout.count("\n") == 1
        found = json.loads(
            result.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON")
        )
        assert found["stop_reason"] in ("completed", "early_stopping", "diverged")
        assert "Loss by step" in result.stderr
        assert "Fit after step" in result.stderr


def test_history_is_written_beside_the_summary(tmp_path):
    file = tmp_path / "my history.csv"
    result = invoke("train", "--recipe", "kaiming", "--steps", 25, "--history", file)
    assert result.exit_code == 0
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows] == list(range(1, 26))
    assert f"{float(rows[-1]['train_loss']):.2f}" == facts(result.stdout)["train loss"]


def test_history_replaces_an_older_file(tmp_path):
    file = tmp_path / "history.csv"
    for steps in (9, 3):
        invoke("train", "--recipe", "kaiming", "--steps", steps, "--history", file)
    assert len(file.read_text().splitlines()) == 4


def test_a_history_that_can_not_be_written_is_refused_before_training(tmp_path):
    for place in (".", "no/such/folder.csv"):
        file = tmp_path / place
        result = invoke(*FOR_EVER, "--history", file)
        line = mistake(result)
        assert f"--history {file}" in line
        assert "directory" in line
        assert "steps/s" not in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_costs_the_history_but_not_the_summary():
    result = invoke("train", "--recipe", "kaiming", "--steps", 3, "--history", "/dev/full")
    assert "No space left" in result.stderr
    assert result.exit_code != 0
    assert "finished 3 steps" in result.stdout


def test_plot_prints_both_plots():
    result = invoke("train", "--recipe", "stop-first-increase", "--plot")
    summary, losses, fit = result.stdout.split("\n\n")
    assert facts(summary)["result"].startswith("stopped early")
    for sign in ("━━ train", "╺╸ validation", "◆ best", "┃", "┤"):
        assert sign in losses
    for sign in ("━━ model", "⠆ validation", "R²"):
        assert sign in fit


def test_plots_are_coloured_on_a_terminal_unless_no_color_says_otherwise():
    arguments = ("train", "--recipe", "kaiming", "--steps", 9, "--plot")
    assert "\x1b[34m" in invoke(*arguments, color=True).stdout
    assert "\x1b" not in invoke(*arguments, color=True, env={"NO_COLOR": "1"}).stdout


def test_plots_are_as_wide_as_the_terminal():
    for columns, widest in (("50", 50), ("300", 120)):
        env = {"COLUMNS": columns}
        result = invoke("train", "--recipe", "kaiming", "--steps", 9, "--plot", env=env)
        axes = [line for line in result.stdout.split("\n") if line.strip().startswith("└")]
        assert [len(line) for line in axes] == [widest, widest]


def test_another_encoding_gets_plain_characters_too():
    runner = CliRunner(charset="latin-1")
    result = runner.invoke(main, ["train", "--steps", "20", "--plot"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.replace("R²", "R2").isascii()  # latin-1 has that one
    assert "** train" in result.stdout


def test_all_presets_are_listed_with_what_to_expect():
    result = invoke("presets")
    assert result.exit_code == 0
    lines = result.stdout.split("\n")
    for category in CATEGORIES:
        assert category in lines
        for name in PRESETS.names(category):
            description = PRESETS.description(category, name)
            found = [" ".join(line.split()) for line in lines]
            assert " ".join(f"{name} {description}".split()) in found


INIT = '[mine]\ndescription = "My own"\nlayer = "LinearHe"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "presets").mkdir()
    return tmp_path / "presets"


def test_presets_of_a_folder_are_added_to_the_others(folder):
    (folder / "init.toml").write_text(INIT)
    (folder / "notes.txt").write_text("not a preset")
    listed = invoke("presets", "--presets", folder).stdout
    assert re.search(r"^  mine +My own$", listed, re.MULTILINE)
    assert "  kaiming " in listed
    flags = ("--presets", folder, "--init", "mine", "--steps", 2, "--json")
    init = json.loads(invoke("train", *flags).stdout)["config"]["init"]
    assert init == {"name": "mine", "layer": "LinearHe"}


def test_a_folder_overrides_the_users_presets_and_these_the_built_in(folder, own_config_folder):
    users = own_config_folder / "tui-trainer" / "presets"
    users.mkdir(parents=True)
    (users / "init.toml").write_text(
        INIT.replace("[mine]", "[zeros]").replace("My own", "User's zeros")
        + INIT.replace("[mine]", "[normal]").replace("My own", "User's normal")
    )
    (folder / "init.toml").write_text(INIT.replace("[mine]", "[normal]"))
    listed = invoke("presets", "--presets", folder).stdout
    assert re.search(r"^  zeros +User's zeros$", listed, re.MULTILINE)
    assert re.search(r"^  normal +My own$", listed, re.MULTILINE)
    assert "User's normal" not in listed


def test_a_recipe_of_a_folder_trains(folder):
    (folder / "recipe.toml").write_text(
        '[quick]\ndescription = "d"\ndataset = "wave"\narchitecture = "linear"\n'
        'init = "normal"\nregularizer = "none"\nlr = 0.05\nsteps = 4\nseed = 3\n'
    )
    result = invoke("train", "--presets", folder, "--recipe", "quick", "--json")
    found = json.loads(result.stdout)
    assert (found["steps"], found["config"]["seed"], found["config"]["lr"]) == (4, 3, 0.05)


def test_a_name_that_is_not_ascii_breaks_no_plain_stdout(folder):
    (folder / "dataset.toml").write_text(
        '["größe"]\ndescription = "→"\nfunction = "wave"\n', encoding="utf-8"
    )
    flags = ["--presets", str(folder), "--dataset", "größe", "--steps", "2", "--json", "--plot"]
    result = CliRunner(charset="ascii").invoke(main, ["train", *flags], catch_exceptions=False)
    assert result.exit_code == 0
    assert json.loads(result.stdout_bytes)["config"]["dataset"]["name"] == "größe"


def test_a_broken_preset_is_one_line_that_names_file_table_and_key(folder):
    (folder / "init.toml").write_text(INIT.replace("LinearHe", "LinearHee"))
    for command in ("train", "sweep", "find-lr", "presets"):
        over = ("--over", "lr=1") if command == "sweep" else ()
        line = mistake(invoke(command, *over, "--presets", folder))
        for word in (str(folder / "init.toml"), "[mine]", "layer", "did you mean 'LinearHe'"):
            assert word in line


def test_python_m_tui_trainer_is_the_same_program_and_prints_presets_in_any_encoding():
    ascii_only = {"env": {"PYTHONIOENCODING": "ascii"}}
    done = run("presets", program=(sys.executable, "-m", "tui_trainer"), **ascii_only)
    assert done.returncode == 0
    assert b"One layer: a straight line, or a plane" in done.stdout
    assert b"std 1/Vd, bias 0" in done.stdout
    assert done.stdout == run("presets", **ascii_only).stdout


def test_help_and_version_are_printed():
    for flag in ("-h", "--help", "--version"):
        result = invoke(flag)
        assert result.exit_code == 0
        assert "tui-trainer" in result.stdout or "Usage" in result.stdout


def test_help_names_every_flag_of_train():
    text = invoke("train", "--help").stdout
    flags = "recipe dataset architecture init regularizer lr steps seed data-seed device"
    for flag in [*flags.split(), "json", "plot", "history", "presets"]:
        assert f"--{flag} " in text


def test_without_a_terminal_the_app_points_at_train_and_leaves():
    done = run("--recipe", "l1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"tui-trainer train" in done.stderr
    assert b"terminal" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_without_stdin_or_stderr_the_app_leaves_with_status_2(closed):
    done = run("-c", f'exec "$0" {closed}', PROGRAM, program=("sh",))
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_training_needs_none_of_the_standard_streams(tmp_path):
    file = tmp_path / "history.csv"
    command = 'exec "$0" train --recipe dead-zeros --steps 3 --json --history "$1" <&- >&- 2>&-'
    done = run("-c", command, PROGRAM, file, program=("sh",))
    assert done.returncode == 0
    assert len(file.read_text().splitlines()) == 4  # though it got a stream's number


def test_a_result_needs_neither_stdin_nor_stderr():
    done = run("-c", 'exec "$0" runs --json <&- 2>&-', PROGRAM, program=("sh",))
    assert done.returncode == 0
    assert json.loads(done.stdout)["runs"] == []


def test_a_stdout_that_is_closed_early_gives_no_traceback():
    process = start("presets")
    process.stdout.close()
    try:
        _, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
        process.wait()
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err
    assert b"BrokenPipe" not in err


def test_head_sees_the_first_line():
    done = run("-c", '"$0" presets | head -1', PROGRAM, program=("sh",))
    assert done.stdout == b"dataset\n"
    assert done.stderr == b""
