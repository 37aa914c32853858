"""What is done between two steps of a loop, in its own thread: what was asked for, or a signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui_trainer.monitor.signals import Signals
from tui_trainer.monitor.steering import CheckpointFunction, LoopControl, Rates

if TYPE_CHECKING:  # pyarrow and numpy are for the start of a loop
    from tui_trainer.monitor.recorder import Recorder

_PATIENCE = 10.0  # seconds that SIGTERM waits for the end of a step, to have a whole checkpoint


class Boundary:
    """Takes requests from other threads, and acts upon them between two steps.

    `close` is called before SIGTERM ends the process, once `open` has been.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self.control = LoopControl(self._tell_unanswered)
        self.rates, self.saving = Rates(), CheckpointFunction()
        self._close = close
        self._lose_terminal: Callable[[], None] | None = None
        self._recorder: Recorder | None = None
        self._signals: Signals | None = None
        self._step = 0
        self._reminder: threading.Timer | None = None
        self.is_in_step = False
        self._is_terminating = self._has_saved_for_stop = self._is_resuming = False

    def open(self, recorder: Recorder | None, hang_up: Callable[[], None]) -> None:
        """Watch signals, and record what happens; `hang_up` is called when the terminal is gone."""
        self._recorder, self._lose_terminal = recorder, hang_up
        self._signals = Signals(self._terminate, self._hang_up)
        if recorder is not None:
            recorder.read_lr = lambda: self.rates.lr  # a scheduler may change it at any step

    def let_go(self) -> None:
        """Leave signals as they were, and record nothing more."""
        self._recorder = None
        if self._signals is not None:
            self._signals.restore()

    def attach(self, optimizer: Any) -> None:
        """Steer an optimiser's learning rates, too."""
        self.rates.attach(optimizer)

    def cross(self, step: int) -> bool:
        """Do what was asked for after `step` steps; return whether the loop goes on."""
        control, has_paused = self.control, False
        control.has_boundaries, self._step, self.is_in_step = True, step, False
        while True:
            control.asked = False
            self._act()
            if control.stopped:
                return False
            if not control.paused or control.take_step():
                break
            if not has_paused:
                self._note_pause(True)
            has_paused = True
            control.wait_while_paused()
        if has_paused:
            self._note_pause(False)
        control.asked |= control.paused
        self.is_in_step = True
        return True

    def _act(self) -> None:
        if self._is_terminating:
            self._end_by_signal(saves=True)
        if (lr := self.control.take_lr()) is not None:
            self._change_lr(lr)
        wanted = self.control.take_checkpoint()
        if self.control.stopped and not self._has_saved_for_stop:
            self._has_saved_for_stop = True
            wanted |= self.saving.function is not None
        if wanted:
            self._save()

    def _change_lr(self, lr: float) -> None:
        before = self.rates.lr
        self.rates.change(lr)
        entry = {"event": "lr", "step": self._step + 1, "lr": lr}
        self._note(entry | ({"old": before} if before is not None else {}))

    def _save(self) -> None:
        outcome = self.saving.call()
        self._note({"event": "checkpoint", "step": self._step} | outcome)
        words = ""
        if outcome["problem"]:
            words = f"no checkpoint at step {self._step:,}: {outcome['problem']}"
            self._note({"event": "noted", "words": words})
        if self._recorder is not None:
            self._recorder.checkpoint_problem = words

    def _note_pause(self, paused: bool) -> None:
        if self._recorder is not None:
            self._recorder.pause(paused)

    def _note(self, entry: dict[str, Any]) -> None:
        if self._recorder is not None:
            self._recorder.note(entry)

    def _tell_unanswered(self) -> None:
        words = "this loop takes requests once it counts its steps: for step in monitor, "
        self._note({"event": "noted", "words": words + "or monitor.step()"})

    # Signals, in the main thread

    def _hang_up(self) -> None:
        """Let a paused loop resume: there may be nobody left who would do that."""
        if self._lose_terminal is not None:
            self._lose_terminal()
        if self.control.paused and not self._is_resuming:  # a shell may hang up besides the kernel
            self._is_resuming = True
            words = "the terminal is gone: the loop, which was paused, resumes"
            self._note({"event": "noted", "words": words})
            # This thread may be just about to wait, and would miss its own notice.
            threading.Thread(target=self._resume, name="loop-resume", daemon=True).start()

    def _resume(self) -> None:
        self.control.resume()
        self._is_resuming = False

    def _terminate(self) -> None:
        """Save the loop at the end of its step, or at once between two, and end it."""
        if not self.is_in_step or self._is_terminating:
            self._end_by_signal(saves=not self._is_terminating)
            return
        self._is_terminating = self.control.asked = True
        self._reminder = threading.Timer(_PATIENCE, os.kill, (os.getpid(), signal.SIGTERM))
        self._reminder.daemon = True
        self._reminder.start()

    def _end_by_signal(self, *, saves: bool) -> None:
        """Do what SIGTERM does without a monitor, after a checkpoint if it `saves`."""
        if self._reminder is not None:
            self._reminder.cancel()
        if saves and self.saving.function is not None:
            self._save()
        assert self._signals is not None
        if not self._signals.has_own_handler:
            self._close()
        self._signals.go_on()
        self._is_terminating = False
