"""The data of a script in plain PyTorch: points that are made, or the rows of a file."""

import re
from collections.abc import Iterator
from pathlib import Path

from tui_trainer.config.settings import Dataset

MADE = {  # by a data set's `function`
    "wave": '''\
def make_data() -> list[Tensor]:
    """Draw a parabola with a ripple, which is inverted in the validation data."""
    torch.manual_seed(DATA_SEED)
    train_x = torch.rand(TRAIN_POINTS, 1) * 10 - 5
    val_x = torch.rand(VALIDATION_POINTS, 1) * 10 - 5
    train_y = train_x**2 / 2 + torch.sin(5 * train_x) - 5
    val_y = val_x**2 / 2 + torch.sin(5 * val_x + math.pi) - 5
    return [train_x, train_y, val_x, val_y]
''',
}
_TEXT = '''\
def number(text: str) -> float:
    """Read a value; what is none, such as NA, is missing."""
    try:
        return {{"true": 1.0, "false": 0.0}}.get(text.strip().lower()) or float(text)
    except ValueError:
        return 0.0 if text.strip().lower() == "false" else math.nan


def read_columns(file: str) -> list[np.ndarray]:
    """Read the features and the target, which comes last, as float64."""
    with open(file, newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream, delimiter="{delimiter}")
        names = [name.strip() for name in next(rows)]
        chosen = [names.index(name) for name in COLUMNS]
        table = np.array([[number(row[at]) for at in chosen] for row in rows if row])
    return [column.copy() for column in table.T]
'''
_READERS = {
    ".csv": _TEXT.format(delimiter=","),
    ".tsv": _TEXT.format(delimiter="\\t"),
    ".parquet": '''\
def read_columns(file: str) -> list[np.ndarray]:
    """Read the features and the target, which comes last, as float64."""
    table = pyarrow.parquet.read_table(file, columns=COLUMNS)
    return [np.array(table[name].to_pylist(), np.float64) for name in COLUMNS]
''',
    ".npz": '''\
def read_columns(file: str) -> list[np.ndarray]:
    """Read the features and the target, which comes last, as float64."""
    columns = []
    with np.load(file) as arrays:
        for name in COLUMNS:
            key, _, number = name.rpartition(".")
            found = arrays[name].reshape(-1) if name in arrays else arrays[key][:, int(number)]
            columns.append(found.astype(np.float64))
    return columns
''',
}
_COMPLETE = '''\


def complete(columns: list[np.ndarray]) -> list[np.ndarray]:
    """Leave out rows in which a value is missing."""
    rows = ~np.isnan(columns).any(0)
    return [column[rows] for column in columns]
'''
_SPLIT = """\
    generator = torch.Generator().manual_seed(DATA_SEED)
    order = torch.randperm(len(columns[0]), generator=generator).numpy()
    rows = order[:TRAIN_POINTS], order[TRAIN_POINTS:]
    splits = [[column[chosen] for column in columns] for chosen in rows]
"""
_STANDARDIZE = """\
    alike = [column.min() == column.max() for column in splits[0]]
    means = [c[0] if same else c.mean() for c, same in zip(splits[0], alike)]
    stds = [1.0 if same else c.std() for c, same in zip(splits[0], alike)]
    splits = [[(c - m) / s for c, m, s in zip(split, means, stds)] for split in splits]
    TARGET_STD = float(stds[-1])
"""
_TENSORS = """\
    tensors = []
    for *features, target in splits:
        tensors.append(torch.from_numpy(np.stack(features, 1).astype(np.float32)))
        tensors.append(torch.from_numpy(target[:, None].astype(np.float32)))
    return tensors
"""
_UNSCALED = '''\


def unscaled(loss: Tensor) -> float:
    """Return a loss in the target's own units, squared."""
    return float(np.float32(loss.item()) * np.float32(TARGET_STD**2))
'''
_ITEM = re.compile(r"((?:val_)?loss|mse\(model\(val_x\), val_y\))\.item\(\)")


def data_imports(dataset: Dataset) -> str:
    """Write what reading a file takes."""
    if not dataset.file:
        return ""
    parquet = any(Path(f).suffix.lower() == ".parquet" for f in _files(dataset))
    return "import numpy as np\n" + "import pyarrow.parquet\n" * parquet


def data_constants(dataset: Dataset) -> Iterator[str]:
    """Write which file it is, and which of its columns are used."""
    if not dataset.file:
        return
    yield f"FILE = {dataset.file!r}  # SHA-256 {dataset.digest}"
    if dataset.validation_file:
        yield f"VALIDATION_FILE = {dataset.validation_file!r}  # {dataset.validation_digest}"
    yield f"COLUMNS = {[*dataset.feature_names, dataset.target]!r}  # the target is the last"
    if dataset.standardize:
        yield "TARGET_STD = 1.0  # of the training rows, once they are read"


def file_text(dataset: Dataset) -> str:
    """Write what reads a file, splits and standardises its rows as a run does.

    Raises:
        ValueError: one line, where the files are of two kinds.
    """
    kinds = {Path(file).suffix.lower() for file in _files(dataset)}
    if len(kinds) > 1:
        raise ValueError(
            f"a script reads files of one kind, and these are {' and '.join(sorted(kinds))}: "
            "'tui-trainer train' repeats the run"
        )
    read = "complete(read_columns({}))" if dataset.drop_missing else "read_columns({})"
    parts = [_READERS[kinds.pop()], _COMPLETE if dataset.drop_missing else ""]
    parts += ["\n\ndef make_data() -> list[Tensor]:\n"]
    how = ", standardised by the training rows" if dataset.standardize else ""
    parts += [f'    """Return inputs and labels of both splits{how}."""\n']
    parts += ["    global TARGET_STD\n" if dataset.standardize else ""]
    if dataset.validation_file:
        parts += [f"    splits = [{read.format('FILE')}, {read.format('VALIDATION_FILE')}]\n"]
    else:
        parts += [f"    columns = {read.format('FILE')}\n", _SPLIT]
    parts += [_STANDARDIZE if dataset.standardize else "", _TENSORS]
    parts += [_UNSCALED if dataset.standardize else ""]
    return "".join(parts)


def in_own_units(script: str, dataset: Dataset) -> str:
    """Have a script tell losses in the target's own units."""
    scaled = bool(dataset.file) and dataset.standardize
    return _ITEM.sub(r"unscaled(\1)", script) if scaled else script


def _files(dataset: Dataset) -> list[str]:
    return [file for file in (dataset.file, dataset.validation_file) if file]
