"""Data files for tests: made of columns, and the data sets that name them."""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from tui_trainer.config.settings import Dataset

ROWS = 60


def columns(rows=ROWS, seed=0):
    """Return three features of different scales and a target that depends on them."""
    draw = np.random.default_rng(seed)
    a, b, c = draw.normal(1000, 5, rows), draw.uniform(0, 1e-3, rows), draw.integers(0, 9, rows)
    noise = draw.normal(0, 1, rows)
    return {"a": a, "b": b, "c": c, "load": 50_000 + 3 * (a - 1000) + 2000 * b + c**2 + noise}


def write(file, table):
    """Write columns to a file of the kind that its name says."""
    if file.suffix == ".npz":
        np.savez(file, **table)
    elif file.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.table(table), file)
    else:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter="\t" if file.suffix == ".tsv" else ",")
            writer.writerow(table)
            writer.writerows(zip(*(np.asarray(c).tolist() for c in table.values()), strict=True))
    return file


def dataset_of(file, target="load", **settings):
    return Dataset(name="mine", file=str(file), target=target, **settings)


def diabetes(file):
    """Write scikit-learn's diabetes data: 442 people, ten features, in the units measured."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    table = dict(zip(found.feature_names, found.data.T, strict=True))
    return write(file, table | {"progression": found.target})
