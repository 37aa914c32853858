"""A run or a sweep's candidate in words: the banner and the status line."""

from typing import TYPE_CHECKING

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import duration_text, loss_text, short_text
from tui_trainer.training.state import State
from tui_trainer.tui.wording import BADGES, NARROW, first_clause, progress_text, sentences

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult

_ADVICE = {
    State.DIVERGED: "Try a smaller lr: press [.",
    State.STOPPED_EARLY: "k shows the best weights.",
}


def banner_text(result: "RunResult", width: int, *, advice: bool = True) -> str:
    """Say how a run ended, that it is paused, or that it can't learn; "" while all is well."""
    sign, _ = BADGES[result.state]
    dead = f"Not learning: {result.not_learning.words}." if result.not_learning else ""
    if (ended := result.ended) is not None:
        words = sentences(ended.detail)
        if result.state is State.FAILED:
            return f"{sign} Failed: {ended.detail}"
        if width < NARROW:
            return f"{sign} {first_clause(words)}"
        useful = advice and not ended.restored_best
        parts = [sign, words, dead, _ADVICE.get(result.state, "") if useful else ""]
        return " ".join(filter(None, parts))
    if dead:
        return f"◌ {dead}" if width < NARROW else f"◌ {dead} Try init normal or kaiming."
    if result.state is State.PAUSED:
        return f"{sign} Paused at step {result.step:,}. space resumes, n runs one step."
    return ""


def status_text(
    result: "RunResult | None", config: RunConfig, width: int, *, pace: bool = True
) -> str:
    """Write the status line in `width` cells: in words where there is room, else abbreviated.

    Numbers have fixed positions, so that nothing jumps while training. A candidate has no `pace`
    of its own.
    """
    step = result.step if result else 0
    best = result.best if result else None
    digits = len(f"{config.steps:,}")
    count = f"{step:>{digits},}/{config.steps:,}"
    train = loss_text(result.train_loss if result else None)
    val = loss_text(result.val_loss if result else None)
    best_loss = f"{loss_text(best.val_loss if best else None):<6}"
    best_step = f"{best.step:<{digits},}" if best else "–"
    lr = short_text(result.lr if result else config.lr)
    rate, eta = _pace(result, config.steps)
    rates = (f"{rate:>6} steps/s  ETA {eta:<5} ", f"{rate:>6}/s  ETA {eta:<5} ", f"{rate:>6}/s  ")
    long, shorter, short = rates if pace else ("", "", "")
    losses = f"train {train:<6} validation {val:<6} best {best_loss} at {best_step}"
    variants = (
        (f"step {count}", f"{long}{losses}  lr {lr}"),
        (count, f"{shorter}train {train:<6} val {val:<6} best {best_loss} @{best_step}  lr {lr}"),
        (count, f"{short}train {train:<5} val {val:<5} best {best_loss} @{best_step}"),
    )
    shortest = f"{count} train {train} val {val}"
    return progress_text(step / config.steps, variants, shortest, width)


def _pace(result: "RunResult | None", total: int) -> tuple[str, str]:
    """Return the rate and the time left; after the end the run's mean rate."""
    if result is None or not result.step:
        return "–", "–"
    rate = result.steps_per_second
    left = (total - result.step) / rate if rate and result.ended is None else float("inf")
    return f"{rate:,.0f}", duration_text(left)
