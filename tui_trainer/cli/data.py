"""A person's own data on the command line: what its flags make, and what is said meanwhile."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from tui_trainer.cli.output import say
from tui_trainer.config.presets import Preset, Presets
from tui_trainer.config.settings import Dataset, describe_dataset
from tui_trainer.config.validation import InvalidSettingsError, convert
from tui_trainer.formatting import printable
from tui_trainer.task.files.opening import STDIN, Progress, short_name, stamp_of

# Flags, and the fields of a data set that they are.
FIELDS = {
    "data": "file",
    "target": "target",
    "features": "feature_names",
    "split": "split",
    "validation_data": "validation_file",
    "standardize": "standardize",
    "drop_missing": "drop_missing",
}
_BAR_AFTER = 0.5  # seconds


def put_data(settings: dict[str, Any], presets: Presets) -> None:
    """Take the flags of a file out of `settings`; put the data set that they make into the presets.

    The settings name it then. Nothing is read, except where no target is given: to say which
    columns there are.

    Raises:
        InvalidSettingsError: for flags that do not go together.
    """
    given = {key: value for key in FIELDS if (value := settings.pop(key, None)) is not None}
    if not given:
        return
    fields = {FIELDS[key]: value for key, value in given.items()}
    if "data" in given:
        _put_file(settings, presets, fields)
        return
    name = dataset_name(settings, presets)
    if name not in presets.dataset:
        return  # which is said when it is looked for
    preset = presets.dataset[name]
    if not preset.settings.file:
        flag = f"--{next(iter(given)).replace('_', '-')}"
        raise InvalidSettingsError(
            f"{flag} goes with --data FILE, or with a data set that names a file: "
            f"'{name}' makes its points"
        )
    _put(settings, presets, name, preset.settings, fields)


def _put_file(settings: dict[str, Any], presets: Presets, fields: dict[str, Any]) -> None:
    file = fields["file"]
    if settings.get("dataset") is not None:
        raise InvalidSettingsError("both --data and --dataset: leave one of them out")
    for path in (file, fields.get("validation_file")):
        if path is not None:
            stamp_of(path)
    if fields.get("validation_file") == STDIN:
        raise InvalidSettingsError("--validation-data: stdin is for --data")
    if "validation_file" in fields and "split" in fields:
        raise InvalidSettingsError("both --split and --validation-data: leave one of them out")
    if "target" not in fields:
        raise InvalidSettingsError(f"--target: which column is to be predicted? {_choice(file)}")
    if fields["target"] in fields.get("feature_names", ()):
        raise InvalidSettingsError(f"--features: '{fields['target']}' is the target")
    name = printable(short_name(file))
    dataset = Dataset(name=name, file=file, target=fields["target"])
    _put(settings, presets, name, dataset, fields)


def _put(
    settings: dict[str, Any],
    presets: Presets,
    name: str,
    dataset: Dataset,
    fields: Mapping[str, Any],
) -> None:
    table = msgspec.to_builtins(dataset) | fields
    try:
        found = convert(table, Dataset)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(_flagged(str(error))) from None
    settings["dataset"] = name
    presets.put_dataset(Preset(name, describe_dataset(found), found))


def _flagged(words: str) -> str:
    """Name the flag instead of the field in a message about it."""
    for flag, field in FIELDS.items():
        if words.startswith(f"{field}: "):
            return f"--{flag.replace('_', '-')}: {words.removeprefix(f'{field}: ')}"
    return words


def _choice(file: str) -> str:
    from tui_trainer.task.files.loading import load_table
    from tui_trainer.task.files.table import listed

    with _reading() as progress:
        return f"numeric columns: {listed(load_table(file, progress).numbers)}"


def dataset_name(settings: Mapping[str, Any], presets: Presets) -> str:
    """Return which data set the settings name, or else their recipe; "" if there is no such one."""
    if (name := settings.get("dataset")) is not None:
        return str(name)
    recipe = presets.recipe.get(settings["recipe"])
    return recipe.settings.dataset if recipe is not None else ""


def read_data(dataset: Dataset) -> Dataset:
    """Resolve a data set, with a progress bar on stderr if that takes a while; tell what it omits.

    Raises:
        InvalidSettingsError: one line that says what is wrong with its file, and where.
    """
    if dataset.resolved:
        return dataset

    from tui_trainer.task.files.resolving import resolve

    with _reading() as progress:
        found = resolve(dataset, progress)
    for note in found.notes:
        say(note)
    return found.dataset


def read_data_of(presets: Presets, names: Iterable[str]) -> None:
    """Resolve the data sets of these names; see `read_data`."""
    for name in dict.fromkeys(names):
        preset = presets.dataset.get(name)
        if preset is not None and not preset.settings.resolved:
            presets.resolve_dataset(read_data(preset.settings))


def require_data(dataset: Dataset) -> None:
    """Refuse a saved run whose data are gone or have changed: at once, before torch is there.

    Raises:
        InvalidSettingsError: one line that says which file it is.
    """
    if not dataset.file:
        return

    from tui_trainer.task.files.resolving import require_unchanged

    with _reading() as progress:
        require_unchanged(dataset, progress)


@contextmanager
def _reading() -> Iterator[Progress]:
    """Show how far reading a file has come."""
    from tui_trainer.console.progress import progress_bar

    options = {"desc": "reading", "unit": "B", "unit_scale": True, "delay": _BAR_AFTER}
    with progress_bar(leave=False, **options) as (bar, _):

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report
