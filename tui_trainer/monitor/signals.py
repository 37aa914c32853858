"""What a loop does about SIGTERM and SIGHUP while a monitor is open."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None


class Signals:
    """Takes both signals in the main thread, and puts back what was there before.

    `terminate` is called at SIGTERM, and calls `go_on` for what would have happened without it. A
    loop outlives its terminal: at SIGHUP `hang_up` is called and nothing ends, unless the script
    has a handler of its own.
    """

    def __init__(self, terminate: Callable[[], object], hang_up: Callable[[], object]) -> None:
        self._terminate, self._hang_up = terminate, hang_up
        self._before: dict[int, Handler] = {}
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in ((signal.SIGTERM, self._take), (signal.SIGHUP, self._take)):
            before = signal.getsignal(number)
            if before is signal.SIG_DFL or (number == signal.SIGTERM and callable(before)):
                self._before[number] = signal.signal(number, handler)

    def restore(self) -> None:
        """Put back the handlers of before, where nobody else has set one since."""
        for number, before in self._before.items():
            if signal.getsignal(number) == self._take:
                signal.signal(number, before)
        self._before = {}

    def _take(self, number: int, frame: FrameType | None) -> None:
        (self._hang_up if number == signal.SIGHUP else self._terminate)()

    @property
    def has_own_handler(self) -> bool:
        """Whether the script has a handler of its own for SIGTERM."""
        return callable(self._before.get(signal.SIGTERM))

    def go_on(self) -> None:
        """Do what SIGTERM does without a monitor."""
        before = self._before.get(signal.SIGTERM, signal.SIG_DFL)
        if callable(before):
            before(signal.SIGTERM, None)
        else:
            self.restore()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
