"""A screen of a form and two panes: their room at every size, and when they are drawn."""

from abc import abstractmethod
from typing import Any, ClassVar

from textual import events
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from tui_trainer.training.state import ACTIVE, State
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.frames import UI_SHARE, FrameBudget
from tui_trainer.tui.help import HelpScreen
from tui_trainer.tui.keys import Place

_TICK = 0.1  # seconds


class PanedScreen(Screen[None]):
    """Side by side where there is room, else the form over the panes, else one at a time.

    The panes have the classes ``upper`` and ``lower``, the form the id ``form``.
    """

    AUTO_FOCUS = ""  # the keys work at once; a focused field would take them
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]

    feed: Feed[Any] | None  # what the screen shows; None before there is anything
    place: ClassVar[Place]
    VIEWS: ClassVar[tuple[str, ...]] = ("upper", "lower", "form")
    FIRST_ROW: ClassVar[str] = ""  # of the form

    upper = query_one(".upper", Widget)
    lower = query_one(".lower", Widget)

    def __init__(self, keymap: dict[str, str], ui_share: float = UI_SHARE) -> None:
        super().__init__()
        self._keymap = keymap
        self._budget = FrameBudget(ui_share)
        self._dirty = True
        self._show_tax = False
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Take up the time between frames; the first one stands before it."""
        self._show_view("upper")
        self._timer = self.set_interval(_TICK, self._tick, pause=True)
        self.set_focus(None)
        self.call_after_refresh(self.draw)

    def on_resize(self, event: events.Resize) -> None:
        """Write the lines anew: what they say depends on the width."""
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        """Draw what has happened behind another screen."""
        self._redraw_soon()
        self.call_after_refresh(self.draw)

    # What a screen says of itself

    @property
    def state(self) -> State:
        """What it is doing."""
        return self.feed.result.state if self.feed is not None else State.IDLE

    @property
    def active(self) -> bool:
        """Whether something is on its way that will bring news, paused or not."""
        return self.state in ACTIVE

    @property
    def unread(self) -> bool:
        """Whether events wait for the next frame."""
        return self.feed is not None and len(self.feed.inbox) > 0

    @property
    @abstractmethod
    def at_stake(self) -> str:
        """What would be lost now, in a sentence."""

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way and nothing is left to draw."""
        return not (self.active or self.unread or self._dirty)

    def take_inbox(self) -> None:
        """Take in the events that have arrived."""
        if self.feed is not None:
            self.feed.take_inbox()

    @abstractmethod
    def draw_all(self) -> None:
        """Draw the newest state."""

    @abstractmethod
    def draw_lines(self) -> None:
        """Draw what is not in a pane."""

    def action_stop(self) -> None:
        """End what is on its way, if there is anything."""

    def _draw_update(self) -> None:
        """Take in news that can't wait for the next frame, and draw them if they can be seen."""
        self.take_inbox()
        self._dirty = True
        if self.is_current:
            self.call_after_refresh(self.draw)

    # When to draw

    def draw(self) -> None:
        """Draw the newest state now."""
        if not self.is_mounted:
            return
        self._budget.draws(getattr(self.app, "bytes_written", 0))
        self.take_inbox()
        self.draw_all()
        self._dirty = False

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
        if not self.has_class(f"-{state.value}"):  # each change of a class is dear
            for other in State:
                self.set_class(other is state, f"-{other.value}")

    # Keys

    def action_zoom(self) -> None:
        """Give one pane all the room, or take it back."""
        zoomed = not self.has_class("-zoomed")
        if zoomed and not self._one_pane:
            self._show_view("lower" if self.focused is self.lower else "upper")
        self.set_class(zoomed, "-zoomed")
        self.call_after_refresh(self.draw)

    def action_next_view(self) -> None:
        """Go on: to the next field, to the form and back, or to the next pane, as the size asks."""
        if self._one_pane:
            shown = next(view for view in self.VIEWS if self.has_class(f"-view-{view}"))
            self._show_view(self.VIEWS[(self.VIEWS.index(shown) + 1) % len(self.VIEWS)])
        elif self.has_class("-wide") or "form" not in self.VIEWS:
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

    def action_tax(self) -> None:
        """Show what the screen costs in the place of the line of state, or no longer."""
        self._show_tax = not self._show_tax
        self.draw_lines()

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(self._keymap))

    # Room

    @property
    def _one_pane(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-short")

    def _show_view(self, view: str) -> None:
        for other in self.VIEWS:
            self.set_class(other == view, f"-view-{other}")
        if view == "form" and self._one_pane:
            self.query_one(self.FIRST_ROW).focus()
        elif self._one_pane:
            self.set_focus(None)
        self.call_after_refresh(self.draw)

    def _open_form(self, opened: bool) -> None:
        if self.has_class("-wide"):
            return
        if self._one_pane:
            if opened:
                self._show_view("form")
            return
        self.set_class(opened, "-form-open")
        if not opened:
            self.set_focus(None)
        elif self.focused is None:
            self.query_one(self.FIRST_ROW).focus()
