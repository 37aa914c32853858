"""What the screen says, in one place: badges, banners and the line of state."""

from typing import TYPE_CHECKING

from tui_trainer.formatting import duration_text, loss_text, number_text
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.state import State
from tui_trainer.tui.frames import Tax

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult

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

_ADVICE = {
    State.DIVERGED: "Try a smaller lr: [ takes it down.",
    State.STOPPED_EARLY: "k shows the best weights.",
}


def banner_text(result: "RunResult", width: int) -> str:
    """Say how a run ended, that it waits, or that it can't learn; nothing while all is well."""
    if result.ended is not None:
        symbol, _ = BADGES[result.state]
        if result.state is State.FAILED:
            return f"{symbol} Failed: {result.ended.detail}"
        parts = [symbol, sentences(result.ended.detail)]
        if width < 60:  # the first thing said, without its by-clause: two lines
            return f"{symbol} {parts[1].split('. ')[0].split(', ')[0].rstrip('.')}."
        if result.not_learning is not None:
            parts.append(f"Not learning: {result.not_learning.words}.")
        if (advice := _ADVICE.get(result.state)) and not result.ended.restored_best:
            parts.append(advice)
        return " ".join(parts)
    if result.not_learning is not None:
        words = f"◌ Not learning: {result.not_learning.words}."
        return words if width < 60 else f"{words} Try init normal or kaiming."
    if result.state is State.PAUSED:
        sign, _ = BADGES[State.PAUSED]
        return f"{sign} Paused at step {result.step:,}. space resumes, n runs one step."
    return ""


def badge_text(result: "RunResult | None") -> str:
    """Write the state's sign and word, and how long a compiler has been waited for."""
    symbol, label = BADGES[result.state if result else State.IDLE]
    if result is not None and result.state is State.COMPILING:
        label += f" {result.compiling_seconds or 0:.0f} s"
    return f"{symbol} {label}"


def status_text(result: "RunResult | None", lr: float, total_steps: int, width: int) -> str:
    """Write the line of state in `width` cells: in words where there is room, else in short.

    Every number has a place of its own width, so that nothing jumps while training.
    """
    best = result.best if result else None
    total = result.config.steps if result else total_steps
    step = result.step if result else 0
    digits = len(f"{total:,}")
    count = f"{step:>{digits},}/{total:,}"
    train = loss_text(result.train_loss if result else None)
    val = loss_text(result.val_loss if result else None)
    best_loss = f"{loss_text(best.val_loss if best else None):<6}"
    best_step = f"{best.step:<{digits},}" if best else "–"
    rate, eta = _pace(result, total)
    rate_now = number_text(result.lr if result else lr)
    in_words = (
        f"{rate:>6} steps/s  ETA {eta:<5} train {train:<6} validation {val:<6} "
        f"best {best_loss} at {best_step}  lr {rate_now}"
    )
    shorter = (
        f"{rate:>6}/s  ETA {eta:<5} train {train:<6} val {val:<6} best {best_loss} @{best_step}"
        f"  lr {rate_now}"
    )
    short = f"{rate:>6}/s  train {train:<5} val {val:<5} best {best_loss} @{best_step}"
    for lead, rest in (("step ", in_words), ("", shorter), ("", short)):
        room = width - len(f" {lead}{count}  {rest}") - 2
        if room >= 4:
            return f" {lead}{count} {progress_bar(step / total, min(30, room))} {rest}"
    return f" {count} train {train} val {val}"[:width]


def tax_text(tax: Tax) -> str:
    """Write what the screen costs."""
    return (
        f" screen: {tax.share:.1%} of the time, {tax.frames_per_second:.1f} frames/s, "
        f"{tax.bytes_per_second:,.0f} bytes/s"
    )


def gauge_text(gauge: Gauge, width: int) -> str:
    """Write how near a stopping rule is, with a bar where there is room."""
    if width < 60 or not gauge.armed:
        return gauge.words
    return f"{gauge.words} {progress_bar(gauge.nearness, 8)}"


def progress_bar(share: float, width: int) -> str:
    """Draw a share of 1 as a bar of `width` cells between two edges."""
    filled = round(max(0.0, min(1.0, share)) * width)
    return f"▕{'█' * filled}{'░' * (width - filled)}▏"


def _pace(result: "RunResult | None", total: int) -> tuple[str, str]:
    """Return the rate and the time left: as they are while training, as they were afterwards."""
    if result is None or not result.step:
        return "–", "–"
    per_second = result.steps_per_second
    left = (total - result.step) / per_second if per_second else float("inf")
    return f"{per_second:,.0f}", duration_text(left) if result.ended is None else "–"


def sentences(detail: str) -> str:
    """Write the parts of a detail, told apart by semicolons, as sentences."""
    parts = [part[0].upper() + part[1:] for part in detail.split("; ")]
    return ". ".join(parts).rstrip(".") + "."
