"""Sweeps of any configs, and what their events tell of each candidate."""

from dataclasses import dataclass, field

import numpy as np

from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    SweepEnded,
    SweepStarted,
)
from tui_trainer.sweeps.plan import Candidate, Point, Sweep
from tui_trainer.sweeps.sweeper import sweep
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import FitSampled, RunEnded


def plan_of(configs):
    """Make a sweep of configs that need not be those of a grid, a point each."""
    points = tuple(Point(index, ()) for index in range(len(configs)))
    candidates = tuple(Candidate(index, index, config) for index, config in enumerate(configs))
    return Sweep((), 1, configs[0], "best", points, candidates)


def drive(plan, on_event=None, *, fits=True):
    """Sweep to the end; `on_event` may ask something of the sweep at each event."""
    control, events = SweepControl(), []
    for event in sweep(plan, control, fits=fits):
        events.append(event)
        if on_event is not None:
            on_event(event, control)
    return events


@dataclass
class Told:
    """What a sweep told of a candidate, in the order it came."""

    train: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    val: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    watched: list[FitSampled] = field(default_factory=list)
    ended: RunEnded | None = None
    fit: FitSampled | None = None

    def advance(self, event, column):
        assert self.ended is None
        assert event.first_step == len(self.train) + 1
        count = event.counts[column]
        assert 0 < count <= len(event.train_loss)
        self.train = np.concatenate([self.train, event.train_loss[:count, column]])
        self.val = np.concatenate([self.val, event.val_loss[:count, column]])

    def end(self, event):
        assert self.ended is None
        self.ended, self.fit = event.ended, event.fit


def told(events):
    """Fold a sweep's events by candidate; every sweep of the tests has to be in good order."""
    started, *between, last = events
    assert isinstance(started, SweepStarted)
    assert isinstance(last, SweepEnded)
    found = [Told() for _ in started.sweep.candidates]
    seconds = 0.0
    for event in between:
        match event:
            case CandidatesAdvanced():
                _check_arrays(event)
                assert event.seconds >= seconds
                seconds = event.seconds
                for column, candidate in enumerate(event.candidates):
                    found[candidate].advance(event, column)
            case CandidateEnded(candidate=candidate):
                found[candidate].end(event)
            case CandidateFitSampled(candidate=candidate, fit=fit):
                assert found[candidate].ended is None
                found[candidate].watched.append(fit)
            case SweepStarted() | SweepEnded():
                raise AssertionError(event)
    assert last.steps == sum(len(one.train) for one in found)
    assert last.seconds >= seconds
    return found


def run(configs, **options):
    """Sweep over configs to the end; return what was told of each."""
    events = drive(plan_of(configs), **options)
    assert events[-1].reason is StopReason.COMPLETED, events[-1].detail
    found = told(events)
    for one in found:
        _check_end(one)
    return found


def _check_arrays(event):
    for losses in (event.train_loss, event.val_loss):
        assert losses.dtype == np.float32
        assert not losses.flags.writeable
        assert losses.shape == (len(event.train_loss), len(event.candidates))
    assert len(event.counts) == len(event.candidates) == len(set(event.candidates))


def _check_end(one):
    """Hold the end of a candidate against its losses."""
    assert one.ended is not None
    assert one.ended.steps == len(one.train)
    last = [one.ended.train_loss, one.ended.val_loss]
    assert np.array_equal(last, [one.train[-1], one.val[-1]], equal_nan=True)
    finite = np.where(np.isfinite(one.val), one.val, np.inf)
    best = int(finite.argmin())
    if np.isfinite(finite[best]):
        assert (one.ended.best_step, one.ended.best_val_loss) == (best + 1, finite[best])
    else:
        assert (one.ended.best_step, one.ended.best_val_loss) == (None, None)
