"""How long training has taken."""

import time


class Clock:
    """Training time without pauses, and the recent rate. Starts stopped, at `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._banked = seconds
        self._since: float | None = None
        self._reported = seconds
        self._rate = 0.0

    def start(self) -> None:
        """Start, unless it is running."""
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Stop."""
        self._banked = self.seconds
        self._since = None

    @property
    def seconds(self) -> float:
        """Seconds trained so far."""
        running = time.perf_counter() - self._since if self._since is not None else 0.0
        return self._banked + running

    @property
    def since_report(self) -> float:
        """Seconds trained since the rate was last asked for."""
        return self.seconds - self._reported

    def rate(self, steps: int) -> float:
        """Take up `steps` more steps; return steps per second, averaged over about a second."""
        took = max(self.since_report, 1e-9)
        self._reported += took
        weight = min(1.0, took) if self._rate else 1.0
        self._rate += weight * (steps / took - self._rate)
        return self._rate
