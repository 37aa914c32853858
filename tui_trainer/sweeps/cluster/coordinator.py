"""Hands a sweep's candidates to a cluster in shares, and makes one sweep's events of theirs."""

import dataclasses
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tui_trainer.sweeps.cluster.driver_process import Driver
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEvent,
    SweepNoted,
    SweepStarted,
)
from tui_trainer.sweeps.grouping import group_key
from tui_trainer.sweeps.groups import Member
from tui_trainer.sweeps.plan import Candidate, Sweep
from tui_trainer.sweeps.sweeper import points_of
from tui_trainer.training.events import FitSampled
from tui_trainer.training.fit import frozen

# Small shares: a fast CPU takes more of them than a slow one, and a lost one repeats little.
_MOST_OF_A_CPU = 64


def make_shares(
    candidates: Iterable[Candidate], devices: int, kind: str
) -> list[tuple[Candidate, ...]]:
    """Split candidates into shares: of one group each, and one for every device at least.

    Neighbours go to different shares, since long and short runs often stand together.
    """
    groups: dict[object, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(group_key(candidate.config), []).append(candidate)
    most = max(1, -(-sum(map(len, groups.values())) // devices))
    most = min(most, _MOST_OF_A_CPU) if kind == "CPU" else most
    shares = []
    for members in groups.values():
        parts = -(-len(members) // most)
        shares += [tuple(members[part::parts]) for part in range(parts)]
    return shares


def train_on(
    driver: Driver, plan: Sweep, control: SweepControl, fits: bool
) -> Iterator[SweepEvent]:
    """Train all candidates on the driver's cluster, and leave it."""
    merger = _EventMerger(plan)
    with driver:
        yield _started(plan, driver)
        driver.send((make_shares(plan.candidates, driver.devices, driver.kind), fits))
        for events in driver.receive(control):
            for event in events:
                yield from merger.merge(event)
    if control.stopped:
        yield from merger.stop()


def _started(plan: Sweep, driver: Driver) -> SweepStarted:
    groups = len({group_key(candidate.config) for candidate in plan.candidates})
    how = ", ".join(
        (
            _count(groups, "group"),
            f"a Ray cluster of {_count(driver.nodes, 'node')}",
            _count(driver.devices, driver.kind),
        )
    )
    return SweepStarted(plan, groups, how, points_of(plan))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


class _EventMerger:
    """Makes one sweep's events of the workers': on one clock, no note twice, every end once."""

    def __init__(self, plan: Sweep) -> None:
        self._plan = plan
        self._began = time.perf_counter()
        self._open = {candidate.index: Member(candidate) for candidate in plan.candidates}
        self._noted: set[str] = set()

    def merge(self, event: SweepEvent) -> Iterator[SweepEvent]:
        """Yield a worker's event as one of the sweep."""
        seconds = time.perf_counter() - self._began
        match event:
            case CandidatesAdvanced():
                event = _frozen(dataclasses.replace(event, seconds=seconds))
                self._advance(event)
            case CandidateEnded(candidate=index, ended=ended, fit=fit):
                del self._open[index]
                ended = dataclasses.replace(ended, seconds=seconds)
                event = CandidateEnded(index, ended, fit and _frozen(fit))
            case CandidateFitSampled(candidate=index, fit=fit):
                event = CandidateFitSampled(index, _frozen(fit))
            case CandidatesRestarted(candidates=indices):
                self._open.update((i, Member(self._plan.candidates[i])) for i in indices)
            case SweepNoted(words=words) if words in self._noted:
                return
            case SweepNoted(words=words):
                self._noted.add(words)
        yield event

    def stop(self) -> Iterator[CandidateEnded]:
        """End every candidate that has not ended, as stopped by hand."""
        for index, member in self._open.items():
            member.stop()
            yield CandidateEnded(index, member.ended(time.perf_counter() - self._began))
        self._open.clear()

    def _advance(self, event: CandidatesAdvanced) -> None:
        for column, (index, count) in enumerate(zip(event.candidates, event.counts, strict=True)):
            train, val = event.train_loss[:count, column], event.val_loss[:count, column]
            self._open[index].follow(train, val)


Arrays = TypeVar("Arrays", CandidatesAdvanced, FitSampled)


def _frozen(event: Arrays) -> Arrays:
    """Make an event's arrays read-only again: a pipe forgets that they were."""
    if isinstance(event, CandidatesAdvanced):
        frozen(event.train_loss), frozen(event.val_loss)
    else:
        frozen(event.x), frozen(event.prediction)
    return event
