"""What repeats a run elsewhere: a script in plain PyTorch, a command, its losses as CSV."""

import json
import math
import random
import shlex
import subprocess
import sys

import numpy as np
import pytest
import seam_files
from data_files import columns, dataset_of, write
from msgspec.structs import replace as with_changes
from reference_loop import PRESETS, make

from tui_trainer import models
from tui_trainer.cli.train import train as train_command
from tui_trainer.cli.wiring import configure
from tui_trainer.config.overrides import NUMBERS, OVERRIDES
from tui_trainer.config.presets import PARTS, load_presets, make_config
from tui_trainer.config.settings import Architecture, Regularizer
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
)
from tui_trainer.config.user_settings import UserSettings
from tui_trainer.runs.export import Repeatable, repeatable, train_line, write_history
from tui_trainer.runs.plain_script.script import to_script
from tui_trainer.task.files.resolving import resolve
from tui_trainer.training.control import Control
from tui_trainer.training.course import Course
from tui_trainer.training.events import StepsCompleted
from tui_trainer.training.result import RunResult
from tui_trainer.training.trainer import train

# Runs all scripts in one process, since importing torch takes longer than all of them.
_RUN_ALL = """
import json, runpy, sys
for script in sys.argv[1:]:
    sys.argv = [script, script + ".csv"]
    runpy.run_path(script, run_name="__main__")
    print(json.dumps([name for name in sys.modules if name.startswith("tui_trainer")]))
"""


SETTINGS = {"recipe", "presets_folder", "device", "engine", *PARTS, *NUMBERS, *OVERRIDES}


def regularized(**settings):
    return {"regularizer": Regularizer(name="mixed", **settings)}


BATCHES = {"batch_size": 64, "validate_every": 3}
CASES = {
    "patient": (make("stop-patient"), {}),
    "restored": (
        with_changes(make("kaiming"), **regularized(stopping=Patience(8, 0.05, True))),
        {30: 0.02, 60: 0.0005},
    ),
    "first": (
        with_changes(make("kaiming"), **regularized(stopping=FirstIncrease(restore_best=True))),
        {},
    ),
    "gl": (with_changes(make("kaiming"), **regularized(stopping=GeneralizationLoss(150.0))), {}),
    "pq": (with_changes(make("kaiming"), **regularized(stopping=ProgressQuotient(1, 3))), {}),
    "diverged": (make("exploding-normal"), {}),
    "dead": (make("dead-zeros", steps=30), {}),
    "batches": (make("dropout", regularizer="stop-patience", steps=60, **BATCHES), {30: 0.01}),
    "measured": (
        with_changes(make("kaiming", **BATCHES), **regularized(stopping=Patience(8, 0.0, True))),
        {},
    ),
    "pq on batches": (
        with_changes(make("kaiming", **BATCHES), **regularized(stopping=ProgressQuotient(1, 4))),
        {},
    ),
    "all": (
        with_changes(
            make("kaiming", init="he", dataset="wave-40", architecture="mlp-2x64", steps=60),
            **regularized(
                stopping=PatientAverage(40), l1_weight=0.5, dropout=0.05, weight_decay=0.03
            ),
        ),
        {1: 0.005, 17: 0.01},
    ),
    "dropout": (make("dropout", init="own", dropout=0.0, steps=40), {}),
    "linear": (make("linear", steps=40), {}),
    **{
        f"{settings['optimizer']} {settings['schedule']}": (
            make("l1", lr=0.003, steps=40, weight_decay=0.1, **settings),
            changes,
        )
        for settings, changes in (
            ({"optimizer": "momentum", "schedule": "cosine", "activation": "tanh"}, {}),
            ({"optimizer": "nesterov", "schedule": "step", "momentum": 0.4}, {9: 0.001}),
            ({"optimizer": "adam", "schedule": "one-cycle", "beta1": 0.7}, {1: 0.01, 30: 0.02}),
            ({"optimizer": "adamw", "schedule": "warmup-cosine", "activation": "silu"}, {}),
            ({"optimizer": "adamw", "schedule": "constant", "activation": "gelu"}, {20: 0.01}),
        )
    },
}


def cases_of_files(folder):
    """Runs on every kind of file, with and without what may be said of one."""
    table = columns()
    holes = {**table, "b": [None, *table["b"][1:]], "sure": table["c"] > 4}
    files = {
        "csv": (write(folder / "x.csv", holes), {"drop_missing": True}),
        "tsv": (
            write(folder / "x.tsv", table),
            {"validation_file": str(write(folder / "val.tsv", columns(20, seed=1)))},
        ),
        "npz": (
            write(folder / "x.npz", {"X": np.stack([table["a"], table["c"]], 1)} | table),
            {"feature_names": ("X.0", "X.1", "b"), "split": 0.5},
        ),
        "parquet": (write(folder / "x.parquet", holes), {"feature_names": ("a", "sure")}),
        "plain": (write(folder / "plain.csv", table), {"standardize": False}),
    }
    settings = {"plain": {"lr": 1e-12}, "npz": {**BATCHES, "regularizer": "stop-patience"}}
    return {
        f"of {name}": (
            with_changes(
                make("kaiming", steps=40, **settings.get(name, {})),
                dataset=resolve(dataset_of(file, **facts)).dataset,
            ),
            {20: 0.001} if name == "tsv" else {},
        )
        for name, (file, facts) in files.items()
    }


def trained(config, lrs=None, stop_at=math.inf):
    """Train, stopped by hand after the first report from step `stop_at` on."""
    control, result = Control(), RunResult(config)
    course = Course(lrs=lrs or {}, repeats_to=max(lrs)) if lrs else Course()
    for event in train(config, control, course):
        result.apply(event)
        if isinstance(event, StepsCompleted) and event.last_step >= stop_at:
            control.stop()
    return result


def test_the_losses_of_a_script_are_the_runs_bit_for_bit(tmp_path):
    results = {name: trained(*case) for name, case in CASES.items()}
    cosine = make("kaiming", steps=10**6, schedule="cosine", optimizer="adam", lr=0.01)
    results["by hand"] = trained(cosine, stop_at=20)
    results |= {name: trained(*case) for name, case in cases_of_files(tmp_path).items()}
    for name, result in results.items():
        run = repeatable(result)
        (tmp_path / f"{name}.py").write_text(to_script(run, f'a run "{name}"\x1b[2J'))
    scripts = [str(tmp_path / f"{name}.py") for name in results]
    done = subprocess.run(
        [sys.executable, "-c", _RUN_ALL, *scripts],
        capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    imported = [json.loads(line) for line in lines if line.startswith("[")]
    endings = [line for line in lines if ": validation " in line]
    assert imported == [[]] * len(results)
    for (name, result), ending in zip(results.items(), endings, strict=True):
        write_history(result.history, tmp_path / "run.csv")
        assert (tmp_path / f"{name}.py.csv").read_bytes() == (tmp_path / "run.csv").read_bytes()
        assert ("best weights restored" in ending) is result.ended.restored_best, name
        assert f"validation {result.final_val_loss:.9g}," in ending, name
        assert result.best is None or f"at step {result.best.step}" in ending
    for name in ("patient", "restored", "first", "gl", "pq"):
        assert results[name].stopped_early, name
    assert results["diverged"].diverged


def test_what_is_no_plain_torch_is_refused_in_a_line(monkeypatch, tmp_path):
    (tmp_path / "own.py").touch()
    monkeypatch.setattr(
        models.__spec__, "submodule_search_locations", [*models.__path__, str(tmp_path)]
    )
    own = with_changes(make("kaiming"), architecture=Architecture(name="own", network="own"))
    seam_files.install(monkeypatch)
    seam = seam_files.config_of()
    plain_data = with_changes(seam, dataset=make("kaiming").dataset)
    for config, words in (
        (own, "network own is"), (seam, "data set plane is"), (plain_data, "optimiser momentum is"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words) as refused:
            to_script(Repeatable(config, config.steps), "run")
        assert "\n" not in str(refused.value)


def parsed(line):
    """Return the config that the shell's last command in `line` trains."""
    program, command, *words = shlex.split(line, comments=True)
    assert (program, command) == ("tui-trainer", "train")
    context = train_command.make_context("train", words)
    return configure({key: context.params[key] for key in SETTINGS}, UserSettings())[1]


def test_a_line_makes_the_config_again(tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    (folder / "regularizer.toml").write_text(
        '["a $name; \'x\'"]\ndescription = "x"\nl1_weight = 0.25\n'
    )
    presets = load_presets(folder)
    rng = random.Random(5)
    choices = {
        "recipe": presets.names("recipe"),
        "regularizer": [None, *presets.names("regularizer")],
        "init": [None, *presets.names("init")],
        "dataset": [None, *presets.names("dataset")],
        "lr": [None, 1e-9, 0.1 + 0.2, 3e38, 1.0],
        "seed": [None, 0, 2**63 - 1],
        "data_seed": [None, 3],
        "steps": [None, 1, 123_456],
        "l1_weight": [None, 0.0, 1e-7],
        "dropout": [None, 0.0, 0.3],
        "weight_decay": [None, 1e-5],
        "optimizer": [None, "momentum", "nesterov"],
        "momentum": [None, 0.5],
        "schedule": [None, *presets.names("schedule")],
        "activation": [None, "tanh", "relu"],
        "engine": [None, "eager"],
        "device": [None, "cpu"],
    }
    for _ in range(60):
        settings = {key: rng.choice(values) for key, values in choices.items()}
        config = make_config(presets, **settings)
        line = train_line(Repeatable(config, config.steps), presets, folder, "run")
        assert parsed(line) == config
        assert line.startswith("tui-trainer train --recipe ")
    shortest = train_line(Repeatable(make("l1", seed=0, engine="auto"), 5000), presets, None, "run")
    assert shortest == "tui-trainer train --recipe l1"


def test_a_line_says_what_it_can_not_repeat():
    config = make("l1")
    run = Repeatable(config, 812, {120: 0.001}, {1: "eager", 300: "compiled"})
    *notes, line = train_line(run, PRESETS, None, "2026 run").splitlines()
    assert line == "tui-trainer train --recipe l1 --seed 100 --engine eager --steps 812"
    assert all(note.startswith("# ") for note in notes)
    words = "\n".join(notes)
    scheduled = Repeatable(make("l1", schedule="step", optimizer="adam", beta1=0.5), 812)
    *notes, line = train_line(scheduled, PRESETS, None, "run").splitlines()
    assert "--optimizer adam --schedule step" in line
    assert "--beta1 0.5" in line
    assert "the schedule was for 5,000 steps" in notes[-1]
    for fact in ("0.001 from step 120", "812 of 5,000", "compiled from step 300", "'2026 run'"):
        assert fact in words


def test_a_config_that_no_flags_make_is_refused_in_a_line():
    for config in (
        with_changes(make("l1"), **regularized(l1_weight=1.0)),
        with_changes(make("l1"), regularizer=Regularizer(name="dropout")),
        with_changes(make("l1"), dataset=with_changes(make("l1").dataset, train_points=7)),
    ):
        with pytest.raises(ValueError, match=r"'tui-trainer replay run' repeats") as refused:
            train_line(Repeatable(config, 5000), PRESETS, None, "run")
        assert "\n" not in str(refused.value)
