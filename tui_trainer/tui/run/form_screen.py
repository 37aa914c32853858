"""A screen of runs with the form that they start from: the next run's settings and preview."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.getters import query_one

from tui_trainer.config.overrides import Value
from tui_trainer.config.presets import Preset
from tui_trainer.config.settings import RunConfig, describe_dataset
from tui_trainer.training.state import State
from tui_trainer.tui.live_screen import Context
from tui_trainer.tui.messages import Ended, PreviewFailed, PreviewReady
from tui_trainer.tui.run.experiments import SEEDS
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.run_screen import RunScreen
from tui_trainer.tui.run.wording import changed_text
from tui_trainer.tui.seen import OWN_RUN
from tui_trainer.tui.widgets.fields import Direction, Form

if TYPE_CHECKING:  # the first frame opens no file
    from tui_trainer.tui.data.reading import Opened


class FormScreen(RunScreen):
    """Puts together, previews and starts the next run; what runs show, a subclass says."""

    FIRST_ROW = "#row-recipe"

    form = query_one("#form", ConfigForm)

    def __init__(self, context: Context, config: RunConfig, recipe: str) -> None:
        super().__init__(context)
        self._config, self._recipe = config, recipe
        self.attached: tuple[Path, RunConfig] | None = None  # the run to start with

    def make_form(self) -> Iterator[Form]:
        yield ConfigForm(self.context.presets, self._config, self._recipe, self.keys, id="form")

    def on_mount(self) -> None:
        if self.attached is not None:
            self.call_after_refresh(self.attach, *self.attached)

    @property
    def is_idle(self) -> bool:
        """Whether no run, preview or frame is pending."""
        return super().is_idle and not self._fits.pending

    # Starting

    def action_start(self) -> None:
        """Start the form's run; a run that trains is given up only if asked for twice."""
        if self._may_start("start") and self._start(paused=False):
            self.context.seen.add(OWN_RUN)

    def action_step(self) -> None:
        """Run one step and pause; without a run, the first step of a new one."""
        if self._shows_training or (self.run is None and self._start(paused=True)):
            assert self._shown_control is not None
            self._shown_control.step()

    def _start(self, *, paused: bool) -> bool:
        """Train what the form has, and return whether that is valid."""
        if self._focus_invalid_field(self.form):
            return False
        config = self.form.config
        self.begin(config, partial(self.context.work.train, config), paused=paused)
        return True

    # Settings: keys, and what other screens choose

    def action_cycle(self, category: str, direction: Direction) -> None:
        self.form.turn(category, direction)

    def choose(self, category: str, name: str) -> None:
        self.form.choose(category, name)

    def action_lr(self, direction: Direction) -> None:
        """Raise or lower the lr along 1-2-5, also that of a run that is training."""
        self.form.turn_lr(direction)

    def action_batch(self, direction: Direction) -> None:
        """Halve or double the batch size of the next run."""
        self.form.turn_batch(direction)

    def take(self, values: Mapping[str, Value]) -> None:
        """Put values of settings into the form."""
        for key, value in values.items():
            self.form.take(key, value)

    def _set_up(self, recipe: str, numbers: Mapping[str, float]) -> None:
        """Put a recipe with other numbers into the form: not as changes of a run that trains."""
        with self.form.prevent(ConfigForm.Changed):
            self.form.choose("recipe", recipe)
            for key, number in {**SEEDS, **numbers}.items():
                self.form.set_number(key, number)
        self._ask_preview()

    def action_open_data(self) -> None:
        """Ask for a data file, and what to predict from what; then it is one of the data sets."""
        from tui_trainer.tui.data.screen import DataQuestion

        opened = self.form.config.dataset.file
        folder = f"{Path(opened).parent}/" if opened else ""
        self.app.push_screen(DataQuestion(folder), self._take_data)

    def _take_data(self, opened: "Opened | None") -> None:
        if opened is not None:
            dataset = opened.dataset
            about = Preset(dataset.name, describe_dataset(dataset), dataset)
            self.context.presets.put_dataset(about)
            self.choose("dataset", dataset.name)
            if opened.notes:
                self.say(" · ".join(opened.notes))

    # What the form says

    @on(ConfigForm.Changed)
    def _take_config(self, event: ConfigForm.Changed) -> None:
        shown = self._runs.shown
        live = event.setting == "lr" and self._shows_training  # a recipe's lr is the next run's
        if shown is not None and shown.control is not None and live:
            shown.lr_asked = event.config.lr
            shown.control.set_lr(event.config.lr)
        self._problem = ""
        self._unsay()  # what was said of the setting before
        self._ask_preview()
        if not self._form_shown:
            of_next_run = self.run is not None and not live
            words = self.form.describe(event.setting)
            self.say(changed_text(words, self.size.width - 1, of_next_run=of_next_run))
        self.draw_all() if self._fits.asked == "next" else self.draw_lines()

    @property
    def _changes(self) -> dict[str, str]:
        """What the next run has in another way than the one that is shown."""
        shown = self._runs.shown
        if shown is None:
            return {}
        return shown.changes_of(self.form.config)

    # Previews: the untrained network

    def on_screen_resume(self) -> None:
        """Ask for the first preview after the first frame: it imports torch, as no viewer does."""
        self.call_after_refresh(self._ask_first_preview)

    def _ask_first_preview(self) -> None:
        is_seen = self.app.screen is self  # is_current holds below one without its styles, too
        if self.attached is None and is_seen and self._fits.is_untouched:
            self._ask_preview()

    def _ask_preview(self) -> None:
        self._fits.pending = True
        self._background.ask_preview(self.context.work.preview, self.form.config)

    @on(PreviewReady)
    def _take_preview(self, message: PreviewReady) -> None:
        if self._background.is_newest(message.request):
            previewed = message.previewed
            self.form.learn(previewed.config.dataset)
            self._fits.take_preview(previewed)
            dead = previewed.not_learning
            warning = f"◌ {dead.words}" if dead else ""
            self.form.report(previewed.parameter_count, warning, previewed.init_words)
            self._redraw_soon()

    @on(Ended)
    def _preview_again(self) -> None:
        """Ask for what there still is of a network that could not be trained: its file is new."""
        newest = self._runs.newest
        if newest is not None and newest.result.state is State.FAILED and not newest.result.step:
            self._ask_preview()

    @on(PreviewFailed)
    def _take_preview_failure(self, message: PreviewFailed) -> None:
        if self._background.is_newest(message.request):
            self._fits.take_preview(None, f"⚠ No preview: {message.reason}")
            about_network = message.setting == "architecture"
            self.form.report(None, problem=message.reason if about_network else "")
            self._redraw_soon()
