"""The cockpit: choose on the left, watch on the right, one line of state below."""

from typing import Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer

from tui_trainer.config import RunConfig
from tui_trainer.plotting.roles import Charset
from tui_trainer.preset_files import PARTS, Presets
from tui_trainer.training.control import Control
from tui_trainer.training.events import (
    FitSampled,
    Points,
    Previewed,
)
from tui_trainer.tui.background import Background, Preview, Train
from tui_trainer.tui.frames import UI_SHARE, FrameBudget
from tui_trainer.tui.keys import KEYS, bindings, face
from tui_trainer.tui.ladder import next_lr
from tui_trainer.tui.messages import PreviewFailed, PreviewReady, RunNews
from tui_trainer.tui.run_state import ACTIVE, RunView, State
from tui_trainer.tui.screens.help import HelpScreen
from tui_trainer.tui.widgets.config_form import ConfigForm, Direction
from tui_trainer.tui.widgets.fit_pane import FitPane
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, KeyLine, StatusLine
from tui_trainer.tui.widgets.loss_pane import LossPane
from tui_trainer.tui.wording import BADGES, badge_text, banner_text, status_text, tax_text

_TICK = 0.1  # seconds
_VIEWS = ("loss", "fit", "form")


class Cockpit(Screen[None]):
    """The main screen. `train` and `preview` come from outside, so that it needs no torch."""

    AUTO_FOCUS = ""  # the keys work at once; a focused field would take them
    BINDINGS = [*bindings(), Binding("escape", "leave", "leave the field, the zoom", show=False)]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]

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
        train: Train,
        preview: Preview,
        keymap: dict[str, str],
        charset: Charset,
        ui_share: float = UI_SHARE,
    ) -> None:
        super().__init__()
        self.presets, self._config, self._recipe = presets, config, recipe
        self._background = Background(self, train, preview)
        self._keymap, self._charset = keymap, charset
        self.run: RunView | None = None
        self._run_number = 0
        self._control = Control()
        self._lr_asked = config.lr
        self._previewed: Previewed | None = None
        self._preview_pending = False
        self._preview_shown = True
        self._problem = ""
        self._log: bool | None = None
        self._smooth = False
        self._best_fit = False
        self._dirty = True
        self._budget = FrameBudget(ui_share)
        self._show_tax = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the parts; which of them show depends on the size."""
        yield HeaderLine(id="header")
        yield Banner(id="banner")
        with Horizontal(id="body"):
            faces = {
                key.id.removesuffix("_next"): face(self._keymap.get(key.id, key.key))
                for key in KEYS
                if key.id.endswith("_next")
            }
            yield ConfigForm(self.presets, self._config, self._recipe, faces, id="form")
            with Vertical(id="panes"):
                yield LossPane(self._charset, id="loss")
                yield FitPane(self._charset, id="fit")
        yield StatusLine(id="status")
        yield KeyLine(self._keymap, self._charset, id="keys")

    def on_mount(self) -> None:
        """Ask for the first preview once the first frame stands: it imports torch."""
        self._show_view("loss")
        self._timer = self.set_interval(_TICK, self._tick, pause=True)
        self.set_focus(None)
        self.call_after_refresh(self._ask_preview)
        self.call_after_refresh(self.draw)

    def on_resize(self, event: events.Resize) -> None:
        """Write the lines anew: what they say depends on the width."""
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        """Let the trainer's thread end."""
        self._control.stop()

    @property
    def state(self) -> State:
        """What the app is doing."""
        return self.run.state if self.run else State.IDLE

    @property
    def training(self) -> bool:
        """Whether a run is on its way, paused or not."""
        return self.state in ACTIVE

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way: no run, no preview, no frame."""
        unread = self.run is not None and self.run.inbox
        return not (self.training or self._preview_pending or self._dirty or unread)

    # Requests: the keys

    def action_start(self) -> None:
        """Start what the form says; a run on its way ends without a word."""
        self._start(paused=False)

    def action_pause(self) -> None:
        """Pause or resume."""
        if self.training:
            if self._control.paused:
                self._control.resume()
            else:
                self._control.pause()

    def action_step(self) -> None:
        """Do one step and wait; without a run, the first step of a new one."""
        if not self.training and not self._start(paused=True):
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
        self._draw_lines()

    def action_zoom(self) -> None:
        """Give one pane all the room, or take it back."""
        zoomed = not self.has_class("-zoomed")
        pane = "fit" if self.focused is self.fit_pane else "loss"
        if zoomed and not self._one_pane:
            self._show_view(pane)
        self.set_class(zoomed, "-zoomed")
        self.call_after_refresh(self.draw)

    def action_next_view(self) -> None:
        """Go on: to the next field, to the form and back, or to the next pane, as the size asks."""
        if self._one_pane:
            shown = next(view for view in _VIEWS if self.has_class(f"-view-{view}"))
            self._show_view(_VIEWS[(_VIEWS.index(shown) + 1) % len(_VIEWS)])
        elif self.has_class("-wide"):
            self.focus_next()
        else:
            self._open_form(not self.has_class("-form-open"))

    def action_leave(self) -> None:
        """Leave the field, the open form, the zoom."""
        self.set_focus(None)
        self.remove_class("-form-open")
        if self.has_class("-zoomed"):
            self.action_zoom()

    def action_tax(self) -> None:
        """Show what the screen costs in the place of the line of state, or no longer."""
        self._show_tax = not self._show_tax
        self._draw_lines()

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(self._keymap))

    # What the form says

    @on(ConfigForm.Changed)
    def _take_config(self, event: ConfigForm.Changed) -> None:
        config = event.config
        if self.run is not None and self.training:
            if event.number == "lr":  # a recipe's lr, though, is the next run's
                self._lr_asked = config.lr
                self._control.set_lr(config.lr)
            self._mark_next_run(config)
        else:
            self._preview_shown = self._preview_shown or self._draws_anew(config)
            self._problem = ""
        self._ask_preview()
        self._draw_lines()

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
        self._background.ask_preview(self.form.config)

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
        if (field := self.form.invalid_field) is not None:
            field.query_one("Input").focus()
            self._open_form(True)
            return False
        self._control.stop()
        self._control = Control(paused=paused)
        self._control.show_best_fit(self._best_fit)
        self._run_number += 1
        self.run = RunView(self.form.config, self._run_number)
        self._lr_asked = self.run.lr
        self._preview_shown = False
        self._problem = ""
        self.form.mark_next_run(False)
        self._open_form(False)
        self._background.start(self.run, self._control)
        self._redraw_soon()
        self.draw()
        return True

    @on(RunNews)
    def _take_news(self, message: RunNews) -> None:
        if self.run is not None and message.run == self.run.number:
            self.run.take_inbox()
            self._draw_lines()  # an answer to a key, or what one has been waiting for
            self._dirty = True
            self.call_after_refresh(self.draw)
            if self.run.ended is not None:
                self.form.mark_next_run(False)

    # Drawing

    def _redraw_soon(self) -> None:
        self._dirty = True
        if self._timer is not None:
            self._timer.resume()

    def _tick(self) -> None:
        if self._dirty or (self.run is not None and self.run.inbox):
            if self._budget.due:
                self.draw()
        elif not self.training and self._timer is not None:
            self._timer.pause()

    def draw(self) -> None:
        """Draw the newest state."""
        if not self.is_mounted:
            return
        self._budget.draws(getattr(self.app, "bytes_written", 0))
        if self.run is not None:
            self.run.take_inbox()
        self._draw_lines()
        self._draw_loss()
        self._draw_fit()
        self._dirty = False

    def _draw_loss(self) -> None:
        self.loss_pane.put(self.run, log=self._log, smooth=self._smooth)

    def _draw_fit(self) -> None:
        self.fit_pane.put(*self._fit())

    def _draw_lines(self) -> None:
        state, run = self.state, self.run
        if not self.has_class(state.value):
            for other in State:
                self.set_class(other is state, other.value)
        badge = badge_text(run)
        if state is State.IDLE and self._previewed is None and not self._problem:
            badge = f"{BADGES[State.STARTING][0]} LOADING TORCH"
        config = run.config if run and self.training else self.form.config
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

    # Room

    @property
    def _one_pane(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-short")

    def _show_view(self, view: Literal["loss", "fit", "form"] | str) -> None:
        for other in _VIEWS:
            self.set_class(other == view, f"-view-{other}")
        if view == "form" and self._one_pane:
            self.query_one("#row-recipe").focus()
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
            self.query_one("#row-recipe").focus()
