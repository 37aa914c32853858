"""The sweep screen: what to try on the left, the results on the right."""

from collections.abc import Iterator
from functools import partial
from threading import Thread

from textual import on
from textual.binding import Binding
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.config.overrides import Value
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.notices.endings import Ending, end_of_sweep
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEnded,
)
from tui_trainer.sweeps.plan import Sweep, values_of
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.tui.keys import bindings, key_texts
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import ValuesTaken
from tui_trainer.tui.run.experiments import EXPERIMENTS, NAMES, RACE, hint
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.sweep.candidate_screen import CandidateScreen
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.form import TUNED, SweepForm
from tui_trainer.tui.sweep.plan_text import plan_lines
from tui_trainer.tui.sweep.plot_pane import SweepPane
from tui_trainer.tui.sweep.race_rows import is_race
from tui_trainer.tui.sweep.table import SweepTable
from tui_trainer.tui.sweep.wording import banner_text, setup_text, status_text
from tui_trainer.tui.widgets.fields import Direction, Form
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.row_table import MOVES, Move
from tui_trainer.tui.wording import MEDIUM, NARROW, with_end


class SweepScreen(LiveScreen):
    """Plans a sweep around the cockpit's form, and shows the newest one."""

    screen_name = "sweep"
    BINDINGS = [
        *bindings("sweep"),
        *(Binding(key, f"move('{move}')", show=False) for key, move in MOVES.items()),
    ]
    FIRST_ROW = "#row-axis"
    WORK = "sweep"

    form = query_one("#form", SweepForm)
    plot = query_one("#plot", SweepPane)
    table = query_one("#table", SweepTable)

    def __init__(self, context: Context, setup: ConfigForm) -> None:
        super().__init__(context)
        self._setup = setup
        self.feed: SweepFeed | None = None
        self.add_class("-empty")
        self._control: SweepControl = SweepControl()
        self._race_feed: SweepFeed | None = None  # that of the guide's race

    def make_form(self) -> Iterator[Form]:
        texts = key_texts(self.context.keymap)
        yield SweepForm(self.context.presets, lambda: self._setup.config, texts, id="form")

    def make_panes(self) -> Iterator[Widget]:
        yield SweepPane(self.context.charset, id="plot")
        yield SweepTable(self.context.charset, id="table")

    @property
    def quit_warning(self) -> str:
        return "A sweep is not finished."

    def go_on_unseen(self) -> Thread | None:
        """Go on, unless nothing is kept of it."""
        if self.feed is None or not self.active or self.context.work.saved is None:
            return super().go_on_unseen()
        return self._background.go_on_unseen(self.feed)

    def ending(self) -> Ending:
        assert self.feed is not None
        return end_of_sweep(self.feed.result)

    def work_count(self) -> str:
        assert self.feed is not None
        return f"{self.feed.result.finished:,}/{len(self.feed.sweep.candidates):,}"

    # Room

    @property
    def _panes(self) -> list[Widget]:
        """The panes; a race is one list, in which each name has its plot."""
        return [self.table] if self._is_race else [self.plot, self.table]

    @property
    def _is_race(self) -> bool:
        """Whether there is one list instead of a plot and a table: of names, or while it tunes."""
        return self.feed is not None and (self.feed.sweep.tunes or is_race(self.feed.sweep))

    # Keys

    def action_log(self) -> None:
        if self._is_race:
            self.table.toggle_log()
        else:
            self.plot.toggle_log()
        self.draw_all()

    def action_start(self) -> None:
        """Start the form's sweep, in place of one that is running."""
        if self._focus_invalid_field(self.form):
            return
        self._problem = ""
        try:
            sweep = self.form.plan(self._setup.recipe, self._setup.settings)
        except InvalidSettingsError as error:
            self._problem = f"⚠ {error}"
        else:
            self._start(sweep)
        self._redraw_soon()
        self.draw()

    def start_race(self) -> None:
        """Start the guide's race around the cockpit's form."""
        self.form.fill("regularizer", RACE.values, RACE.seeds, RACE.steps)
        self.action_start()
        self._race_feed = self.feed

    def action_axis(self, direction: Direction) -> None:
        self.form.turn_axis(direction)

    def action_objective(self) -> None:
        self.form.turn_objective()

    def action_tune(self) -> None:
        self.form.toggle_tuned()

    def action_values(self) -> None:
        self._open_form(True)
        self.form.field("values").query_one("Input").focus()

    def action_table(self) -> None:
        self.table.toggle()
        self.draw_all()

    def action_by_loss(self) -> None:
        """Sort the rows by their current loss, or by value and seed."""
        self.table.toggle_order()
        self.draw_all()

    def action_move(self, move: Move) -> None:
        self.table.move(move)
        self.draw_all()

    def action_open(self) -> None:
        """Open the candidate under the cursor."""
        index = self.table.candidate
        if self.feed is not None and index is not None:
            self.app.push_screen(CandidateScreen(self.context, self.feed, index, self._control))

    def action_use(self) -> None:
        """Put the value under the cursor, or the recommended one, into the cockpit's form."""
        if values := self._values_to_use():
            self.post_message(ValuesTaken(values))

    @on(SweepTable.Chosen)
    def _take_row(self, event: SweepTable.Chosen) -> None:
        self.table.choose(event.key)
        self.draw_all()

    @on(SweepForm.Changed)
    def _take_form(self) -> None:
        self._problem = ""
        if self._next_is_hidden and self.active:
            self.say(self._next_text)
        self.draw_all()

    @property
    def _next_is_hidden(self) -> bool:
        """Whether the form, which is not shown, is of another sweep than the one that is."""
        shown = self.feed.sweep if self.feed is not None else None
        return shown is not None and not self.form.region.area and self.form.differs_from(shown)

    @property
    def _next_text(self) -> str:
        draft = self.form.draft
        lead = f"next sweep, {self.key('start')} starts it: "
        texts = (f"{lead}{draft.amount}, {draft.time}", f"{lead}{draft.amount}")
        fits = (text for text in texts if len(text) < self.size.width)
        return next(fits, f"{self.key('start')} starts {draft.candidates}")

    # Sweeps

    def _start(self, sweep: Sweep) -> None:
        self._control.stop()
        self._control = SweepControl()
        self.feed = SweepFeed(sweep)
        self.set_class(self._is_race, "-race")
        self._show_view(self._views[0])
        self.table.start(self.feed)
        self.action_leave()
        self._background.follow(
            self.feed,
            partial(self.context.work.sweep, sweep, self._control),
            frequent=(CandidatesAdvanced, CandidateEnded, CandidateFitSampled, CandidatesRestarted),
            failed=lambda words: SweepEnded(StopReason.FAILED, words, 0, 0.0),
        )

    def _values_to_use(self) -> dict[str, Value]:
        """Return what `u` takes: a candidate's value and seed, a point's value."""
        if self.feed is None:
            return {}
        sweep, point = self.feed.sweep, self.table.point
        if point is None:
            named = self.active or self.feed.recommendation is not None
            leader = self.feed.leader() if named else None  # none where nothing was recommended
            point = leader.point.index if leader else None
        if point is None:
            return {}
        values = values_of(sweep, sweep.points[point])
        if self.table.shows_candidates and (index := self.table.candidate) is not None:
            values["seed"] = sweep.candidates[index].config.seed
        return values

    # Drawing

    def draw_panes(self) -> None:
        self.set_class(self.feed is None, "-empty")
        if self.has_class("-race") and not self._is_race:  # a race of numbers, now tuned
            self.remove_class("-race")
            self._show_view(self._views[0])
        if self.feed is None:
            self.plot.explain(self._plan_lines, "Sweep")
        elif not self._is_race:
            self.plot.put(self.feed, cursor=self.table.point)
        self.table.draw_rows()

    def _plan_lines(self, width: int, height: int) -> Iterator[tuple[Part, ...]]:
        keys = [
            f"{self.key('start')} starts",
            f"{self.key('values')} edits the values",
            f"{self.key('axis')} takes another setting",
        ]
        if not (self.form.tuned_key or self.form.why_not_tuned()):
            keys.append(f"{self.key('tune')} gives each its own best {TUNED}")
        return plan_lines(self.form.draft, " · ".join(keys), width, height)

    def draw_lines(self) -> None:
        super().draw_lines()
        shown = self.feed
        self.form.mark_next_sweep(shown.sweep if shown else None, shown and shown.result.ended)

    def header_texts(self) -> tuple[str, str]:
        if self.feed is None:
            setup = setup_text(self.form.axis, self._setup.config, self.form.tuned_key)
            return setup, self._setup.config.device
        started, sweep = self.feed.result.started, self.feed.sweep
        tuned = sweep.axes[-1].key if len(sweep.axes) > 1 else ""
        how = started.how if started else sweep.base.device
        return setup_text(sweep.axes[0], sweep.base, tuned), how

    def banner_text(self) -> str:
        words = banner_text(self.feed, self.size.width) if self.feed else ""
        return self._race_words(words) if self.feed and self.feed is self._race_feed else words

    def _race_words(self, words: str) -> str:
        """Say what to look at in the guide's race, and after it what comes next."""
        if self.active:
            return f"▸ {RACE.look}"
        back = f"{self.key('back')} goes back."
        unseen = [name for name in NAMES if name not in self.context.seen]
        width = self.size.width
        if width >= MEDIUM:
            back = f"{back} {hint(self.keys, unseen, EXPERIMENTS[-1])}"
        return with_end(words, back, width - 2, 3 if width < NARROW else 4)

    def status_text(self) -> str:
        if self.feed is None:
            draft = self.form.draft
            words = f" {draft.amount}, {draft.time}"
            return words if len(words) <= self.size.width else f" {draft.candidates}, {draft.time}"
        if self._next_is_hidden and not self.active:
            return f" {self._next_text}"
        return status_text(self.feed, self.size.width)

    def key_labels(self) -> dict[str, str]:
        return {
            "start": "again" if self.feed else "start",
            "setup": "pane" if self._one_pane else "form",
            "table": "points" if self.table.shows_candidates else "candidates",
            "by_loss": self._order_label,
            "tune": "one lr" if self.form.tuned_key else "best lr",
            "use": self._use_label(),
        }

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now: most need a sweep, or a row under the cursor."""
        reasons = super().why_not()
        if why := self.form.why_not_tuned():
            reasons["tune"] = why
        if self.feed is None:
            none_yet = f"No sweep yet: {self.key('start')} starts it."
            return reasons | dict.fromkeys(("use", "open", "table", "by_loss", "log"), none_yet)
        if self.table.candidate is None:
            reasons["open"] = "No candidate under the cursor: ↑ ↓ choose one."
        if not self._values_to_use():
            reasons["use"] = "Nothing is recommended: ↑ ↓ choose a row."
        return reasons

    @property
    def _order_label(self) -> str:
        if not self.table.is_by_loss:
            return "by loss"
        return "as listed" if self._is_race else "by value"

    def _use_label(self) -> str:
        """Name the value; in a small terminal the banner or the cursor does."""
        values = self._values_to_use() if self.size.width >= MEDIUM else {}
        texts = [f"{key} {value_text(value)}" for key, value in values.items()]
        return f"use {', '.join(texts)}" if texts else "use"
