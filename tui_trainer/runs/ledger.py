"""``events.jsonl``, the ledger: what happened to a run and what was done to it, a line each.

A line is a JSON object with `event`, `time` (UTC, ISO 8601) and the event's own fields. Numbers
that are not finite are written as strings: "nan", "inf", "-inf".
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from tui_trainer.config.numbers import Count, LearningRate
from tui_trainer.config.settings import EngineName
from tui_trainer.runs.files import read_file
from tui_trainer.runs.folder import LEDGER
from tui_trainer.runs.timestamps import timestamp
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    Compiled,
    EngineChanged,
    EngineKept,
    Event,
    LrChanged,
    Noted,
    NotLearning,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
)

Entry: TypeAlias = dict[str, Any]
Loss: TypeAlias = float | Literal["nan", "inf", "-inf"] | None


class _Fields(Struct):
    """What the fields of entries are, whatever the event; those of a newer program are anything."""

    event: str
    time: str = ""
    step: Count = 0
    steps: Count = 0
    lr: LearningRate = 1.0
    factor: float = 1.0
    engine: EngineName = "auto"
    engine_reason: str = ""
    device: str = ""
    parameter_count: Count = 0
    threads: Count = 1
    first_layer: Count = 0
    last_layer: Count = 0
    reason: str = ""
    cause: str = ""
    words: str = ""
    detail: str = ""
    seconds: float = 0.0
    train_loss: Loss = None
    val_loss: Loss = None
    best_step: Count | None = None
    best_val_loss: Loss = None
    restored_best: bool = False


_KINDS: dict[str, type] = {
    "lr": LrChanged,
    "engine": EngineChanged,
    "engine_kept": EngineKept,
    "not_learning": NotLearning,
    "compiled": Compiled,
    "noted": Noted,
    "paused": Paused,
    "resumed": Resumed,
    "ended": RunEnded,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_STARTED = ("engine", "engine_reason", "device", "parameter_count", "threads")
_NOT_FINITE = {"nan", "inf", "-inf"}
STARTED, CONTINUED, BRANCHED, ENDED = "started", "continued", "branched", "ended"


def to_entry(event: Event) -> Entry | None:
    """Write an event as an entry; None for those that are kept elsewhere: losses, fits."""
    if isinstance(event, RunStarted):
        return {"event": STARTED} | {key: getattr(event, key) for key in _STARTED}
    if (name := _NAMES.get(type(event))) is None:
        return None
    assert dataclasses.is_dataclass(event)
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {"event": name} | {key: _plain(value) for key, value in fields.items()}


def to_event(entry: Mapping[str, Any]) -> Event | None:
    """Read an event back; None for an entry that is none, or of a newer program.

    `RunStarted` is not among them, since the ledger lacks its data.
    """
    kind = _KINDS.get(entry.get("event", ""))
    if kind is None:
        return None
    names = {field.name for field in dataclasses.fields(kind)}
    values = {key: _read(value) for key, value in entry.items() if key in names}
    try:
        if kind is RunEnded:
            values["reason"] = StopReason(values["reason"])
        event: Event = kind(**values)
    except (KeyError, TypeError, ValueError):
        return None
    return event


def to_line(entry: Mapping[str, Any]) -> bytes:
    """Write an entry as a line, with the time."""
    return json.dumps({"time": timestamp(), **entry}, allow_nan=False).encode() + b"\n"


def read_ledger(folder: Path) -> tuple[list[Entry], str]:
    """Read all entries, and say what could not be read: "" if there is nothing to say.

    A run that was killed at its very start has none.

    Raises:
        OSError: if the file can't be read.
    """
    entries: list[Entry] = []
    bad: list[int] = []
    file = folder / LEDGER
    for number, line in enumerate(read_file(file).splitlines() if file.exists() else (), 1):
        entry = parse_line(line)
        if entry is None:
            bad.append(number)
        else:
            entries.append(entry)
    if not bad:
        return entries, ""
    lines = f"line {bad[0]}" if len(bad) == 1 else f"lines {', '.join(map(str, bad[:5]))}"
    return entries, f"{LEDGER}: {lines} can't be read"


def parse_line(line: bytes) -> Entry | None:
    """Read a line; None if it is none, or a field of it is of another type than it is written."""
    try:
        entry: Entry = msgspec.json.decode(line)
        msgspec.convert(entry, _Fields)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return entry


def events_of(entries: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """Read the events among entries."""
    for entry in entries:
        if (event := to_event(entry)) is not None:
            yield event


def asked_steps(entries: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the last step that was asked for when a run went on; None if none was."""
    steps = [e["steps"] for e in entries if e["event"] == CONTINUED and e.get("steps")]
    return steps[-1] if steps else None


def _plain(value: Any) -> Any:
    if isinstance(value, StopReason):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _read(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value in _NOT_FINITE else value
