"""A run or a sweep's candidate in words: the banner and the status line."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import duration_text, loss_text, short_text
from tui_trainer.training.state import State
from tui_trainer.tui.run.rescue import after_divergence
from tui_trainer.tui.wording import (
    BADGES,
    LEARNT_NOTHING,
    NARROW,
    STOPPING,
    badge_text,
    first_clause,
    first_that_fits,
    progress_text,
    sentences,
    with_dots,
)

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult

_INITS = "Try init normal or kaiming"


def run_badge(result: "RunResult", *, stopping: bool = False) -> str:
    """Write the sign and the word of a run's state, and the seconds of its compiler.

    `stopping` says that it was asked to end and has not yet.
    """
    if result.learnt_nothing:
        return " ".join(LEARNT_NOTHING)
    if stopping:
        return STOPPING
    badge = badge_text(result.state)
    if result.state is State.COMPILING:
        return f"{badge} {result.compiling_seconds or 0:.0f} s"
    return badge


def banner_text(
    result: "RunResult", width: int, keys: Mapping[str, str], *, advice: bool = True
) -> str:
    """Say how a run ended, that it is paused, can't learn or can't be saved; "" if all is well.

    `keys` are how the user's keys are written, by their ids.
    """
    state, disk = _state_text(result, width, keys, advice=advice), _disk_text(result, width)
    return " ".join(filter(None, (state, disk)))


def _disk_text(result: "RunResult", width: int) -> str:
    """Say what keeps a run from being saved, or what was found when it was read."""
    if problem := result.recording_problem:
        goes_on = "" if result.ended or width < NARROW else " The training goes on."
        return f"⚠ Not saved: {problem}.{goes_on}"
    return f"⚠ {result.notes[-1]}." if result.notes else ""


def _state_text(result: "RunResult", width: int, keys: Mapping[str, str], *, advice: bool) -> str:
    sign, _ = LEARNT_NOTHING if result.learnt_nothing else BADGES[result.state]
    dead = f"Not learning: {result.not_learning.words}." if result.not_learning else ""
    inits = f"{_INITS}: press {keys['init']}."
    if (ended := result.ended) is not None:
        words = sentences(ended.detail)
        if result.state is State.FAILED:
            return f"{sign} Failed: {ended.detail}"
        if result.state is State.INTERRUPTED:
            gone = first_clause(words, ": " if width < NARROW else ". ")
            return f"{sign} {gone} {keys['go_on']} in the list ({keys['runs']}) resumes it."
        if width < NARROW:
            return f"{sign} {first_clause(dead if result.learnt_nothing else words)}"
        hint = ""
        if advice:
            hint = inits if dead else _advice(result, keys)
        return " ".join(filter(None, [sign, words, dead, hint]))
    if dead:
        return f"◌ {dead}" if width < NARROW else f"◌ {dead} {inits}"
    if result.state is State.PAUSED:
        resume, step = keys["pause"], keys["step"]
        return f"{sign} Paused at step {result.step:,}. {resume} resumes, {step} runs one step."
    return ""


def _advice(result: "RunResult", keys: Mapping[str, str]) -> str:
    """Say what to press after an end."""
    if result.state is State.DIVERGED:
        if result.folder is not None and result.step > 1:
            step, changes = after_divergence(result.step, result.lr)
            change = changes.replace("=", " ")
            return f"{keys['branch']} continues from step {step:,} with {change}."
        return f"Try a smaller lr: press {keys['lr_down']}."
    restored = result.ended is not None and result.ended.restored_best
    if result.state is State.STOPPED_EARLY:
        return f"{keys['best']} shows the {'last' if restored else 'best'} weights."
    return ""


def former_text(newest: "RunResult", runs_key: str, width: int) -> str:
    """Say that another run than the newest is shown, and how that one goes."""
    badge, step = run_badge(newest), f"{newest.step:,}/{newest.config.steps:,}"
    return first_that_fits(
        (
            f" ◂ a former run is shown · {runs_key} lists all, the newest here is {badge} {step}",
            f" ◂ former run · {runs_key}: newest {badge} {step}",
            f" ◂ former · {runs_key}: {badge} {step}",
            f" ◂ former · {runs_key}: {badge}",
            " ◂ former",
        ),
        width,
    )


def changed_text(words: tuple[str, str], width: int, *, of_next_run: bool) -> str:
    """Say what a key has changed: what it is now, and its description where there is room."""
    now, description = words
    lead = "› next run · " if of_next_run else ""
    short = "› next · " if of_next_run else ""
    full = f"{now}, {description}" if description else now
    return first_that_fits((f"{lead}{full}",), width) or with_dots(f"{short}{full}", width)


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
    if result is not None and (now := result.scheduled_lr) is not None:
        lr += f" now {short_text(now):<8}"
    rate, eta = _pace(result, config.steps)
    rates = (f"{rate:>6} steps/s  ETA {eta:<5} ", f"{rate:>6}/s  ETA {eta:<5} ", f"{rate:>6}/s  ")
    long, shorter, short = rates if pace else ("", "", "")
    losses = f"train {train:<6} validation {val:<6} best {best_loss} at {best_step}"
    variants = (
        *_with_epoch(config, step, (f"step {count}", f"{long}{losses}  lr {lr}")),
        (f"step {count}", f"{long}{losses}  lr {lr}"),
        (count, f"{shorter}train {train:<6} val {val:<6} best {best_loss} @{best_step}  lr {lr}"),
        (count, f"{short}train {train:<5} val {val:<5} best {best_loss} @{best_step}"),
    )
    few = f"{count} {short}train {train:<5} val {val:<5} best {best_loss}"  # no room for a bar
    shortest = (
        *(f"{few} @{best_step}  lr {lr}", f"{few} lr {lr}", few),
        *(f"{count} train {train} val {val}", f"{count} val {val}", f"val {val}"),
    )
    return progress_text(step / config.steps, variants, shortest, width)


def _with_epoch(
    config: RunConfig, step: int, variant: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    """Name the epoch as well, of a run on mini-batches."""
    if config.steps_per_epoch > 1:
        last = config.epoch_of(config.steps)
        count, rest = variant
        yield f"{count} epoch {config.epoch_of(step):>{len(f'{last:,}')},}/{last:,}", rest


def _pace(result: "RunResult | None", total: int) -> tuple[str, str]:
    """Return the rate and the time left; after the end the run's mean rate."""
    if result is None or not result.step:
        return "–", "–"
    rate = result.steps_per_second
    left = (total - result.step) / rate if rate and result.ended is None else float("inf")
    return f"{rate:,.0f}", duration_text(left)
