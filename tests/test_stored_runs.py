"""Saved runs from the command line: listed, shown, deleted; damaged ones among them."""

import json
import os
import shutil
import subprocess
from itertools import islice

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from terminals import PROGRAM

from tui_trainer.cli import main
from tui_trainer.config.differences import config_differences
from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.config.settings import Dataset
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.console.runs import header, row, summary
from tui_trainer.formatting import loss_text
from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.folder import DESCRIPTION, FIT, LEDGER, SUMMARY
from tui_trainer.runs.listing import (
    StoredRun,
    UnreadableRun,
    find_run,
    find_to_delete,
    read_run,
    stored_runs,
)
from tui_trainer.runs.ownership import OWNER, own
from tui_trainer.runs.summary import Summary, summary_bytes
from tui_trainer.training.state import State

PRESETS = load_presets()
CONFIG = make_config(PRESETS, "kaiming")


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = tmp_path / "runs"
    root.mkdir()
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(root))
    return root


def make_run(root, name, state=State.FINISHED, config=CONFIG, **figures):
    folder = root / name
    folder.mkdir()
    write_description(folder, describe(config, name=name))
    (folder / SUMMARY).write_bytes(summary_bytes(Summary(state=state, **figures)))
    return folder


def name_of(number):
    return f"20261126-{number:06}-run-{number}"


def invoke(*arguments, status=0, **extra):
    result = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False, **extra)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result


def test_many_runs_are_read_the_newest_first_and_three_damaged_ones_are_named(root):
    first = make_run(root, name_of(0), step=7, steps=9)
    for number in range(1, 300):
        shutil.copytree(first, root / name_of(number))
    text = (first / DESCRIPTION).read_text()
    half, odd, newer = (root / name_of(number) / DESCRIPTION for number in (10, 150, 299))
    half.write_text(text[: len(text) // 2])
    odd.write_bytes(b"\xff\xfe\x00" + text.encode()[3:])
    newer.write_text(text.replace("format = 1", "format = 99"))
    (root / "notes.txt").write_text("no run")
    (root / ".hidden").mkdir()

    assert [run.folder.name for run in islice(stored_runs(root), 20)] == [
        name_of(number) for number in range(299, 279, -1)
    ]
    result = invoke("runs")
    header, *rows = result.stdout.splitlines()
    assert header.split()[-1] == "run"
    assert [row.split()[7] for row in rows] == [
        name_of(number) for number in range(299, -1, -1) if number not in (10, 150, 299)
    ]
    damaged = result.stderr.splitlines()
    assert [line.split()[0] for line in damaged] == [name_of(n) for n in (299, 150, 10)]
    assert "newer" in damaged[0]
    listed = json.loads(invoke("runs", "--json").stdout)
    assert (len(listed["runs"]), len(listed["damaged"])) == (297, 3)
    for name in (name_of(10), name_of(150), name_of(299)):
        assert len(invoke("show", name, status=2).stderr.splitlines()) <= 3


def test_a_row_names_what_a_folders_name_does_not(root):
    tables = [
        Dataset(name="energy", file=f"/{folder}/energy.csv", target=target)
        for folder, target in (("a", "load"), ("b", "load"), ("b", "price"))
    ]
    adam = PRESETS.optimizer["adam"].settings
    cosine = PRESETS.schedule["cosine"].settings
    tanh = replace(CONFIG.architecture, activation="tanh")
    configs = {
        "": CONFIG,
        "adam · load of energy.csv": replace(CONFIG, dataset=tables[0], optimizer=adam),
        "batch 32 · price of energy.csv": replace(CONFIG, dataset=tables[2], batch_size=32),
        "tanh · cosine": replace(CONFIG, architecture=tanh, schedule=cosine),
    }
    for number, config in enumerate(configs.values()):
        make_run(root, name_of(number), config=config)
    lines = invoke("runs").stdout.splitlines()[:0:-1]
    for number, (line, words) in enumerate(zip(lines, configs, strict=True)):
        assert line.partition(name_of(number))[2].strip() == words
    for width in (160, 120, 72):  # of a terminal: its rows are not wrapped, and names stay whole
        assert len(header(width)) <= width
        for run in stored_runs(root):
            assert len(row(run, width)) <= width
            assert run.name in row(run, width)
    assert row(read_run(root / name_of(2)), 72).endswith("batch 32 · price of e…")
    told = summary(run, [{"event": "noted", "words": "some words " * 20}], width=80)
    assert max(map(len, told.splitlines())) <= 80
    columns = ("load", "price", "wind")
    for number, table in enumerate(tables):
        names = tuple(name for name in columns if name != table.target)
        tables[number] = replace(table, feature_names=names, digest="0" * 64)
    tables.append(replace(tables[2], feature_names=("wind",)))
    one, two, three, four = (replace(CONFIG, dataset=table) for table in tables)
    assert config_differences(two, one) == {"dataset": "file /b/energy.csv"}
    assert config_differences(three, two) == {"dataset": "target price"}
    assert config_differences(four, three) == {"dataset": "features wind"}


def test_no_runs_are_no_mistake_and_no_folder_is_a_line(root):
    assert "no runs" in invoke("runs").stderr
    assert json.loads(invoke("runs", "--json").stdout) == {"runs": [], "damaged": []}
    assert "no runs" in invoke("runs", "--runs", root / "none").stderr
    file = root / "file"
    file.touch()
    assert "file" in invoke("runs", "--runs", file, status=2).stderr


def test_any_flipped_byte_in_a_runs_files_is_a_line_at_most(root):
    folder = make_run(root, name_of(1), step=7)
    for name in (DESCRIPTION, SUMMARY):
        whole = (folder / name).read_bytes()
        for at in range(0, len(whole), 5):
            (folder / name).write_bytes(whole[:at] + bytes([whole[at] ^ 0x91]) + whole[at + 1 :])
            (run,) = stored_runs(root)
            assert isinstance(run, StoredRun) or "\n" not in run.problem
            if isinstance(run, UnreadableRun):
                assert run.problem
                assert name == DESCRIPTION
        for end in range(0, len(whole), 25):
            (folder / name).write_bytes(whole[:end])
            assert len(list(stored_runs(root))) == 1
        (folder / name).write_bytes(whole)


def test_what_would_wait_for_ever_or_end_the_process_is_a_line(root):
    folder = make_run(root, name_of(1), step=7)
    for name in (SUMMARY, OWNER, LEDGER, FIT):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    assert folder.name in invoke("runs").stdout
    assert LEDGER in invoke("show", "last", status=2).stderr
    (folder / LEDGER).unlink()
    assert folder.name in invoke("show", "last", "--plot").stdout
    file = folder / DESCRIPTION
    file.write_text(file.read_text().replace("threads = 1\n", "threads = 1000000\n"))
    assert "threads: expected" in invoke("show", "last", status=2).stderr


def test_a_run_whose_process_is_gone_was_interrupted(root):
    folder = make_run(root, name_of(1), State.PAUSED)
    assert read_run(folder).state == "interrupted"
    with own(folder):
        run = read_run(folder)
        assert (run.state, run.owner.pid) == ("paused", os.getpid())
    assert read_run(make_run(root, name_of(2), State.DIVERGED)).state == "diverged"


def test_a_run_that_is_only_being_begun_is_not_listed_as_damaged(root):
    folder = root / name_of(1)
    folder.mkdir(parents=True)
    with own(folder):
        assert not list(stored_runs(root))
    (run,) = stored_runs(root)
    assert isinstance(run, UnreadableRun)


def test_a_run_is_found_by_its_folder_its_name_a_piece_of_it_or_as_the_last(root, monkeypatch):
    one, two = make_run(root, "20260101-000000-one"), make_run(root, "20260102-000000-two")
    longer = make_run(root, "20260101-000000-one-2")
    (root / "20260103-000000-begun").mkdir()  # a process that was killed at its very start
    found = {"last": two, "two": two, one.name: one, "one-2": longer, str(one): one}
    for text, folder in found.items():
        assert find_run(root, text) == folder
    monkeypatch.chdir(root)
    assert find_run(root, "./20260102-000000-two").samefile(two)
    for text, words in {"one": "2 runs", "three": "no run", "": "no run", "/": "no run"}.items():
        with pytest.raises(InvalidSettingsError, match=words) as problem:
            find_run(root, text)
        assert str(root) in str(problem.value)
    with pytest.raises(InvalidSettingsError, match="no run"):
        find_run(root / "none", "last")


def test_a_recorded_run_is_shown_plotted_and_written(root, tmp_path):
    train = "train", "--recipe", "stop-patience", "--engine", "eager", "--steps", 60
    train = *train, "--batch-size", 64, "--validate-every", 7, "--activation", "tanh"
    losses, shown = tmp_path / "losses.csv", tmp_path / "shown.csv"
    trained = json.loads(invoke(*train, "--json", "--history", losses).stdout)
    result = invoke("show", "last", "--plot", "--csv", shown)
    for words in ("stop-patience", "finished", "60 of 60", "Loss by step", "Fit after step"):
        assert words in result.stdout
    facts = {line[:16].strip(): line[17:] for line in result.stdout.splitlines()}
    assert (facts["activation"], facts["dataset"]) == ("tanh", "wave: 200 + 200 points")
    assert facts["batch size"] == "64, validation every 7 steps"
    assert facts["train loss"] == f"{loss_text(trained['train_loss'])} of the last batch"
    assert facts["validation loss"].endswith(" at step 56")
    assert facts["R²"].endswith(f"validation {trained['val_r2']:.3f}")
    assert result.stderr == ""
    assert shown.read_text() == losses.read_text()
    piped = subprocess.run(
        [PROGRAM, "show", "last", "--csv", "-"], capture_output=True, text=True, timeout=90
    )
    assert piped.stdout == losses.read_text()
    assert "finished" in piped.stderr
    fields = json.loads(invoke("show", "last", "--json").stdout)
    assert fields["config"] == trained["config"]
    assert fields["summary"]["val_loss"] == trained["val_loss"]
    assert [fields["events"][n]["event"] for n in (0, -1)] == ["started", "ended"]
    assert "No such file" in invoke("show", "last", "--csv", tmp_path / "no" / "x", status=2).stderr


def test_a_run_is_deleted_when_that_is_confirmed_and_no_process_writes_it(root):
    runs = [make_run(root, name_of(number)) for number in range(4)]
    invoke("delete", "run-0", input="n\n", status=1)
    invoke("delete", "run-0", input="", status=1)
    assert all(folder.is_dir() for folder in runs)
    assert name_of(0) in invoke("delete", "run-0", input="y\n").stderr
    with own(runs[1]):
        refused = invoke("delete", "--yes", "run-1", "run-2", status=1).stderr
    assert str(os.getpid()) in refused
    assert [folder.is_dir() for folder in runs] == [False, True, False, True]
    (runs[1] / DESCRIPTION).write_text("damaged")
    invoke("delete", "--yes", "run-1", "last")
    assert list(root.iterdir()) == []


def test_nothing_but_a_run_of_the_folder_is_ever_deleted(root, tmp_path, monkeypatch):
    outside = make_run(tmp_path, "20260101-000000-outside")
    target = tmp_path / "precious"
    target.mkdir()
    (target / "file").touch()
    inside = make_run(root, "20260102-000000-inside")
    (inside / "link").symlink_to(target)
    (root / "20260103-000000-link").symlink_to(outside)
    (root / "20260104-000000-precious").symlink_to(target)
    (root / "other").mkdir()
    monkeypatch.chdir(inside)
    for text in (outside, "-link", "-precious", "other", "..", ".", "", "../..", "/", root):
        if text == ".":
            continue  # is the run itself
        with pytest.raises(InvalidSettingsError):
            find_to_delete(root, str(text))
        invoke("delete", "--yes", "--", text, status=2)
    assert find_to_delete(root, ".") == inside
    monkeypatch.chdir(tmp_path)
    invoke("delete", "--yes", "inside")
    assert not inside.exists()
    assert (outside / DESCRIPTION).is_file()
    assert (target / "file").is_file()
    assert (root / "other").is_dir()
