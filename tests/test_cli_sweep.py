"""``tui-trainer sweep`` and ``train --from-sweep``: what they print where, and their status."""

import csv
import io
import json
import re

import pytest
from test_cli import interrupted_here, invoke

from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import convert

QUICK = ("--recipe", "kaiming", "--steps", 60)


def sweep(*arguments):
    return invoke("sweep", *arguments)


def found(*arguments):
    result = sweep(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_table_with_the_lowest_loss_first_and_a_recommendation_with_its_reason():
    result = sweep("--over", "lr=0.0001,0.003,10", "--seeds", 2, *QUICK)
    assert result.exit_code == 0
    rows = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert rows[:4] == ["lr", "0.003", "0.0001", "10"]
    assert re.search(r"^10 +diverged +diverged .* 100% +diverged$", result.stdout, re.MULTILINE)
    assert re.search(r"^0.003 .* recommended$", result.stdout, re.MULTILINE)
    assert re.search(r"^0.0001 .* too few seeds$", result.stdout, re.MULTILINE)
    assert re.search(r"^recommended +lr 0.003: lowest median best", result.stdout, re.MULTILINE)
    assert "6 candidates: batched" in result.stderr
    assert "6/6 done" in result.stderr


def test_json_has_every_candidate_with_what_it_came_to():
    told = found("--over", "lr=0.001:0.1:log:3", "--over", "init=kaiming,he", "--seeds", 2, *QUICK)
    assert [axis["key"] for axis in told["axes"]] == ["lr", "init"]
    assert told["axes"][0]["values"] == [0.001, 0.01, 0.1]
    assert len(told["candidates"]) == 12
    assert len(told["points"]) == 6
    first = told["candidates"][0]
    assert first["values"] == {"lr": 0.001, "init": "kaiming"}
    assert [c["seed"] for c in told["candidates"][:2]] == [0, 1]
    assert first["stop_reason"] == "completed"
    medians = [p["best_val_loss"]["median"] for p in told["points"]]
    finite = [m for m in medians if m is not None]
    assert finite == sorted(finite)
    assert told["recommended"]["values"] == told["points"][0]["values"]
    verdicts = [point["verdict"] for point in told["points"]]
    assert verdicts[0] is None
    assert verdicts[1:] == [held["verdict"] for held in told["recommended"]["comparisons"]]
    assert set(verdicts[1:]) <= {"too few seeds", "diverged"}


def test_the_candidates_are_the_runs_they_stand_for():
    told = found("--over", "seed=3,4", *QUICK)
    for candidate in told["candidates"]:
        flags = (*QUICK, "--seed", candidate["seed"], "--engine", "eager", "--json")
        alone = json.loads(invoke("train", *flags).stdout)
        assert candidate["best_val_loss"] == pytest.approx(alone["best_val_loss"], rel=1e-3)
        assert candidate["best_step"] == alone["best_step"]


@pytest.mark.parametrize("flag", ["l1-weight", "dropout", "weight-decay"])
def test_numbers_of_the_regularizer_are_fixed_by_flags(flag):
    config = found("--over", "lr=0.001,0.002", f"--{flag}", "0.25", *QUICK)["config"]
    assert config["regularizer"][flag.replace("-", "_")] == 0.25


def test_the_objective_may_be_the_final_loss():
    told = found("--over", "lr=0.001,0.01", "--objective", "final", *QUICK)
    medians = [point["final_val_loss"]["median"] for point in told["points"]]
    assert medians == sorted(medians)
    assert told["objective"] == "final"


def test_csv_has_a_row_a_candidate(tmp_path):
    file = tmp_path / "candidates.csv"
    over = ("--over", "init=kaiming,normal", "--seeds", 2)
    told = sweep(*over, "--recipe", "stop-patient", "--csv", file, "--steps", 60, "--json")
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [(row["init"], row["seed"]) for row in rows] == [
        ("kaiming", "0"),
        ("kaiming", "1"),
        ("normal", "0"),
        ("normal", "1"),
    ]
    candidates = json.loads(told.stdout)["candidates"]
    assert [float(row["best_val_loss"]) for row in rows] == [c["best_val_loss"] for c in candidates]
    assert {row["stop_reason"] for row in rows} <= {"completed", "early_stopping", "diverged"}


def test_a_swept_seed_stands_once_in_the_csv(tmp_path):
    file = tmp_path / "candidates.csv"
    sweep("--over", "seed=3,5", "--csv", file, *QUICK)
    header, *rows = csv.reader(io.StringIO(file.read_text()))
    assert header.count("seed") == 1
    assert [row[header.index("seed")] for row in rows] == ["3", "5"]


def test_the_winner_trains(tmp_path):
    file = tmp_path / "sweep.json"
    told = sweep("--over", "lr=0.0001,0.003", "--l1-weight", 0.5, *QUICK, "--json").stdout
    file.write_text(told)
    result = invoke("train", "--from-sweep", file, "--engine", "eager", "--steps", 5, "--json")
    config = convert(json.loads(result.stdout)["config"], RunConfig)
    assert (config.lr, config.steps, config.regularizer.l1_weight) == (0.003, 5, 0.5)


BAD = [
    (["--over", "lr=0.1:0.1:log:4"], "the range 0.1 to 0.1 is empty"),
    (["--over", "lr=1:0.1:log:4"], "write 0.1:1:log:4"),
    (["--over", "l1_weight=0:1:log:4"], "a log range can't start at 0"),
    (["--over", "lrr=0.1,1"], "did you mean 'lr'"),
    (["--over", "init=kaimin"], "did you mean 'kaiming'"),
    (["--over", "lr"], "lr=1e-4:1:log:16"),
    (["--over", "lr=1e-5:1:log:1000", "--over", "l1_weight=0:1:lin:1000"], "split it into"),
    (["--over", "lr=1e-5:1:log:1000", "--over", "l1_weight=0:1:lin:1000"], "61.1 GB"),
    (["--over", "lr=0.1,1", "--lr", "0.1"], "both fixed and swept"),
    (["--over", "lr=0.1,1", "--over", "lr=2,3"], "two axes"),
    (["--over", "seed=1,2", "--seeds", "2"], "leave one of them out"),
    (["--over", "lr=0.1,1", "--seeds", "0"], "expected a whole number >= 1"),
    (["--over", "lr=0.1,1", "--csv", "/nowhere/x.csv"], "No such file"),
    (["--over", "lr=0.1,1", "--recipe", "kaimng"], "did you mean 'kaiming'"),
    ([], "--over"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_is_one_line_and_status_2_and_starts_nothing(arguments, words):
    result = sweep(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
    assert "candidates:" not in result.stderr


@pytest.mark.parametrize("flag", [("--init", "he"), ("--recipe", "l1"), ("--dropout", "0.1")])
def test_what_the_winner_decides_can_not_be_given(tmp_path, flag):
    file = tmp_path / "sweep.json"
    file.write_text(sweep("--over", "lr=0.01,0.02", "--steps", 2, "--json").stdout)
    result = invoke("train", "--from-sweep", file, *flag)
    assert result.exit_code == 2
    assert f"{flag[0]} with --from-sweep" in result.stderr


def test_a_file_that_is_no_sweep_is_one_line(tmp_path):
    result = invoke("train", "--from-sweep", tmp_path / "none.json")
    assert result.exit_code == 2
    assert "none.json: No such file" in result.stderr


def test_a_device_that_is_not_there_fails_in_words():
    result = sweep("--over", "lr=0.1,1", "--device", "cuda:7")
    assert result.exit_code == 1
    assert "cuda:7 is not available" in result.stdout


def test_ctrl_c_ends_with_the_table_so_far_and_status_130():
    arguments = ("sweep", "--over", "lr=0.001,0.002", "--recipe", "kaiming", "--steps", 10**6)
    result = interrupted_here(rb"done, [\d,]+ steps/s", *arguments)
    assert result.exit_code == 130
    assert "stopped by hand" in result.stdout
    assert "0 of 2 candidates had finished" in result.stdout
    assert "recommended" in result.stdout


def test_a_sweep_in_which_everything_diverged_is_status_1():
    result = sweep("--over", "lr=10,100", "--recipe", "kaiming", "--steps", "50")
    assert result.exit_code == 1
    assert "none: every candidate diverged; try an lr below 10" in result.stdout


def test_a_plot_has_names_in_rows_and_values_on_a_scale_and_stays_out_of_the_json():
    race = sweep("--over", "init=kaiming,he", "--plot", *QUICK, "--ascii").stdout
    assert re.search(r"^(kaiming|he) +\S+ +@ +recommended$", race, re.MULTILINE)
    assert "final validation" not in race
    scale = sweep("--over", "lr=0.001:0.1:log:3", "--plot", *QUICK, "--json")
    assert json.loads(scale.stdout)["recommended"]
    assert "Best validation loss by lr" in scale.stderr
