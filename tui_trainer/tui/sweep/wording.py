"""A sweep in words: header, banner, status line."""

import math

from tui_trainer.config.settings import RunConfig, setup_names
from tui_trainer.formatting import duration_text, loss_text, seeds_text
from tui_trainer.sweeps.axes import SweepAxis
from tui_trainer.sweeps.plan import Sweep, values_text
from tui_trainer.sweeps.reasons import why_none
from tui_trainer.sweeps.result import SweepResult
from tui_trainer.training.state import State
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.wording import BADGES, NARROW, first_clause, first_that_fits, progress_text

_GETTING_READY = (
    " Getting ready: loading PyTorch, building networks, compiling their steps where it takes that",
    " Getting ready: building networks, compiling",
    " Getting ready, perhaps compiling",
)


def setup_text(axis: SweepAxis, base: RunConfig, tuned: str = "") -> str:
    """Name what all candidates share, and what they differ in; each may have a number `tuned`."""
    count, setup = len(axis.values), setup_names(base)
    if axis.key == "activation":
        setup["architecture"] = base.architecture.name
    parts = [f"{count} × {axis.key}" if key == axis.key else name for key, name in setup.items()]
    if axis.key not in setup:
        parts.append(f"{count} × {axis.key}")
    if tuned:
        parts.append(f"each at its best {tuned}")
    if axis.key != "lr" and tuned != "lr":
        parts.append(f"lr {base.lr:g}")
    return " · ".join(parts)


def banner_text(feed: SweepFeed, width: int) -> str:
    """Return a sweep's result in words; while it trains, its notes."""
    ended, state = feed.result.ended, feed.result.state
    if ended is None:
        return " ".join(feed.result.notes)
    sign, _ = BADGES[state]
    if state is State.FAILED:
        return f"{sign} Failed: {ended.detail}"
    count = f"{feed.result.done:,} of {len(feed.sweep.candidates):,} candidates"
    lead = f"Stopped by hand, {count} done. So far " if state is State.STOPPED else ""
    if feed.recommendation is None:
        return f"{sign} {lead}{'no' if lead else 'No'} value to recommend: {why_none(feed.result)}."
    reason = feed.recommendation.reason
    if width < NARROW:
        reason = first_clause(reason, " (")
    return f"{sign} {lead}{point_text(feed, feed.recommendation.point.index)}: {reason}"


def race_title(sweep: Sweep, width: int, *, log: bool) -> str:
    """Name a race: its loss, what it is over, the seeds, a log scale."""
    if width < NARROW:
        return f"Loss by {sweep.axes[0].key}{' · log' * log}"
    loss = f"{sweep.objective} validation loss".capitalize()
    best = f", each at its best {sweep.axes[-1].key}" if sweep.is_tuned else ""
    return f"{loss} by {sweep.axes[0].key}{best} · {seeds_text(sweep.seeds)}{' · log' * log}"


def tuning_title(sweep: Sweep, width: int) -> str:
    """Name a sweep that tunes, and what comes after it."""
    words = f"Tuning {sweep.axes[-1].key} by {sweep.axes[0].key}"
    if width < NARROW:
        return words
    return f"{words} · {seeds_text(sweep.seeds)} · the race on others follows"


def leader_text(feed: SweepFeed) -> str:
    """Name the point that is lowest so far."""
    if (leader := feed.leader()) is None:
        return ""
    median = loss_text(leader.objective.median)
    return f"lowest so far: {point_text(feed, leader.point.index)}, median {median}"


def point_text(feed: SweepFeed, index: int) -> str:
    """Write a point as ``lr 0.01``, or ``init he, lr 0.01``."""
    return values_text(feed.sweep, feed.sweep.points[index])


def status_text(feed: SweepFeed, width: int) -> str:
    """Write a sweep's progress, each number at a fixed position."""
    result = feed.result
    if result.state is State.STARTING:
        return first_that_fits(_GETTING_READY, width)
    total, finished = len(result.candidates), result.done
    done = f"{finished:>{len(f'{total:,}')},}/{total:,}"
    share = result.progress
    percent = f"{int(100 * share):>3} %"  # of the steps: those of a batch end at once, or nearly
    rate = f"{_rate(result):,.0f}" if result.seconds else "–"
    known = share and result.ended is None
    eta = duration_text(result.seconds * (1 - share) / share if known else math.inf)
    diverged = sum(candidate.diverged for candidate in result.candidates)
    early = sum(candidate.stopped_early for candidate in result.candidates)
    ends = f"✕ {diverged:,} diverged  ■ {early:,} stopped early"
    stage = "candidates"
    if result.sweep.tunes:
        stage = f"tuning {result.sweep.axes[-1].key}"
    elif result.sweep.is_tuned:
        stage = "race"
    variants = (
        (f"{stage} {done}", f"{percent}{rate:>8} steps/s  ETA {eta:<6} {ends}"),
        (done, f"{percent}{rate:>8}/s  ETA {eta:<6} ✕ {diverged:,}  ■ {early:,}"),
        (done, f"{percent}{rate:>8}/s  ✕ {diverged:,} ■ {early:,}"),
    )
    return progress_text(share, variants, f"{done} {percent.strip()} {rate}/s", width)


def _rate(result: SweepResult) -> float:
    """Return the steps per second; those of a tuning and a race in all, once both have ended."""
    if result.ended is not None:
        return result.ended.steps_per_second
    return result.steps / result.seconds
