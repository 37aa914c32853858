"""The list of runs in words: when, how it stands, what was chosen."""

import time
from collections.abc import Sequence

from tui_trainer.config.differences import config_differences
from tui_trainer.formatting import loss_text
from tui_trainer.training.state import State
from tui_trainer.tui.runs.listed import ListedRun
from tui_trainer.tui.wording import BADGES, LEARNT_NOTHING

_UNFINISHED = (State.STOPPED, State.INTERRUPTED)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def when_text(created: float, now: float) -> str:
    """Say how long ago a run began, or on which day: ``12 min``, ``yesterday``, ``Nov 12``."""
    seconds = now - created
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    then, today = time.localtime(created), time.localtime(now)
    midnight = now - (today.tm_hour * _HOUR + today.tm_min * _MINUTE + today.tm_sec)
    if created >= midnight or seconds < _DAY / 2:
        return f"{seconds // _HOUR:.0f} h"
    days = int((midnight - created) // _DAY) + 1
    if days < 7:
        return "yesterday" if days == 1 else f"{days} days"
    return time.strftime("%b %d" if then.tm_year == today.tm_year else "%Y-%m-%d", then)


def place_text(run: ListedRun, now: float) -> str:
    """Say when it began, and on which other machine."""
    return f"{when_text(run.created, now)} {run.host}".rstrip()


def state_text(run: ListedRun) -> tuple[str, str]:
    """Return the sign and the word of how a run stands; a loop never trains here."""
    if run.is_interrupted:
        sign, word = BADGES[State.INTERRUPTED]
    elif run.learnt_nothing:
        sign, word = LEARNT_NOTHING
    else:
        sign, word = BADGES[run.state]
    return sign, "elsewhere" if run.is_elsewhere and not run.loop else word.lower()


def best_texts(run: ListedRun) -> tuple[str, str]:
    """Return the lowest validation loss and its step."""
    step = "–" if run.best_step is None else f"{run.best_step:,}"
    return loss_text(run.best_val_loss), step


def steps_text(run: ListedRun) -> str:
    """Return the steps taken, and of how many while there may be more."""
    if run.sweep:
        return f"{run.step:,} done"
    goes_on = run.is_active or run.is_interrupted or run.state in _UNFINISHED
    return f"{run.step:,}/{run.steps:,}" if goes_on and run.steps else f"{run.step:,}"


def chosen_text(run: ListedRun, cursor: ListedRun | None) -> str:
    """Say what was chosen: as the difference from the run under the cursor, if that is another."""
    if run.sweep:
        lead = f"recommends {run.recommended} · " if run.recommended else ""
        return f"{lead}sweep: {run.sweep}"
    if cursor is None or run is cursor or run.loop or cursor.config is None:
        return _of_branch(run, run.setup)
    differences = config_differences(run.settings, cursor.settings).values()
    return _of_branch(run, " · ".join(differences) or "same settings")


def _of_branch(run: ListedRun, words: str) -> str:
    return f"branch: {words}" if run.is_branch else words


def matches(run: ListedRun, words: list[str], now: float) -> bool:
    """Say whether all of some words, in small letters, are in what the list knows of a run."""
    texts = (
        run.name,
        _of_branch(run, run.setup),
        place_text(run, now),
        *state_text(run),
        run.sweep,
    )
    text = " ".join(texts).casefold()
    return all(word in text for word in words)


def unreadable_text(problems: Sequence[str]) -> str:
    """Name the folders that can't be read in a line; "" for none."""
    if not problems:
        return ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"⚠ can't be read{more}: {problems[0]}"
