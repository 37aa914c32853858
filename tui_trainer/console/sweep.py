"""Renders a sweep outside the app: progress on stderr, then a table, JSON or CSV."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tui_trainer.console.progress import progress_bar
from tui_trainer.console.sweep_plot import MOST_ROWS, is_in_rows
from tui_trainer.formatting import duration_text, loss_text, printable
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.events import (
    CandidatesAdvanced,
    SweepEnded,
    SweepEvent,
    SweepNoted,
    SweepStarted,
)
from tui_trainer.sweeps.plan import Candidate, Sweep, values_of, values_text
from tui_trainer.sweeps.reasons import why_none
from tui_trainer.sweeps.recommendation import Recommendation, p_text, recommend, verdict_of
from tui_trainer.sweeps.result import PointResult, Spread, SweepResult, median_text
from tui_trainer.sweeps.tuned_plan import tuned_text
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.result import RunResult, figures


def follow(events: Iterable[SweepEvent], sweep: Sweep) -> SweepResult:
    """Consume a sweep's events, with a progress bar on stderr."""
    results = SweepResult(sweep, keep_history=False)
    bar_format = "{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"
    with progress_bar(total=1.0, bar_format=bar_format) as (bar, note):
        for event in events:
            results = results.followed_by(event)
            count = len(results.sweep.candidates)
            match event:
                case SweepStarted(how=how):
                    bar.reset()  # the time to import torch does not count
                    note(f"{_stage_text(results.sweep)}{count:,} candidates: {how}")
                case SweepNoted(words=words):
                    note(words)
                case CandidatesAdvanced() | SweepEnded():
                    bar.update(results.progress - bar.n)
                    rate = results.steps / max(results.seconds, 1e-9)
                    words = f"{results.finished:,}/{count:,} done, {rate:,.0f} steps/s"
                    bar.set_postfix_str(words, refresh=isinstance(event, SweepEnded))
    return results


def _stage_text(sweep: Sweep) -> str:
    """Name a stage: what is tuned, then the race."""
    if sweep.tunes:
        return f"tuning {sweep.axes[-1].key}: "
    return "race: " if sweep.is_tuned else ""


def summary(results: SweepResult, drawn: str = "") -> str:
    """Write the table of points, lowest loss first, and the recommendation with its reason.

    `drawn` is a plot to stand above the table, or in its place where it is one of rows itself.
    """
    ended, sweep = results.ended, results.sweep
    assert ended is not None, "the last event is missing"
    if ended.reason is StopReason.FAILED:
        return f"result           failed: {printable(ended.detail)}"
    found = recommend(results)
    table = [] if drawn and is_in_rows(sweep) else [*_table(results, found), ""]
    lines = [*([drawn, ""] if drawn else []), *table]
    facts = []
    if words := tuned_text(sweep):
        facts.append((sweep.axes[-1].key, words))
    if found is None:
        facts.append(("recommended", f"none: {why_none(results)}"))
    else:
        facts.append(("recommended", f"{values_text(sweep, found.point)}: {found.reason}"))
        if not table and (words := p_text(found)):
            facts.append(("p", words))
    if ended.reason is StopReason.STOPPED:
        count = f"{results.done:,} of {len(sweep.candidates):,} candidates"
        facts.append(("result", f"{ended.detail}; {count} had finished"))
    took = f"{duration_text(ended.seconds)} ({ended.seconds:.2f} s)"
    facts.append(("time", f"{took}, {ended.steps_per_second:,.0f} steps/s in total"))
    return "\n".join([*lines, *(f"{name:<16} {printable(fact)}" for name, fact in facts)])


def to_json(results: SweepResult) -> str:
    """Write everything as one JSON object; non-finite numbers become null."""
    ended, sweep = results.ended, results.sweep
    assert ended is not None, "the last event is missing"
    found = recommend(results)
    fields = {
        "config": sweep.base,
        "axes": [
            {"key": axis.key, "spacing": axis.spacing.value, "values": axis.values}
            for axis in sweep.axes
        ],
        "seeds": sweep.seeds,
        "objective": sweep.objective,
        "recommended": _recommended(sweep, found),
        "why_none": why_none(results) if found is None else None,
        "points": [_point(sweep, result, found) for result in results.ranked()],
        "candidates": _candidates(results),
        **({"tuning": _tuning(results)} if sweep.is_tuned or sweep.tunes else {}),
        "stop_reason": ended.reason.value,
        "stop_detail": ended.detail,
        "how": results.started.how if results.started else None,
        "notes": results.notes,
        "steps": ended.steps,
        "seconds": ended.seconds,
        "steps_per_second": ended.steps_per_second,
    }
    return msgspec.json.encode(fields).decode()


def write_candidates(results: SweepResult, file: Path) -> None:
    """Write all candidates as CSV, one row each; every loss reads back the same.

    Raises:
        OSError: if the file can't be written.
    """
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = _candidates(results)
        if results.tuning is not None:
            rows = [row | {"stage": "tuning"} for row in _candidates(results.tuning)] + [
                row | {"stage": "race"} for row in rows
            ]
        keys = [*rows[0]["values"], *(key for key in rows[0] if key != "values")]
        writer = csv.DictWriter(stream, list(dict.fromkeys(keys)), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values = row.pop("values")
            writer.writerow(row | values)


def _table(results: SweepResult, found: Recommendation | None) -> list[str]:
    sweep = results.sweep
    head = [axis.key for axis in sweep.axes]
    head += ["best validation", "final validation", "steps", "early", "diverged", "verdict"]
    ranked = results.ranked()
    rows = [_row(result, found) for result in ranked[:MOST_ROWS]]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    if len(ranked) > MOST_ROWS:
        lines.append(f"… and {len(ranked) - MOST_ROWS:,} more: --csv or --json lists all")
    return lines


def _row(result: PointResult, found: Recommendation | None) -> list[str]:
    verdict = verdict_of(result, found)
    recommended = found is not None and found.point == result.point
    return [
        *(value_text(value) for value in result.point.values[:-1]),
        _last_value(result),
        _spread_text(result.best, result.seeds),
        _spread_text(result.final, result.seeds),
        f"{result.steps.median:,.0f}",
        _share_text(result.stopped_early_share),
        _share_text(result.diverged_share),
        verdict.value if verdict else "recommended" if recommended else "",
    ]


def _last_value(result: PointResult) -> str:
    """Write the last axis's value: a tuned one says where it lies among those tried."""
    text, tuned = value_text(result.point.values[-1]), result.point.tuned
    if tuned is None or tuned.diverged_everywhere or tuned.edge is None:
        return text
    return f"{text} ({tuned.edge.value} tried)"


def _tuning(results: SweepResult) -> dict[str, Any]:
    """Describe how each point got its number; none has one where the tuning was stopped."""
    tuning = results.tuning or results
    sweep = tuning.sweep
    return {
        "key": sweep.axes[-1].key,
        "values": sweep.axes[-1].values,
        "first_seed": sweep.candidates[0].config.seed,
        "seeds": sweep.seeds,
        "chosen": [
            {
                "values": values_of(results.sweep, point),
                "median": tuned.median,
                "edge": tuned.edge.value if tuned.edge else None,
                "diverged_everywhere": tuned.diverged_everywhere,
            }
            for point in results.sweep.points
            if (tuned := point.tuned) is not None
        ],
        "points": [_point(sweep, result, None) for result in tuning.points()],
    }


def _spread_text(spread: Spread, seeds: int) -> str:
    if math.isnan(spread.median):
        return "–"
    median = median_text(spread.median)
    if seeds == 1 or math.isnan(spread.low):
        return median
    return f"{median} ({loss_text(spread.low)} to {loss_text(spread.high)})"


def _share_text(share: float) -> str:
    return f"{share:.0%}" if share else "–"


def _recommended(sweep: Sweep, found: Recommendation | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "values": values_of(sweep, found.point),
        "reason": found.reason,
        "config": found.config,
        "comparisons": [
            {
                "values": values_of(sweep, other.point),
                "wins": other.wins,
                "seeds": other.seeds,
                "p": other.p,
                "verdict": other.verdict.value,
            }
            for other in found.comparisons
        ],
    }


def _point(sweep: Sweep, result: PointResult, found: Recommendation | None) -> dict[str, Any]:
    verdict = verdict_of(result, found)
    return {
        "values": values_of(sweep, result.point),
        "best_val_loss": result.best,
        "final_val_loss": result.final,
        "steps": result.steps,
        "stopped_early_share": result.stopped_early_share,
        "diverged_share": result.diverged_share,
        "verdict": verdict.value if verdict else None,
    }


def _candidate(sweep: Sweep, candidate: Candidate, result: RunResult) -> dict[str, Any]:
    ended, best = result.ended, result.best
    return {
        "candidate": candidate.index,
        "values": values_of(sweep, sweep.points[candidate.point]),
        "seed": result.config.seed,
        "stop_reason": ended.reason.value if ended else None,
        "stop_detail": ended.detail if ended else None,
        "steps": result.step,
        "train_loss": result.train_loss,
        "val_loss": result.val_loss,
        "best_step": best.step if best else None,
        "best_val_loss": best.val_loss if best else None,
        **figures(result),
    }


def _candidates(results: SweepResult) -> list[dict[str, Any]]:
    sweep = results.sweep
    pairs = zip(sweep.candidates, results.candidates, strict=True)
    return [_candidate(sweep, candidate, result) for candidate, result in pairs]
