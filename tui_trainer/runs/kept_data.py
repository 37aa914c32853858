"""``data.csv``: what came on stdin, in the folder of the run that was trained on it.

A data set that names a file is found again by its path. One that came through a pipe, or that lies
in the folder of another run, which may be deleted, is kept beside the run's own description.
"""

import os
import shutil
from pathlib import Path

from msgspec.structs import replace

from tui_trainer.config.settings import Dataset
from tui_trainer.runs.files import replace_file
from tui_trainer.runs.folder import DESCRIPTION
from tui_trainer.task.files.opening import STDIN, stdin_content

DATA = "data.csv"


def needs_copy(dataset: Dataset, folder: Path) -> bool:
    """Say whether a run in `folder` has to keep its data itself."""
    if dataset.file == STDIN:
        return True
    file = Path(dataset.file)
    in_a_run = file.name == DATA and (file.parent / DESCRIPTION).is_file()
    return bool(dataset.file) and in_a_run and file.parent != folder


def kept_dataset(dataset: Dataset, folder: Path) -> Dataset:
    """Return a run's data set as its description names it: a copy by a relative path."""
    return replace(dataset, file=DATA) if needs_copy(dataset, folder) else dataset


def located_dataset(dataset: Dataset, folder: Path) -> Dataset:
    """Return a data set of a description in `folder`, with absolute paths."""
    if not dataset.file or dataset.file == STDIN:
        return dataset
    return replace(dataset, file=str(folder.absolute() / dataset.file))


def write_copy(dataset: Dataset, folder: Path) -> None:
    """Write the copy that a run needs.

    Raises:
        OSError: if it can't be written.
    """
    if dataset.file == STDIN:
        replace_file(folder / DATA, memoryview(stdin_content()), sync=True)
        return
    try:
        os.link(dataset.file, folder / DATA)  # nobody changes it: a run's data stay what they were
    except OSError:
        shutil.copyfile(dataset.file, folder / DATA)
