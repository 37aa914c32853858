"""A screen that shows the result of a thread: when it is drawn, and what is in its lines."""

import time
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.timer import Timer
from textual.widgets import Input

from tui_trainer.config.presets import Presets
from tui_trainer.notices.endings import Ending
from tui_trainer.plotting.roles import Charset
from tui_trainer.runs.client import RemoteControl
from tui_trainer.training.control import Control
from tui_trainer.training.state import ACTIVE, State
from tui_trainer.tui.background import Background, Work
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.frames import TICK, FrameBudget
from tui_trainer.tui.help import HelpScreen
from tui_trainer.tui.help_page import Now
from tui_trainer.tui.keys import key_of, key_texts
from tui_trainer.tui.messages import Ended, RequestFailed, RoomChanged, Updated
from tui_trainer.tui.seen import Seen
from tui_trainer.tui.speaking_screen import SpeakingScreen
from tui_trainer.tui.widgets.fields import ChoiceRow
from tui_trainer.tui.widgets.key_line import Focus
from tui_trainer.tui.widgets.plot_pane import PlotCommand, PlotPane
from tui_trainer.tui.wording import BADGES, badge_text, overhead_text

if TYPE_CHECKING:  # the first frame needs no sweeps
    from tui_trainer.sweeps.control import SweepControl


@dataclass(frozen=True, slots=True)
class Context:
    """What all screens share."""

    presets: Presets
    work: Work
    keymap: dict[str, str]
    charset: Charset
    ui_share: float
    seen: Seen = field(default_factory=Seen)


class LiveScreen(SpeakingScreen):
    """Follows a thread: takes in its events, and draws frames of what they amount to."""

    ENDS_ON_QUIT: ClassVar[bool] = True  # whether quitting ends what is active here
    WORK: ClassVar[str] = ""  # what goes on here, for other screens' headers; "" for no chip

    def __init__(self, context: Context) -> None:
        super().__init__(context.keymap)
        self.context = context
        self.keys = key_texts(context.keymap)  # how the user's keys are written, by their ids
        self.feed: Feed[Any] | None = None  # None before there is anything to show
        self._control: Control | SweepControl = Control()
        self._background = Background(self)
        self._budget = FrameBudget(context.ui_share)
        self._active_since: float | None = None
        self._dirty = True
        self._drawn = 0
        self._seen_end: Feed[Any] | None = None
        self._shown_chip = ""
        self._problem = ""  # why a request came to nothing
        self._show_overhead = False
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Start the timer of the frames, and draw the first one."""
        self.add_class(f"-{self.state.value}", update=False)  # all parts are about to be styled
        self._show_view(self._views[0])
        self._timer = self.set_interval(TICK, self._tick, pause=True)
        self.set_focus(None)
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        if not getattr(self.app, "is_hung_up", False):
            self.stop_thread()

    def on_resize(self, event: events.Resize) -> None:
        """Rewrite the lines: their wording depends on the width."""
        self.call_after_refresh(self.draw)

    @on(RoomChanged)
    def _take_room(self) -> None:
        if self.is_mounted:
            self.draw_all()

    def on_screen_resume(self) -> None:
        """Draw what happened while another screen was shown."""
        self._redraw_soon()
        self.call_after_refresh(self.draw)

    # What a screen consists of

    @abstractmethod
    def draw_panes(self) -> None:
        """Draw the newest state in the panes."""

    @abstractmethod
    def header_texts(self) -> tuple[str, str]:
        """Return what is trained, and on what device."""

    @abstractmethod
    def banner_text(self) -> str:
        """Return what happened in words, "" for nothing."""

    @abstractmethod
    def status_text(self) -> str:
        """Return the status line."""

    @abstractmethod
    def key_labels(self) -> dict[str, str]:
        """Return labels that differ from those in `KEYS`."""

    def ending(self) -> Ending | None:
        """Describe the end of what was started last; None where another screen does."""
        return None

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now, by their ids; the others do something."""
        return {} if self.active else {"stop": f"Nothing is running: {self.key('start')} starts."}

    def badge_text(self) -> str:
        return badge_text(self.state)

    @property
    def quit_warning(self) -> str:
        """What quitting would interrupt, or leave, in a sentence."""
        return ""

    # State

    @property
    def state(self) -> State:
        """What the screen's thread is doing."""
        return self.feed.result.state if self.feed is not None else State.IDLE

    @property
    def newest_state(self) -> State:
        """The state of what was started last, also where something else is shown."""
        return self.state

    @property
    def active(self) -> bool:
        """Whether more events will come, paused or not."""
        return self.state in ACTIVE

    @property
    def unread(self) -> bool:
        """Whether events wait for the next frame."""
        return any(feed.inbox for feed in self.feeds) or self._applied != self._drawn

    @property
    def is_idle(self) -> bool:
        """Whether no more events will come and everything is drawn."""
        return not (self.active or self.unread or self._dirty)

    @property
    def feeds(self) -> Sequence[Feed[Any]]:
        """All feeds that it takes in, the shown one among them."""
        return [self.feed] if self.feed is not None else []

    @property
    def _applied(self) -> int:
        return sum(feed.applied for feed in self.feeds)

    def take_inbox(self) -> None:
        if self.active and self._active_since is None:  # its end may be in the inbox already
            self._active_since = time.monotonic()
        for feed in self.feeds:
            feed.take_inbox()
        self._notice_end()

    def _notice_end(self) -> None:
        """Tell the app what has ended by itself, and how long it took."""
        if not self.active and self._active_since is not None:
            seconds, self._active_since = time.monotonic() - self._active_since, None
            self._forget_words()  # they are about what has ended
            if self.newest_state is not State.STOPPED and (ending := self.ending()) is not None:
                self.post_message(Ended(ending, seconds))

    @on(Updated)
    def _take_update(self, message: Updated) -> None:
        """Draw without waiting for the next tick."""
        if message.feed not in self.feeds:
            return
        self.take_inbox()
        self._dirty = True
        if self.is_current:
            self.draw_lines()
            self.call_after_refresh(self.draw)

    @property
    def typing(self) -> bool:
        """Whether a text field has the focus: there letters are text and no keys."""
        return isinstance(self.focused, Input)

    @property
    def _key_focus(self) -> Focus:
        """Where other keys than the screen's are pressed; stop and pause go before a row's."""
        on_row = isinstance(self.focused, ChoiceRow) and not self.active
        return "field" if self.typing else "row" if on_row else None

    def action_open_list(self) -> None:
        """Open the list of the row that has the focus."""
        if isinstance(self.focused, ChoiceRow):
            self.focused.action_open()

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _offer_other_keys(self) -> None:
        self.draw_lines()

    # When to draw, and what

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self._budget.draws(getattr(self.app, "bytes_written", 0))
        self.take_inbox()
        self.draw_all()
        self._dirty = False
        self._drawn = self._applied
        if self.is_current and not self.active:
            self._seen_end = self.feed

    def draw_all(self) -> None:
        """Draw the panes, then the lines, which say what keys do to what is in them."""
        self.draw_panes()
        self.draw_lines()

    def draw_lines(self) -> None:
        """Draw what is not in a pane."""
        self._show_state()
        self.draw_header()
        self.banner.put(self._problem or self.banner_text())
        overhead = overhead_text(self._budget.overhead, self.size.width)
        self.overhead_line.put(overhead if self._show_overhead else "")
        self.status_line.put(self._said or self.status_text())
        self.key_line.put(self.key_labels(), self.why_not(), self._key_focus)

    def draw_header(self) -> None:
        """Draw what is trained, the state, and what goes on elsewhere."""
        setup, device = self.header_texts()
        self.header.put(setup, self.badge_text(), device, self._chips_of_others())

    def _chips_of_others(self) -> str:
        others: Iterable[LiveScreen] = getattr(self.app, "live_screens", ())
        return "  ".join(s.chip for s in others if s.chip and s.feed is not self.feed)

    @property
    def chip(self) -> str:
        """What goes on here in a few letters, for other screens, until its end has been seen."""
        if not self.WORK or self.feed is None or self._seen_end is self.feed:
            return ""
        sign, word = BADGES[self.state]
        return f"{sign} {self.WORK} {self.work_count() if self.active else word.lower()}".rstrip()

    def work_count(self) -> str:
        """Return how far the screen's work is, as a count."""
        return ""

    def _show_chip(self) -> None:
        """Have the screen that is shown draw this one's chip, if it has changed."""
        stack = self.app.screen_stack  # empty while the app leaves
        current = stack[-1] if stack else None
        if not isinstance(current, LiveScreen) or not current.is_mounted:
            return
        if self.chip != self._shown_chip:
            self._shown_chip = self.chip
            current.draw_header()

    def action_leave(self) -> None:
        """Take a question back; leave the field, the form, the zoom; else fold the banner."""
        if self.withdraw() or self._drop_cursor():
            return
        if self.can_leave:
            super().action_leave()
        else:
            self.banner.fold()
            self.call_after_refresh(self.draw)

    def _redraw_soon(self) -> None:
        self._dirty = True
        if self._timer is not None:
            self._timer.resume()

    def _tick(self) -> None:
        if not self.is_current:
            self.take_inbox()  # little by little, and not all at once when it comes back
            self._show_chip()
        elif self._dirty or self.unread:
            if self._budget.due:
                self.draw()
        elif not self.active and self._timer is not None:
            self._timer.pause()

    def _show_state(self) -> None:
        state = self.state
        if not self.has_class(f"-{state.value}"):
            for other in State:
                self.set_class(other is state, f"-{other.value}", update=False)
            for part in self.query("#header, Framed, Banner"):  # a state colours no other part
                part.update_node_styles()

    # Keys

    def key(self, name: str) -> str:
        """Write the key with this id as it is pressed here."""
        return self.keys[name]

    async def action_press(self, name: str) -> None:
        """Do what the key with this id is for, or say why it does nothing now."""
        if name != self._asked:
            self.withdraw()
        if reason := self.why_not().get(name):
            self.say(reason)
        else:
            await self.run_action(key_of(name).action)

    def _remote_control(self, folder: Path) -> RemoteControl:
        """Make a control of what another process writes into a folder; failures are said here."""
        return RemoteControl(folder, lambda words: self.post_message(RequestFailed(words)))

    @on(RequestFailed)
    def _say_failure(self, message: RequestFailed) -> None:
        self.note(f"⚠ {message.words}")

    def stop_thread(self) -> None:
        """Ask the screen's thread to end, if there is one."""
        self._control.stop()

    def go_on_unseen(self) -> Thread | None:
        """Go on without a terminal if that is of use, and return the thread; else end."""
        self.stop_thread()
        return None

    def join(self) -> None:
        """Wait for the ends of its threads."""
        self._background.join()

    def action_stop(self) -> None:
        self.stop_thread()

    def action_log(self) -> None:
        self.query("#panes > *").first(PlotPane).toggle_log()
        self.draw_all()

    def action_plot(self, command: PlotCommand, amount: int) -> None:
        """Hand a key on to the plot that it is about."""
        if (pane := self.plot_pane) is not None and (words := pane.obey(command, amount)):
            self.say(words)

    @on(PlotPane.Noted)
    def _say_note(self, message: PlotPane.Noted) -> None:
        self.note(message.words)

    def action_overhead(self) -> None:
        """Show what drawing costs in a line of its own, or hide it."""
        self._show_overhead = not self._show_overhead
        self.draw_lines()

    def action_help(self) -> None:
        now = Now(self.screen_name, self.key_labels(), self.why_not())
        self.app.push_screen(HelpScreen(now, self.context.keymap))
