"""What repeats a run elsewhere: the command with its flags; losses and metrics as CSV."""

import csv
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tui_trainer.config.overrides import RUN_NUMBERS, Value
from tui_trainer.config.presets import PARTS, Preset, Presets, make_config, overrides_in
from tui_trainer.config.settings import DEFAULT_SPLIT, Dataset, EngineName, RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import comma_list, number_text
from tui_trainer.runs.folder import METRICS
from tui_trainer.runs.metrics import read_metrics
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.history import History
from tui_trainer.training.result import RunResult


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A run's config, and what was done on the way.

    `steps` is how many to take: fewer than the config's where the run was stopped by hand. `lrs`
    are by the step from which they applied; so are the `engines`, the first of them by step 1.
    """

    config: RunConfig
    steps: int
    lrs: Mapping[int, float] = field(default_factory=dict)
    engines: Mapping[int, EngineName] = field(default_factory=dict)
    threads: int = 1

    @property
    def by_hand(self) -> Iterator[str]:
        """What no config says, in clauses."""
        if self.lrs:
            changes = (f"{number_text(lr)} from step {step:,} on" for step, lr in self.lrs.items())
            scaled = " (times the schedule)" if self.config.schedule.moves else ""
            yield f"the lr was changed by hand: {', '.join(changes)}{scaled}"
        if self.steps < self.config.steps:
            yield f"the run was stopped by hand after {self.steps:,} of {self.config.steps:,} steps"


def repeatable(result: RunResult) -> Repeatable:
    """Return what it takes to repeat a run: to its end, if it still trains."""
    started, ended = result.started, result.ended
    by_hand = ended is not None and ended.reason is StopReason.STOPPED
    engines = {1: started.engine} if started is not None else {}
    return Repeatable(
        result.config,
        result.step if by_hand else result.config.steps,
        {change.step: change.lr for change in result.lr_changes},
        engines | {change.step: change.engine for change in result.engine_changes},
        started.threads if started is not None else 1,
    )


def train_line(run: Repeatable, presets: Presets, folder: Path | None, name: str) -> str:
    """Write the ``tui-trainer train`` command of a run, after comments on what it can't repeat.

    `folder` is that of ``--presets``, `name` the run's.

    Raises:
        ValueError: one line, where no flags make the config with these presets.
    """
    data = run.config.dataset
    if data.file:
        known = Preset(data.name, data.name, data)
        presets = replace(presets, dataset={**presets.dataset, data.name: known})
    flags = [made for recipe in presets.recipe if (made := _flags(run, presets, recipe))]
    if not flags:
        raise ValueError(
            "no flags make this config: its presets have changed or are not here; "
            f"'tui-trainer replay {name}' repeats the run"
        )
    words = ["tui-trainer", "train", *min(flags, key=len)]
    if folder is not None:
        words += ["--presets", str(folder.absolute())]
    notes = [f"# {note}\n" for note in _beyond_flags(run, name)]
    return "".join([*notes, shlex.join(words)])


def _beyond_flags(run: Repeatable, name: str) -> Iterator[str]:
    """Say what the command does not repeat, and what does."""
    found = list(run.by_hand)
    if len(run.engines) > 1:
        changes = (f"{engine} from step {step:,} on" for step, engine in run.engines.items())
        found.append(f"the engines were {', '.join(changes)}")
    if run.config.schedule.moves and run.steps < run.config.steps:
        found.append(f"the schedule was for {run.config.steps:,} steps: this one is shorter")
    yield from found
    if run.lrs or len(run.engines) > 1:
        yield f"'tui-trainer replay {shlex.quote(name)}' repeats that too"


def _flags(run: Repeatable, presets: Presets, recipe: str) -> list[str]:
    """Return the flags that make the config of a recipe; none where no flags do."""
    settings = _differences(run.config, make_config(presets, recipe), presets)
    try:
        made = make_config(presets, recipe, **settings)
    except InvalidSettingsError:
        return []
    if made != run.config:
        return []
    settings["steps"] = run.steps
    if run.steps == make_config(presets, recipe).steps:
        del settings["steps"]
    words = ["--recipe", recipe]
    for key, value in settings.items():
        if key == "dataset" and run.config.dataset.file:
            words += _data_flags(run.config.dataset)
            continue
        text = value if isinstance(value, str) else number_text(value)
        words += [f"--{key.replace('_', '-')}", text]
    return words


def _data_flags(dataset: Dataset) -> Iterator[str]:
    yield from ("--data", dataset.file, "--target", dataset.target)
    yield from ("--features", comma_list(dataset.feature_names))
    if dataset.validation_file:
        yield from ("--validation-data", dataset.validation_file)
    elif dataset.split != DEFAULT_SPLIT:
        yield from ("--split", number_text(dataset.split))
    if not dataset.standardize:
        yield "--no-standardize"
    if dataset.drop_missing:
        yield "--drop-missing"


def _differences(config: RunConfig, base: RunConfig, presets: Presets) -> dict[str, Value]:
    """Return the settings that make one config of another: names of presets, and numbers."""
    settings: dict[str, Value] = {}
    for part in PARTS:
        name = getattr(config, part).name
        if name != getattr(base, part).name:
            settings[part] = name
    for key in (*RUN_NUMBERS, "device", "engine"):
        if (value := getattr(config, key)) != getattr(base, key) and value is not None:
            settings[key] = value
    return settings | overrides_in(config, presets)


def write_history(history: History, file: Path) -> None:
    """Write ``step,train_loss,val_loss`` as CSV; every loss reads back the same.

    It begins with the first step that is kept one by one.

    Raises:
        OSError: if the file can't be written.
    """
    losses = zip(history.losses("train").tolist(), history.losses("val").tolist(), strict=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["step", "train_loss", "val_loss"])
        writer.writerows((step, *pair) for step, pair in enumerate(losses, history.first_kept))


def write_metrics(folder: Path, file: Path) -> list[str]:
    """Write a loop's metrics as CSV: a column of steps and one a metric, empty where it has none.

    Returns what could not be read, in a line each.

    Raises:
        OSError: if the file can't be written.
    """
    found = read_metrics(folder / METRICS)
    steps = np.unique(
        np.concatenate([s.steps for s in found.series.values()] or [np.empty(0, np.int64)])
    )
    columns = []
    for series in found.series.values():
        cells = np.full(len(steps), "", object)
        cells[np.searchsorted(steps, series.steps)] = [f"{x:.9g}" for x in series.values.tolist()]
        columns.append(cells)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["step", *found.series])
        writer.writerows(zip(steps.tolist(), *columns, strict=True))
    return found.problems
