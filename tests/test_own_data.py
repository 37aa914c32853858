"""A person's own data, from the command line and in the app: train, sweep, search, go on."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import sweeping
import torch
from click.testing import CliRunner
from data_files import columns, dataset_of, diabetes, write
from msgspec.structs import replace
from test_headless import make_app

from tui_trainer.cli import main, wiring
from tui_trainer.config.presets import Preset, load_presets, make_config
from tui_trainer.config.settings import RunConfig
from tui_trainer.runs.export import repeatable, train_line
from tui_trainer.runs.saved import SavedRun
from tui_trainer.task.files import opening
from tui_trainer.task.files.resolving import resolve
from tui_trainer.training.events import FitSampled, Noted, RunStarted, StepsCompleted
from tui_trainer.training.setup import preview
from tui_trainer.training.trainer import train
from tui_trainer.tui.headless import Visit, visit

PRESETS = load_presets()


@pytest.fixture(autouse=True)
def one_place(tmp_path, monkeypatch):
    """Runs of a test in a folder of its own, and nothing on stdin yet."""
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(opening, "_stdin", opening._Stdin())
    monkeypatch.chdir(tmp_path)


def invoke(*arguments, stdin=b"", status=0):
    result = CliRunner().invoke(main, [str(a) for a in arguments], stdin, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def told(*arguments, **options):
    return json.loads(invoke(*arguments, "--json", **options).stdout)


def refused(*arguments, **options):
    """Return the one line that says what is wrong."""
    result = invoke(*arguments, status=2, **options)
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert result.stderr.splitlines()[-1:] == lines, result.stderr
    assert not result.stdout
    return lines[0].removeprefix("Error: ")


def config_of(dataset, recipe="kaiming", **settings) -> RunConfig:
    config = make_config(PRESETS, recipe, engine="eager", **settings)
    return replace(config, dataset=dataset)


def losses_of(events):
    steps = [event for event in events if isinstance(event, StepsCompleted)]
    return [np.concatenate([getattr(e, k) for e in steps]) for k in ("train_loss", "val_loss")]


def test_a_run_trains_on_standardized_numbers_and_tells_all_in_the_target_s_own_units(tmp_path):
    table = columns()
    names = ("a", "b", "c")
    dataset = resolve(dataset_of(write(tmp_path / "x.csv", table))).dataset
    events = list(train(config_of(dataset, steps=50)))
    # The same, standardised by hand.
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0)).numpy()
    own, val = order[:48], order[48:]
    means = {k: v[own].mean() for k, v in table.items()}
    stds = {k: v[own].std() for k, v in table.items()}
    scaled = {k: ((v - means[k]) / stds[k]).astype(np.float32) for k, v in table.items()}
    plain = dataset_of(write(tmp_path / "y.csv", scaled), standardize=False)
    expected = losses_of(train(config_of(resolve(plain).dataset, steps=50)))
    for found, other in zip(losses_of(events), expected, strict=True):
        np.testing.assert_array_equal(found, other * np.float32(stds["load"] ** 2))
    assert events[0].points.features == len(names)
    np.testing.assert_allclose(events[0].points.val_y, table["load"][val], rtol=1e-6)
    fit = [event for event in events if isinstance(event, FitSampled) and event.weights == "last"][
        -1
    ]
    for split, found, rows in (("train", fit.train, own), ("val", fit.val, val)):
        np.testing.assert_allclose(found.actual, np.sort(table["load"][rows]), rtol=1e-6)
        errors = found.predicted.astype(float) - found.actual
        rmse, spread = np.sqrt((errors**2).mean()), found.actual.astype(float).std()
        assert fit.metrics[f"{split}_rmse"] == pytest.approx(rmse, rel=1e-3)
        assert fit.metrics[f"{split}_r2"] == pytest.approx(1 - (rmse / spread) ** 2, abs=1e-3)
    (candidate,) = sweeping.run([config_of(dataset, steps=50)])  # as a batch: there is no compiler
    for found, other in zip((candidate.train, candidate.val), losses_of(events), strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-4)
    np.testing.assert_allclose(candidate.fit.val.predicted, fit.val.predicted, rtol=1e-4)
    assert candidate.fit.metrics["train_rmse"] == pytest.approx(fit.metrics["train_rmse"], rel=1e-4)
    assert fit.metrics["val_rmse"] ** 2 == pytest.approx(float(losses_of(events)[1][-1]), rel=1e-4)


def test_a_curve_over_one_feature_is_in_its_own_units(tmp_path):
    dataset = dataset_of(write(tmp_path / "x.npz", columns()), feature_names=("a",))
    shown = preview(config_of(dataset))
    assert shown.config.dataset.resolved
    a = columns()["a"]
    assert shown.fit.x[0] < a.min() < a.max() < shown.fit.x[-1]
    assert 45_000 < shown.fit.prediction.min() < shown.fit.prediction.max() < 55_000
    np.testing.assert_allclose(sorted([*shown.points.train_x, *shown.points.val_x]), sorted(a))


def test_a_target_that_is_constant_in_the_training_split_is_not_scaled_and_said(tmp_path):
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0)).numpy()
    load = np.full(60, 0.1)
    load[order[48:]] = 1.1
    file = write(tmp_path / "x.csv", columns() | {"load": load})
    events = list(train(config_of(dataset_of(file), steps=9)))
    words = "x.csv: the target load is constant in the training split: it is not scaled, and there"
    assert [e for e in events if isinstance(e, Noted) and e.words.startswith(words)]
    train_losses, val_losses = losses_of(events)
    assert val_losses.max() < 100
    assert train_losses[-1] < 100


def test_many_points_are_drawn_as_some_thousand_evenly_taken(tmp_path):
    rows = 25_000
    x = np.arange(rows, dtype=np.float64)
    file = write(tmp_path / "x.npz", {"x": x, "z": x % 7, "y": x * 2 + x % 7})
    shown = preview(config_of(dataset_of(file, "y", split=0.9)))
    assert [len(v) for v in (shown.fit.train.actual, shown.points.train_x)] == [2000, 2000]
    assert len(shown.fit.val.predicted) == len(shown.points.val_y) == 2000
    assert np.ptp(shown.points.train_y) > 0.99 * np.ptp(x * 2)


def test_a_data_set_that_is_read_while_training_starts_tells_what_it_leaves_out(tmp_path):
    file = write(tmp_path / "x.csv", columns() | {"word": np.full(60, "x")})
    started, *events = train(config_of(dataset_of(file), steps=2))
    assert isinstance(started, RunStarted)
    assert started.config.dataset.feature_names == ("a", "b", "c")
    assert Noted("x.csv: left out, not numeric: word") in events


def test_real_data_from_training_to_a_race(tmp_path):
    file = diabetes(tmp_path / "diabetes.csv")
    flags = ["--data", file.name, "--target", "progression"]
    linear = ["--architecture", "linear", "--lr", 0.1, "--regularizer", "none"]
    found = told("train", *flags, *linear, "--steps", 1000, "--engine", "eager")
    dataset = found["config"]["dataset"]
    assert (dataset["file"], dataset["features"], len(dataset["digest"])) == (str(file), 10, 64)
    assert (dataset["train_points"], dataset["validation_points"]) == (354, 88)
    # What ordinary least squares finds on the same rows.
    order = torch.randperm(442, generator=torch.Generator().manual_seed(0)).numpy()
    table = np.loadtxt(file, delimiter=",", skiprows=1)
    x, y = np.column_stack([table[:, :-1], np.ones(442)]), table[:, -1]
    own = order[:354]
    solution = np.linalg.lstsq(x[own], y[own], rcond=None)[0]
    for split, rows in (("train", own), ("val", order[354:])):
        rmse = np.sqrt(((x[rows] @ solution - y[rows]) ** 2).mean())
        assert found[f"{split}_rmse"] == pytest.approx(rmse, rel=5e-3)
        assert found[f"{split}_r2"] == pytest.approx(1 - (rmse / y[rows].std()) ** 2, abs=5e-3)
    assert found["val_loss"] == pytest.approx(found["val_rmse"] ** 2, rel=1e-4)

    short = ["--steps", 40, "--engine", "eager"]
    words = invoke("train", *flags, *short).stdout
    assert "RMSE             train " in words
    assert "R²               train " in words
    gone_on = told("resume", "last", "--steps", 80)
    straight = told("train", *flags, *short[2:], "--steps", 80)
    assert gone_on["val_loss"] == straight["val_loss"]
    assert "the same bits" in invoke("replay", "last").stdout
    branched = told("branch", "last", "--at", 30, "--set", "lr=0.01")
    assert branched["config"]["dataset"] == straight["config"]["dataset"]

    race = told("sweep", *flags, "--over", "regularizer=none,l1", "--seeds", 2, "--steps", 30)
    assert len(race["points"]) == 2
    assert {candidate["steps"] for candidate in race["candidates"]} == {30}
    assert race["recommended"]["config"]["dataset"] == straight["config"]["dataset"]
    shown = SavedRun(Path(straight["run"])).result.final_fit
    assert {name: shown.metrics[name] for name in shown.metrics} == {
        name: pytest.approx(straight[name]) for name in shown.metrics
    }
    assert len(shown.train.actual) == 354
    assert len(shown.val.predicted) == 88
    search = told("find-lr", *flags, "--trials", 4, "--range-steps", 20, "--trial-steps", 30)
    assert search["recommended"] is not None
    assert f"--data {file}" in search["command"]


def test_a_run_whose_data_changed_or_are_gone_is_left_as_it_is(tmp_path):
    file = write(tmp_path / "x.csv", columns())
    flags = ["--data", file, "--target", "load", "--engine", "eager"]
    folder = Path(told("train", *flags, "--steps", 30)["run"])
    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    commands = (
        ["resume", "last", "--steps", 60],
        ["replay", "last"],
        ["branch", "last", "--at", 10, "--set", "lr=0.1"],
    )
    write(file, columns(seed=1))
    for command in commands:
        assert refused(*command).startswith(f"{file}: it has changed since this run was started")
    file.unlink()
    for command in commands:
        words = f"the data of this run can't be read: {file}: No such file or directory"
        assert refused(*command) == words
    assert {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert "finished 30 steps" in invoke("show", "last").stdout  # needs no data
    write(file, columns())
    assert told("resume", "last", "--steps", 60)["steps"] == 60


def test_a_run_whose_numbers_do_not_fit_its_file_is_refused_in_one_line(tmp_path):
    file = write(tmp_path / "x.csv", columns())
    flags = ["--data", file, "--target", "load", "--engine", "eager", "--steps", 9]
    folder = Path(told("train", *flags)["run"])
    toml = folder / "run.toml"
    toml.write_text(toml.read_text().replace("train_points = 48", "train_points = 5000"))
    words = refused("resume", "last", "--steps", 20)
    assert words.startswith("the run's data set does not fit its file: train_points + validation")


def test_what_came_on_stdin_stays_with_the_run_and_its_branches(tmp_path):
    content = write(tmp_path / "x.csv", columns()).read_bytes()
    flags = ["--data", "-", "--target", "load", "--engine", "eager", "--steps", 30]
    found = told("train", *flags, stdin=content)
    folder = Path(found["run"])
    assert (folder / "data.csv").read_bytes() == content
    assert 'file = "data.csv"' in (folder / "run.toml").read_text()
    opening._stdin = opening._Stdin()
    assert told("resume", "last", "--steps", 60)["steps"] == 60
    child = Path(told("branch", "last", "--at", 30, "--set", "steps=60")["run"])
    invoke("delete", folder.name, "--yes")
    assert (child / "data.csv").read_bytes() == content
    assert "the same bits" in invoke("replay", child.name).stdout
    moved = folder.parent / "moved"
    child.rename(moved)
    assert told("resume", moved, "--steps", 90)["steps"] == 90
    assert "stdin is for --data" in refused(
        "train", "--data", "x.csv", "--target", "load", "--validation-data", "-"
    )


def test_a_preset_names_a_file_beside_it_and_flags_override_it(tmp_path):
    folder = tmp_path / "presets"
    folder.mkdir()
    write(folder / "energy.csv", columns())
    (folder / "dataset.toml").write_text(
        '[energy]\ndescription = "Load of a house"\nfile = "energy.csv"\ntarget = "load"\n'
    )
    flags = ["--presets", folder, "--dataset", "energy", "--engine", "eager", "--steps", 20]
    dataset = told("train", *flags)["config"]["dataset"]
    assert (dataset["name"], dataset["file"]) == ("energy", str(folder / "energy.csv"))
    other = told(
        "train", *flags, "--features", "a,b", "--split", 0.5, "--no-standardize", "--lr", 1e-12
    )
    changed = {"feature_names": ["a", "b"], "features": 2, "split": 0.5, "standardize": False}
    changed |= {"train_points": 30, "validation_points": 30}
    assert other["config"]["dataset"] == dataset | changed
    axis = ["--over", "dataset=wave,energy", "--seeds", 2, "--steps", 20, "--presets", folder]
    assert len(told("sweep", *axis)["points"]) == 2
    for wrong, words in [
        ("function = 'wave'\nfile = 'x.csv'\ntarget = 'y'", "function: both a file and a function"),
        ("file = 'x.csv'", "target: missing: which column of the file is to be predicted?"),
        ("function = 'wave'\ntarget = 'y'", "target: of a file, and function 'wave' makes points"),
        ("train_points = 5", "function: missing, or a file; allowed: wave"),
        ("file = 'x.csv'\ntarget = 'y'\nsplit = 1", "split: expected a number < 1"),
        ("file = '~nobody-x/x.csv'\ntarget = 'y'", "file: no such path"),
    ]:
        (folder / "dataset.toml").write_text(f'[energy]\ndescription = "x"\n{wrong}\n')
        assert f"[energy] {words}" in refused("train", *flags)


WRONG = {
    (
        "--data",
        "x.csv",
    ): "--target: which column is to be predicted? numeric columns: a, b, c, load",
    ("--data", "x.csv", "--target", "laod"): "x.csv: no column 'laod'; did you mean 'load'? "
    "numeric columns: a, b, c, load",
    (
        "--data",
        "x.csv",
        "--target",
        "load",
        "--features",
        "a,load",
    ): "--features: 'load' is the target",
    ("--data", "x.csv", "--target", "load", "--features", "a,a"): "--features: 'a' is listed twice",
    (
        "--data",
        "x.csv",
        "--target",
        "load",
        "--dataset",
        "wave",
    ): "both --data and --dataset: leave one of them out",
    ("--data", "x.csv", "--target", "load", "--split", 0.5, "--validation-data", "x.csv"): "both "
    "--split and --validation-data: leave one of them out",
    ("--target", "load"): "--target goes with --data FILE, or with a data set that names a file: "
    "'wave' makes its points",
    ("--drop-missing",): "--drop-missing goes with --data FILE, or with a data set that names a "
    "file: 'wave' makes its points",
    (
        "--data",
        "x.txt",
        "--target",
        "y",
    ): "Invalid value for '--data': x.txt: unknown kind of file: "
    "expected .csv, .tsv, .npz, .parquet",
    (
        "--data",
        "x.csv",
        "--target",
        "load",
        "--split",
        1,
    ): "Invalid value for '--split': expected a number < 1, got '1'",
    ("--data", "x.csv", "--target", "load", "--features", ","): "Invalid value for '--features': "
    "expected names of columns, got ','",
}


@pytest.mark.parametrize("command", ["train", "find-lr", "sweep"])
def test_flags_that_do_not_go_together_are_refused_in_one_line(tmp_path, command):
    write(tmp_path / "x.csv", columns())
    over = ["--over", "lr=0.1,1"] if command == "sweep" else []
    for flags, words in WRONG.items():
        assert refused(command, *over, *flags) == words
    gone = tmp_path / "gone.csv"
    words = refused(command, *over, "--data", gone, "--target", "load")
    assert words == f"{gone}: No such file or directory"
    assert not (tmp_path / "runs").exists()


async def test_the_app_reads_a_file_after_its_first_frame_and_trains_on_it(tmp_path):
    presets = load_presets()
    dataset = dataset_of(write(tmp_path / "x.csv", columns()))
    presets.put_dataset(Preset("mine", "load by all", dataset))
    app = make_app("kaiming", presets=presets, dataset="mine", steps=40, engine="eager")
    outcome = await visit(app, Visit((120, 40), ["s"], "ended", 90, None))
    assert outcome.problem is None
    assert presets.dataset["mine"].settings.resolved
    assert "Finished 40 steps" in outcome.screen
    assert "Predicted against actual" in outcome.screen
    assert "›" not in outcome.screen  # the form is that of the run


async def test_a_run_that_the_app_starts_reads_a_file_again_that_changed(tmp_path, monkeypatch):
    presets, file = load_presets(), write(tmp_path / "x.csv", columns())
    presets.put_dataset(Preset("mine", "load by all", dataset_of(file)))
    ran = []

    def train_now(config, control):
        if not ran:  # the preview has read the file, and the form knows its digest
            write(file, columns(80, seed=1))
        for event in wiring.train_events(config, control, None):
            ran.append(event)
            yield event

    app = make_app(
        "kaiming", presets=presets, train=train_now, dataset="mine", steps=9, engine="eager"
    )
    outcome = await visit(app, Visit((120, 40), ["s"], "ended", 90, None))
    assert "Finished 9 steps" in outcome.screen
    assert (ran[0].config.dataset.train_points, len(ran[0].points.train_y)) == (64, 64)


async def test_the_app_says_what_is_wrong_with_a_file(tmp_path):
    presets = load_presets()
    (tmp_path / "x.csv").write_text("a,load\n1,2\n2,\n")
    presets.put_dataset(Preset("mine", "load by all", dataset_of(tmp_path / "x.csv")))
    app = make_app("kaiming", presets=presets, dataset="mine")
    outcome = await visit(app, Visit((160, 40), [], "idle", 90, None))
    assert "x.csv: values are missing in 1 of 2 rows, first in row 2 (load)" in outcome.screen


def test_a_run_on_a_file_is_written_as_its_command(tmp_path):
    write(tmp_path / "a, b.csv", columns() | {"x,y": np.arange(60) ** 0.5})
    flags = ["--data", "a, b.csv", "--target", "load", "--features", 'a,"x,y"', "--split", 0.5]
    found = told(
        "train", *flags, "--no-standardize", "--engine", "eager", "--steps", 5, "--lr", 1e-12
    )
    result = SavedRun(Path(found["run"])).result
    *_, line = train_line(repeatable(result), PRESETS, None, "last").splitlines()
    words = shlex.split(line)
    assert words[:2] == ["tui-trainer", "train"]
    assert told(*words[1:])["config"] == found["config"]


def test_workers_on_a_cluster_read_no_stdin():
    flags = ["--data", "-", "--target", "y", "--over", "lr=0.1,1", "--ray", "127.0.0.1:1"]
    words = refused("sweep", *flags, stdin=b"x,y\n1,2\n2,3\n3,4\n4,7\n5,5\n")
    assert words == "--ray: workers can't read stdin: give a file that each node has"
