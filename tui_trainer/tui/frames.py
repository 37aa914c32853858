"""When to draw: the UI has a share of the time, and every frame waits until it is earned.

While the thread of the UI computes, it holds the interpreter and the trainer waits. So all the CPU
time of that thread counts, whatever it went into: events, layout, drawing, writing. It counts for
more than it is, because the trainer also waits to be handed the interpreter back, and then finds
its caches cold.
"""

import time
from dataclasses import dataclass

UI_SHARE = 0.05
TICK, LONGEST = 0.1, 1.0  # seconds between two frames, at least and at most
_MEMORY = 2.0  # seconds that a measure looks back, about
# Seconds that the trainer loses by one of the UI's: 1.6 to 1.8, as whole runs in the app compare
# with those without it; a little more, so that the share is kept by most runs and not by half.
COST = 2.0


@dataclass(frozen=True, slots=True)
class Overhead:
    """What drawing costs: its share of the trainer's time, and figures per second."""

    share: float
    frames_per_second: float
    bytes_per_second: float


class FrameBudget:
    """Rations frames. Belongs to the UI's thread: it measures the thread that calls it."""

    def __init__(self, share: float = UI_SHARE) -> None:
        self._share = share
        self._drawn_at = time.perf_counter()
        self._spent_at = _spent()
        self._bytes_at = 0
        self._overhead = Overhead(0.0, 0.0, 0.0)

    @property
    def due(self) -> bool:
        """Whether to draw the next frame: at most ten a second, at least one."""
        elapsed = time.perf_counter() - self._drawn_at
        spent = _spent() - self._spent_at
        return elapsed >= LONGEST or (elapsed >= TICK and spent <= self._share * elapsed)

    def draws(self, bytes_written: int) -> None:
        """Note that a frame is about to be drawn."""
        now, spent = time.perf_counter(), _spent()
        elapsed = max(now - self._drawn_at, 1e-6)
        weight = min(1.0, elapsed / _MEMORY)
        newest = (
            (spent - self._spent_at) / elapsed,
            1 / elapsed,
            (bytes_written - self._bytes_at) / elapsed,
        )
        before = (
            self._overhead.share,
            self._overhead.frames_per_second,
            self._overhead.bytes_per_second,
        )
        self._overhead = Overhead(
            *(b + weight * (n - b) for b, n in zip(before, newest, strict=True))
        )
        self._drawn_at, self._spent_at, self._bytes_at = now, spent, bytes_written

    def charge(self, seconds: float) -> None:
        """Count what the trainer spent on what is shown, and on nothing else, as the UI's."""
        self._spent_at -= seconds

    @property
    def overhead(self) -> Overhead:
        """What drawing cost, averaged over about two seconds."""
        return self._overhead


def _spent() -> float:
    """Return the seconds that this thread has taken from the trainer."""
    return COST * time.thread_time()
