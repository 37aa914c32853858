"""The sweep screen: what to try on the left, what it comes to on the right."""

from functools import partial

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
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEnded,
)
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.tui.background import Background, Work
from tui_trainer.tui.keys import bindings, keycaps
from tui_trainer.tui.live_screen import PanedScreen
from tui_trainer.tui.messages import Updated, ValuesTaken
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.wording import BADGES, tax_text
from tui_trainer.tui.sweep.candidate_screen import CandidateScreen
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.form import SweepForm
from tui_trainer.tui.sweep.plot_pane import SweepPane
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
        self._work, self._background = work, Background(self)
        self._charset, self._ui_share = charset, ui_share
        self.feed: SweepFeed | None = None
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
    def at_stake(self) -> str:
        """Where the sweep stands."""
        assert self.feed is not None
        done, total = self.feed.result.finished, len(self.feed.sweep.candidates)
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
        if self.feed is not None and index is not None:
            screen = CandidateScreen(
                self.feed, index, self._control, self._keymap, self._charset, self._ui_share
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
        self.feed = SweepFeed(plan)
        self.table.start(self.feed)
        self.action_leave()
        self._background.follow(
            self.feed,
            partial(self._work.sweep, plan, self._control),
            frequent=(
                CandidatesAdvanced,
                CandidateEnded,
                CandidateFitSampled,
                CandidatesRestarted,
            ),
            failed=lambda words: SweepEnded(StopReason.FAILED, words, 0, 0.0),
        )

    @on(Updated)
    def _take_update(self, message: Updated) -> None:
        if message.feed is self.feed:
            self._draw_update()

    def _values_to_use(self) -> dict[str, Value]:
        """Return what `u` takes: a candidate's value and seed, a point's value."""
        if self.feed is None:
            return {}
        if (point := self.table.point) is None:
            leader = self.feed.leader()
            point = leader.point.index if leader else None
        if point is None:
            return {}
        values: dict[str, Value] = {
            self.feed.sweep.axes[0].key: self.feed.sweep.points[point].values[0]
        }
        if self.table.shows_candidates and (index := self.table.candidate) is not None:
            values["seed"] = self.feed.sweep.candidates[index].config.seed
        return values

    # Drawing

    def draw_all(self) -> None:
        """Draw the newest state."""
        self.set_class(self.feed is None, "-empty")
        self.draw_lines()
        if self.feed is None:
            self.plot.blank(f"s starts {self.form.amount}", (("Sweep", "title"),))
        else:
            self.plot.put(self.feed, cursor=self.table.point, log=self._log)
        self.table.draw_rows()

    def draw_lines(self) -> None:
        """Draw header, banner, state and keys."""
        self._show_state()
        width, view = self.size.width, self.feed
        symbol, word = BADGES[self.state]
        self.header.put(self._header_text(), f"{symbol} {word}", self._place_text())
        self.banner.put(self._problem or (banner_text(view, width) if view else ""))
        status = status_text(view, self.form.amount, width)
        self.status_line.put(tax_text(self._budget.tax) if self._show_tax else status)
        self.form.mark_next_sweep(view.sweep if view else None)
        self._label_keys()

    def _label_keys(self) -> None:
        """Name just the keys that do something now."""
        wide = self.size.width >= 100
        labels = {
            "start": "start again" if self.feed and wide else "start",
            "stop": "stop" if self.active else "",
            "setup": "pane" if self._one_pane else "setup",
            "table": "points" if self.table.shows_candidates else "candidates",
            "by_loss": "by value" if self.table.is_by_loss else "by loss",
            "open": "look" if self.table.candidate is not None else "",
            "use": self._using(wide),
        }
        if self.size.width < 60:  # tab is needed more than these
            labels |= {"quit": "", "open": ""}
        if self.feed is None:
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
        if self.feed is not None:
            return setup_text(self.feed.sweep.axes[0], self.feed.sweep.base)
        return setup_text(self.form.axis, self._setup.config)

    def _place_text(self) -> str:
        if self.feed is not None and self.feed.result.started is not None:
            return self.feed.result.started.how
        return self._setup.config.device
