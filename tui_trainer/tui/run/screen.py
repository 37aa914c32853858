"""The cockpit: choose on the left, watch on the right."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import RunConfig, Value
from tui_trainer.formatting import number_text, short_text
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
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.keys import bindings, key_texts
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import PreviewFailed, PreviewReady
from tui_trainer.tui.panes.fit_pane import FitPane
from tui_trainer.tui.panes.loss_pane import LossPane
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.next_lr import next_lr
from tui_trainer.tui.run.wording import banner_text, status_text
from tui_trainer.tui.widgets.fields import Direction, Form
from tui_trainer.tui.wording import BADGES, badge_text

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult


class Cockpit(LiveScreen):
    """The main screen: one run, and the form that everything else starts from."""

    screen_name = "cockpit"
    BINDINGS = [
        *bindings("cockpit"),
        Binding("escape", "leave", "leave the field, the zoom", show=False),
    ]
    FIRST_ROW = "#row-recipe"

    form = query_one("#form", ConfigForm)
    loss_pane = query_one("#loss", LossPane)
    fit_pane = query_one("#fit", FitPane)

    def __init__(self, context: Context, config: RunConfig, recipe: str) -> None:
        super().__init__(context)
        self._config, self._recipe = config, recipe
        self.feed: Feed[RunResult] | None = None
        self._control: Control = Control()
        self._lr_asked = config.lr
        self._previewed: Previewed | None = None
        self._preview_pending = False
        self._preview_shown = True
        self._best_fit = False

    def make_form(self) -> Iterator[Form]:
        texts = key_texts(self.context.keymap)
        yield ConfigForm(self.context.presets, self._config, self._recipe, texts, id="form")

    def make_panes(self) -> Iterator[Widget]:
        yield LossPane(self.context.charset, id="loss")
        yield FitPane(self.context.charset, id="fit")

    def on_mount(self) -> None:
        """Ask for the first preview after the first frame: it imports torch."""
        self.call_after_refresh(self._ask_preview)

    @property
    def run(self) -> "RunResult | None":
        return self.feed.result if self.feed is not None else None

    @property
    def quit_warning(self) -> str:
        return f"A run is at step {self.run.step if self.run else 0:,}."

    @property
    def is_idle(self) -> bool:
        """Whether no run, preview or frame is pending."""
        return super().is_idle and not self._preview_pending

    # Requests: the keys

    def action_start(self) -> None:
        """Start the form's run, in place of one that is running."""
        self._start(paused=False)

    def action_pause(self) -> None:
        if self.active:
            if self._control.paused:
                self._control.resume()
            else:
                self._control.pause()

    def action_step(self) -> None:
        """Run one step and pause; without a run, the first step of a new one."""
        if self.active or self._start(paused=True):
            self._control.step()

    def action_cycle(self, category: str, direction: Direction) -> None:
        self.form.turn(category, direction)

    def choose(self, category: str, name: str) -> None:
        self.form.choose(category, name)

    def action_lr(self, direction: Direction) -> None:
        """Raise or lower the lr along 1-2-5, also that of a run that is training."""
        self.form.turn_lr(direction)

    def action_smooth(self) -> None:
        self.loss_pane.toggle_smooth()
        self.draw_all()

    def action_best(self) -> None:
        """Show the fit of the best step's weights, or the last one's."""
        self._best_fit = not self._best_fit
        self._preview_shown = self._preview_shown and self.run is None
        self._control.show_best_fit(self._best_fit)
        self.draw_all()

    def take(self, values: Mapping[str, Value]) -> None:
        """Put values of settings into the form."""
        for key, value in values.items():
            self.form.take(key, value)

    # What the form says

    @on(ConfigForm.Changed)
    def _take_config(self, event: ConfigForm.Changed) -> None:
        if self.active:
            if event.number == "lr":  # a recipe's lr, though, is the next run's
                self._lr_asked = event.config.lr
                self._control.set_lr(event.config.lr)
        else:
            network_or_data = (*PARTS, "seed", "data_seed")
            self._preview_shown = self._preview_shown or self._differs(network_or_data)
            self._problem = ""
        self._ask_preview()
        self.draw_lines()

    def _differs(self, settings: tuple[str, ...]) -> bool:
        """Return whether the form differs from the run in one of these settings."""
        config, run = self.form.config, self.run
        return run is None or any(getattr(config, s) != getattr(run.config, s) for s in settings)

    def _is_next_run(self) -> bool:
        """Return whether the form is about the next run while another one is training."""
        settings = (*PARTS, "steps", "seed", "data_seed", "engine")
        lr_differs = self.form.config.lr != self._lr_asked
        return self.active and (lr_differs or self._differs(settings))

    # Previews: the untrained network

    def _ask_preview(self) -> None:
        self._preview_pending = True
        self._background.ask_preview(self.context.work.preview, self.form.config)

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

        if self._focus_invalid_field(self.form):
            return False
        self._control.stop()
        self._control = control = Control(paused=paused)
        control.show_best_fit(self._best_fit)
        result = RunResult(self.form.config)
        self.feed = Feed(result)
        self._lr_asked = result.lr
        self._preview_shown = False
        self._problem = ""
        self._open_form(False)
        self._background.follow(
            self.feed,
            partial(self.context.work.train, result.config, control),
            frequent=(StepsCompleted, FitSampled, Compiling),
            failed=lambda words: RunEnded(StopReason.FAILED, words, result.step),
        )
        self._redraw_soon()
        self.draw()
        return True

    # Drawing

    def draw_panes(self) -> None:
        self.loss_pane.put(self.run)
        self.fit_pane.put(*self._fit(), missing=self._missing_fit)

    def draw_lines(self) -> None:
        super().draw_lines()
        self.form.report_engine(self.run.engine_reason if self.run else "")
        self.form.mark_next_run(self._is_next_run())

    def header_texts(self) -> tuple[str, str]:
        run, form = self.run, self.form.config
        config = run.config if run and self.active else form
        setup = " · ".join(getattr(config, part).name for part in PARTS)
        if self.size.width < 100:
            lr = run.lr if run and self.active else form.lr
            setup += f" · lr {short_text(lr)}"
        device = run.started.device if run and run.started else config.device
        return setup, f"{device} · {run.engine if run else form.engine}"

    def badge_text(self) -> str:
        """Add the compiler's seconds; say that torch is being loaded."""
        if self.run is None and self._previewed is None and not self._problem:
            return f"{BADGES[State.STARTING][0]} LOADING TORCH"
        badge = badge_text(self.state)
        if self.run is not None and self.state is State.COMPILING:
            return f"{badge} {self.run.compiling_seconds or 0:.0f} s"
        return badge

    def banner_text(self) -> str:
        return banner_text(self.run, self.size.width) if self.run else ""

    def status_text(self) -> str:
        config = self.run.config if self.run else self.form.config
        return status_text(self.run, config, self.size.width)

    def key_labels(self) -> dict[str, str]:
        return {
            "start": "again" if self.run else "start",
            "setup": "pane" if self._one_pane else "form",
            "best": "last fit" if self._best_fit else "best fit",
            "pause": "resume" if self.state is State.PAUSED else "pause",
        }

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now: most need a run, and lists and numbers have ends."""
        reasons = super().why_not()
        if not self.active:
            reasons["pause"] = reasons["stop"]
        if self.run is None:
            none_yet = f"No run yet: {self.key('start')} starts one."
            reasons |= dict.fromkeys(("best", "log", "smooth"), none_yet)
        lr = self.form.config.lr
        if next_lr(lr, -1) == lr:
            reasons["lr_down"] = f"lr {number_text(lr)} is the lowest there is."
        if next_lr(lr, 1) == lr:
            reasons["lr_up"] = f"lr {number_text(lr)} is the highest there is."
        return reasons

    @property
    def _missing_fit(self) -> str:
        ended = self.run is not None and self.run.ended is not None
        return "no preview" if self._problem or ended else "loading torch…"

    def _fit(self) -> tuple[Points | None, FitSampled | None]:
        if self.run is not None and not self._preview_shown:
            fit = self.run.fit(self._best_fit)
            if fit is not None:
                return self.run.points, fit
        if self._previewed is None:
            return None, None
        return self._previewed.points, self._previewed.fit
