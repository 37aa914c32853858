"""What a typed path may go on as, and what a person makes of a file's columns."""

import os
from pathlib import Path

import data_files
import numpy as np
import pytest

from tui_trainer.task.files.loading import load_table
from tui_trainer.tui.data.columns import Choice, columns_of
from tui_trainer.tui.data.paths import MOST_SHOWN, full_path, list_paths, typed_path


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, in which the process works, too."""
    for name in ("energy.csv", "Energy test.tsv", "notes.txt", ".hidden.csv", "b\x1bad.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    for name in ("deep", ".cache", "end of year"):
        (tmp_path / name).mkdir()
    (tmp_path / "deep" / "x.npz").write_bytes(b"")
    (tmp_path / "broken.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "linked").symlink_to(tmp_path / "deep")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def names(text):
    return [entry.name for entry in list_paths(text).entries]


def test_files_that_can_be_opened_come_first_and_hidden_ones_where_a_dot_is_typed(home):
    everything = ["broken.csv", "Energy test.tsv", "energy.csv", "deep/", "end of year/", "linked/"]
    for lead in ("", "~/", f"{home}/", "deep/../"):
        assert names(lead) == everything
        assert names(f"{lead}.") == [".hidden.csv", ".cache/"]
        assert names(f"{lead}EN") == ["Energy test.tsv", "energy.csv", "end of year/"]
        assert names(f"{lead}year") == ["end of year/"]  # nothing begins with it
        taken = {entry.text for entry in list_paths(f"{lead}e").entries}
        assert taken == {f"{lead}{n}" for n in ("Energy test.tsv", "energy.csv", "end of year/")}
        for entry in list_paths(lead).entries:
            assert entry.is_folder == full_path(entry.text).is_dir()
    assert names("linked/") == ["x.npz"]
    notes = {entry.name: entry.note for entry in list_paths("").entries}
    assert notes["energy.csv"] == "8 B"
    assert notes["broken.csv"] == os.strerror(2)


def test_a_text_is_completed_as_far_as_all_is_the_same(home):
    for text, common in (
        ("d", "deep/"), ("ener", "energy.csv"), ("ENER", ""), ("Ener", "Energy test.tsv"),
        ("en", "en"), ("end", "end of year/"), ("~/l", "~/linked/"), ("nothing", ""), ("", ""),
    ):  # fmt: skip
        assert list_paths(text).common == common
    (home / "energy-test.csv").touch()
    assert list_paths("ener").common == "energy"
    assert list_paths("~/energy-").common == "~/energy-test.csv"
    assert list_paths("energy.csv").is_file
    assert not list_paths("deep").is_file


def test_what_was_pasted_is_a_path_too(home):
    file = home / "Energy test.tsv"
    for text in (
        f"'{file}'",
        f'"{file}"',
        str(file).replace(" ", "\\ "),
        file.as_uri(),
        f" {file} ",
    ):
        assert full_path(text) == file
        assert list_paths(text).is_file
    assert typed_path("~") == "~/"
    assert full_path("~/energy.csv") == home / "energy.csv"
    assert full_path("~nobody-of-this-name/x") == Path.cwd() / "~nobody-of-this-name/x"


def test_a_long_list_is_cut_and_what_cannot_be_read_says_why(home):
    for number in range(MOST_SHOWN + 20):
        (home / "deep" / f"{number:04}.csv").touch()
    found = list_paths("deep/")
    assert len(found.entries) == MOST_SHOWN
    assert found.more == 21
    for text, words in (
        ("gone/", "gone/: No such file or directory"),
        ("energy.csv/", "energy.csv/: Not a directory"),
        ("a\0b/", "null"),
        ("zzz", "nothing in here has zzz in its name"),
        (".cache/", "no .csv, .tsv, .npz, .parquet in .cache/"),
    ):
        found = list_paths(text)
        assert words in found.problem
        assert not found.entries
    locked = home / "locked"
    locked.mkdir(mode=0)
    if not os.access(locked, os.R_OK):  # root may
        assert list_paths("locked/").problem == "locked/: Permission denied"


def test_columns_say_what_they_hold_and_which_can_be_used(tmp_path):
    table = {
        **data_files.columns(20),
        "gaps": np.where(np.arange(20) < 3, np.nan, np.arange(20.0)),
        "same": np.full(20, 7.0),
        "day": np.array(["Mon", "Tue"] * 10),
        "none": np.full(20, np.nan),
    }
    file = data_files.write(tmp_path / "a.parquet", table)
    columns = {column.name: column for column in columns_of(load_table(str(file)))}
    assert {n: (c.kind, c.missing, bool(c.problem)) for n, c in columns.items()} == {
        "a": ("float", 0, False), "b": ("float", 0, False), "c": ("int", 0, False),
        "load": ("float", 0, False), "gaps": ("int", 3, False), "same": ("int", 0, True),
        "day": ("text", 0, True), "none": ("int", 20, True),
    }  # fmt: skip
    assert columns["gaps"].first[:4] == ("–", "–", "–", "3")
    assert columns["same"].problem == "constant, 7"

    choice = Choice(list(columns.values()), 20)
    assert choice.columns[choice.likely_target].name == "gaps"
    choice.predict("load")
    assert choice.feature_names == ("a", "b", "c", "gaps")
    choice.toggle("gaps")
    choice.toggle("b")
    assert choice.feature_names == ("a", "c")
    choice.predict("a")  # what was the target is a feature then
    assert choice.feature_names == ("c", "load")
    assert not choice.missing
    choice.toggle_all()
    assert choice.feature_names == ("b", "c", "load", "gaps")
    assert choice.missing == 3
    choice.toggle_all()
    assert not choice.features
