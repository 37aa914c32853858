"""The sweep screen: what to try on the left, what it comes to on the right."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.getters import query_one

from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import Value
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.plotting.roles import Charset
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.tui.background import Background, Work
from tui_trainer.tui.keys import bindings, keycaps
from tui_trainer.tui.live_screen import PanedScreen
from tui_trainer.tui.messages import SweepNews, ValuesTaken
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.wording import BADGES, tax_text
from tui_trainer.tui.sweep.candidate_screen import CandidateScreen
from tui_trainer.tui.sweep.form import SweepForm
from tui_trainer.tui.sweep.plot_pane import SweepPane
from tui_trainer.tui.sweep.state import SweepView
from tui_trainer.tui.sweep.table import Move, SweepTable
from tui_trainer.tui.sweep.wording import banner_text, setup_text, status_text
from tui_trainer.tui.widgets.fields import Direction
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, KeyLine, StatusLine

_MOVES: dict[str, Move] = {
    "up": "up",
    "down": "down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "first",
    "end": "last",
}


class SweepScreen(PanedScreen):
    """Plans a sweep around what the cockpit's form says, and shows the one that there is."""

    place = "sweep"
    BINDINGS = [
        *bindings("sweep"),
        *(Binding(key, f"move('{move}')", show=False) for key, move in _MOVES.items()),
    ]
    FIRST_ROW = "#row-axis"

    form = query_one("#form", SweepForm)
    header = query_one("#header", HeaderLine)
    banner = query_one("#banner", Banner)
    plot = query_one("#plot", SweepPane)
    table = query_one("#table", SweepTable)
    status_line = query_one("#status", StatusLine)
    key_line = query_one("#keys", KeyLine)

    def __init__(
        self,
        presets: Presets,
        work: Work,
        keymap: dict[str, str],
        charset: Charset,
        ui_share: float,
        setup: ConfigForm,
    ) -> None:
        super().__init__(keymap, ui_share)
        self._presets, self._setup = presets, setup
        self._background = Background(self, work)
        self._charset, self._ui_share = charset, ui_share
        self.view: SweepView | None = None
        self._control = SweepControl()
        self._problem = ""
        self._log: bool | None = None

    def compose(self) -> ComposeResult:
        """Lay out the parts; which of them show depends on the size."""
        yield HeaderLine(id="header")
        yield Banner(id="banner")
        with Horizontal(id="body"):
            steps = self._setup.config.steps
            yield SweepForm(self._presets, steps, keycaps(self._keymap), id="form")
            with Vertical(id="panes"):
                yield SweepPane(self._charset, id="plot", classes="upper")
                yield SweepTable(id="table", classes="lower")
        yield StatusLine(id="status")
        yield KeyLine("sweep", self._keymap, id="keys")

    def on_unmount(self) -> None:
        """Let the sweep's thread end."""
        self._control.stop()

    @property
    def told(self) -> SweepView | None:
        """The sweep."""
        return self.view

    @property
    def at_stake(self) -> str:
        """Where the sweep stands."""
        assert self.view is not None
        done, total = self.view.results.finished, len(self.view.plan.candidates)
        return f"A sweep is training, {done:,} of {total:,} candidates done."

    # Keys

    def action_start(self) -> None:
        """Start what the form says; a sweep on its way ends without a word."""
        if (field := self.form.invalid_field) is not None:
            self._open_form(True)
            field.query_one("Input").focus()
            return
        self._problem = ""
        try:
            plan = self.form.plan(self._setup.recipe, self._setup.settings)
        except InvalidSettingsError as error:
            self._problem = f"⚠ {error}"
        else:
            self._start(plan)
        self._redraw_soon()
        self.draw()

    def action_stop(self) -> None:
        """End the sweep."""
        self._control.stop()

    def action_axis(self, direction: Direction) -> None:
        """Sweep over the next or previous setting."""
        self.form.turn_axis(direction)

    def action_objective(self) -> None:
        """Go to the other objective."""
        self.form.turn_objective()

    def action_values(self) -> None:
        """Type the values."""
        self._open_form(True)
        self.form.field("values").query_one("Input").focus()

    def action_table(self) -> None:
        """Show the points, or all candidates."""
        self.table.toggle()
        self.draw_all()

    def action_by_loss(self) -> None:
        """Sort the rows by their loss as it is now, or as they were."""
        self.table.toggle_order()
        self.draw_all()

    def action_move(self, move: Move) -> None:
        """Move the cursor."""
        self.table.move(move)
        self.draw_all()

    def action_open(self) -> None:
        """Show the candidate under the cursor: its losses and its fit."""
        index = self.table.candidate
        if self.view is not None and index is not None:
            screen = CandidateScreen(
                self.view, index, self._control, self._keymap, self._charset, self._ui_share
            )
            self.app.push_screen(screen)

    def action_use(self) -> None:
        """Take what is under the cursor, or the recommended value, into the cockpit's form."""
        if values := self._values_to_use():
            self.post_message(ValuesTaken(values))

    def action_log(self) -> None:
        """Change between a log and a linear loss axis."""
        self._log = not (self.plot.is_log if self._log is None else self._log)
        self.draw_all()

    @on(SweepTable.Chosen)
    def _take_row(self, event: SweepTable.Chosen) -> None:
        self.table.choose(event.row)
        self.draw_all()

    @on(SweepForm.Changed)
    def _take_form(self) -> None:
        self._problem = ""
        self.draw_all()

    # Sweeps

    def _start(self, plan: Sweep) -> None:
        self._control.stop()
        self._control = SweepControl()
        self.view = SweepView(plan, self.view.number + 1 if self.view else 1)
        self.table.start(self.view)
        self.action_leave()
        self._background.start_sweep(self.view, self._control)

    @on(SweepNews)
    def _take_sweep_news(self, message: SweepNews) -> None:
        if self.view is not None and message.sweep == self.view.number:
            self._draw_news()

    def _values_to_use(self) -> dict[str, Value]:
        """Return what `u` takes: a candidate's value and seed, a point's value."""
        if self.view is None:
            return {}
        if (point := self.table.point) is None:
            leader = self.view.leader()
            point = leader.point.index if leader else None
        if point is None:
            return {}
        values: dict[str, Value] = {
            self.view.plan.axes[0].key: self.view.plan.points[point].values[0]
        }
        if self.table.shows_candidates and (index := self.table.candidate) is not None:
            values["seed"] = self.view.plan.candidates[index].config.seed
        return values

    # Drawing

    def draw_all(self) -> None:
        """Draw the newest state."""
        self.set_class(self.view is None, "-empty")
        self.draw_lines()
        if self.view is None:
            self.plot.blank(f"s starts {self.form.amount}", (("Sweep", "title"),))
        else:
            self.plot.put(self.view, cursor=self.table.point, log=self._log)
        self.table.draw_rows()

    def draw_lines(self) -> None:
        """Draw header, banner, state and keys."""
        self._show_state()
        width, view = self.size.width, self.view
        symbol, word = BADGES[self.state]
        self.header.put(self._header_text(), f"{symbol} {word}", self._place_text())
        self.banner.put(self._problem or (banner_text(view, width) if view else ""))
        status = status_text(view, self.form.amount, width)
        self.status_line.put(tax_text(self._budget.tax) if self._show_tax else status)
        self.form.mark_next_sweep(view.plan if view else None)
        self._label_keys()

    def _label_keys(self) -> None:
        """Name just the keys that do something now."""
        wide = self.size.width >= 100
        labels = {
            "start": "start again" if self.view and wide else "start",
            "stop": "stop" if self.active else "",
            "setup": "pane" if self._one_pane else "setup",
            "table": "points" if self.table.shows_candidates else "candidates",
            "by_loss": "by value" if self.table.is_by_loss else "by loss",
            "open": "look" if self.table.candidate is not None else "",
            "use": self._using(wide),
        }
        if self.size.width < 60:  # tab is needed more than these
            labels |= {"quit": "", "open": ""}
        if self.view is None:
            labels |= dict.fromkeys(("table", "by_loss", "log", "zoom"), "")
        self.key_line.relabel(**labels)

    def _using(self, wide: bool) -> str:
        """Say what `u` would take; where there is no room, the banner or the cursor does."""
        values = self._values_to_use()
        if self.size.width < 60:
            return "use" if values else ""
        if not wide:
            values.pop("seed", None)
        texts = [f"{key} {value_text(value)}" for key, value in values.items()]
        return f"use {', '.join(texts)}" if texts else ""

    def _header_text(self) -> str:
        if self.view is not None:
            return setup_text(self.view.plan.axes[0], self.view.plan.base)
        return setup_text(self.form.axis, self._setup.config)

    def _place_text(self) -> str:
        if self.view is not None and self.view.results.started is not None:
            return self.view.results.started.how
        return self._setup.config.device
