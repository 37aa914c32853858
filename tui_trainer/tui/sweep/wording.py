"""What the screen says of a sweep: header, banner, line of state."""

import math

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import duration_text, loss_text
from tui_trainer.sweeps.axes import SweepAxis, value_text
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State
from tui_trainer.tui.run.wording import BADGES, progress_bar, sentences
from tui_trainer.tui.sweep.feed import SweepFeed


def setup_text(axis: SweepAxis, base: RunConfig) -> str:
    """Name what all candidates share, and what they differ in."""
    count = len(axis.values)
    parts = [
        f"{count} × {part}" if part == axis.key else getattr(base, part).name for part in PARTS
    ]
    if axis.key not in PARTS:
        parts.append(f"{count} × {axis.key}")
    if axis.key != "lr":
        parts.append(f"lr {base.lr:g}")
    return " · ".join(parts)


def banner_text(view: SweepFeed, width: int) -> str:
    """Say what a sweep came to; nothing while it is on its way."""
    ended = view.result.ended
    if ended is None:
        return " ".join(view.result.notes)
    symbol, _ = BADGES[view.result.state]
    if view.result.state is State.FAILED:
        return f"{symbol} Failed: {ended.detail}"
    count = f"{done_count(view):,} of {len(view.sweep.candidates):,} candidates"
    lead = f"Stopped by hand, {count} done. So far " if view.result.state is State.STOPPED else ""
    if view.recommendation is None:
        return f"{symbol} {lead}no value has a finite loss for half of its seeds."
    reason = view.recommendation.reason
    if width < 60:
        reason = reason.split(" (")[0].split(". ")[0].rstrip(".") + "."
    return f"{symbol} {lead}{point_text(view, view.recommendation.point.index)}: {reason}"


def done_count(view: SweepFeed) -> int:
    """Count the candidates that have ended by themselves."""
    ends = (candidate.ended for candidate in view.result.candidates)
    return sum(ended is not None and ended.reason is not StopReason.STOPPED for ended in ends)


def leader_text(view: SweepFeed) -> str:
    """Name the point that is lowest so far."""
    if (leader := view.leader()) is None:
        return ""
    median = loss_text(leader.objective.median)
    return f"lowest so far: {point_text(view, leader.point.index)}, median {median}"


def point_text(view: SweepFeed, index: int) -> str:
    """Write a point as ``lr 0.01``."""
    return f"{view.sweep.axes[0].key} {value_text(view.sweep.points[index].values[0])}"


def status_text(view: SweepFeed | None, amount: str, width: int) -> str:
    """Write how far a sweep has come, each number in a place of its own."""
    if view is None:
        return f" {amount}"
    results = view.result
    total = len(results.candidates)
    finished = done_count(view)
    done = f"{finished:>{len(f'{total:,}')},}/{total:,}"
    share = finished / total if view.result.state is State.STOPPED else results.progress
    rate = f"{results.steps / results.seconds:,.0f}" if results.seconds else "–"
    active = results.ended is None
    left = results.seconds * (1 - share) / share if share and active else math.inf
    diverged = sum(candidate.diverged for candidate in results.candidates)
    early = sum(candidate.stopped_early for candidate in results.candidates)
    ends = f"✕ {diverged:,} diverged  ■ {early:,} stopped early"
    words = f"{rate:>7} steps/s  ETA {duration_text(left):<6} {ends}"
    shorter = f"{rate:>7}/s  ETA {duration_text(left):<6} ✕ {diverged:,}  ■ {early:,}"
    short = f"{rate:>7}/s  ✕ {diverged:,} ■ {early:,}"
    for lead, rest in (("candidates ", words), ("", shorter), ("", short)):
        room = width - len(f" {lead}{done}  {rest}") - 2
        if room >= 4:
            return f" {lead}{done} {progress_bar(share, min(30, room))} {rest}"
    return f" {done} {rate}/s"[:width]


def candidate_banner_text(state: State, result: RunResult, width: int) -> str:
    """Say how a candidate ended."""
    if result.ended is None:
        return ""
    words = sentences(result.ended.detail)
    if width < 60:
        words = words.split(". ")[0].split(", ")[0].rstrip(".") + "."
    return f"{BADGES[state][0]} {words}"


def candidate_status_text(result: RunResult, width: int) -> str:
    """Write where a candidate stands; it has no rate of its own."""
    total = result.config.steps
    digits = len(f"{total:,}")
    count = f"{result.step:>{digits},}/{total:,}"
    if result.best is None:
        return f" step {count}"
    train, val = loss_text(result.train_loss), loss_text(result.val_loss)
    best = f"best {loss_text(result.best.val_loss)} at {result.best.step:,}"
    words = f"train {train:<6} validation {val:<6} {best}"
    short = f"train {train:<5} val {val:<5}"
    for lead, rest in (("step ", words), ("", short)):
        room = width - len(f" {lead}{count}  {rest}") - 2
        if room >= 4:
            return f" {lead}{count} {progress_bar(result.step / total, min(30, room))} {rest}"
    return f" {count} {short}"[:width]
