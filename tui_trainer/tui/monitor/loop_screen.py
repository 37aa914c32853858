"""A screen that follows a loop which another process runs, and steers it."""

import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Literal

from tui_trainer.formatting import short_text
from tui_trainer.monitor.events import (
    Checkpointed,
    LoopStarted,
    MetricsLogged,
    OutputRead,
    StatusRead,
)
from tui_trainer.monitor.result import LoopResult
from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.ownership import Owner, owner_of
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import HealthMeasured, RunEnded
from tui_trainer.training.state import State
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import Updated
from tui_trainer.tui.monitor.wording import banner_text, place_text, status_text, title_text
from tui_trainer.tui.run.next_lr import next_lr

_DRAWING_SECONDS = 2.0  # at most, for the first values, before the rest of a long loop is read


class LoopScreen(LiveScreen):
    """Shows one loop at a time; how, a subclass says."""

    ENDS_ON_QUIT = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.feed: Feed[LoopResult] | None = None
        self._folder: Path | None = None
        self._has_drawn = Event()  # any values
        self._remote: RemoteControl | None = None
        self._asks_checkpoint = False
        self._checkpoint: Checkpointed | None = None  # the newest one that is known
        self._read_note = ""

    @property
    def result(self) -> LoopResult | None:
        """The loop that is shown."""
        return self.feed.result if self.feed is not None else None

    @property
    def state(self) -> State:
        """What the loop is doing, or that it is about to be read."""
        return self.feed.result.state if self.feed is not None else State.STARTING

    @property
    def owner(self) -> Owner | None:
        """The process that runs the loop, as far as one does."""
        return owner_of(self._folder) if self._folder is not None else None

    @property
    def is_own(self) -> bool:
        """Whether the loop itself opened this screen, in its own terminal."""
        owner = self.owner
        return owner is not None and owner.is_here and owner.pid == os.getppid()

    @property
    def quit_warning(self) -> str:
        """What becomes of the loop without the screen, where it would be left without one."""
        if not (self.active and self.is_own and self._folder is not None):
            return ""
        return f"The loop goes on; 'tui-trainer attach {self._folder.name}' shows it again."

    def follow(self, folder: Path) -> None:
        """Show the loop of a folder, in place of the one before."""
        if folder == self._folder and self.active:
            return
        self.stop_thread()
        self._folder = folder
        self._has_drawn.clear()
        self._asks_checkpoint = False  # of the loop before
        self._remote = self._remote_control(folder)
        self.feed = feed = Feed(LoopResult(folder))
        self._background.follow(
            feed,
            partial(self._events, feed, folder, self._remote),
            frequent=(HealthMeasured, LoopStarted, MetricsLogged, OutputRead, StatusRead),
            failed=lambda words: RunEnded(StopReason.FAILED, words, feed.result.step),
        )
        self._redraw_soon()

    def _events(self, feed: Feed[Any], folder: Path, remote: RemoteControl) -> Iterator[Any]:
        """Yield a loop's events; the first values are drawn before the rest is read."""
        saved = self.context.work.saved
        assert saved is not None
        assert saved.loop_events is not None
        waits = True
        for event in saved.loop_events(folder, remote):
            yield event
            if waits and isinstance(event, MetricsLogged):
                waits = False
                self.post_message(Updated(feed))
                self._has_drawn.wait(_DRAWING_SECONDS)
        remote.leave()

    def stop_thread(self) -> None:
        """Follow the loop no longer; it goes on."""
        if self._remote is not None:
            self._remote.leave()

    # Its lines

    def header_texts(self) -> tuple[str, str]:
        if self.result is None:
            return "", ""
        return title_text(self.result), place_text(self.result, socket.gethostname())

    def banner_text(self) -> str:
        if self.result is None:
            return ""
        return banner_text(self.result, self.size.width, self.keys, self._note)

    @property
    def _note(self) -> str:
        """The newest thing that went wrong beside the loop, until somebody has read it."""
        newest = self.result.notes[-1] if self.result is not None and self.result.notes else ""
        return newest if newest is not self._read_note else ""

    def hide_note(self) -> bool:
        """Show the newest note no longer, and return whether one was shown."""
        if not self._note or self.result is None or self.result.problem:
            return False
        self._read_note = self._note
        return True

    def draw_lines(self) -> None:
        super().draw_lines()
        made = self.result.checkpointed if self.result is not None else None
        if made is self._checkpoint:
            return
        self._checkpoint = made
        if made is not None and self._asks_checkpoint:
            self._asks_checkpoint = False
            if not made.problem:  # which is a note
                self.note(f"The loop made a checkpoint after step {made.step:,}.")

    def status_text(self) -> str:
        return status_text(self.result, self.size.width) if self.result else ""

    # Requests

    def action_pause(self) -> None:
        if self._remote is not None:
            self._remote.toggle_pause()

    def action_step(self) -> None:
        if self._remote is not None:
            self._remote.step()

    def action_checkpoint(self) -> None:
        if self._remote is not None:
            self._remote.ask_checkpoint()
            self._asks_checkpoint = True
            self.say("A checkpoint is asked for; the loop makes it between two steps.")

    def action_stop(self) -> None:
        """Ask the loop to stop, if asked for twice: nothing here could resume it."""
        if self._remote is None or self.result is None:
            return
        if self.confirms("stop", f"{self.key('stop')} again stops the loop before its next step."):
            self._remote.stop()
            self.say("The loop is asked to stop before its next step.")

    def action_lr(self, direction: Literal[-1, 1]) -> None:
        """Ask for the next lr of the 1-2-5 series."""
        lr = self.result.lr if self.result is not None else None
        if self._remote is not None and lr:
            asked = next_lr(lr, direction)
            self._remote.set_lr(asked)
            self.say(f"lr {short_text(asked)} is asked for, from the next step on.")

    def action_interrupt(self) -> None:
        """Interrupt the loop from its own terminal, as Ctrl-C does without a screen."""
        owner = self.owner
        if owner is not None and self.is_own:
            os.kill(owner.pid, signal.SIGINT)
        else:
            stop, leave = self.key("stop"), self.key("quit")
            self.say(f"Ctrl-C belongs to the loop's own terminal: {stop} stops it, {leave} leaves.")
