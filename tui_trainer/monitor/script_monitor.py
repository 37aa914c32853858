"""The monitor around a script that knows nothing of one."""

from __future__ import annotations

from tui_trainer.monitor.monitor import Monitor
from tui_trainer.monitor.terminal import has_terminal

UNKNOWN = (
    "steps, lr and losses are those that torch tells of; the number of steps, epochs and "
    "validation can't be seen from there"
)


class ScriptMonitor(Monitor):
    """A `Monitor` that says what it can't know, and without a terminal adds no line of tqdm."""

    def __init__(self, name: str, *, stop_when: str, runs: str | None) -> None:
        super().__init__(name, stop_when=stop_when, runs=runs)
        if not self._mode and not has_terminal():
            self._mode = "attach"

    def start(self) -> None:
        """Open it."""
        super().start()
        if self._recorder is not None:
            self._recorder.note({"event": "noted", "words": UNKNOWN})

    @property
    def is_off(self) -> bool:
        """Whether it does nothing: in a forked child, say."""
        return self._is_off

    @property
    def stopped_early(self) -> bool:
        """Whether its rule has stopped the script."""
        return self._rule is not None and bool(self._rule.reason)
