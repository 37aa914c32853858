"""What has ended, in a sentence for a person and in facts for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.config.settings import setup_text
from tui_trainer.formatting import printable
from tui_trainer.training.state import State

if TYPE_CHECKING:  # needs numpy, which the app's first frame does not
    from tui_trainer.config.settings import RunConfig
    from tui_trainer.lr_search.result import LrSearchResult
    from tui_trainer.sweeps.result import SweepResult
    from tui_trainer.training.result import RunResult


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run, a sweep or a search.

    `words` say it in one line; `facts` are texts by name, each one line, "" where there is none.
    """

    state: State
    words: str
    facts: Mapping[str, str] = field(default_factory=dict)


def end_of_run(result: RunResult) -> Ending:
    """Describe the end of a run."""
    ended, best = result.ended, result.best
    assert ended is not None, "it has not ended"
    numbers = {
        "steps": result.step,
        "train_loss": result.train_loss,
        "val_loss": result.val_loss,
        "best_step": best.step if best else None,
        "best_val_loss": best.val_loss if best else None,
        "lr": result.lr,
    }
    words = f"{_setup(result.config)}: {ended.detail}"
    if result.learnt_nothing and result.not_learning is not None:
        words += f"; {result.not_learning.words}"
    return _ending("run", result.state, words, ended.detail, ended.seconds, result.folder, numbers)


def end_of_sweep(result: SweepResult) -> Ending:
    """Describe the end of a sweep; its best candidate is that of the lowest validation loss."""
    ended = result.ended
    assert ended is not None, "it has not ended"
    bests = [view.best for view in result.candidates if view.best is not None]
    best = min(bests, key=lambda best: best.val_loss, default=None)
    axes = ", ".join(axis.key for axis in result.sweep.axes)
    done = f"{result.finished:,} of {len(result.candidates):,} candidates"
    detail = ended.detail or f"sweep over {axes} {result.state.value}, {done}"
    numbers = {
        "steps": ended.steps,
        "best_step": best.step if best else None,
        "best_val_loss": best.val_loss if best else None,
        "candidates": len(result.candidates),
    }
    words = f"{_setup(result.sweep.base)}: {detail}"
    return _ending("sweep", result.state, words, detail, ended.seconds, None, numbers)


def end_of_search(result: LrSearchResult) -> Ending:
    """Describe the end of a search for a learning rate."""
    found, search = result.found, result.search
    assert found is not None, "it has not ended"
    lr = found.recommended
    detail = f"lr {lr:g}: {found.words}" if lr is not None else f"no lr found: {found.words}"
    setup = f"{_setup(search.config)}: " if search is not None else ""
    return _ending("find-lr", result.state, f"{setup}{detail}", detail, None, None, {"lr": lr})


def _setup(config: RunConfig) -> str:
    return setup_text(config)


def _ending(
    kind: str,
    state: State,
    words: str,
    reason: str,
    seconds: float | None,
    folder: Path | None,
    numbers: Mapping[str, float | None],
) -> Ending:
    facts = {
        "kind": kind,
        "state": state.value,
        "reason": reason,
        "seconds": "" if seconds is None else f"{seconds:.3f}",
        "run": "" if folder is None else str(folder),
        **{name: "" if number is None else repr(number) for name, number in numbers.items()},
    }
    cleaned = {name: printable(text) for name, text in facts.items()}
    return Ending(state, printable(words), cleaned)
