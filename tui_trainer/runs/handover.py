"""What a branch takes over from its parent, whose steps it would take in another way."""

from collections.abc import Iterator
from dataclasses import replace

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import short_text
from tui_trainer.task.optimizers import make_optimizer
from tui_trainer.task.schedules import make_factor
from tui_trainer.task.shape import slot_estimate
from tui_trainer.training.best_weights import BestWeights
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


def handover_notes(parent: RunConfig, child: RunConfig, step: int) -> Iterator[str]:
    """Say what a branch after `step` does not go on with: an optimiser's memory, a schedule."""
    optimizer, schedule, first = child.optimizer, child.schedule, step + 1
    if step and slot_estimate(optimizer) and forgets(parent, child):
        yield f"optimizer {optimizer.name} remembers nothing of step {step:,} and before"
    if schedule.moves and _is_planned_anew(parent, child, first):
        is_own = schedule.name != parent.schedule.name
        what = f"schedule {schedule.name} is planned" if is_own else "the schedule is planned anew"
        lr = short_text(child.lr * make_factor(schedule, child.steps)(first))
        steps = schedule.steps or child.steps
        yield f"{what} over {steps:,} steps: the lr of step {first:,} is {lr}"


def _is_planned_anew(parent: RunConfig, child: RunConfig, first: int) -> bool:
    """Whether the factors from a step on are others; a thousand of them are looked at."""
    mine = make_factor(child.schedule, child.steps)
    others = make_factor(parent.schedule, parent.steps)
    steps = range(first, child.steps + 1)
    return any(mine(step) != others(step) for step in steps[:: 1 + len(steps) // 1000])


def _walked(best: WayBack, state: Checkpoint, parent: RunConfig, threads: int) -> WayBack:
    """Go the way back to the best weights, with the engine that found them."""
    setup = Setup(parent)
    executor = Executor(parent, setup.state, threads, Course(start=state))
    try:
        BestWeights(setup.state, executor, best).restore()
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
