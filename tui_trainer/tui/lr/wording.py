"""What the screen says of a search for a learning rate: banner, answers, line of state."""

from collections.abc import Iterator

from tui_trainer.formatting import number_text
from tui_trainer.lr_search.events import LrSuggestion
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.training.state import State
from tui_trainer.tui.run.wording import BADGES, progress_bar


def lr_banner_text(view: LrSearchResult, width: int) -> str:
    """Say which learning rate to take, and whose answer it is; nothing before it is known."""
    found = view.found
    if found is None:
        return ""
    symbol, _ = BADGES[view.state]
    lead = "Stopped by hand. " if view.state is State.STOPPED else ""
    if found.recommended is None:
        failed = view.state is State.FAILED
        words = f"{'Failed' if failed else 'No learning rate to recommend'}: {found.words}."
    else:
        words = f"Take lr {number_text(found.recommended)}: {found.words}."
    if width < 60:
        words = words.split(": ")[0] + "."
    return f"{symbol} {lead}{words}"


def answers(view: LrSearchResult, width: int) -> Iterator[tuple[str, str, str]]:
    """Yield sign, name and words of each answer so far, and of how they disagree."""
    results = view
    tested, tried, found = results.tested, results.tried, results.found
    yield "╎", "range test", _answer(tested.suggestion if tested else None, width)
    yield "◆", "trials", _answer(tried.suggestion if tried else None, width)
    if results.not_learning is not None:
        yield "◌", "not learning", results.not_learning.words
    if (lr := results.lowest_diverged) is not None:
        lower = f"search below lr {number_text(lr)} with tui-trainer find-lr --low"
        yield "◌", "hint", "every trial diverged" + (f": {lower}" if width >= 60 else "")
    if found is not None and found.disagreement is not None:
        words = found.disagreement
        yield "≠", "they disagree", words if width >= 60 else words.split(". ")[0]


def _answer(suggestion: LrSuggestion | None, width: int) -> str:
    if suggestion is None:
        return "…"
    lr = "none" if suggestion.lr is None else number_text(suggestion.lr)
    words = suggestion.words if width >= 60 else suggestion.words.split("; ")[0].split(", ")[0]
    return f"{lr}: {words}"


def lr_status_text(view: LrSearchResult, width: int) -> str:
    """Write how far a search has come: first the range test, then the trials."""
    curve, trials = view.curve, view.trials
    search = view.search
    if search is None:
        return ""
    if trials is None:
        done, total, name = len(curve.lrs) if curve else 0, search.range.steps, "range test"
        rest = f"lr {curve.lrs[-1]:.2g}" if curve else ""
    else:
        done, name = int(trials.steps.sum()), "trials"
        total = search.trial_steps * len(search.trials.candidates)
        rest = f"✕ {int(trials.diverged.sum())} diverged"
    share = 1.0 if view.found is not None else done / total
    count = f" {name} {done:>{len(f'{total:,}')},}/{total:,} steps"
    room = min(30, width - len(count) - len(rest) - 5)
    bar = f" {progress_bar(share, room)}" if room >= 4 else ""
    return f"{count}{bar}  {rest}"[:width]
