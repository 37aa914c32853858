"""A search for a learning rate in words: banner, answers, status line."""

from collections.abc import Iterator

from tui_trainer.formatting import number_text
from tui_trainer.lr_search.events import LrSuggestion
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.training.state import State
from tui_trainer.tui.wording import BADGES, MEDIUM, NARROW, first_clause, progress_text


def lr_banner_text(result: LrSearchResult, width: int) -> str:
    """Say which learning rate to take, and why; nothing before it is known."""
    found, state = result.found, result.state
    if found is None:
        return ""
    sign, _ = BADGES[state]
    lead = "Stopped by hand. " if state is State.STOPPED else ""
    if found.recommended is not None:
        words = f"Take lr {number_text(found.recommended)}: {found.words}."
    elif state is State.FAILED:
        words = f"Failed: {found.words}."
    else:
        words = f"No learning rate to recommend: {found.words}."
    return f"{sign} {lead}{words if width >= NARROW else first_clause(words, ': ')}"


def answers(result: LrSearchResult, width: int, start: str) -> Iterator[tuple[str, str, str]]:
    """Yield sign, name and words of each answer so far, and of their disagreement.

    `start` is the key that searches lower where every trial diverged.
    """
    tested, tried, found = result.tested, result.tried, result.found
    yield "╎", "range test", _answer(tested.suggestion if tested else None, width)
    yield "◆", "trials", _answer(tried.suggestion if tried else None, width)
    if result.not_learning is not None:
        yield "◌", "not learning", result.not_learning.words
    if (lr := result.lowest_diverged) is not None:
        yield "◌", "hint", f"every trial diverged: {start} searches below lr {number_text(lr)}"
    if found is not None and found.disagreement is not None:
        words = found.disagreement
        yield "≠", "they disagree", words if width >= MEDIUM else words.split(". ")[0]


def _answer(suggestion: LrSuggestion | None, width: int) -> str:
    if suggestion is None:
        return "…"
    lr = "none" if suggestion.lr is None else number_text(suggestion.lr)
    words = suggestion.words
    return f"{lr}: {words if width >= NARROW else words.split('; ')[0].split(', ')[0]}"


def lr_status_text(result: LrSearchResult, width: int) -> str:
    """Write a search's progress: first the range test, then the trials."""
    curve, trials, search = result.curve, result.trials, result.search
    if search is None:
        return ""
    if trials is None:
        done, total, name = len(curve.lrs) if curve else 0, search.range.steps, "range test"
        after = f" lr {curve.lrs[-1]:.2g}" if curve else ""
    else:
        done, total, name = int(trials.steps.max()), search.trial_steps, "trials"
        after = f" ✕ {int(trials.diverged.sum())} diverged"
    share, count = done / total, f"{name} step {done:>{len(f'{total:,}')},}/{total:,}"
    if result.state is State.FINISHED:  # where all ended early, the bar has no more to come
        share, count = 1.0, f"{name} done at step {done:,}"
    return progress_text(share, [(count, after)], f"{count} {after}", width)
