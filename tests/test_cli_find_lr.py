"""``tui-trainer find-lr``: what it prints where, and the exit status it leaves."""

import json
import shlex

import pytest
from click.testing import CliRunner
from test_cli import NO_GPU, interrupted_here, invoke, mistake

from tui_trainer.cli import main

QUICK = ("--trials", 8, "--trial-steps", 30, "--low", 1e-5, "--high", 1)


def find(*arguments, recipe="kaiming"):
    return invoke("find-lr", "--recipe", recipe, *QUICK, *arguments)


def facts(text):
    return {line[:14].strip(): line[15:] for line in text.rstrip("\n").split("\n")}


def test_both_answers_and_what_to_take_are_on_stdout_and_progress_on_stderr():
    result = find()
    assert result.exit_code == 0
    found = facts(result.stdout)
    names = ["range test", "trials", "recommended", "time", "train with it"]
    assert [name for name in found if name != "disagreement"] == names
    assert "falls steepest" in found["range test"]
    assert "the lowest of the 6 half a decade clear of divergence" in found["trials"]
    assert "from the trials" in found["recommended"]
    assert "200" in result.stderr
    assert "trials: batched" in result.stderr


def test_the_line_that_takes_the_answer_runs_with_all_that_was_asked_for(tmp_path):
    folder = tmp_path / "my presets"
    folder.mkdir()
    settings = ("--init", "he", "--steps", 25, "--seed", 3, "--l1-weight", 0.5)
    line = facts(find(*settings, "--presets", folder).stdout)["train with it"]
    program, *arguments = shlex.split(line)
    assert program == "tui-trainer"
    config = json.loads(invoke(*arguments, "--json").stdout)["config"]
    assert (config["init"]["name"], config["steps"], config["seed"]) == ("he", 25, 3)
    assert config["regularizer"]["l1_weight"] == 0.5
    recommended = json.loads(find(*settings, "--json").stdout)["recommended"]
    assert config["lr"] == recommended


def test_json_is_one_object_with_both_curves():
    result = find("--json")
    told = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert told["reason"] == "completed"
    for way, names in (
        ("range", ["lrs", "losses", "smoothed"]),
        ("trials", ["lrs", "best_val_loss", "final_val_loss", "steps", "diverged"]),
    ):
        lengths = {len(told[way][name]) for name in names}
        assert len(lengths) == 1
        assert lengths.pop() >= 8
        assert told[way]["words"]
    assert told["range_suggestion"] < 1
    assert told["recommended"] == told["batched_suggestion"] in told["trials"]["lrs"]
    assert told["command"].endswith(f"--lr {told['recommended']}")


def test_losses_that_are_not_finite_are_null_in_json():
    result = find("--json", recipe="exploding-normal")
    told = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))
    assert None in told["trials"]["final_val_loss"]
    assert any(told["trials"]["diverged"])


def test_a_disagreement_is_named():
    result = invoke("find-lr", "--recipe", "kaiming", "--init", "he", "--trial-steps", 60)
    words = facts(result.stdout)["disagreement"]
    assert "the range test says" in words
    assert "the trials say" in words


def test_a_network_that_can_not_learn_is_said_to_be_one():
    result = find(recipe="dead-zeros")
    assert facts(result.stdout)["not learning"].startswith("no gradient reaches")
    assert "not learning: no gradient" in result.stderr


def test_plot_draws_both_and_names_them():
    result = find("--plot")
    _, drawn = result.stdout.split("\n\nLoss by learning rate")
    assert "◆ trials" in drawn
    assert "╎ range test" in drawn
    assert "1e-5" in drawn.splitlines()[-1]


def test_with_json_the_plot_is_on_stderr():
    result = find("--plot", "--json")
    json.loads(result.stdout)
    assert "Loss by learning rate" in result.stderr


def test_a_stdout_without_unicode_gets_plain_characters():
    arguments = [str(a) for a in ("find-lr", "--recipe", "kaiming", *QUICK, "--plot")]
    result = CliRunner(charset="ascii").invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert "@ trials" in result.stdout


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--lr", 0.1], "--lr is what find-lr searches for"),
        (["--low", 0], "expected a number > 0"),
        (["--low", 2], "high: expected a number > 2"),
        (["--range-steps", 3], "range steps: expected 20 to 10,000"),
        (["--range-steps", "x"], "expected a whole number"),
        (["--trials", 1], "trials: expected 2"),
        (["--trial-steps", 0], "--trial-steps"),
        (["--init", "kaimin"], "did you mean 'kaiming'"),
        (["--presets", "/nowhere"], "No such file or directory"),
    ],
)
def test_a_bad_flag_is_one_line_and_status_2(flags, words):
    assert words in mistake(find(*flags))


def test_where_nothing_is_found_the_status_is_1_and_the_words_say_why():
    result = invoke("find-lr", "--low", 1, "--high", 100, "--trials", 4, "--trial-steps", 5)
    assert result.exit_code == 1
    found = facts(result.stdout)
    assert found["recommended"].startswith("none: range test: ")
    assert "train with it" not in found
    assert found["hint"] == "every trial diverged: try a lower --low than 1"


@NO_GPU
def test_a_device_that_is_not_there_is_status_1_and_one_object():
    result = find("--device", "cuda", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["reason"], told["recommended"], told["command"]) == ("failed", None, None)
    assert told["words"].startswith("device cuda is not available")
    told = find("--device", "cuda").stdout.splitlines()
    assert told == [
        "result         failed: device cuda is not available: torch sees none; cpu always works"
    ]


def test_ctrl_c_ends_with_status_130_and_all_there_is_so_far():
    arguments = ("find-lr", "--trial-steps", 100_000_000, "--trials", 4)
    result = interrupted_here(rb"trials: batched", *arguments)
    assert result.exit_code == 130, result.stderr
    found = facts(result.stdout)
    assert "stopped by hand after" in found["trials"]
    assert found["recommended"].startswith(found["range test"].split(":")[0])
    assert "the trials were stopped by hand" in found["recommended"]
    assert "train with it" in found
