"""Words that all screens share: badges, bars, sentences."""

from collections.abc import Iterable
from textwrap import wrap

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
    State.INTERRUPTED: ("⏻", "INTERRUPTED"),  # a saved run whose process is gone without ending it
}
STOPPING = f"{BADGES[State.STOPPED][0]} STOPPING…"
LEARNT_NOTHING = ("◌", "DID NOT LEARN")  # a run that finished, and no training loss fell


ENGINE_WORDS = {
    "auto": "Plain PyTorch at once, a compiled step if that saves time",
    "eager": "Plain PyTorch: the exact numbers of the textbook loop",
    "compiled": "Waits for the compiler, then four to eight times as fast",
    "cuda-graph": "Steps captured on a GPU: needs --device cuda",
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
    share: float, variants: Iterable[tuple[str, str]], shortest: str | Iterable[str], width: int
) -> str:
    """Write the first of `variants` that leaves room for a progress bar between its two parts.

    Where none does, it is the first of `shortest` that fits: no number is ever cut.
    """
    for before, after in variants:
        room = width - len(f" {before}  {after}") - 2
        if room >= 4:
            return f" {before} {progress_bar(share, min(30, room))} {after}"
    if isinstance(shortest, str):
        return first_words(f" {shortest}", width)
    return first_that_fits((f" {text}" for text in shortest), width)


def overhead_text(overhead: Overhead, width: int) -> str:
    """Write what drawing costs, in as many figures as there is room for."""
    share, frames = f"{overhead.share:.1%}", f"{overhead.frames_per_second:.1f} frames/s"
    parts = [f" UI overhead: {share} of the time", frames]
    parts.append(f"{overhead.bytes_per_second:,.0f} bytes/s")
    return next((text for n in (3, 2) if len(text := ", ".join(parts[:n])) <= width), parts[0])


def first_words(text: str, width: int) -> str:
    """Cut a text between two words."""
    return text if len(text) <= width else text[: width + 1].rpartition(" ")[0]


def with_dots(text: str, width: int) -> str:
    """Cut a text between two words, and show that there is more."""
    return text if len(text) <= width else f"{first_words(text, width - 1)}…"


def with_end(words: str, end: str, width: int, lines: int) -> str:
    """Cut words so that they and an end, which stays whole, wrap into so many lines."""
    room = len(words)
    while room and len(wrap(f"{with_dots(words, room)} {end}", max(1, width))) > lines:
        room -= 1
    return f"{with_dots(words, room)} {end}"


def first_that_fits(texts: Iterable[str], width: int) -> str:
    """Return the first of some texts, each shorter than the one before, that fits; else nothing."""
    return next((text for text in texts if len(text) <= width), "")
