"""The renderer without a terminal, fed by real runs."""

import csv
import functools
import json
import math
import re

import numpy as np
import pytest

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.console.run import follow, plots, summary, to_json
from tui_trainer.formatting import loss_text
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.runs.export import write_history
from tui_trainer.runs.recording import go_on, record
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import LrChanged, RunEnded
from tui_trainer.training.history import History
from tui_trainer.training.result import RunResult
from tui_trainer.training.trainer import train

PRESETS = load_presets()
KEYS = {
    *("config", "engine", "device", "stop_reason", "stop_detail", "steps", "train_loss"),
    *("val_loss", "best_step", "best_val_loss", "seconds", "steps_per_second"),
}
FACTS = {
    "engine",
    *("result", "steps", "train loss", "validation loss", "best validation", "time", "speed"),
}
ENDS = {
    "kaiming": "completed",
    "stop-patient": "early_stopping",
    "exploding-normal": "diverged",
}


def config_of(recipe, **settings):
    steps = 5000 if recipe == "stop-patient" else 200
    return make_config(PRESETS, recipe, **({"steps": steps} | settings))


@functools.cache
def run(recipe):
    config = config_of(recipe)
    return follow(train(config, Control()), config, quiet=True)


def ended(*fields, **more):
    """A result of which only the end is known."""
    result = RunResult(config_of("kaiming"))
    result.apply(RunEnded(*fields, **more))
    return result


def plain(text, role):
    return text


def refuse(constant):
    pytest.fail(f"{constant} is not JSON")


def facts(result):
    return {line[:16].strip(): line[17:] for line in summary(result).split("\n")}


def parsed(result):
    return json.loads(to_json(result), parse_constant=refuse)


def test_following_a_run_takes_in_every_step():
    result, config = run("kaiming"), config_of("kaiming")
    assert result.history.steps == result.ended.steps == config.steps
    assert result.started is not None
    assert result.started.config == config
    assert float(result.history.losses("train")[-1]) == result.ended.train_loss
    assert float(result.history.losses("val")[-1]) == result.ended.val_loss
    assert result.final_fit is not None
    assert result.final_fit.step == config.steps


def test_following_a_run_that_stops_early_ends_with_it():
    result = run("stop-patient")
    assert result.ended.reason is StopReason.EARLY_STOPPING
    assert result.history.steps == result.ended.steps < 5000
    best = result.history.losses("val")[result.ended.best_step - 1]
    assert best == result.history.losses("val").min() == np.float32(result.ended.best_val_loss)


def test_the_fit_is_that_of_the_last_step_not_of_the_best():
    result = run("stop-patient")
    assert result.ended.best_step < result.ended.steps
    assert (result.final_fit.weights, result.final_fit.step) == ("last", result.ended.steps)


def test_following_takes_in_the_changes_of_lr():
    control = Control()
    control.set_lr(0.005)
    config = config_of("kaiming", steps=5)
    result = follow(train(config, control), config, quiet=True)
    assert result.lr_changes == [LrChanged(1, 0.005)]


def test_asking_for_the_end_before_it_is_there_is_refused():
    with pytest.raises(AssertionError, match="last event is missing"):
        summary(RunResult(config_of("kaiming")))


def test_progress_on_stderr_shows_speed_time_left_and_both_losses(capsys):
    config = config_of("kaiming")
    follow(train(config, Control()), config)
    out, err = capsys.readouterr()
    assert out == ""
    assert "200/200" in err
    assert "steps/s" in err
    assert "<" in err  # time taken < time left
    assert "train " in err
    assert " val " in err


def test_the_progress_of_a_run_that_is_resumed_counts_the_steps_from_there(tmp_path, capsys):
    config = config_of("kaiming", steps=100)
    folder = follow(record(config, Control(), tmp_path), config, quiet=True).folder
    longer = config_of("kaiming", steps=120)
    result = follow(go_on(folder, Control(), 120), longer)
    drawn = [text for text in re.split(r"[\r\n]", capsys.readouterr().err) if " 100/120 " in text]
    assert drawn
    assert all("? steps/s" in text for text in drawn)  # no speed of what was only read
    assert result.history.steps == 120


def test_a_network_that_does_not_learn_is_told_at_once(capsys):
    config = config_of("dead-zeros", steps=5)
    follow(train(config, Control()), config)
    assert "not learning: no gradient reaches layers 1 to 4" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["kaiming", "dead-zeros"])
def test_a_quiet_run_writes_nothing(recipe, capsys):
    config = config_of(recipe, steps=5)
    follow(train(config, Control()), config, quiet=True)
    assert capsys.readouterr() == ("", "")


def test_a_summary_has_a_line_for_each_fact():
    found = facts(run("stop-patient"))
    assert found.keys() >= FACTS
    end = run("stop-patient").ended
    assert found["result"] == end.detail
    assert found["result"].startswith(f"stopped early at step {end.steps}: validation ")
    assert found["steps"] == f"{end.steps}"
    assert found["train loss"] == f"{end.train_loss:.2f}"
    assert found["validation loss"] == f"{end.val_loss:.2f}"
    assert found["best validation"] == f"{end.best_val_loss:.2f} at step {end.best_step}"
    assert found["time"].endswith(f"({end.seconds:.2f} s)")
    assert found["speed"] == f"{end.steps / end.seconds:,.0f} steps/s"


def test_a_summary_of_mini_batches_counts_epochs_and_names_the_last_validation(capsys):
    config = config_of("kaiming", batch_size=64, validate_every=7)
    result = follow(train(config, Control()), config)
    found = facts(result)
    assert found["steps"] == "200: 50 epochs of 4 steps, batches of 64"
    assert found["train loss"].endswith(" of the last batch")
    assert found["validation loss"] == f"{loss_text(result.ended.val_loss)} at step 196"
    assert "epoch 50 train" in capsys.readouterr().err


def test_a_summary_of_a_run_that_diverged_names_the_first_bad_tensor():
    found = facts(run("exploding-normal"))
    assert "is not finite at step" in found["result"]
    assert "first bad tensor: layer" in found["result"]


def test_a_summary_of_a_network_that_does_not_learn_says_so():
    assert "all weights are zero" in facts(run("dead-zeros"))["not learning"]


def test_a_summary_writes_control_characters_as_escapes():
    failed = RunEnded(StopReason.FAILED, "RuntimeError: \x1b]0;title\x07", 0)
    result = RunResult(config_of("kaiming"))
    result.apply(failed)
    assert r"failed: RuntimeError: \x1b]0;title\x07" in summary(result)


def test_a_summary_of_a_run_that_failed_says_why_without_numbers():
    found = facts(ended(StopReason.FAILED, "device cuda is not available", 0))
    assert found["result"] == "failed: device cuda is not available"
    for fact in ("train loss", "validation loss", "best validation"):
        assert found[fact] == "–"
    assert found["speed"] == "0 steps/s"


def test_a_summary_tells_losses_that_are_not_finite():
    found = facts(ended(StopReason.DIVERGED, "d", 3, math.inf, math.nan, 1, 1e30))
    assert (found["train loss"], found["validation loss"]) == ("inf", "nan")


@pytest.mark.parametrize("recipe", ENDS)
def test_json_is_one_object_on_one_line_with_every_key(recipe):
    text = to_json(run(recipe))
    assert "\n" not in text
    found = json.loads(text, parse_constant=refuse)
    assert found.keys() >= KEYS
    end = run(recipe).ended
    assert found["stop_reason"] == ENDS[recipe]
    assert found["stop_detail"] == end.detail
    assert (found["steps"], found["best_step"]) == (end.steps, end.best_step)
    assert (found["engine"], found["device"]) == ("eager", "cpu")
    assert found["parameter_count"] == 1321


def test_json_has_the_whole_config():
    config = parsed(run("stop-patient"))["config"]
    assert config["architecture"]["hidden"] == [20, 20, 20, 20]
    assert config["init"]["name"] == "kaiming"
    assert config["regularizer"]["stopping"]["window"] == 50
    assert (config["lr"], config["steps"], config["seed"]) == (0.003, 5000, 0)


def test_json_numbers_read_back_the_same():
    found, end = parsed(run("kaiming")), run("kaiming").ended
    for key in ("train_loss", "val_loss", "best_val_loss", "seconds", "steps_per_second"):
        assert found[key] == getattr(end, key)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_in_json_what_is_not_finite_is_null(bad):
    found = parsed(ended(StopReason.DIVERGED, "d", 3, bad, bad, None, bad))
    assert found["train_loss"] is found["val_loss"] is found["best_val_loss"] is None


def test_json_of_a_run_that_never_started_has_every_key():
    found = parsed(ended(StopReason.FAILED, 'device "cuda"\nis not there', 0))
    assert found.keys() >= KEYS
    assert found["stop_reason"] == "failed"
    assert found["engine"] is None


def read_csv(file):
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_a_history_file_reads_back_the_same(tmp_path):
    file = tmp_path / "history.csv"
    history = run("stop-patient").history
    write_history(history, file)
    header, *rows = read_csv(file)
    assert header == ["step", "train_loss", "val_loss"]
    assert [int(step) for step, _, _ in rows] == list(range(1, history.steps + 1))
    for column, name in ((1, "train"), (2, "val")):
        found = np.array([row[column] for row in rows]).astype(np.float32)
        assert np.array_equal(found, history.losses(name))


def test_a_history_file_keeps_what_is_not_finite(tmp_path):
    file = tmp_path / "history.csv"
    losses = np.array([1e-45, math.inf, math.nan, 3.4e38], np.float32)
    history = History()
    history.append(losses, -losses)
    write_history(history, file)
    rows = np.array(read_csv(file)[1:]).astype(np.float32)
    assert np.array_equal(rows[:, 1], losses, equal_nan=True)
    assert np.array_equal(rows[:, 2], -losses, equal_nan=True)


def test_a_history_of_no_steps_is_its_header(tmp_path):
    file = tmp_path / "history.csv"
    file.write_text("what was there before\n" * 9)
    write_history(History(), file)
    assert read_csv(file) == [["step", "train_loss", "val_loss"]]


@pytest.mark.parametrize("place", [".", "no-such-folder/history.csv"])
def test_a_history_that_can_not_be_written_is_told(tmp_path, place):
    with pytest.raises(OSError, match="directory"):
        write_history(History(), tmp_path / place)


@pytest.mark.parametrize("charset", Charset)
@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("recipe", ["kaiming", "stop-patient", "exploding-normal", "dead-zeros"])
def test_both_plots_are_drawn_within_their_width(recipe, width, charset):
    text = plots(run(recipe), width, charset, plain)
    assert text.startswith("Loss by step")
    assert "\nFit after step" in text
    titles = ("Loss by step", "Fit after step")
    for line in text.split("\n"):
        assert len(line) <= width or line.startswith(titles)
        assert line == line.rstrip()


@pytest.mark.parametrize("recipe", ["kaiming", "stop-patient", "exploding-normal", "dead-zeros"])
def test_in_ascii_the_plots_are_ascii(recipe):
    assert plots(run(recipe), 80, Charset.ASCII, plain).isascii()
    assert not plots(run(recipe), 80, Charset.UNICODE, plain).isascii()


def test_the_title_says_when_the_axis_is_logarithmic():
    titles = {name: plots(run(name), 80, Charset.ASCII, plain).split("\n")[0] for name in ENDS}
    assert ", log y:" in titles["exploding-normal"]
    assert ", log y:" not in titles["stop-patient"]


def test_the_stop_line_is_drawn_for_early_stopping_alone():
    for recipe in ENDS:
        text = plots(run(recipe), 80, Charset.UNICODE, plain)
        assert ("┃" in text) is (recipe == "stop-patient")


def test_plots_are_coloured_by_role():
    roles = set()

    def note(text, role):
        roles.add(role)
        return f"<{role.name}>{text}</>"

    text = plots(run("stop-patient"), 80, Charset.UNICODE, note)
    assert "<BEST>◆ best</>" in text
    assert {Role.TRAIN, Role.VALIDATION, Role.BOUND, Role.BEST, Role.STOP, Role.MODEL} <= roles


def test_of_a_run_without_steps_the_fit_alone_is_drawn():
    control = Control()
    control.stop()
    config = config_of("kaiming")
    result = follow(train(config, control), config, quiet=True)
    text = plots(result, 80, Charset.UNICODE, plain)
    assert "Loss by step" not in text
    assert text.strip().startswith("Fit after step 0")


def test_of_a_run_that_never_started_there_is_nothing_to_draw():
    assert plots(ended(StopReason.FAILED, "no device", 0), 80, Charset.UNICODE, plain) == ""
