"""Renders an lr search outside the app: progress on stderr, then a summary, JSON or a plot."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from numpy.typing import NDArray

from tui_trainer.console.progress import progress_bar
from tui_trainer.console.run import Style, styled
from tui_trainer.formatting import duration_text, number_text, printable
from tui_trainer.lr_search.events import (
    LrEvent,
    LrRangeAdvanced,
    LrRangeEnded,
    LrRangeStarted,
    LrSuggestion,
    LrTrialsAdvanced,
    LrTrialsEnded,
    LrTrialsStarted,
)
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.lr_chart import lr_chart
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import NotLearning


def follow(events: Iterable[LrEvent]) -> LrSearchResult:
    """Consume a search's events, with a progress bar on stderr."""
    results = LrSearchResult()
    with progress_bar(unit=" steps") as (bar, note):
        for event in events:
            results.apply(event)
            _show(bar, note, event)
    return results


def _show(bar: Any, note: Callable[[str], None], event: LrEvent) -> None:
    match event:
        case LrRangeStarted(range=span):
            bar.set_description("range test", refresh=False)
            bar.reset(span.steps)  # the time to import torch does not count
        case NotLearning(words=words):
            note(f"not learning: {words}")
        case LrRangeAdvanced(curve=curve):
            bar.set_postfix_str(f"lr {curve.lrs[-1]:.3g}", refresh=False)
            bar.update(len(curve.lrs) - bar.n)
        case LrRangeEnded(suggestion=suggestion):
            note(f"range test: {_suggested(suggestion)}")
        case LrTrialsStarted(search=search, how=how):
            note(f"trials: {how}")
            bar.set_description("trials", refresh=False)
            bar.set_postfix_str("", refresh=False)
            bar.reset(search.trial_steps)
        case LrTrialsAdvanced(trials=trials) | LrTrialsEnded(trials=trials):
            bar.set_postfix_str(f"{int(trials.diverged.sum())} diverged", refresh=False)
            bar.update(int(trials.steps.max()) - bar.n)


def _suggested(suggestion: LrSuggestion) -> str:
    if suggestion.lr is None:
        return f"none: {printable(suggestion.words)}"
    return f"{number_text(suggestion.lr)}: {suggestion.words}"


def summary(results: LrSearchResult, command: str | None) -> str:
    """Summarise both answers, which one to take, and the command that takes it."""
    assert results.tested is not None
    assert results.tried is not None
    assert results.found is not None
    found = results.found
    if found.reason is StopReason.FAILED and found.words == results.tested.suggestion.words:
        return f"{'result':<14} failed: {printable(found.words)}"  # both ways for one reason
    facts = [
        ("range test", _suggested(results.tested.suggestion)),
        ("trials", _suggested(results.tried.suggestion)),
        ("recommended", _suggested(LrSuggestion(found.recommended, found.words))),
    ]
    if found.disagreement is not None:
        facts.append(("disagreement", found.disagreement))
    if results.not_learning is not None:
        facts.append(("not learning", results.not_learning.words))
    if (lr := results.lowest_diverged) is not None:
        facts.append(("hint", f"every trial diverged: try a lower --low than {number_text(lr)}"))
    seconds = results.tested.seconds + results.tried.seconds
    facts.append(("time", f"{duration_text(seconds)} ({seconds:.2f} s)"))
    if command is not None:
        facts.append(("train with it", command))
    return "\n".join(f"{name:<14} {printable(fact)}" for name, fact in facts)


def to_json(results: LrSearchResult, command: str | None) -> str:
    """Write the search as one JSON object; numbers that are not finite become null."""
    search, tested, tried, found = results.search, results.tested, results.tried, results.found
    assert search is not None
    assert tested is not None
    assert tried is not None
    assert found is not None
    curve, trials = tested.curve, tried.trials
    fields = {
        "config": search.config,
        "reason": found.reason.value,
        "range_suggestion": found.range_suggestion,
        "batched_suggestion": found.batched_suggestion,
        "recommended": found.recommended,
        "words": found.words,
        "disagreement": found.disagreement,
        "not_learning": results.not_learning.words if results.not_learning else None,
        "command": command,
        "range": {
            "reason": tested.reason.value,
            "words": tested.suggestion.words,
            "seconds": tested.seconds,
            **_lists(lrs=curve.lrs, losses=curve.losses, smoothed=curve.smoothed),
        },
        "trials": {
            "reason": tried.reason.value,
            "words": tried.suggestion.words,
            "seconds": tried.seconds,
            **_lists(
                lrs=trials.lrs,
                best_val_loss=trials.best_val_loss,
                final_val_loss=trials.final_val_loss,
                steps=trials.steps,
                diverged=trials.diverged,
            ),
        },
    }
    return msgspec.json.encode(fields).decode()


def _lists(**arrays: NDArray[Any]) -> dict[str, list[Any]]:
    return {name: array.tolist() for name, array in arrays.items()}


def plot(results: LrSearchResult, width: int, charset: Charset, style: Style) -> str:
    """Plot both losses against the learning rate, `width` cells wide, with a legend."""
    height = max(8, min(20, width // 5))
    chart = lr_chart(results, width, height)
    names = [(Role.TRAIN, "range test, smoothed training"), (Role.VALIDATION, "trials, validation")]
    if (lr := results.range_suggestion) is not None:
        names.append((Role.LR, f"range test {number_text(lr)}"))
    if (lr := results.batched_suggestion) is not None:
        names.append((Role.BEST, f"trials {number_text(lr)}"))
    legend = "  ".join(style(f"{sign(role, charset)} {name}", role) for role, name in names)
    drawn = styled(draw(chart, width, height, charset), style)
    return f"Loss by learning rate{', log y' if chart.y.log else ''}:\n{legend}\n{drawn}"
