"""A screen that holds this session's runs, one of which is shown and steered."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from tui_trainer.config.settings import RunConfig
from tui_trainer.notices.endings import Ending, end_of_run
from tui_trainer.plotting.legend import sign
from tui_trainer.runs.client import RemoteControl
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    Compiling,
    Event,
    FitSampled,
    HealthMeasured,
    RunEnded,
    StepsCompleted,
)
from tui_trainer.training.state import State
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.frames import TICK
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.run.branching import Branch, BranchQuestion, Parent, parent_of
from tui_trainer.tui.run.fit_view import FitView
from tui_trainer.tui.run.runs import Run, Runs
from tui_trainer.tui.wording import NARROW

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult


class RunScreen(LiveScreen):
    """Starts, reads, shows and steers runs; what else is on it, a subclass says."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.feed: Feed[RunResult] | None = None
        self._control: Control = Control()
        self._runs = Runs()
        self._fits = FitView()
        self._looks_inside = False  # at the layers of what trains

    @property
    def runs(self) -> Runs:
        """The runs that this session has seen."""
        return self._runs

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

    # Requests to the run that is shown

    @property
    def _shows_training(self) -> bool:
        """Whether the run that is shown trains."""
        return self._runs.shown is not None and self._runs.shown.active

    @property
    def _shown_control(self) -> Control | None:
        return self._runs.shown.control if self._runs.shown is not None else None

    def action_pause(self) -> None:
        if self._shows_training and (control := self._shown_control) is not None:
            control.toggle_pause()

    def action_stop(self) -> None:
        """Ask the run that is shown to end, wherever it is trained."""
        if (shown := self._runs.shown) is not None and shown.control is not None:
            shown.control.stop()
            self._redraw_soon()

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

    # Branches

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
        self.to_front()

    def to_front(self) -> None:
        """Close all screens over this one."""
        while self.app.screen is not self:
            self.app.pop_screen()

    # Runs that are started, read and shown

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
        self._fits.begin_run()
        self._control.show_best_fit(self._fits.wants_best)
        self._control.show_health(self._looks_inside)
        self._problem = ""
        self._open_form(False)
        self._follow(run, partial(events, control))
        self._show_run()
        return run

    def read_run(self, folder: Path, config: RunConfig, created: float | None = None) -> Run:
        """Read a run that another process trains, or has trained; to be shown or pinned."""
        from tui_trainer.training.result import RunResult

        control = self._remote_control(folder)
        run = Run(RunResult(config), control, created=created, folder=folder)
        self._runs.keep(run)
        self._follow(run, partial(self._events, folder, config, control))
        if self.feed is None:
            self._show_run()
        return run

    def _events(self, folder: Path, config: RunConfig, control: RemoteControl) -> Iterator[Event]:
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
            self.set_timer(TICK, partial(self.save_picture, file))
            return
        try:
            file.write_text(self.app.export_screenshot(), encoding="utf-8")
        except OSError as error:
            self.note(f"⚠ {file}: {error.strerror}")
        else:
            self.note(f"written: {file.name}, in {file.parent}")

    def _follow(self, run: Run, events: Callable[[], Iterator[Event]]) -> None:
        self._background.follow(
            run.feed,
            events,
            frequent=(StepsCompleted, FitSampled, HealthMeasured, Compiling),
            failed=lambda words: RunEnded(StopReason.FAILED, words, run.result.step),
        )

    def _show_run(self) -> None:
        shown = self._runs.shown
        self.feed = shown.feed if shown is not None else None
        self.withdraw()
        self._redraw_soon()
        self.draw()
