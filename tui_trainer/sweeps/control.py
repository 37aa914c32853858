"""What the user asks of a running sweep. Safe to call from any thread; nothing here waits."""


class SweepControl:
    """Requests to one sweep, taken up between two chunks of steps."""

    def __init__(self) -> None:
        self._stopped = False
        self._watched: int | None = None

    def stop(self) -> None:
        """Ask the sweep to end."""
        self._stopped = True

    def watch(self, candidate: int | None) -> None:
        """Ask for the fit of a candidate while it trains, or of none."""
        self._watched = candidate

    @property
    def stopped(self) -> bool:
        """Whether the sweep is to end."""
        return self._stopped

    @property
    def watched(self) -> int | None:
        """The candidate whose fit is asked for."""
        return self._watched
