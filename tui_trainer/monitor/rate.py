"""How long a loop has run, without its pauses, and how fast it is."""

import time
from collections import deque

_MOST = 20  # moments between which the rate is taken
_APART = 0.2  # seconds


class Rate:
    """Told of pauses by the loop's thread, and of steps by another."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._pauses = 0.0
        self._paused_at: float | None = None
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)], maxlen=_MOST)

    @property
    def seconds(self) -> float:
        """The time since the start, without pauses."""
        until = self._paused_at
        return (time.perf_counter() if until is None else until) - self._began - self._pauses

    @property
    def steps_per_second(self) -> float:
        """The rate over the last seconds, or the last steps where these take longer."""
        (first, start), (last, end) = self._seen[0], self._seen[-1]
        return (end - start) / (last - first) if last > first else 0.0

    def pause(self, paused: bool) -> None:
        """Note that the loop waits, or resumes."""
        now = time.perf_counter()
        if self._paused_at is not None:
            self._pauses += now - self._paused_at
        self._paused_at = now if paused else None

    def see(self, step: int) -> None:
        """Take in how far the loop is."""
        seconds, before = self.seconds, self._seen[-1]
        if step > before[1] and seconds - before[0] >= _APART:
            self._seen.append((seconds, step))
