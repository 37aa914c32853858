"""Words that all screens share: badges, bars, sentences."""

from collections.abc import Iterable

from tui_trainer.training.state import State
from tui_trainer.tui.frames import Overhead

NARROW = 60  # columns below which words are shortened
MEDIUM = 100  # columns below which the form is folded

BADGES = {
    State.IDLE: ("○", "READY"),
    State.STARTING: ("◔", "STARTING"),
    State.COMPILING: ("◑", "COMPILING"),
    State.RUNNING: ("●", "TRAINING"),
    State.PAUSED: ("⏸", "PAUSED"),
    State.FINISHED: ("✓", "FINISHED"),
    State.STOPPED_EARLY: ("■", "STOPPED EARLY"),
    State.DIVERGED: ("✕", "DIVERGED"),
    State.STOPPED: ("□", "STOPPED"),
    State.FAILED: ("⚠", "FAILED"),
}


def badge_text(state: State) -> str:
    """Write a state's sign and word."""
    return " ".join(BADGES[state])


def sentences(detail: str) -> str:
    """Write the parts of a detail, separated by semicolons, as sentences."""
    parts = [part[0].upper() + part[1:] for part in detail.split("; ")]
    return ". ".join(parts).rstrip(".") + "."


def first_clause(words: str, end: str = ", ") -> str:
    """Return the first clause, for a banner of at most two lines."""
    return words.split(". ")[0].split(end)[0].rstrip(".") + "."


def progress_bar(share: float, width: int) -> str:
    """Draw a share of 1 as a bar of `width` cells between two edges; it is full at 1 only."""
    filled = int(max(0.0, min(1.0, share)) * width)
    return f"▕{'█' * filled}{'░' * (width - filled)}▏"


def progress_text(
    share: float, variants: Iterable[tuple[str, str]], shortest: str, width: int
) -> str:
    """Write the first of `variants` that leaves room for a progress bar between its two parts."""
    for before, after in variants:
        room = width - len(f" {before}  {after}") - 2
        if room >= 4:
            return f" {before} {progress_bar(share, min(30, room))} {after}"
    return f" {shortest}"[:width]


def overhead_text(overhead: Overhead) -> str:
    """Write what drawing costs."""
    return (
        f" UI overhead: {overhead.share:.1%} of the time, {overhead.frames_per_second:.1f} "
        f"frames/s, {overhead.bytes_per_second:,.0f} bytes/s"
    )
