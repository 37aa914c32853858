"""A sweep as a generator of events: ``for event in sweep(plan, control): ...``.

A pass takes every candidate through a chunk of steps, each block of candidates with one
single-threaded worker: so the numbers do not depend on the number of workers, and workers never
wait for each other within a step. On a CPU a block is one candidate with its fused step.
"""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

import torch

from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEnded,
    SweepEvent,
    SweepNoted,
    SweepStarted,
)
from tui_trainer.sweeps.grouping import make_groups
from tui_trainer.sweeps.groups import Advance, Block, Group, Member
from tui_trainer.sweeps.plan import Sweep, resolve_plan
from tui_trainer.task.data import make_data
from tui_trainer.task.interrupting import interrupting_if
from tui_trainer.task.machine import processors
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Points
from tui_trainer.training.failure import FAILURES, describe_failure
from tui_trainer.training.fit import to_points

CHUNK_SECONDS = 0.05  # of a block: what a request waits for at most
# A GPU idles while a chunk's losses are judged; most of that is for each candidate, not each step.
_GPU_CHUNKS = 4  # times as long
_FIT_SECONDS = 0.1


def sweep(
    plan: Sweep, control: SweepControl | None = None, *, fits: bool = True
) -> Iterator[SweepEvent]:
    """Train all candidates, yielding what happens; the last event is always `SweepEnded`.

    `fits` says whether the fits of candidates that end have curves, or figures alone. An exception
    ends the sweep too: ``SweepEnded(FAILED)`` with its message.
    """
    control = control or SweepControl()
    return with_end(_train(plan, control, fits), plan)


def with_end(events: Iterator[SweepEvent], plan: Sweep) -> Iterator[SweepEvent]:
    """Yield the events of a sweep, then how it ended, by an exception too.

    It was stopped if a candidate was: a request after the last one has ended stops nothing.
    """
    began = time.perf_counter()
    steps: dict[int, int] = {}
    stopped = False
    reason, detail = StopReason.FAILED, ""
    try:
        for event in events:
            if isinstance(event, SweepStarted):
                began = time.perf_counter()  # as a run's, without the time that a compiler took
            elif isinstance(event, CandidatesAdvanced):
                last = (event.first_step + count - 1 for count in event.counts)
                steps.update(zip(event.candidates, last, strict=True))
            elif isinstance(event, CandidatesRestarted):
                steps.update(dict.fromkeys(event.candidates, 0))
            elif isinstance(event, CandidateEnded):
                stopped |= event.ended.reason is StopReason.STOPPED
            yield event
        reason = StopReason.STOPPED if stopped else StopReason.COMPLETED
        detail = "stopped by hand" if stopped else f"finished {len(plan.candidates):,} candidates"
    except FAILURES as error:
        detail = describe_failure(error)
    yield SweepEnded(reason, detail, sum(steps.values()), time.perf_counter() - began)


def _train(plan: Sweep, control: SweepControl, fits: bool) -> Iterator[SweepEvent]:
    with interrupting_if(lambda: control.stopped):
        plan = resolve_plan(plan)
    groups = make_groups(plan.candidates, lambda: control.stopped)
    workers = _worker_count(plan.base.device)
    how = _how(groups, workers, plan.base.device)
    yield SweepStarted(plan, len(groups), how, points_of(plan))
    yield from train_groups(groups, control, workers, fits=fits)


def points_of(plan: Sweep) -> Points:
    """Return the data of the first candidate, to draw."""
    first = plan.candidates[0].config
    return to_points(make_data(first.dataset, first.data_seed))


def train_groups(
    groups: list[Group], control: SweepControl, workers: int, *, fits: bool = True
) -> Iterator[SweepEvent]:
    """Train groups of candidates to their ends, with a thread a worker."""
    for group in groups:
        group.fits = fits
    if not control.stopped:
        yield from map(SweepNoted, dict.fromkeys(g.note for g in groups if g.note))
    pool = ThreadPoolExecutor(workers, "sweep", initializer=partial(torch.set_num_threads, 1))
    try:
        yield from _Passes(groups, control, pool, workers).events()
    finally:
        pool.shutdown(cancel_futures=True)


class _Passes:
    """All groups, pass by pass, until no candidate is left."""

    def __init__(
        self, groups: list[Group], control: SweepControl, pool: ThreadPoolExecutor, workers: int
    ) -> None:
        self._groups = groups
        self._control = control
        self._pool, self._workers = pool, workers
        self._began = time.perf_counter()
        self._fit_due = 0.0

    def events(self) -> Iterator[SweepEvent]:
        """Train to the last step."""
        while self._groups and not self._control.stopped:
            yield from self._pass()
            self._groups = [group for group in self._groups if group.members]
        for group in self._groups:
            for member in group.members:
                yield from self._stop(member)

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._began

    def _pass(self) -> Iterator[SweepEvent]:
        watched = self._watched()
        took: dict[Group, float] = {}
        pending: dict[Future[tuple[Advance, float] | None], Group] = {}
        steps = {group: group.steps for group in self._groups}
        for group in self._groups:
            for block in group.blocks(self._workers):
                job = partial(self._advance, group, block, steps[group], watched)
                pending[self._pool.submit(job)] = group
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                group = pending.pop(future)
                if (result := future.result()) is not None:
                    advance, seconds = result
                    took[group] = max(took.get(group, 0.0), seconds)
                    yield from self._tell(advance)
        for group, seconds in took.items():
            group.end_pass()
            wanted = CHUNK_SECONDS * (_GPU_CHUNKS if group.on_gpu else 1)
            group.chunk_steps = _next_chunk(
                steps[group], group.chunk_steps, seconds / max(wanted, 1e-9)
            )

    def _advance(
        self, group: Group, block: Block, steps: int, watched: int | None
    ) -> tuple[Advance, float] | None:
        """Work on a block, in a worker's thread; return it with the seconds it took."""
        if self._control.stopped:
            return None
        began = time.perf_counter()
        advance = group.advance(block, steps, watched)
        return advance, time.perf_counter() - began

    def _watched(self) -> int | None:
        """Return the candidate whose fit is wanted now: at most ten times a second."""
        if self._control.watched is None or time.perf_counter() < self._fit_due:
            return None
        self._fit_due = time.perf_counter() + _FIT_SECONDS
        return self._control.watched

    def _tell(self, advance: Advance) -> Iterator[SweepEvent]:
        indices = tuple(member.index for member in advance.members)
        yield CandidatesAdvanced(
            indices,
            advance.first_step,
            advance.counts,
            advance.train,
            advance.val,
            self._seconds,
        )
        for member in advance.members:
            fit = advance.fits.get(member.index)
            if member.ending is not None:
                yield CandidateEnded(member.index, member.ended(self._seconds), fit)
            elif fit is not None:
                yield CandidateFitSampled(member.index, fit)

    def _stop(self, member: Member) -> Iterator[CandidateEnded]:
        if member.ending is None:
            member.stop()
            yield CandidateEnded(member.index, member.ended(self._seconds))


def _next_chunk(steps: int, chunk: int, ratio: float) -> int:
    """Size the next pass, `ratio` being the last one's time by the time wanted.

    At most twice as long: the first ones are slower than the rest.
    """
    if steps < chunk:
        return chunk
    return max(1, min(int(steps / max(ratio, 1e-9)), 2 * steps))


def _worker_count(device: str) -> int:
    """Return a worker a processor; a GPU takes all candidates at once from one."""
    return processors() if device == "cpu" else 1


def _how(groups: list[Group], workers: int, device: str) -> str:
    kind = " and ".join(dict.fromkeys(group.kind for group in groups))
    count = f"{len(groups)} groups" if len(groups) > 1 else "one group"
    return f"{kind}, {count}, {device}" + (f", {workers} workers" if device == "cpu" else "")
