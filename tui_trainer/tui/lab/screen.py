"""The stopping laboratory: where rules would have stopped the run that the cockpit shows."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from textual import on
from textual.binding import Binding
from textual.getters import query_one
from textual.timer import Timer
from textual.widget import Widget

from tui_trainer.config.overrides import Value
from tui_trainer.config.settings import setup_text
from tui_trainer.training.laboratory import (
    Laboratory,
    Outcome,
    RuleStop,
    best_outcome,
    rules_of,
    settings_with,
)
from tui_trainer.training.marks import LossMarks, RuleMark
from tui_trainer.training.result import RunResult
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.lab.table import RuleTable
from tui_trainer.tui.lab.wording import cut_off_text, laboratory_banner, letter, rule_text
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import ValuesTaken
from tui_trainer.tui.panes.loss_pane import LossPane
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.run.wording import run_badge, status_text
from tui_trainer.tui.widgets.row_table import MOVES, Move
from tui_trainer.tui.wording import MEDIUM

_OF_THE_PLOT = ("home", "end")
# A long history is read in parts, between which keys and the trainer have their turn.
_READING, _RESTING = 0.015, 0.03  # seconds, of the processor and of the clock
_OF_THE_RUN = ("pause", "step", "stop", "branch")  # keys


class LaboratoryScreen(LiveScreen):
    """The cockpit's run, a mark for each rule that fires, and what that would have cost."""

    screen_name = "laboratory"
    BINDINGS = [
        *bindings("laboratory"),
        *(
            Binding(key, f"move('{move}')", show=False)
            for key, move in MOVES.items()
            if key not in _OF_THE_PLOT
        ),
    ]

    loss_pane = query_one("#loss", LossPane)
    table = query_one("#table", RuleTable)

    def __init__(self, context: Context, cockpit: Cockpit) -> None:
        super().__init__(context)
        self._cockpit = cockpit
        self._laboratory = Laboratory(())
        self._read_of: RunResult | None = None  # the run that the laboratory reads
        self._reading: Timer | None = None
        self._outcomes: list[Outcome] = []
        self._best: int | None = None

    def make_panes(self) -> Iterator[Widget]:
        yield LossPane(self.context.charset, id="loss")
        yield RuleTable(id="table")

    def on_mount(self) -> None:
        """Show the table first where there is room for one pane."""
        self.call_after_refresh(self._show_view, self.table)

    def on_screen_resume(self) -> None:
        """Take the run that the cockpit shows."""
        if not self.is_current:  # a branch has been started from here
            return
        self.feed: Feed[RunResult] | None = self._cockpit.feed
        if self.run is not None and self.run is not self._read_of:
            config = self.run.config
            rules = rules_of(self.context.presets, config.regularizer.stopping)
            self._laboratory = Laboratory(rules, config.validate_every)
            self._read_of = self.run
            self.table.chosen = None

    @property
    def run(self) -> RunResult | None:
        """The run that is shown."""
        return self.feed.result if self.feed is not None else None

    def _notice_end(self) -> None:
        """Leave that to the cockpit, whose run it is."""

    # Keys

    def action_pause(self) -> None:
        self._cockpit.action_pause()

    def action_step(self) -> None:
        self._cockpit.action_step()

    def action_stop(self) -> None:
        self._cockpit.action_stop()

    def action_move(self, move: Move) -> None:
        self.table.move(move)
        self.draw_all()

    def action_smooth(self) -> None:
        self.loss_pane.toggle_smooth()
        self.draw_all()

    def action_take_rule(self) -> None:
        """Put the rule under the cursor into the cockpit's form, and go back there."""
        if values := self._values_to_take():
            self.post_message(ValuesTaken(dict(values)))

    def action_branch(self) -> None:
        """Ask whether to leave the run where the rule under the cursor would have stopped it."""
        if self._stop is not None:
            self._cockpit.branch_at(self._stop.step)

    @property
    def _stop(self) -> RuleStop | None:
        """Where the rule under the cursor fires."""
        index = self.table.chosen
        return self._laboratory.stops.get(index) if index is not None else None

    def _values_to_take(self) -> Mapping[str, Value]:
        if self.run is None or self._chosen is None:
            return {}
        regularizer = self.run.config.regularizer
        return settings_with(self._chosen.rule, self.context.presets, regularizer)

    @property
    def _chosen(self) -> Outcome | None:
        """What becomes of the run under the rule under the cursor."""
        index = self.table.chosen
        return self._outcomes[index] if index is not None and self._outcomes else None

    @on(RuleTable.Chosen)
    def _take_row(self, event: RuleTable.Chosen) -> None:
        self.table.chosen = event.key
        self.draw_all()

    # Reading the history

    def _read_on(self) -> None:
        """Read for some milliseconds; what is left is read in parts that let others have a turn."""
        self._reading = None
        if self.run is None:
            return
        until = time.thread_time() + _READING
        while unread := self._laboratory.read(self.run.history):
            if time.thread_time() >= until:
                break
        if unread and self.is_current:
            self._reading = self.set_timer(_RESTING, self._read_on)
        self._redraw_soon()

    # Drawing

    def draw(self) -> None:
        """Take in what is new before it is weighed."""
        self.take_inbox()
        if self._reading is None:
            self._read_on()
        if self.run is not None:
            self._weigh(self.run)
        super().draw()

    def _weigh(self, run: RunResult) -> None:
        """Say what becomes of the run under each rule, as far as it has been read."""
        self._outcomes = self._laboratory.outcomes(run)
        self._best = best_outcome(self._outcomes)
        if self.table.chosen is None and not self._unread_after:  # then it moves by keys alone
            self.table.chosen = 0 if self.active or self._best is None else self._best

    @property
    def _unread_after(self) -> int:
        """The step up to which the history has been read; 0 if that is all of it."""
        unread = self.run is not None and self._laboratory.has_more(self.run.history)
        return self._laboratory.step if unread else 0

    def draw_panes(self) -> None:
        if self.run is not None and self._outcomes:
            self.loss_pane.put(self.run, marks=self._marks(self.run))
            config, unread_after = self.run.config, self._unread_after
            self.table.draw_rows(self._outcomes, self._best, config, unread_after=unread_after)

    def _marks(self, run: RunResult) -> LossMarks:
        """Return the run's marks, and one for each rule that has fired."""
        stops = self._laboratory.stops
        rules = [
            RuleMark(letter(index), stop.step, stop.val_loss, index == self.table.chosen)
            for index, stop in sorted(stops.items())
        ]
        return replace(run.marks, rules=tuple(rules))

    def header_texts(self) -> tuple[str, str]:
        run = self.run
        if run is None:
            return "stopping laboratory", ""
        names = setup_text(run.config)
        return f"stopping laboratory · {names}", run.engine

    def badge_text(self) -> str:
        return run_badge(self.run) if self.run is not None else super().badge_text()

    def banner_text(self) -> str:
        if self.run is None or not self._outcomes:
            return ""
        if self._laboratory.is_cut_off(self.run.history):
            return cut_off_text(self.run.history.first_kept - 1, self.size.width)
        return laboratory_banner(self.run, self._outcomes, self._best, self.size.width)

    def status_text(self) -> str:
        config = self.run.config if self.run is not None else self._cockpit.form.config
        return status_text(self.run, config, self.size.width)

    def key_labels(self) -> dict[str, str]:
        labels = {"setup": "pane", "pause": self._cockpit.key_labels()["pause"], "laboratory": ""}
        if self.size.width >= MEDIUM and self._chosen is not None:
            labels["take_rule"] = f"take {rule_text(self._chosen.rule.stopping, short=True)}"
        return labels

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now: those of the run as on the cockpit."""
        of_the_run = self._cockpit.why_not()
        reasons = {name: of_the_run[name] for name in _OF_THE_RUN if name in of_the_run}
        if not self._values_to_take():
            reasons["take_rule"] = "No preset of a regularizer has this rule."
        if self._stop is None:
            no_step = "This rule has not stopped: there is no step to branch off from."
            reasons.setdefault("branch", no_step)
        return reasons
