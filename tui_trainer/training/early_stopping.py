"""Why a run ended, and how near it is to stopping early; `stopping_rules` has the rules."""

from dataclasses import dataclass
from enum import Enum


class StopReason(Enum):
    """Why a run ended."""

    COMPLETED = "completed"
    EARLY_STOPPING = "early_stopping"
    DIVERGED = "diverged"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # of a saved run: its process is gone and did not end it


@dataclass(frozen=True, slots=True)
class Gauge:
    """How near a rule is to firing.

    `nearness` runs from 0 (far) to 1 (fires). `armed_at` is the last step that the rule lets pass
    unjudged.
    """

    armed: bool
    armed_at: int
    words: str
    nearness: float
