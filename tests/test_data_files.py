"""Data out of files: every kind of file, every kind of mistake, and what a network trains on."""

import os
import threading

import msgspec
import numpy as np
import pytest
import torch
from data_files import ROWS, columns, dataset_of, write

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.task.data import make_data
from tui_trainer.task.files import loading
from tui_trainer.task.files.resolving import resolve

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("kind", ["csv", "tsv", "npz", "parquet"])
def test_a_file_becomes_the_standardized_rows_of_both_splits(tmp_path, kind):
    table = columns()
    file = write(tmp_path / f"energy.{kind}", table | {"always": np.full(ROWS, 7.5)})
    found = resolve(dataset_of(file, split=0.75))
    dataset = found.dataset
    assert dataset.feature_names == ("a", "b", "c")
    assert (dataset.features, dataset.train_points, dataset.validation_points) == (3, 45, 15)
    assert found.notes == (f"energy.{kind}: left out, constant: always",)
    data = make_data(dataset, 5)
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(5)).numpy()
    x = np.stack([np.asarray(table[name], np.float64) for name in "abc"], 1)
    y = table["load"]
    train, val = order[:45], order[45:]
    mean, std = x[train].mean(0), x[train].std(0)
    np.testing.assert_array_equal(data.train_x, ((x[train] - mean) / std).astype(np.float32))
    np.testing.assert_array_equal(data.val_x, ((x[val] - mean) / std).astype(np.float32))
    scaled = ((y - y[train].mean()) / y[train].std()).astype(np.float32)
    np.testing.assert_array_equal(data.train_y[:, 0], scaled[train])
    np.testing.assert_array_equal(data.val_y[:, 0], scaled[val])
    np.testing.assert_allclose(data.targets(data.val_y)[:, 0], y[val], rtol=1e-7)
    plain = make_data(msgspec.structs.replace(dataset, standardize=False), 5)
    assert plain.scaling is None
    np.testing.assert_array_equal(plain.train_x, x[train].astype(np.float32))
    assert resolve(dataset).dataset == dataset


def test_a_validation_file_is_scaled_as_the_training_file(tmp_path):
    train, val = columns(), columns(20, seed=1)
    files = write(tmp_path / "a.csv", train), write(tmp_path / "b.parquet", val)
    dataset = resolve(dataset_of(files[0], validation_file=str(files[1]))).dataset
    assert (dataset.train_points, dataset.validation_points) == (ROWS, 20)
    data = make_data(dataset, 0)
    assert torch.equal(data.train_x, make_data(dataset, 1).train_x)
    expected = (val["a"] - train["a"].mean()) / train["a"].std()
    np.testing.assert_array_equal(data.val_x[:, 0], expected.astype(np.float32))


def test_what_is_constant_in_the_training_split_alone_is_not_scaled(tmp_path):
    train = {"a": np.full(48, 0.1), "b": np.arange(48.0), "load": np.arange(48.0)}
    assert train["a"].std() > 0  # rounding
    val = {"a": [0.1, 2.1], "b": [1, 2], "load": [1, 2]}
    files = write(tmp_path / "a.csv", train | {"a": [*train["a"][:47], 2.1]}), tmp_path / "b.csv"
    dataset = resolve(dataset_of(files[0], validation_file=str(write(files[1], val)))).dataset
    table = loading.load_table(str(write(files[0], train)))
    data = make_data(msgspec.structs.replace(dataset, digest=table.digest), 0)
    assert (data.scaling.feature_means[0], data.scaling.feature_stds[0]) == (0.1, 1)
    np.testing.assert_array_equal(data.train_x[:, 0], np.zeros(48))
    np.testing.assert_array_equal(data.val_x[:, 0], np.float32([0, 2]))


def test_numbers_of_a_data_set_that_do_not_fit_its_file_are_refused_in_one_line(tmp_path):
    file = write(tmp_path / "x.csv", columns())
    whole = resolve(dataset_of(file)).dataset
    apart = resolve(dataset_of(file, validation_file=str(file))).dataset
    for dataset, wrong, words in (
        (whole, {"train_points": 5000}, "train_points + validation_points = 5000 + 12, and there"),
        (whole, {"train_points": 40}, "train_points + validation_points = 40 + 12, and there"),
        (whole, {"features": 2}, "features = 2, and it names 3"),
        (apart, {"train_points": 61}, "train_points = 61, and there are 60 rows"),
        (apart, {"validation_points": 1}, "validation_points = 1, and there are 60 rows"),
    ):
        for dropped in (False, True):
            changed = msgspec.structs.replace(dataset, drop_missing=dropped, **wrong)
            with pytest.raises(InvalidSettingsError) as caught:
                make_data(changed, 0)
            start = "the run's data set does not fit its file: "
            assert str(caught.value).startswith(start + words)


def test_an_array_of_several_columns_is_as_many_features(tmp_path):
    x = np.arange(40.0).reshape(20, 2) ** 2
    file = tmp_path / "x.npz"
    np.savez(file, X=x, y=x.sum(1, keepdims=True), flags=x[:, 0] > 50)
    dataset = resolve(dataset_of(file, "y")).dataset
    assert dataset.feature_names == ("X.0", "X.1", "flags")


def test_what_is_no_number_is_left_out_and_said(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(
        '\ufeff,name, a ,late,"yes",on,load\n0,"x, y",1,NA,true,2020-01-01,1\n'
        "1,z,2.5e1,,false,2020-01-02,2\n2,,-3,12,false,2020-01-03,4\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidSettingsError) as caught:
        resolve(dataset_of(file))
    assert str(caught.value) == (
        "x.csv: values are missing in 2 of 3 rows, first in rows 1 and 2 (late): "
        "--drop-missing leaves such rows out"
    )
    found = resolve(dataset_of(file, feature_names=("yes", "a"), split=0.5))
    assert found.notes == ()
    assert make_data(found.dataset, 0).features == 2
    file.write_text(file.read_text("utf-8").replace(",NA,", ",3,"), "utf-8")
    found = resolve(dataset_of(file, drop_missing=True, split=0.5))
    assert found.notes == (
        "x.csv: left out, with missing values: 1 of 3 rows",
        "x.csv: left out, not numeric: (no name), name, on",
    )
    assert found.dataset.feature_names == ("a", "late", "yes")


CSV = "a,b,load\n1,2,3\n2,4,5\n3,7,8\n4,1,9\n"


def test_a_large_file_may_have_something_else_further_down(tmp_path):
    file, rows = tmp_path / "x.csv", 150_000
    lines = [f"{row + 10**6:012d},{row % 10},,{row}" for row in range(20_000)]
    lines += [f"{row},0,,{row}" for row in range(20_000, rows)]  # shorter: more rows than expected
    file.write_text("\n".join(["long,digit,late,load", *lines, "7,0.5,3.5,-1"]) + "\n")
    told = []
    table = loading.load_table(str(file), lambda *done: told.append(done))
    assert told[-1][0] == told[-1][1] == file.stat().st_size
    assert table.rows == rows + 1
    assert list(table.numbers) == ["long", "digit", "late", "load"]
    assert table.numbers["digit"][-1] == 0.5
    assert np.isnan(table.numbers["late"]).sum() == rows
    np.testing.assert_array_equal(table.numbers["load"][:-1], np.arange(rows))
    file.write_text(file.read_text().replace("3.5", "word"))
    table = loading.load_table(str(file))
    assert (list(table.numbers), table.others) == (
        ["long", "digit", "load"],
        {"late": "it is text"},
    )
    np.testing.assert_array_equal(table.numbers["load"][:-1], np.arange(rows))
    file.write_text(file.read_text().replace("word", "1,2"))
    with pytest.raises(InvalidSettingsError, match=r"row 150,001 has 5 values, and the header"):
        loading.load_table(str(file))


COMMON = {"a": [1.0, 2, 3], "load": [2.0, 3, 5]}
BAD = {  # a file's name, its content, settings, what is said
    "empty": ("x.csv", "", {}, "x.csv: empty"),
    "blank": ("x.csv", "\n \n", {}, "x.csv: empty"),
    "a header alone": ("x.csv", "a,load\n", {}, "x.csv: it has no rows"),
    "a header alone, unended": ("x.csv", "a,load", {}, "x.csv: it has no rows"),
    "one row": ("x.csv", "a,load\n1,2\n", {}, "x.csv: it has one row, and two are the least"),
    "text as target": (
        "x.csv",
        "a,load\n1,2\n2,x\n",
        {},
        "x.csv: column 'load' is not numeric: row 2 has 'x'",
    ),
    "a decimal comma": (
        "x.csv",
        'a,load\n1,2\n2,"1,5"\n',
        {},
        "x.csv: column 'load' is not numeric: row 2 has '1,5'",
    ),
    "a date as feature": (
        "x.csv",
        "a,load\n2020-01-01,2\n2020-01-02,3\n",
        {"feature_names": ("a",)},
        "x.csv: column 'a' is not numeric: it is of type date32[day]",
    ),
    "missing values": (
        "x.csv",
        "a,load\n1,2\n,3\n3,\n,\nNA,nan\n2,2\n",
        {},
        "x.csv: values are missing in 4 of 6 rows, first in rows 2, 3, 4, … (a, load)",
    ),
    "all rows missing": (
        "x.csv",
        "a,load\n1,\n,3\n3,4\n",
        {"drop_missing": True},
        "x.csv: 1 of 3 rows have no missing value, and 2 are the least",
    ),
    "inf": ("x.csv", "a,load\n1,2\ninf,3\n", {}, "x.csv: a is infinite in row 2"),
    "too large for float64": (
        "x.csv",
        "a,load\n1,2\n2,1e400\n",
        {},
        "x.csv: load is infinite in row 2",
    ),
    "too large for float32": (
        "x.csv",
        "a,load\n1,2\n2,-1e39\n",
        {},
        "x.csv: load is too large for float32 in row 2",
    ),
    "too small a spread": (
        "x.csv",
        "a,load\n1,1e-30\n2,2e-30\n",
        {},
        "x.csv: the target's variance, 2.5e-61, is too small for float32: give it in another unit",
    ),
    "duplicate names": (
        "x.csv",
        "a,load, a\n1,2,3\n2,3,4\n",
        {},
        "x.csv: two columns are called 'a'",
    ),
    "constant features": (
        "x.csv",
        "a,b,load\n1,2,3\n1,2,4\n",
        {},
        "x.csv: every feature is constant",
    ),
    "constant target": (
        "x.csv",
        "a,load\n1,2\n2,2\n",
        {},
        "x.csv: the target load is constant: there is nothing to predict",
    ),
    "no feature": (
        "x.csv",
        "a,load\nx,2\ny,3\n",
        {},
        "x.csv: no numeric column besides the target load",
    ),
    "an unknown target": (
        "x.csv",
        CSV,
        {"target": "laod"},
        "x.csv: no column 'laod'; did you mean 'load'? numeric columns: a, b, load",
    ),
    "an unknown feature": (
        "x.csv",
        CSV,
        {"feature_names": ("a", "z")},
        "x.csv: no column 'z'; numeric columns: a, b, load",
    ),
    "binary": (
        "x.csv",
        b"\x89PNG\r\n\0\0",
        {},
        "x.csv: not a CSV file but binary data: save it as UTF-8 text",
    ),
    "UTF-16": (
        "x.csv",
        CSV.encode("utf-16"),
        {},
        "x.csv: not a CSV file but UTF-16: save it as UTF-8 text",
    ),
    "a latin-1 header": (
        "x.csv",
        "é,load\n1,2\n2,3\n".encode("latin-1"),
        {},
        "x.csv: not UTF-8: save it as UTF-8 (its header is not)",
    ),
    "a latin-1 value": (
        "x.csv",
        "a,load,c\n1,2,\xfc\n2,3,b\n".encode("latin-1"),
        {},
        "x.csv: not UTF-8: save it as UTF-8",
    ),
    "ragged": (
        "x.csv",
        CSV + "1,2\n",
        {},
        "x.csv: row 5 has 2 values, and the header names 3 columns",
    ),
    "semicolons": (
        "x.csv",
        CSV.replace(",", ";"),
        {},
        "x.csv: its header has semicolons: columns have to be separated by commas",
    ),
    "commas for tabs": (
        "x.tsv",
        CSV,
        {},
        "x.tsv: its header has commas: columns have to be separated by tabs",
    ),
    "no header": (
        "x.csv",
        "1,2\n2,3\n",
        {},
        "x.csv: its first line has numbers, and has to name the columns",
    ),
    "an endless line": (
        "x.csv",
        "a,load\n1," + "2" * 3_000_000 + "\n3,4\n",
        {},
        "x.csv: not a CSV file: a line of more than 1 MB",
    ),
    "another kind": (
        "x.txt",
        CSV,
        {},
        "/x.txt: unknown kind of file: expected .csv, .tsv, .npz, .parquet",
    ),
    "an empty split": (
        "x.csv",
        CSV,
        {"split": 0.99},
        "x.csv: a split of 0.99 leaves none of its 4 rows to validate with",
    ),
    "no training row": (
        "x.csv",
        CSV,
        {"split": 0.01},
        "x.csv: a split of 0.01 leaves none of its 4 rows to train on",
    ),
    "npz of text": ("x.npz", "hello", {}, "x.npz: not an npz file: "),
    "npz of objects": (
        "x.npz",
        {"a": COMMON["a"], "load": np.array([1, "x", None], object)},
        {},
        "x.npz: column 'load' is not numeric: it holds Python objects, which are not loaded",
    ),
    "npz of strings": (
        "x.npz",
        COMMON | {"load": ["1", "2", "3"]},
        {},
        "x.npz: column 'load' is not numeric: it is of type <U1",
    ),
    "npz of cubes": (
        "x.npz",
        COMMON | {"load": np.zeros((3, 2, 2))},
        {},
        "x.npz: column 'load' is not numeric: its shape is (3, 2, 2), (N,) or (N, k) is expected",
    ),
    "npz of a number": (
        "x.npz",
        COMMON | {"load": 3.0},
        {},
        "x.npz: column 'load' is not numeric: its shape is (), (N,) or (N, k) is expected",
    ),
    "npz of other lengths": (
        "x.npz",
        COMMON | {"b": [1.0, 2]},
        {},
        "x.npz: arrays differ in their numbers of rows: 'a' 3, 'load' 3, 'b' 2",
    ),
    "npz without rows": ("x.npz", {"a": [], "load": []}, {}, "x.npz: it has no rows"),
    "a name twice": (
        "x.npz",
        {"X": np.ones((3, 2)), "X.0": np.ones(3)},
        {},
        "x.npz: two columns are called 'X.0'",
    ),
    "parquet of text": ("x.parquet", CSV, {}, "x.parquet: not a Parquet file: "),
    "parquet of strings": (
        "x.parquet",
        COMMON | {"load": ["1", "2", "3"]},
        {},
        "x.parquet: column 'load' is not numeric: it is of type string",
    ),
    "parquet with nothing": (
        "x.parquet",
        {"a": [None, 1.5, 2], "load": [1, 2, None]},
        {},
        "x.parquet: values are missing in 2 of 3 rows, first in rows 1 and 3 (a, load)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_line(tmp_path, case):
    name, content, settings, words = BAD[case]
    file = tmp_path / name
    if isinstance(content, dict):
        write(file, content)
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidSettingsError) as caught:
        resolve(dataset_of(file, **settings))
    message = str(caught.value).removeprefix(str(tmp_path))
    assert message == words or (message.startswith(words) and words.endswith((": ", ")")))


def test_what_has_no_end_or_is_not_there_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    for name, words in [
        ("pipe.csv", "not a regular file; CSV from a pipe: --data -"),
        ("folder.csv", "a folder, not a file"),
        ("gone.csv", "No such file or directory"),
        ("link.csv", "No such file or directory"),
    ]:
        with pytest.raises(InvalidSettingsError) as caught:
            resolve(dataset_of(tmp_path / name))
        assert str(caught.value) == f"{tmp_path / name}: {words}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path):
    file = write(tmp_path / "x.csv", columns())
    file.chmod(0)
    with pytest.raises(InvalidSettingsError, match=r"x\.csv: can't be read: Permission denied"):
        resolve(dataset_of(file))


def test_a_file_is_read_once_while_it_stays_as_it_is_by_whichever_thread(tmp_path, monkeypatch):
    reads = []
    read = loading._read
    monkeypatch.setattr(loading, "_read", lambda *given: reads.append(given) or read(*given))
    file = write(tmp_path / "x.csv", columns())
    dataset = resolve(dataset_of(file)).dataset
    threads = [threading.Thread(target=make_data, args=(dataset, seed)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert make_data(dataset, 3) is make_data(dataset, 3)
    assert len(reads) == 1
    write(file, columns(seed=1))
    with pytest.raises(
        InvalidSettingsError, match=r"changed since this run was started \(SHA-256 \w{12}…"
    ):
        make_data(dataset, 3)
    assert len(reads) == 2
    file.unlink()
    with pytest.raises(InvalidSettingsError, match="No such file"):
        make_data(dataset, 3)
