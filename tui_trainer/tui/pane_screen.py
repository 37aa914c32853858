"""A screen's parts, which of them show at every size, and how one goes from one to another."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.getters import query_one
from textual.screen import Screen
from textual.widget import Widget

from tui_trainer.tui.keys import ScreenName
from tui_trainer.tui.widgets.fields import Form
from tui_trainer.tui.widgets.key_line import KeyLine
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, NoteLine, StatusLine
from tui_trainer.tui.widgets.plot_pane import PlotPane


class PaneScreen(Screen[None]):
    """Header, banner, form, panes, status line and keys; a subclass says what is in them.

    The form is beside the panes where there is room, else over them; in a small terminal form and
    panes are shown one at a time.
    """

    AUTO_FOCUS = ""  # the keys work at once; a focused field would take them
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-low"), (30, "-tall")]

    screen_name: ClassVar[ScreenName]
    FIRST_ROW: ClassVar[str] = ""  # of the form

    header = query_one("#header", HeaderLine)
    banner = query_one("#banner", Banner)
    former_line = query_one("#former", NoteLine)
    next_line = query_one("#next", NoteLine)
    status_line = query_one("#status", StatusLine)
    overhead_line = query_one("#overhead", NoteLine)
    key_line = query_one("#keys", KeyLine)

    def __init__(self, keymap: dict[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def on_mount(self) -> None:
        """Take the size's classes before all is styled: the first resize would style it again."""
        points = self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS
        for size, classes in zip(self.app.size, points, strict=True):
            name = next(name for least, name in reversed(classes) if size >= least)
            self.add_class(name, update=False)

    def compose(self) -> ComposeResult:
        """Lay out the parts; which of them show depends on the size."""
        yield HeaderLine(id="header")
        yield NoteLine(id="former")
        yield Banner(id="banner")
        with Horizontal(id="body"):
            yield from self.make_form()
            with Vertical(id="panes"):
                yield from self.make_panes()
        yield NoteLine(id="next")
        yield StatusLine(id="status")
        yield NoteLine(id="overhead")
        yield KeyLine(self.screen_name, self._keymap, id="keys")

    def make_form(self) -> Iterator[Form]:
        """Make the form, with the id ``form``; a screen may have none."""
        yield from ()

    @abstractmethod
    def make_panes(self) -> Iterator[Widget]:
        """Make the panes, from the top to the bottom; the log key is for the first."""

    @abstractmethod
    def draw(self) -> None:
        """Draw the newest state."""

    # Keys

    def action_zoom(self) -> None:
        """Give the focused pane, or the first one, all the room; then the next; then none."""
        panes = self._panes
        front = next((i for i, pane in enumerate(panes) if pane.has_class("-front")), -1)
        if self._one_pane:
            self._show_view(panes[(front + 1) % len(panes)])
        elif not self.has_class("-zoomed"):
            self._show_view(self.focused if self.focused in panes else panes[0])
            self._set_zoom(True)
        elif front + 1 < len(panes):
            self._show_view(panes[front + 1])
        else:
            self._set_zoom(False)

    def _set_zoom(self, zoomed: bool) -> None:
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

    @property
    def can_leave(self) -> bool:
        """Whether there is a field, an open form or a zoom to leave."""
        opened = self.has_class("-form-open") or self.has_class("-zoomed")
        return self.focused is not None or opened

    def action_leave(self) -> None:
        """Leave the field, the open form, the zoom; before that, take a plot's cursor away."""
        if self._drop_cursor():
            return
        self.set_focus(None)
        self.remove_class("-form-open")
        if self.has_class("-zoomed"):
            self._set_zoom(False)

    def action_back(self) -> None:
        """Leave a plot's cursor, the field, the open form, the zoom; else the screen."""
        if self._drop_cursor():
            self.set_focus(None)
        elif self.can_leave:
            self.action_leave()
        else:
            self.app.pop_screen()

    # Room

    @property
    def _panes(self) -> list[Widget]:
        return list(self.query_one("#panes").children)

    @property
    def _views(self) -> list[Widget]:
        """The panes and the form, which a small terminal shows one at a time."""
        return [*self._panes, *self.query("#form")]

    @property
    def plot_pane(self) -> PlotPane | None:
        """The plot that keys are about: the focused one, else the first that shows."""
        plots = [pane for pane in self._panes if isinstance(pane, PlotPane) and pane.display]
        return next((pane for pane in plots if pane.has_focus), next(iter(plots), None))

    def _drop_cursor(self) -> bool:
        """Take the cursors off the plots, and return whether there were any."""
        plots = [pane for pane in self._panes if isinstance(pane, PlotPane)]
        return sum(pane.drop_cursor() for pane in plots) > 0

    @property
    def _one_pane(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-short")

    @property
    def _form_shown(self) -> bool:
        """Whether the form can be seen, whole."""
        if self._one_pane or self.has_class("-zoomed"):
            return False
        return self.has_class("-wide") or self.has_class("-form-open")

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
