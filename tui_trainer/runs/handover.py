"""What a branch takes over from its parent, whose steps it would take in another way."""

from dataclasses import replace

from tui_trainer.config.settings import RunConfig
from tui_trainer.task.optimizers import make_optimizer
from tui_trainer.training.course import Checkpoint, Course, WayBack
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.engines.executor import Executor
from tui_trainer.training.setup import Setup

_SLOTS = "optimizer."
_HOW = ("regularizer", "optimizer", "schedule")  # what a step depends on, besides its state


def hand_over(state: Checkpoint, parent: RunConfig, child: RunConfig, threads: int) -> Checkpoint:
    """Return a state of `parent` as one of `child`, which has the same network and data.

    The best weights so far are there instead of the way back to them. An optimiser that remembers
    something else than the parent's remembers nothing.
    """
    if all(getattr(parent, part) == getattr(child, part) for part in _HOW):
        return state
    if (best := state.best) is not None and best.replay:
        state = replace(state, best=_walked(best, state, parent, threads))
    return _with_new_slots(state, child) if forgets(parent, child) else state


def forgets(parent: RunConfig, child: RunConfig) -> bool:
    """Whether a branch's optimiser can't go on with what its parent's remembers."""
    mine, others = child.optimizer, parent.optimizer
    return (mine.method, bool(mine.momentum)) != (others.method, bool(others.momentum))


def _walked(best: WayBack, state: Checkpoint, parent: RunConfig, threads: int) -> WayBack:
    """Go the way back to the best weights, with the engine that found them."""
    setup = Setup(parent)
    executor = Executor(parent, setup.state, threads, Course(start=state))
    try:
        setup.state.restore(best.start)
        executor.named(best.engine).advance(best.replay)
    finally:
        executor.close()
    return WayBack(best.step, best.engine, setup.state.snapshot(), 0)


def _with_new_slots(state: Checkpoint, child: RunConfig) -> Checkpoint:
    names = [name for name in state.names if not name.startswith(_SLOTS)]
    own = [name.removeprefix("model.") for name in names if name.startswith("model.")]

    def renewed(snapshot: Snapshot) -> Snapshot:
        tensors = dict(zip(state.names, snapshot.tensors, strict=True))
        kept = [tensors[name] for name in names]
        slots = make_optimizer(child.optimizer).init(kept[: len(own)])
        new = [tensor for slot in slots for tensor in slot]
        together = [*kept[: len(own)], *new, *kept[len(own) :]]
        return replace(snapshot, tensors=together, slots_since=snapshot.step)

    slots = len(make_optimizer(child.optimizer).init([]))
    made = [f"{_SLOTS}{number}.{name}" for number in range(slots) for name in own]
    best = state.best
    return replace(
        state,
        names=(*names[: len(own)], *made, *names[len(own) :]),
        snapshot=renewed(state.snapshot),
        best=replace(best, start=renewed(best.start)) if best is not None else None,
    )
