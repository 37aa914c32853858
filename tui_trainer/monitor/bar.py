"""A line of tqdm, where a loop has no screen."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tui_trainer.formatting import printable

_TERMINAL_SECONDS, _FILE_SECONDS = 0.2, 10.0
_MOST_METRICS = 4
_END_SECONDS = 1.0


class Bar:
    """Draws how far a loop is, in a thread: a step costs the loop nothing.

    Args:
        name: what stands before it.
        total: the loop's steps, 0 if that is not known.
        step: tells the step that is under way.
        metrics: tells the last values.
    """

    def __init__(
        self,
        name: str,
        total: int,
        step: Callable[[], int],
        metrics: Callable[[], Mapping[str, float]],
    ) -> None:
        from tqdm import tqdm

        self._step, self._metrics = step, metrics
        self._seconds = _TERMINAL_SECONDS if sys.stderr.isatty() else _FILE_SECONDS
        self._ending = threading.Event()
        self._bar: Any = tqdm(
            total=total or None, desc=printable(name), unit="step", dynamic_ncols=True,
            initial=step(), mininterval=0, miniters=1,
            delay=1e-9,  # draw nothing here, where a stream that takes nothing would end the loop
        )  # fmt: skip
        self._thread = threading.Thread(target=self._work, name="loop-bar", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Draw it a last time, and leave it there."""
        self._ending.set()
        self._thread.join(_END_SECONDS)

    def _work(self) -> None:
        try:
            self._draw()
            while not self._ending.wait(self._seconds):
                self._draw()
            self._draw()
            self._bar.close()
        except (OSError, ValueError):  # nobody reads, or the stream was closed
            self._bar.disable = True  # else it would be drawn again as the process ends

    def _draw(self) -> None:
        shown = tuple(self._metrics().items())[:_MOST_METRICS]
        self._bar.n = self._step()
        words = ", ".join(f"{printable(name)}={value:.4g}" for name, value in shown)
        self._bar.set_postfix_str(words, refresh=False)
        with self._bar.get_lock():  # by itself it keeps the lock of all bars where a write fails
            self._bar.refresh(nolock=True)
