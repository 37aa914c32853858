"""The states that a run, a sweep or a search is in."""

from enum import Enum

from tui_trainer.training.early_stopping import StopReason


class State(Enum):
    """What a run, a sweep or a search is doing."""

    IDLE = "idle"
    STARTING = "starting"
    COMPILING = "compiling"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED_EARLY = "stopped-early"
    DIVERGED = "diverged"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ACTIVE = frozenset({State.STARTING, State.COMPILING, State.RUNNING, State.PAUSED})

ENDS = {
    StopReason.COMPLETED: State.FINISHED,
    StopReason.EARLY_STOPPING: State.STOPPED_EARLY,
    StopReason.DIVERGED: State.DIVERGED,
    StopReason.STOPPED: State.STOPPED,
    StopReason.FAILED: State.FAILED,
    StopReason.INTERRUPTED: State.INTERRUPTED,
}
