"""Saved runs in words and as JSON: a list of them, and one with its history."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import TextWrapper
from typing import Any

import msgspec
from rich.cells import cell_len, set_cell_size

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import (
    ACTIVATIONS,
    RunConfig,
    describe_dataset,
    setup_names,
)
from tui_trainer.console.figures import batch_words, quality, validated_words
from tui_trainer.formatting import duration_text, loss_text, number_text, printable
from tui_trainer.runs.description import Description
from tui_trainer.runs.listing import StoredRun, UnreadableRun
from tui_trainer.runs.summary import Summary
from tui_trainer.training.events import FitSampled

_PLAIN_DATA = "wave"  # goes without saying
_SIGNS = {
    "starting": "◔", "compiling": "◑", "running": "●", "paused": "⏸", "finished": "✓",
    "stopped-early": "■", "diverged": "✕", "stopped": "□", "failed": "⚠", "interrupted": "○",
}  # fmt: skip
_COLUMNS = {
    "state": "<15",
    "step": ">10",
    "best": ">9",
    "at": ">9",
    "validation": ">10",
    "lr": ">9",
}
_WIDE, _MEDIUM = 150, 100  # columns of a terminal that have room for all of these, or for some
_MEDIUM_HAS, _NARROW_HAS = ("state", "step", "best", "lr"), ("state", "best")


def header(width: int | None = None) -> str:
    """Name the columns that a terminal of so many has room for; None is no terminal."""
    return _line({name: name for name in _COLUMNS}, "run", "", width)


def row(run: StoredRun, width: int | None = None) -> str:
    """Write a run as a line under `header`."""
    known = run.summary
    is_sweep = run.description.kind == "sweep"
    step = "–" if known is None else f"{known.step:,}{' done' if is_sweep else ''}"
    at = "–" if known is None or known.best_step is None else f"{known.best_step:,}"
    losses = (None, None) if known is None else (known.best_val_loss, known.val_loss)
    best, now = map(loss_text, losses)
    texts = f"{_SIGNS[run.state]} {run.state}", step, best, at, now, _lr_text(run)
    words = [_beside_name(run.description)]
    if known is not None and known.recommended:
        words.append(f"recommends {known.recommended}")
    cells = dict(zip(_COLUMNS, texts, strict=True))
    return _line(cells, printable(run.name), printable("  ".join(filter(None, words))), width)


def _line(cells: Mapping[str, str], name: str, words: str, width: int | None) -> str:
    """Write a line that a terminal need not wrap: `words` are cut there, but never the name."""
    shown: Collection[str] = _COLUMNS
    if width is not None and width < _WIDE:
        shown = _MEDIUM_HAS if width >= _MEDIUM else _NARROW_HAS
    line = " ".join(f"{cells[column]:{_COLUMNS[column]}}" for column in shown) + f"  {name}"
    room = cell_len(words) if width is None else width - cell_len(line) - 2
    if cell_len(words) > room:
        words = set_cell_size(words, room - 1).rstrip(" ·") + "…" if room > 1 else ""
    return f"{line}  {words}".rstrip()


def _beside_name(told: Description) -> str:
    """Say what a folder's name does not tell of a run, where it is not the default, or an axis."""
    if (config := told.config) is None:
        return "loop"
    names, dataset, activation = setup_names(config), config.dataset, config.architecture.activation
    data = f"{dataset.target} of {Path(dataset.file).name}" if dataset.file else dataset.name
    words = {
        "activation": activation if activation != ACTIVATIONS[0] else "",
        "optimizer": names.get("optimizer", ""),
        "schedule": names.get("schedule", ""),
        "batch_size": f"batch {config.batch_size:,}" if config.batch_size is not None else "",
        "dataset": data if data != _PLAIN_DATA else "",  # the longest, and last: it may be cut
    }
    return " · ".join(text for key, text in words.items() if text and key not in told.axes)


def runs_to_json(runs: Sequence[StoredRun], damaged: Sequence[UnreadableRun]) -> str:
    """Write a list of runs as one JSON object, and those that can't be read with the reason."""
    fields = {
        "runs": [_fields(run) for run in runs],
        "damaged": [{"folder": str(run.folder), "problem": run.problem} for run in damaged],
    }
    return msgspec.json.encode(fields).decode()


def summary(
    run: StoredRun,
    entries: Sequence[Mapping[str, Any]],
    fit: FitSampled | None = None,
    width: int | None = None,
) -> str:
    """Describe a run, a fact a line, and what was done to it.

    `fit` is that of its weights, `width` that of a terminal, which else would break words.
    """
    told = run.description
    facts = [
        ("run", run.name),
        ("state", f"{_SIGNS[run.state]} {run.state}{_by(run)}"),
        ("created", f"{told.created} on {told.host}, process {told.pid}"),
        *_chosen(run),
        ("versions", f"tui-trainer {told.program}, Python {told.python}, torch {told.torch}"),
    ]
    if told.parent is not None:
        facts.append(("branch of", f"{told.parent.run} after step {told.parent.step:,}"))
    if run.summary is not None:
        facts += _figures(run.summary, told.config, fit)
    facts += [("", line) for line in _history(entries)]
    lines = [f"{name:<16} {printable(fact)}".rstrip() for name, fact in facts]
    if width is not None:
        fold = TextWrapper(
            max(width, 40), subsequent_indent=" " * 17, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
        lines = [part for line in lines for part in fold.wrap(line)]
    return "\n".join(lines)


def _chosen(run: StoredRun) -> Iterator[tuple[str, str]]:
    told, config = run.description, run.description.config
    if config is None:
        yield "loop", told.name
        yield "command", " ".join(told.command)
        yield "lr", _lr_text(run)
        if told.stop_when:
            yield "stops when", told.stop_when
        return
    dataset, architecture = config.dataset, config.architecture
    for part in PARTS:
        name = getattr(config, part).name
        yield part, f"{name}: {describe_dataset(dataset)}" if part == "dataset" else name
        if part == "dataset" and dataset.file:
            yield "file", dataset.file
        if part == "dataset" and dataset.validation_file:
            yield "validation file", dataset.validation_file
        if part == "architecture" and not architecture.builder:
            yield "activation", architecture.activation
    yield "lr", _lr_text(run)
    is_whole, every = config.steps_per_epoch == 1, config.validate_every
    size = "all points" if is_whole else f"{config.points_per_step:,}"
    yield "batch size", size + (f", validation every {every:,} steps" if every > 1 else "")
    yield "seed", f"{config.seed}, data seed {config.data_seed}"
    yield "device", f"{told.device}, threads {told.threads}"


def run_to_json(run: StoredRun, entries: Sequence[Mapping[str, Any]]) -> str:
    """Write a run as one JSON object with its config and its ledger."""
    fields = _fields(run) | {"description": run.description, "events": entries}
    return msgspec.json.encode(fields).decode()


def _figures(
    known: Summary, config: RunConfig | None, fit: FitSampled | None
) -> Iterator[tuple[str, str]]:
    best = "–"
    if known.best_step is not None:
        best = f"{loss_text(known.best_val_loss)} at step {known.best_step:,}"
    yield "steps", f"{known.step:,} of {known.steps:,}" if known.steps else f"{known.step:,}"
    if config is not None:
        yield "train loss", loss_text(known.train_loss) + batch_words(config)
        yield "validation loss", loss_text(known.val_loss) + validated_words(config, known.step)
        yield "best validation", best
        at = f", after step {fit.step:,}" if fit is not None and fit.step != known.step else ""
        yield from ((title, f"{words}{at}") for title, words in quality(fit))
    else:
        for name, value in (known.metrics or {}).items():
            yield name, f"{value:.6g}" if value is not None else "not finite"
    yield "time", f"{duration_text(known.seconds)} ({known.seconds:.2f} s)"
    yield "speed", f"{known.steps_per_second:,.0f} steps/s"
    if known.engine:
        yield "engine", known.engine
    if known.detail:
        yield "result", known.detail
    if known.problem:
        yield "problem", known.problem


def _history(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write the ledger, a line an entry."""
    for entry in entries:
        words = [str(entry.get("time", ""))[:19], str(entry["event"])]
        if isinstance(step := entry.get("step"), int):
            words.append(f"step {step:,}")
        words += [str(entry[key]) for key in ("lr", "engine") if key in entry]
        if (factor := entry.get("factor", 1.0)) != 1.0:
            words.append(f"times the schedule, {factor:.3g} at this step")
        words += [
            str(entry[key]) for key in ("detail", "words", "reason", "cause") if entry.get(key)
        ][:1]
        yield "  ".join(words)


def _fields(run: StoredRun) -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "kind": run.description.kind,
        "state": run.state,
        "created": run.description.created,
        "host": run.description.host,
        "pid": run.owner.pid if run.owner is not None else None,
        "parent": run.description.parent,
        "summary": run.summary,
        "config": run.description.config,
    }


def _lr_text(run: StoredRun) -> str:
    known, config = run.summary, run.description.config
    if known is not None and known.lr is not None:
        return number_text(known.lr) if config is not None else f"{known.lr:.6g}"
    is_swept = "lr" in run.description.axes  # and none was recommended
    return number_text(config.lr) if config is not None and not is_swept else "–"


def _by(run: StoredRun) -> str:
    return f", {run.owner.words}" if run.owner is not None else ""
