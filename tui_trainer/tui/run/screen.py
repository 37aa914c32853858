"""The cockpit: choose on the left, watch on the right, one line of state below."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.getters import query_one

from tui_trainer.config.presets import PARTS, Presets
from tui_trainer.config.settings import RunConfig, Value
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    Compiling,
    FitSampled,
    Points,
    Previewed,
    RunEnded,
    StepsCompleted,
)
from tui_trainer.training.state import State
from tui_trainer.tui.background import Background, Work
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.frames import UI_SHARE
from tui_trainer.tui.keys import bindings, keycaps
from tui_trainer.tui.live_screen import PanedScreen
from tui_trainer.tui.messages import PreviewFailed, PreviewReady, Updated
from tui_trainer.tui.run.fit_pane import FitPane
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.loss_pane import LossPane
from tui_trainer.tui.run.lr_steps import next_lr
from tui_trainer.tui.run.wording import BADGES, badge_text, banner_text, status_text, tax_text
from tui_trainer.tui.widgets.fields import Direction
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, KeyLine, StatusLine

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult


class Cockpit(PanedScreen):
    """The main screen. `work` comes from outside, so that it needs no torch."""

    place = "cockpit"
    BINDINGS = [
        *bindings("cockpit"),
        Binding("escape", "leave", "leave the field, the zoom", show=False),
    ]
    FIRST_ROW = "#row-recipe"

    form = query_one("#form", ConfigForm)
    header = query_one("#header", HeaderLine)
    banner = query_one("#banner", Banner)
    loss_pane = query_one("#loss", LossPane)
    fit_pane = query_one("#fit", FitPane)
    status_line = query_one("#status", StatusLine)
    key_line = query_one("#keys", KeyLine)

    def __init__(
        self,
        presets: Presets,
        config: RunConfig,
        recipe: str,
        work: Work,
        keymap: dict[str, str],
        charset: Charset,
        ui_share: float = UI_SHARE,
    ) -> None:
        super().__init__(keymap, ui_share)
        self.presets, self._config, self._recipe = presets, config, recipe
        self._work, self._background = work, Background(self)
        self._charset = charset
        self.feed: Feed[RunResult] | None = None
        self._control = Control()
        self._lr_asked = config.lr
        self._previewed: Previewed | None = None
        self._preview_pending = False
        self._preview_shown = True
        self._problem = ""
        self._log: bool | None = None
        self._smooth = False
        self._best_fit = False

    def compose(self) -> ComposeResult:
        """Lay out the parts; which of them show depends on the size."""
        yield HeaderLine(id="header")
        yield Banner(id="banner")
        with Horizontal(id="body"):
            written = keycaps(self._keymap)
            yield ConfigForm(self.presets, self._config, self._recipe, written, id="form")
            with Vertical(id="panes"):
                yield LossPane(self._charset, id="loss", classes="upper")
                yield FitPane(self._charset, id="fit", classes="lower")
        yield StatusLine(id="status")
        yield KeyLine("cockpit", self._keymap, id="keys")

    def on_mount(self) -> None:
        """Ask for the first preview once the first frame stands: it imports torch."""
        self.call_after_refresh(self._ask_preview)

    def on_unmount(self) -> None:
        """Let the trainer's thread end."""
        self._control.stop()

    @property
    def run(self) -> "RunResult | None":
        """The run."""
        return self.feed.result if self.feed is not None else None

    @property
    def at_stake(self) -> str:
        """Where the run stands."""
        return f"A run is training, at step {self.run.step if self.run else 0:,}."

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way: no run, no preview, no frame."""
        return super().settled and not self._preview_pending

    # Requests: the keys

    def action_start(self) -> None:
        """Start what the form says; a run on its way ends without a word."""
        self._start(paused=False)

    def action_pause(self) -> None:
        """Pause or resume."""
        if self.active:
            if self._control.paused:
                self._control.resume()
            else:
                self._control.pause()

    def action_step(self) -> None:
        """Do one step and wait; without a run, the first step of a new one."""
        if not self.active and not self._start(paused=True):
            return
        self._control.step()

    def action_stop(self) -> None:
        """End the run."""
        self._control.stop()

    def action_cycle(self, category: str, direction: Direction) -> None:
        """Go to the next or previous preset of a category."""
        self.form.turn(category, direction)

    def choose(self, category: str, name: str) -> None:
        """Take a preset by name."""
        self.form.choose(category, name)

    def action_lr(self, direction: Direction) -> None:
        """Take the lr up or down along 1-2-5, at once if a run is on its way."""
        self.form.set_number("lr", next_lr(self.form.config.lr, direction))

    def action_log(self) -> None:
        """Change between a log and a linear loss axis."""
        self._log = not (self.loss_pane.is_log if self._log is None else self._log)
        self._draw_loss()

    def action_smooth(self) -> None:
        """Smooth the losses, or no longer."""
        self._smooth = not self._smooth
        self._draw_loss()

    def action_best(self) -> None:
        """Show the fit of the best step's weights, or the last one's."""
        self._best_fit = not self._best_fit
        self._preview_shown = self._preview_shown and self.run is None
        self._control.show_best_fit(self._best_fit)
        self._draw_fit()
        self.draw_lines()

    def take(self, values: Mapping[str, Value]) -> None:
        """Put values into the form: numbers and names of presets, by their settings."""
        for key, value in values.items():
            self.form.take(key, value)

    # What the form says

    @on(ConfigForm.Changed)
    def _take_config(self, event: ConfigForm.Changed) -> None:
        config = event.config
        if self.run is not None and self.active:
            if event.number == "lr":  # a recipe's lr, though, is the next run's
                self._lr_asked = config.lr
                self._control.set_lr(config.lr)
            self._mark_next_run(config)
        else:
            self._preview_shown = self._preview_shown or self._draws_anew(config)
            self._problem = ""
        self._ask_preview()
        self.draw_lines()

    def _draws_anew(self, config: RunConfig) -> bool:
        """Say whether a config starts with another network or other data than the run did."""
        parts = (*PARTS, "seed", "data_seed")
        return self.run is None or any(
            getattr(config, part) != getattr(self.run.config, part) for part in parts
        )

    def _mark_next_run(self, config: RunConfig) -> None:
        assert self.run is not None
        changed = [
            part
            for part in (*PARTS, "steps", "seed", "data_seed", "engine")
            if getattr(config, part) != getattr(self.run.config, part)
        ]
        self.form.mark_next_run(bool(changed) or config.lr != self._lr_asked)

    # Previews: the untrained network

    def _ask_preview(self) -> None:
        self._preview_pending = True
        self._background.ask_preview(self._work.preview, self.form.config)

    @on(PreviewReady)
    def _take_preview(self, message: PreviewReady) -> None:
        if self._background.is_newest(message.request):
            self._preview_pending = False
            self._previewed = message.previewed
            dead = message.previewed.not_learning
            warning = f"◌ {dead.words}" if dead else ""
            self.form.report(message.previewed.parameter_count, warning)
            self._redraw_soon()

    @on(PreviewFailed)
    def _take_preview_failure(self, message: PreviewFailed) -> None:
        if self._background.is_newest(message.request):
            self._preview_pending = False
            self._problem = f"⚠ No preview: {message.reason}"
            self.form.report(None)
            self._redraw_soon()

    # Runs

    def _start(self, *, paused: bool) -> bool:
        from tui_trainer.training.result import RunResult

        if (field := self.form.invalid_field) is not None:
            field.query_one("Input").focus()
            self._open_form(True)
            return False
        self._control.stop()
        self._control = Control(paused=paused)
        self._control.show_best_fit(self._best_fit)
        result = RunResult(self.form.config)
        self.feed = Feed(result)
        self._lr_asked = result.lr
        self._preview_shown = False
        self._problem = ""
        self.form.mark_next_run(False)
        self._open_form(False)
        self._background.follow(
            self.feed,
            partial(self._work.train, result.config, self._control),
            frequent=(StepsCompleted, FitSampled, Compiling),
            failed=lambda words: RunEnded(StopReason.FAILED, words, result.step),
        )
        self._redraw_soon()
        self.draw()
        return True

    @on(Updated)
    def _take_update(self, message: Updated) -> None:
        if self.run is not None and message.feed is self.feed:
            self.take_inbox()
            self.draw_lines()  # an answer to a key, or what one has been waiting for
            self._dirty = True
            self.call_after_refresh(self.draw)
            if self.run.ended is not None:
                self.form.mark_next_run(False)

    # Drawing

    def draw_all(self) -> None:
        """Draw the newest state."""
        self.draw_lines()
        self._draw_loss()
        self._draw_fit()

    def _draw_loss(self) -> None:
        self.loss_pane.put(self.run, log=self._log, smooth=self._smooth)

    def _draw_fit(self) -> None:
        self.fit_pane.put(*self._fit())

    def draw_lines(self) -> None:
        """Draw header, banner, state and keys."""
        state, run = self.state, self.run
        self._show_state()
        badge = badge_text(run)
        if state is State.IDLE and self._previewed is None and not self._problem:
            badge = f"{BADGES[State.STARTING][0]} LOADING TORCH"
        config = run.config if run and self.active else self.form.config
        parts = " · ".join(getattr(config, part).name for part in PARTS)
        if self.size.width < 100:
            parts += f" · lr {config.lr:g}"
        engine = run.engine if run else self.form.config.engine
        device = run.started.device if run and run.started else config.device
        self.header.put(parts, badge, f"{device} · {engine}")
        self.form.report_engine(run.engine_reason if run else "")
        self.banner.put(self._problem or (banner_text(run, self.size.width) if run else ""))
        lr, steps = self.form.config.lr, self.form.config.steps
        status = status_text(run, lr, steps, self.size.width)
        self.status_line.put(tax_text(self._budget.tax) if self._show_tax else status)
        self.key_line.relabel(
            start="start again" if run and self.size.width >= 60 else "start",
            setup="pane" if self._one_pane else "setup",
            best="last fit" if self._best_fit else "best fit",
            pause="resume" if state is State.PAUSED else "pause",
        )

    def _fit(self) -> tuple[Points | None, FitSampled | None]:
        if self.run is not None and not self._preview_shown:
            fit = self.run.fit(self._best_fit)
            if fit is not None:
                return self.run.points, fit
        if self._previewed is None:
            return None, None
        return self._previewed.points, self._previewed.fit
