"""Tells what is in a run's folder as the events of that run, while another process writes it.

Nothing here is asked of that process, which notices no viewer. Needs no torch.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tui_trainer.config.settings import RunConfig
from tui_trainer.runs.blocks import read_blocks
from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.description import read_description
from tui_trainer.runs.fit_file import read_fit
from tui_trainer.runs.folder import FIT, LEDGER, METRICS, SUMMARY
from tui_trainer.runs.ledger import CONTINUED, STARTED, Entry, asked_steps, to_event
from tui_trainer.runs.metrics import Metrics, MetricsTail
from tui_trainer.runs.ownership import Owner
from tui_trainer.runs.polling import FileWatch, LedgerTail, polled
from tui_trainer.runs.summary import Summary, read_summary
from tui_trainer.training.early_stopping import Gauge, StopReason
from tui_trainer.training.events import (
    Compiling,
    Event,
    FitSampled,
    Noted,
    Paused,
    Recorded,
    Resumed,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.progress import Best, lower_best
from tui_trainer.training.state import State

DRAWING_SECONDS = 0.1  # for the first losses, before the rest of a long run is read


def config_of(folder: Path) -> RunConfig:
    """Read what was chosen, with the last step that was asked for since.

    Raises:
        InvalidSettingsError: one line, if it is no run or can't be read.
    """
    config = read_description(folder).own_config
    steps = asked_steps(LedgerTail(folder / LEDGER).read())
    return msgspec.structs.replace(config, steps=steps) if steps else config


def follow(folder: Path, config: RunConfig, control: RemoteControl) -> Iterator[Event]:
    """Tell all events of a run, those to come as well, until it ends or `control` is left.

    A run whose process is gone without having ended it has failed, and says which process it was.
    """
    for event in polled(folder, _Reader(folder, config), control):
        yield event
        if isinstance(event, Recorded) and not event.problem:
            control.wait(DRAWING_SECONDS)


class _Reader:
    """What has been read of a folder so far."""

    def __init__(self, folder: Path, config: RunConfig) -> None:
        self._folder, self._config = folder, config
        self._ledger = LedgerTail(folder / LEDGER)
        self._metrics = MetricsTail(folder / METRICS)
        self._fit_file, self._summary_file = FileWatch(folder / FIT), FileWatch(folder / SUMMARY)
        self._summary: Summary | None = None
        self._entries: list[Entry] = []  # that are not told yet
        self._started = False
        self._step = 0
        self._best: Best | None = None
        self._problem = ""
        self._fits: dict[str, int] = {}  # the steps of those told
        self.is_paused = False

    def news(self) -> Iterator[Event]:
        """Tell what is new: the losses, up to the last change at least, then the changes."""
        self._entries += self._ledger.read()
        if self._summary_file.has_changed():
            self._summary = read_summary(self._folder) or self._summary
        if not self._started:
            started = self._start()
            if started is None:
                return
            yield started
        while (found := self._metrics.poll(most=1)).series or found.problems:
            yield from self._losses(found)
            yield from self._told_of_folder()
        yield from self._told_of_folder()
        ended, events = self._changes()
        yield from events
        yield from self._state()
        if self._fit_file.has_changed():
            yield from self._new_fits()
        if ended is not None:
            yield ended

    def interrupted(self, owner: Owner | None) -> RunEnded:
        """Say that a process is gone that did not end the run."""
        who = f"{owner.words} is gone" if owner is not None else "its process is gone"
        best = self._best
        return RunEnded(
            StopReason.INTERRUPTED,
            f"interrupted after step {self._step:,}: {who}; "
            f"'tui-trainer resume {self._folder.name}' goes on",
            self._step,
            best_step=best.step if best else None,
            best_val_loss=best.val_loss if best else None,
            seconds=self._summary.seconds if self._summary else 0.0,
        )

    def _start(self) -> RunStarted | None:
        """Return how the run started, once that is known."""
        entry = next((entry for entry in self._entries if _is(entry, STARTED)), None)
        points, _ = read_fit(self._folder)
        if entry is None or points is None:
            return None
        return RunStarted(
            self._config,
            entry.get("engine", "eager"),
            str(entry.get("device", self._config.device)),
            int(entry.get("parameter_count", 0)),
            points,
            str(entry.get("engine_reason", "")),
            int(entry.get("threads", 1)),
        )

    def _changes(self) -> tuple[RunEnded | None, list[Event]]:
        """Return the run's end, if it has not gone on since, and the other events of the ledger."""
        events: list[Event] = []
        ended = None
        for entry in self._entries:
            if _is(entry, CONTINUED):
                ended = None
                if self.is_paused:
                    events.append(Resumed(int(entry.get("step", 0))))
            event = to_event(entry)
            if isinstance(event, RunEnded):
                ended = event
            elif event is not None:
                events.append(event)
            if events and isinstance(events[-1], Paused | Resumed):
                self.is_paused = isinstance(events[-1], Paused)
        self._entries = []
        return ended, events

    def _told_of_folder(self) -> Iterator[Recorded]:
        """Tell where the run is, once its first losses are there: it is drawn at once then."""
        if not self._started:
            self._started = True
            yield Recorded(self._folder)

    def _losses(self, found: Metrics) -> Iterator[Event]:
        yield from map(Noted, found.problems)
        if "train_loss" not in found.series or "val_loss" not in found.series:
            return
        if not self._step:
            yield from self._old(int(found.series["train_loss"].steps[0]) - 1)
        first, last = self._step + 1, int(found.series["train_loss"].steps[-1])
        if last < first:
            return
        val = found.series["val_loss"].filled(first, last)
        bound = found.series.get("bound")
        self._best, self._step = lower_best(self._best, val, first), last
        best, summary = self._best, self._summary
        yield StepsCompleted(
            first,
            found.series["train_loss"].filled(first, last),
            val,
            bound.filled(first, last) if bound is not None else None,
            _gauge(summary),
            best.step if best else None,
            best.val_loss if best else None,
            summary.seconds if summary else 0.0,
            summary.steps_per_second if summary else 0.0,
        )

    def _old(self, until: int) -> Iterator[Event]:
        """Tell of the steps that are in blocks alone."""
        old, problems = read_blocks(self._folder / METRICS, until)
        yield from map(Noted, problems)
        if old is not None:
            known = self._summary
            told = old.told(known.best if known is not None else None)
            self._step, self._best = told.last_step, told.best
            yield told

    def _state(self) -> Iterator[Event]:
        summary = self._summary
        if summary is None:
            return
        if summary.state is State.COMPILING and not self._step:
            yield Compiling(0.0)
        if summary.problem != self._problem:
            self._problem = summary.problem
            yield Recorded(self._folder, summary.problem)

    def _new_fits(self) -> Iterator[FitSampled]:
        _, fits = read_fit(self._folder)
        for fit in fits:
            if self._fits.get(fit.weights) != fit.step:
                self._fits[fit.weights] = fit.step
                yield fit


def _is(entry: Entry, kind: str) -> bool:
    return bool(entry["event"] == kind)


def _gauge(summary: Summary | None) -> Gauge | None:
    if summary is None or summary.gauge is None:
        return None
    facts = summary.gauge
    return Gauge(facts.armed, facts.armed_at, facts.words, facts.nearness)
