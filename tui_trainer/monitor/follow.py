"""Tells what is in a loop's folder as events, while another process writes it; needs no torch."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tui_trainer.formatting import printable
from tui_trainer.monitor.events import (
    Checkpointed,
    LoopEvent,
    LoopStarted,
    MetricsLogged,
    OutputRead,
    StatusRead,
)
from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.description import read_description
from tui_trainer.runs.folder import HEALTH, LEDGER, METRICS, OUTPUT, SUMMARY
from tui_trainer.runs.ledger import Entry, to_event
from tui_trainer.runs.metrics import Metrics, MetricsTail
from tui_trainer.runs.ownership import Owner
from tui_trainer.runs.polling import FileWatch, LedgerTail, LineTail, polled
from tui_trainer.runs.summary import read_summary
from tui_trainer.runs.timestamps import seconds_of
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import HealthMeasured, LrChanged, Noted, Paused, Resumed, RunEnded

CHECKPOINT_ENTRY = "checkpoint"
MOST_OUTPUT = 256 * 1024  # bytes of the past that a reader shows
_LONGEST_LINE = 4000  # characters
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


def describe_loop(folder: Path) -> LoopStarted:
    """Read what is known of a loop from its start on.

    Raises:
        InvalidSettingsError: one line, if it is none or can't be read.
    """
    told = read_description(folder)
    command = shlex.join(told.command)
    return LoopStarted(
        told.name,
        command,
        told.total,
        folder,
        told.stop_when,
        told.host,
        told.pid,
        seconds_of(told.created),
    )


def follow_loop(folder: Path, control: RemoteControl) -> Iterator[LoopEvent]:
    """Tell all events of a loop, those to come as well, until it ends or `control` is left.

    A loop whose process is gone without having ended it has failed, and says which process it was.

    Raises:
        InvalidSettingsError: one line, if it is none or can't be read.
    """
    yield describe_loop(folder)
    yield from polled(folder, _Reader(folder), control)


class _Reader:
    """What has been read of a folder so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ledger = LedgerTail(folder / LEDGER)
        self._metrics = MetricsTail(folder / METRICS)
        self._health = LineTail(folder / HEALTH)
        self._summary_file = FileWatch(folder / SUMMARY)
        self._output = OutputTail(folder / OUTPUT)
        self._step = 0
        self._seconds = 0.0
        self.is_paused = False
        self._ended: RunEnded | None = None

    def news(self) -> Iterator[LoopEvent]:
        """Tell what is new; the end, if it came, is the last."""
        entries = self._ledger.read()
        while (found := self._metrics.poll(most=1)).series or found.problems:
            yield from map(Noted, found.problems)
            for event in _by_steps(found):
                self._step = max(self._step, int(event.steps[-1]))
                yield event
        yield from _measurements(self._health.lines())
        for entry in entries:
            yield from self._told(entry)
        if self._summary_file.has_changed() and (summary := read_summary(self._folder)):
            self._step, self._seconds = max(self._step, summary.step), summary.seconds
            yield StatusRead(summary)
        if (output := self._output.read()) is not None:
            yield output
        if self._ended is not None:
            yield self._ended

    def _told(self, entry: Entry) -> Iterator[LoopEvent]:
        if entry["event"] == CHECKPOINT_ENTRY:
            problem = str(entry.get("problem", ""))
            yield Checkpointed(int(entry.get("step", 0)), float(entry.get("seconds", 0)), problem)
            return
        event = to_event(entry)
        if isinstance(event, Paused | Resumed):
            self.is_paused = isinstance(event, Paused)
        if isinstance(event, RunEnded):
            self._ended = event
        elif isinstance(event, LrChanged | Paused | Resumed | Noted):
            yield event

    def interrupted(self, owner: Owner | None) -> RunEnded:
        """Say that a process is gone that did not end the loop."""
        who = owner.words if owner is not None else "its process"
        detail = f"interrupted after step {self._step:,}: {who} is gone"
        return RunEnded(StopReason.FAILED, detail, self._step, seconds=self._seconds)


def _measurements(lines: Iterable[bytes]) -> Iterator[HealthMeasured]:
    """Read measurements; lines of a newer program, or damaged ones, are passed over."""
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            yield msgspec.json.decode(line, type=HealthMeasured)


def _by_steps(found: Metrics) -> Iterator[MetricsLogged]:
    """Gather the series that were logged at the same steps: they share the array of these."""
    groups: dict[int, list[str]] = {}
    for name, series in found.series.items():
        groups.setdefault(id(series.steps), []).append(name)
    for names in groups.values():
        columns = tuple(found.series[name].values for name in names)
        yield MetricsLogged(tuple(names), found.series[names[0]].steps, columns)


class OutputTail:
    """Reads lines of what was printed as they come, the last ones of what was there before."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._end = -1
        self._unfinished = b""

    def read(self) -> OutputRead | None:
        """Return what is new; None if nothing is."""
        try:
            size = self._file.stat().st_size
            if size == self._end or (size == 0 and self._end < 0):
                return None
            start, self._unfinished = self._start(size)
            with self._file.open("rb") as stream:
                stream.seek(start)
                data = stream.read(size - start)
        except OSError:
            return None
        is_cut = self._end < 0 and start > 0
        self._end = start + len(data)
        whole, _, self._unfinished = (self._unfinished + data).rpartition(b"\n")
        if len(self._unfinished) > MOST_OUTPUT:
            self._unfinished = self._unfinished[-MOST_OUTPUT:]
        lines = whole.split(b"\n")[int(is_cut) :] if whole else []
        return OutputRead(tuple(map(shown_line, lines)), shown_line(self._unfinished))

    def _start(self, size: int) -> tuple[int, bytes]:
        """Return where to read on, and the piece of a line before that."""
        if self._end < 0:
            return max(0, size - MOST_OUTPUT), b""
        if size < self._end:  # its oldest half is gone: what is new is at its end, somewhere
            return size, b""
        return self._end, self._unfinished


def shown_line(line: bytes) -> str:
    """Return a line as a terminal shows it: what carriage returns draw again only once."""
    text = line[-4 * _LONGEST_LINE :].decode(errors="replace").rstrip("\r")
    text = _ESCAPES.sub("", text.rpartition("\r")[2])
    return printable(text.expandtabs(4))[:_LONGEST_LINE]


def read_output(folder: Path) -> list[str]:
    """Return the last lines that a loop printed; none if there are none."""
    output = OutputTail(folder / OUTPUT).read()
    if output is None:
        return []
    return [*output.lines, *[output.unfinished] * bool(output.unfinished)]
