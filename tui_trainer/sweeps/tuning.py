"""Each value at its own best number: ``race over optimizer, each at its own best lr``.

Two sweeps, one after the other. The first trains every value with every number and chooses one for
each value; the second races the values, each with its number, on other seeds: those that a number
was chosen by would flatter it.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec.structs import replace

from tui_trainer.sweeps.events import SweepEnded, SweepEvent, SweepNoted
from tui_trainer.sweeps.plan import Candidate, Edge, Point, Sweep, Tuned
from tui_trainer.sweeps.result import PointResult, SweepResult
from tui_trainer.sweeps.tuned_plan import value_count
from tui_trainer.training.early_stopping import StopReason

Train: TypeAlias = Callable[[Sweep], Iterator[SweepEvent]]


def race_of(results: SweepResult) -> Sweep:
    """Plan the race that follows a sweep that tuned."""
    tuning = results.sweep
    points: list[Point] = []
    candidates: list[Candidate] = []
    for value in range(value_count(tuning)):
        best = best_of_value(results, value)
        tuned = _tuned(results, value, best)
        points.append(Point(value, best.point.values, tuned))
        config = tuning.of_point(best.point.index)[0].config
        for seed in range(tuning.base.seed, tuning.base.seed + tuning.seeds):
            candidates.append(Candidate(len(candidates), value, replace(config, seed=seed)))
    return dataclasses.replace(
        tuning, points=tuple(points), candidates=tuple(candidates), tunes=False
    )


def points_of_value(results: SweepResult, value: int) -> list[PointResult]:
    """Return the points of a value, one for each number that is tried."""
    count = len(results.sweep.axes[-1].values)
    return [results.point(index) for index in range(value * count, (value + 1) * count)]


def best_of_value(results: SweepResult, value: int) -> PointResult:
    """Return the point with the best number of a value, so far.

    The one with the lowest median among those at which the fewest seeds diverged: a number at which
    some do is a bad one, however low the others get. Of equals it is the lowest number.
    """

    def order(point: PointResult) -> tuple[bool, float, float, float]:
        median = point.objective.median
        return math.isnan(median), point.diverged_share, median, float(point.point.values[-1])

    return min(points_of_value(results, value), key=order)


def _tuned(results: SweepResult, value: int, best: PointResult) -> Tuned:
    axis = results.sweep.axes[-1]
    number = best.point.values[-1]
    diverged = sum(point.diverged_share == 1 for point in points_of_value(results, value))
    edge = None
    if number == max(axis.values, key=float):
        edge = Edge.HIGHEST
    elif number == min(axis.values, key=float) and number != 0:  # nothing lies below a weight of 0
        edge = Edge.LOWEST
    return Tuned(axis.key, number, best.objective.median, axis.values, diverged, edge)


def in_stages(plan: Sweep, train: Train) -> Iterator[SweepEvent]:
    """Train a sweep, and the race that follows one that tunes: there, `SweepStarted` comes twice.

    The one `SweepEnded` counts the steps and seconds of both. A sweep that is stopped or fails
    while it tunes has no race.
    """
    if not plan.tunes:
        yield from train(plan)
        return
    results = SweepResult(plan, keep_history=False)
    for event in train(plan):
        results.apply(event)
        if results.ended is None or results.ended.reason is not StopReason.COMPLETED:
            yield event
    tuned = results.ended
    if tuned is None or tuned.reason is not StopReason.COMPLETED:
        return
    try:
        events = train(race_of(results))
    except ValueError as error:  # a cluster that is gone
        yield SweepEnded(StopReason.FAILED, f"{error}", tuned.steps, tuned.seconds)
        return
    for event in events:
        if isinstance(event, SweepEnded):
            event = _of_both(plan, tuned, event)
        if not (isinstance(event, SweepNoted) and event.words in results.notes):
            yield event


def _of_both(plan: Sweep, tuned: SweepEnded, raced: SweepEnded) -> SweepEnded:
    before = f"; {len(plan.candidates):,} before that to tune {plan.axes[-1].key}"
    return dataclasses.replace(
        raced,
        detail=raced.detail + before * (raced.reason is StopReason.COMPLETED),
        steps=tuned.steps + raced.steps,
        seconds=tuned.seconds + raced.seconds,
    )
