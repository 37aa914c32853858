"""The cockpit: choose on the left, watch on the right."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import RunConfig, Value
from tui_trainer.formatting import number_text, short_text
from tui_trainer.notices.endings import Ending, end_of_run
from tui_trainer.plotting.legend import sign
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    Compiling,
    Event,
    FitSampled,
    Points,
    Previewed,
    RunEnded,
    StepsCompleted,
)
from tui_trainer.training.state import State
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import PreviewFailed, PreviewReady, RequestFailed
from tui_trainer.tui.panes.fit_pane import FitPane
from tui_trainer.tui.panes.loss_pane import LossPane
from tui_trainer.tui.run.branching import Branch, BranchQuestion, Parent, parent_of
from tui_trainer.tui.run.experiments import (
    EXPERIMENTS,
    NAMES,
    RACE,
    SEEDS,
    Experiment,
    Guide,
    key_id,
)
from tui_trainer.tui.run.first_page import first_page
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.next_lr import next_lr
from tui_trainer.tui.run.next_run import next_run_text
from tui_trainer.tui.run.runs import Curve, Run, Runs
from tui_trainer.tui.run.wording import (
    banner_text,
    changed_text,
    former_text,
    run_badge,
    status_text,
)
from tui_trainer.tui.seen import OWN_RUN
from tui_trainer.tui.widgets.fields import Direction, Form
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.wording import BADGES, NARROW

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.runs.client import RemoteControl
    from tui_trainer.training.result import RunResult


_TICK = 0.1  # seconds


class Cockpit(LiveScreen):
    """The main screen: one run, and the form that everything else starts from.

    What is shown belongs to that run; where the form differs, it says that it is the next run's.
    """

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
        self._runs = Runs()
        self._previewed: Previewed | None = None
        self._preview_pending = False
        self._preview_problem = ""
        self._guide = Guide()
        self._page_wanted = not context.seen.is_expert(NAMES)
        self._curve: Curve | None = None  # that was asked for; None is that of the weights
        self.attached: tuple[Path, RunConfig] | None = None  # the run to start with

    def make_form(self) -> Iterator[Form]:
        yield ConfigForm(self.context.presets, self._config, self._recipe, self.keys, id="form")

    def make_panes(self) -> Iterator[Widget]:
        yield LossPane(self.context.charset, id="loss")
        yield FitPane(self.context.charset, id="fit")

    def on_mount(self) -> None:
        """Ask for the first preview after the first frame: it imports torch, as no viewer does."""
        if self.attached is None:
            self.call_after_refresh(self._ask_preview)
        else:
            self.call_after_refresh(self.attach, *self.attached)

    @property
    def run(self) -> "RunResult | None":
        """The run that is shown."""
        return self.feed.result if self.feed is not None else None

    @property
    def feeds(self) -> list[Feed["RunResult"]]:
        """Those of the run that is shown, and of the others."""
        return [run.feed for run in self._runs.all]

    @property
    def newest_state(self) -> State:
        newest = self._runs.newest
        return newest.result.state if newest is not None else State.IDLE

    def ending(self) -> Ending:
        run = self._runs.newest or self._runs.shown
        assert run is not None
        return end_of_run(run.result)

    @property
    def active(self) -> bool:
        """Whether a run trains, shown or not, here or in another process."""
        return any(run.active for run in self._runs.all)

    def go_on_unseen(self) -> Thread | None:
        """Train on, unless nothing is kept of it, or it is paused and nobody would know."""
        training = self._runs.training
        if training is None or not self._keeps(training.result) or self._control.paused:
            return super().go_on_unseen()
        return self._background.go_on_unseen(training.feed)

    def stop_thread(self) -> None:
        """Ask the run that trains here to end; those of other processes go on."""
        super().stop_thread()
        for run in self._runs.all:
            if run.remote is not None:
                run.remote.leave()

    def action_stop(self) -> None:
        """Ask the run that is shown to end, wherever it is trained."""
        if (shown := self._runs.shown) is not None and shown.control is not None:
            shown.control.stop()

    @property
    def quit_warning(self) -> str:
        if (training := self._runs.training) is None:
            return ""
        if not self._keeps(training.result):
            return "A run is not finished, and nothing is kept of it."
        return f"A run is not finished; in the list {self.keys['go_on']} resumes it."

    def _keeps(self, result: "RunResult") -> bool:
        """Tell whether a run is kept, or will be: one that is starting has no folder yet."""
        starting = result.started is None and self.context.work.saved is not None
        return starting or result.folder is not None

    @property
    def is_idle(self) -> bool:
        """Whether no run, preview or frame is pending."""
        return super().is_idle and not self._preview_pending

    # Requests: the keys

    def action_start(self) -> None:
        """Start the form's run; a run that trains is given up only if asked for twice."""
        if self._may_start("start") and self._start(paused=False):
            self.context.seen.add(OWN_RUN)

    def action_experiment(self, number: int) -> None:
        """Put an experiment's settings into the form and start it.

        Where none has led here, that is asked for twice: the settings go, and the key was a slip.
        """
        experiment = EXPERIMENTS[number - 1]
        name = key_id(experiment)
        training = self._runs.training
        guided = self._guide.owns(training.result) if training is not None else self._guided
        if training is not None and not guided:
            allowed = self._may_start(name)
        else:
            allowed = guided or self._may_replace(experiment)
        if not allowed:
            return
        self.context.seen.add(experiment.name)
        if not experiment.takes:
            self._set_up(RACE.recipe, RACE.numbers)
            self.app.call_later(self.app.run_action, "race")
            return
        take = self._guide.next_take(experiment)
        self._set_up(take.recipe, take.numbers)
        if self._start(paused=False) and self.run is not None:
            self._guide.begin(experiment, take, self.run)
            self.draw_lines()

    def action_pause(self) -> None:
        if self._shows_training and (control := self._shown_control) is not None:
            if control.paused:
                control.resume()
            else:
                control.pause()

    def action_step(self) -> None:
        """Run one step and pause; without a run, the first step of a new one."""
        if self._shows_training or (self.run is None and self._start(paused=True)):
            assert self._shown_control is not None
            self._shown_control.step()

    def action_overlay(self) -> None:
        """Lay the last run's validation losses under those that are shown, or take them off."""
        self._runs.lays_last = not self._runs.lays_last
        self.draw_all()
        if (mark := self._runs.mark_of_last) is None:
            self.say("The last run's validation losses are off the plot again.")
        else:
            laid = next(overlay for overlay in self._runs.overlays if overlay.mark == mark)
            words = f"{sign(laid.role, self.context.charset)} {laid.name}: the last run's"
            self.say(f"{words} validation losses; {self.keys['overlay']} takes them off.")

    def action_branch(self) -> None:
        """Ask where to leave the run that is shown, the cursor's step at first, and go on there."""
        cursor = self.loss_pane.cursor
        self.branch_at(round(cursor) if cursor is not None else None, self.form.config)

    def branch_at(self, step: int | None, form: RunConfig | None = None) -> None:
        """Ask whether to leave the run that is shown after a step, for what a form has."""
        shown = self._runs.shown
        parent = parent_of(shown.result, form, step) if shown is not None else None
        if shown is not None and parent is not None:
            self.ask_branch(parent, lambda: shown)

    def ask_branch(self, parent: Parent, run: Callable[[], Run]) -> None:
        """Ask where to leave a saved run, `run`, and with which settings; train on from there."""
        training = self._runs.training
        warning = ""
        if training is not None:
            warning = f"It stops the run that trains now, which {self.keys['runs']} can resume."
        question = BranchQuestion(parent, self.context.presets, warning)
        self.app.push_screen(question, partial(self._branch_off, parent, run))

    def _branch_off(self, parent: Parent, run: Callable[[], Run], branch: Branch | None) -> None:
        work = self.context.work.saved
        if branch is None or work is None:
            return
        events = partial(work.branch, parent.folder, branch.step, branch.config, branch.lr)
        self.begin(branch.config, events, parent=run())
        while self.app.screen is not self:
            self.app.pop_screen()

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
        """Show the fit of the best weights, of the last, or of the next run's untrained ones."""
        shown = self._runs.shown
        if shown is None:
            return
        curve = self._next_curve
        self._curve = None if curve == shown.standing else curve
        self._control.show_best_fit(curve == "best")
        self.draw_all()

    def take(self, values: Mapping[str, Value]) -> None:
        """Put values of settings into the form."""
        for key, value in values.items():
            self.form.take(key, value)

    @property
    def _shows_training(self) -> bool:
        """Whether the run that is shown trains."""
        return self._runs.shown is not None and self._runs.shown.active

    @property
    def _shown_control(self) -> Control | None:
        return self._runs.shown.control if self._runs.shown is not None else None

    @property
    def _why_no_step(self) -> str:
        start, runs = self.keys["start"], self.keys["runs"]
        if self.run is None:
            return f"No run yet: {start} starts one."
        if self._runs.training is not None:
            return f"{runs} lists the run that is training."
        return f"This run has ended: {start} starts the next."

    @property
    def _guided(self) -> bool:
        """Whether an experiment is shown, or nothing that its settings could take away."""
        if self.run is not None:
            return self._guide.owns(self.run)
        return self._page_wanted or self.form.config == self._config

    def _may_replace(self, experiment: Experiment) -> bool:
        """Ask whether an experiment's settings may replace those in the form."""
        again = self.keys[key_id(experiment)]
        words = f"{again} again runs “{experiment.title}”, with its settings in the form"
        return self.confirms(key_id(experiment), words)

    def _set_up(self, recipe: str, numbers: Mapping[str, float]) -> None:
        """Put a recipe with other numbers into the form: not as changes of a run that trains."""
        with self.form.prevent(ConfigForm.Changed):
            self.form.choose("recipe", recipe)
            for key, number in {**SEEDS, **numbers}.items():
                self.form.set_number(key, number)
        self._ask_preview()

    def _may_start(self, name: str) -> bool:
        """Return whether no run is given up by it that was not asked for twice with this key."""
        question = self.start_question(self.keys[name])
        return not question or self.confirms(name, question)

    def start_question(self, key: str) -> str:
        """Ask whether to give up the run that trains, "" if none does."""
        if (training := self._runs.training) is None:
            return ""
        roomy = self.size.width >= NARROW
        question = f"{key} again stops the run at step {training.result.step:,}"
        return question + ("; esc keeps it" if roomy else "")

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
        self.draw_all() if self._curve == "next" else self.draw_lines()

    @property
    def _changes(self) -> dict[str, str]:
        """What the next run has in another way than the one that is shown."""
        shown = self._runs.shown
        if shown is None:
            return {}
        return shown.changes_of(self.form.config)

    # Previews: the untrained network

    def _ask_preview(self) -> None:
        self._preview_pending = True
        self._background.ask_preview(self.context.work.preview, self.form.config)

    @on(PreviewReady)
    def _take_preview(self, message: PreviewReady) -> None:
        if self._background.is_newest(message.request):
            self._preview_pending = False
            self._preview_problem = ""
            self._previewed = message.previewed
            dead = message.previewed.not_learning
            warning = f"◌ {dead.words}" if dead else ""
            self.form.report(message.previewed.parameter_count, warning)
            self._redraw_soon()

    @on(PreviewFailed)
    def _take_preview_failure(self, message: PreviewFailed) -> None:
        if self._background.is_newest(message.request):
            self._preview_pending = False
            self._preview_problem = f"⚠ No preview: {message.reason}"
            self.form.report(None)
            self._redraw_soon()

    # Runs

    @property
    def runs(self) -> Runs:
        """The runs that this session has seen."""
        return self._runs

    def _start(self, *, paused: bool) -> bool:
        if self._focus_invalid_field(self.form):
            return False
        config = self.form.config
        self.begin(config, partial(self.context.work.train, config), paused=paused)
        return True

    def begin(
        self,
        config: RunConfig,
        events: Callable[[Control], Iterator[Event]],
        *,
        paused: bool = False,
        parent: Run | None = None,
        created: float | None = None,
    ) -> Run:
        """Train, in place of the run that trains now, and show it."""
        from tui_trainer.training.result import RunResult

        self._control.stop()
        self._control = control = Control(paused=paused)
        run = Run(RunResult(config), control, parent=parent, created=created)
        self._runs.add(run)
        self._curve = "best" if self._curve == "best" else None
        self._control.show_best_fit(self._curve == "best")
        self._problem = self._preview_problem = ""
        self._open_form(False)
        self._follow(run, partial(events, control))
        self._show_run()
        return run

    def read_run(self, folder: Path, config: RunConfig, created: float | None = None) -> Run:
        """Read a run that another process trains, or has trained; to be shown or pinned."""
        from tui_trainer.runs.client import RemoteControl
        from tui_trainer.training.result import RunResult

        control = RemoteControl(folder, lambda words: self.post_message(RequestFailed(words)))
        run = Run(RunResult(config), control, created=created, folder=folder)
        self._runs.keep(run)
        self._follow(run, partial(self._told, folder, config, control))
        if self.feed is None:
            self._show_run()
        return run

    def _told(self, folder: Path, config: RunConfig, control: "RemoteControl") -> Iterator[Event]:
        assert self.context.work.saved is not None
        yield from self.context.work.saved.events(folder, config, control)
        control.leave()

    def attach(self, folder: Path, config: RunConfig) -> None:
        """Show a run that another process trains, and steer it."""
        self._runs.add(self.read_run(folder, config))
        self._show_run()

    def show(self, run: Run) -> None:
        """Show a run of this session, or one that was read."""
        self._runs.show(run)
        self._show_run()

    def save_picture(self, file: Path) -> None:
        """Save the screen as SVG, once what it shows is drawn."""
        if self.unread or self._dirty or self.state is State.STARTING:
            self.set_timer(_TICK, partial(self.save_picture, file))
            return
        try:
            file.write_text(self.app.export_screenshot(), encoding="utf-8")
        except OSError as error:
            self.say(f"⚠ {file}: {error.strerror}")
        else:
            self.say(f"written: {file.name}, in {file.parent}")

    @on(RequestFailed)
    def _report_failure(self, message: RequestFailed) -> None:
        self.say(f"⚠ {message.words}")

    def _follow(self, run: Run, events: Callable[[], Iterator[Event]]) -> None:
        self._background.follow(
            run.feed,
            events,
            frequent=(StepsCompleted, FitSampled, Compiling),
            failed=lambda words: RunEnded(StopReason.FAILED, words, run.result.step),
        )

    def _show_run(self) -> None:
        shown = self._runs.shown
        self.feed = shown.feed if shown is not None else None
        self.withdraw()
        self._redraw_soon()
        self.draw()

    # Drawing

    def draw_panes(self) -> None:
        page = self._first_page if self._page_wanted else None
        self.loss_pane.put(self.run, self.keys["start"], page, self._runs.overlays)
        points, fit = self._fit()
        of_next_run = self._shown_curve == "next"
        self.fit_pane.put(points, fit, self._missing_fit, of_next_run=of_next_run)

    def _first_page(self, width: int, height: int) -> Iterator[tuple[Part, ...]]:
        return first_page(width, height, self.keys, self.context.seen)

    def draw_lines(self) -> None:
        self.set_class(self.run is not None and self.run.learnt_nothing, "-learnt-nothing")
        super().draw_lines()
        changes, start = self._changes, self.keys["start"]
        self.form.report_engine(self.run)
        self.form.mark_next_run(changes, start)
        problem = f" {self._preview_problem}" if self._preview_problem and self.run else ""
        line = "" if self._form_shown else next_run_text(changes, start, self.size.width)
        self.next_line.put(problem or line)
        former, newest = self._runs.shows_former, self._runs.newest
        self.former_line.put(
            former_text(newest.result, self.keys["runs"], self.size.width)
            if former and newest is not None
            else ""
        )

    def header_texts(self) -> tuple[str, str]:
        run = self.run
        config = run.config if run else self.form.config
        setup = " · ".join(getattr(config, part).name for part in PARTS)
        if self.size.width < 100:
            setup += f" · lr {short_text(run.lr if run else config.lr)}"
        device = run.started.device if run and run.started else config.device
        shown = self._runs.shown
        elsewhere = "attached: " if shown is not None and shown.is_elsewhere else ""
        former = "◂ former: " if self._runs.shows_former else elsewhere
        return f"{former}{setup}", f"{device} · {run.engine if run else config.engine}"

    def badge_text(self) -> str:
        """Say that torch is being loaded, before there is a run."""
        if self.run is not None:
            return run_badge(self.run)
        if self._previewed is None and not self._preview_problem:
            what = "LOADING TORCH" if self.attached is None else "ATTACHING"
            return f"{BADGES[State.STARTING][0]} {what}"
        return super().badge_text()

    def banner_text(self) -> str:
        if self.run is None:
            return self._preview_problem
        unseen = [name for name in NAMES if name not in self.context.seen]
        if words := self._guide.words(self.run, self.keys, unseen, self.size.width):
            return words
        return banner_text(self.run, self.size.width, self.keys)

    def status_text(self) -> str:
        config = self.run.config if self.run else self.form.config
        return status_text(self.run, config, self.size.width)

    def key_labels(self) -> dict[str, str]:
        return {
            "start": "again" if self._shows_training else "start",
            "setup": "pane" if self._one_pane else "form",
            "best": f"{self._next_curve} fit",
            "pause": "resume" if self.state is State.PAUSED else "pause",
        }

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now: most need a run, and lists and numbers have ends."""
        reasons: dict[str, str] = {}
        if not self._shows_training:
            reasons |= dict.fromkeys(("pause", "step", "stop"), self._why_no_step)
        if self.run is None:
            needs_run = ("best", "log", "smooth", "overlay", "laboratory")
            reasons |= dict.fromkeys(needs_run, self._why_no_step)
            del reasons["step"]  # the first of a new run
            reasons["branch"] = self._why_no_step
        else:
            if self.run.folder is None or self.context.work.saved is None:
                reasons["branch"] = "This run is not saved: there is no state to branch off from."
            elif not self.run.step:
                reasons["branch"] = "This run has no step yet."
            none_yet = f"No former run yet: {self.key('start')} starts another."
            if reason := none_yet if self._runs.last is None else self._runs.why_no_last:
                reasons["overlay"] = reason
        lr = self.form.config.lr
        if next_lr(lr, -1) == lr:
            reasons["lr_down"] = f"lr {number_text(lr)} is the lowest there is."
        if next_lr(lr, 1) == lr:
            reasons["lr_up"] = f"lr {number_text(lr)} is the highest there is."
        return reasons

    # The fit

    @property
    def _curves(self) -> list[Curve]:
        """The curves that the fit pane can show."""
        network_or_data = {*PARTS, "seed", "data_seed"} & self._changes.keys()
        return ["last", "best", "next"] if network_or_data else ["last", "best"]

    @property
    def _shown_curve(self) -> Curve | None:
        shown = self._runs.shown
        if shown is None:
            return None
        return self._curve if self._curve in self._curves else shown.standing

    @property
    def _next_curve(self) -> Curve:
        """What the key for it shows next."""
        curves, shown = self._curves, self._shown_curve or "last"
        return curves[(curves.index(shown) + 1) % len(curves)]

    @property
    def _missing_fit(self) -> str:
        ended = self.run is not None and self.run.ended is not None
        return "no preview" if self._preview_problem or ended else "loading torch…"

    def _fit(self) -> tuple[Points | None, FitSampled | None]:
        shown, curve, previewed = self._runs.shown, self._shown_curve, self._previewed
        if shown is not None and curve is not None and curve != "next":
            points, fit = shown.fit(curve)
            untrained = previewed is not None and previewed.config == shown.result.config
            if fit is not None or shown.result.step or not untrained:
                return points, fit
        return (previewed.points, previewed.fit) if previewed is not None else (None, None)
