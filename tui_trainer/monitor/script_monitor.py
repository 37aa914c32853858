"""The monitor around a script that knows nothing of one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tui_trainer.monitor.monitor import Monitor
from tui_trainer.monitor.terminal import has_terminal


class ScriptMonitor(Monitor):
    """A `Monitor` that without a terminal adds no line of tqdm to what the script prints."""

    def __init__(self, name: str, *, stop_when: str, runs: str | None) -> None:
        super().__init__(name, stop_when=stop_when, runs=runs)
        if not self._mode and not has_terminal():
            self._mode = "attach"

    def steer_schedulers(self, schedulers: Collection[Any]) -> None:
        """Scale what torch's schedulers compute from, those to come too, when the lr changes."""
        self._boundary.rates.schedulers = schedulers

    @property
    def is_off(self) -> bool:
        """Whether it does nothing: in a forked child, say."""
        return self._is_off

    @property
    def stopped_early(self) -> bool:
        """Whether its rule has stopped the script."""
        return self._rule is not None and bool(self._rule.reason)
