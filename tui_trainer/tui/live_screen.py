"""A screen that shows the result of a thread: its parts, its layout at every size, its frames."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from tui_trainer.config.presets import Presets
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.control import Control
from tui_trainer.training.state import ACTIVE, State
from tui_trainer.tui.background import Background, Work
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.frames import FrameBudget
from tui_trainer.tui.help import HelpScreen
from tui_trainer.tui.keys import ScreenName
from tui_trainer.tui.messages import Updated
from tui_trainer.tui.widgets.fields import Form
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, KeyLine, StatusLine
from tui_trainer.tui.widgets.plot_pane import PlotPane
from tui_trainer.tui.wording import badge_text, overhead_text

if TYPE_CHECKING:  # the first frame needs no sweeps
    from tui_trainer.sweeps.control import SweepControl

_TICK = 0.1  # seconds
_SAID_SECONDS = 4.0  # that words about a key stay in the status line


@dataclass(frozen=True, slots=True)
class Context:
    """What all screens share."""

    presets: Presets
    work: Work
    keymap: dict[str, str]
    charset: Charset
    ui_share: float


class LiveScreen(Screen[None]):
    """Header, banner, form, panes, status line and keys; a subclass says what is in them.

    The form is beside the panes where there is room, else over them; in a small terminal form and
    panes are shown one at a time.
    """

    AUTO_FOCUS = ""  # the keys work at once; a focused field would take them
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]

    screen_name: ClassVar[ScreenName]
    FIRST_ROW: ClassVar[str] = ""  # of the form

    header = query_one("#header", HeaderLine)
    banner = query_one("#banner", Banner)
    status_line = query_one("#status", StatusLine)
    key_line = query_one("#keys", KeyLine)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.feed: Feed[Any] | None = None  # None before there is anything to show
        self._control: Control | SweepControl = Control()
        self._background = Background(self)
        self._budget = FrameBudget(context.ui_share)
        self._dirty = True
        self._drawn = 0
        self._problem = ""  # why a request came to nothing
        self._show_overhead = False
        self._timer: Timer | None = None
        self._said = ""
        self._said_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the parts; which of them show depends on the size."""
        yield HeaderLine(id="header")
        yield Banner(id="banner")
        with Horizontal(id="body"):
            yield from self.make_form()
            with Vertical(id="panes"):
                yield from self.make_panes()
        yield StatusLine(id="status")
        yield KeyLine(self.screen_name, self.context.keymap, id="keys")

    def on_mount(self) -> None:
        """Start the timer of the frames, and draw the first one."""
        self._show_view(self._views[0])
        self._timer = self.set_interval(_TICK, self._tick, pause=True)
        self.set_focus(None)
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        self.action_stop()

    def on_resize(self, event: events.Resize) -> None:
        """Rewrite the lines: their wording depends on the width."""
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        """Draw what happened while another screen was shown."""
        self._redraw_soon()
        self.call_after_refresh(self.draw)

    # What a screen consists of

    def make_form(self) -> Iterator[Form]:
        """Make the form, with the id ``form``; a screen may have none."""
        yield from ()

    @abstractmethod
    def make_panes(self) -> Iterator[Widget]:
        """Make the panes, from the top to the bottom; the log key is for the first."""

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
        """Return labels that differ from those in `KEYS`; "" omits a key."""

    def badge_text(self) -> str:
        return badge_text(self.state)

    @property
    def quit_warning(self) -> str:
        """What quitting would interrupt, in a sentence."""
        return ""

    # State

    @property
    def state(self) -> State:
        """What the screen's thread is doing."""
        return self.feed.result.state if self.feed is not None else State.IDLE

    @property
    def active(self) -> bool:
        """Whether more events will come, paused or not."""
        return self.state in ACTIVE

    @property
    def unread(self) -> bool:
        """Whether events wait for the next frame."""
        feed = self.feed
        return feed is not None and (len(feed.inbox) > 0 or feed.applied != self._drawn)

    @property
    def is_idle(self) -> bool:
        """Whether no more events will come and everything is drawn."""
        return not (self.active or self.unread or self._dirty)

    def take_inbox(self) -> None:
        if self.feed is not None:
            self.feed.take_inbox()

    @on(Updated)
    def _take_update(self, message: Updated) -> None:
        """Draw without waiting for the next tick."""
        if message.feed is not self.feed:
            return
        self.take_inbox()
        self._dirty = True
        if self.is_current:
            self.draw_lines()
            self.call_after_refresh(self.draw)

    # When to draw, and what

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self._budget.draws(getattr(self.app, "bytes_written", 0))
        self.take_inbox()
        self.draw_all()
        self._dirty = False
        self._drawn = self.feed.applied if self.feed is not None else 0

    def draw_all(self) -> None:
        self.draw_lines()
        self.draw_panes()

    def draw_lines(self) -> None:
        """Draw what is not in a pane."""
        self._show_state()
        setup, device = self.header_texts()
        self.header.put(setup, self.badge_text(), device)
        self.banner.put(self._problem or self.banner_text())
        overhead = overhead_text(self._budget.overhead)
        self.status_line.put(
            self._said or (overhead if self._show_overhead else self.status_text())
        )
        self.key_line.relabel(**self.key_labels())

    def say(self, words: str) -> None:
        """Show words in the status line for some seconds: what a key changed, or why it did not."""
        self._said = f" {words}"
        if self._said_timer is not None:
            self._said_timer.stop()
        self._said_timer = self.set_timer(_SAID_SECONDS, self._unsay)
        self.draw_lines()

    def _unsay(self) -> None:
        self._said = ""
        self.draw_lines()

    def _redraw_soon(self) -> None:
        self._dirty = True
        if self._timer is not None:
            self._timer.resume()

    def _tick(self) -> None:
        if not self.is_current:
            self.take_inbox()  # little by little, and not all at once when it comes back
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
            self.update_node_styles()  # once: it is expensive

    # Keys

    def action_stop(self) -> None:
        """Ask the screen's thread to end, if there is one."""
        self._control.stop()

    def action_log(self) -> None:
        self.query("#panes > *").first(PlotPane).toggle_log()
        self.draw_all()

    def action_zoom(self) -> None:
        """Give one pane all the room, or take it back."""
        zoomed = not self.has_class("-zoomed")
        if zoomed and not self._one_pane:
            panes = self._panes
            self._show_view(self.focused if self.focused in panes else panes[0])
        self.set_class(zoomed, "-zoomed")
        self.call_after_refresh(self.draw)

    def action_next_view(self) -> None:
        """Go to the next field, to the form and back, or to the next pane, as the size allows."""
        views = self._views
        if self._one_pane:
            shown = next(index for index, view in enumerate(views) if view.has_class("-front"))
            self._show_view(views[(shown + 1) % len(views)])
        elif self.has_class("-wide") or not self.query("#form"):
            self.focus_next()
        else:
            self._open_form(not self.has_class("-form-open"))

    def action_leave(self) -> None:
        """Leave the field, the open form, the zoom."""
        self.set_focus(None)
        self.remove_class("-form-open")
        if self.has_class("-zoomed"):
            self.action_zoom()

    def action_back(self) -> None:
        """Leave the field, the open form, the zoom; else the screen."""
        if self.focused is not None or self.has_class("-form-open") or self.has_class("-zoomed"):
            self.action_leave()
        else:
            self.app.pop_screen()

    def action_overhead(self) -> None:
        """Toggle between the status line and the UI overhead."""
        self._show_overhead = not self._show_overhead
        self.draw_lines()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.context.keymap))

    # Room

    @property
    def _panes(self) -> list[Widget]:
        return list(self.query_one("#panes").children)

    @property
    def _views(self) -> list[Widget]:
        """The panes and the form, which a small terminal shows one at a time."""
        return [*self._panes, *self.query("#form")]

    @property
    def _one_pane(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-short")

    def _show_view(self, front: Widget) -> None:
        for view in self._views:
            view.set_class(view is front, "-front")
        is_form = front.id == "form"
        self.set_class(is_form, "-form-front")
        if is_form and self._one_pane:
            self.query_one(self.FIRST_ROW).focus()
        elif self._one_pane:
            self.set_focus(None)
        self.call_after_refresh(self.draw)

    def _open_form(self, opened: bool) -> None:
        if self.has_class("-wide"):
            return
        if self._one_pane:
            if opened:
                self._show_view(self.query_one("#form"))
            return
        self.set_class(opened, "-form-open")
        if not opened:
            self.set_focus(None)
        elif self.focused is None:
            self.query_one(self.FIRST_ROW).focus()

    def _focus_invalid_field(self, form: Form) -> bool:
        """Go to the form's first invalid field, and return whether there is one."""
        if (field := form.invalid_field) is None:
            return False
        self._open_form(True)
        field.query_one("Input").focus()
        return True
