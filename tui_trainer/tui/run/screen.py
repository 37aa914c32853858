"""The cockpit: choose on the left, watch on the right."""

from collections.abc import Iterator

from textual.binding import Binding
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.config.settings import Dataset, RunConfig, setup_text
from tui_trainer.formatting import short_text
from tui_trainer.training.state import State
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context
from tui_trainer.tui.panes.fit_pane import FitPane
from tui_trainer.tui.panes.health_pane import HealthPane
from tui_trainer.tui.panes.loss_pane import LossPane
from tui_trainer.tui.run.experiments import (
    EXPERIMENTS,
    NAMES,
    RACE,
    Experiment,
    Guide,
    key_id,
)
from tui_trainer.tui.run.first_page import first_page
from tui_trainer.tui.run.form_screen import FormScreen
from tui_trainer.tui.run.next_run import next_run_text
from tui_trainer.tui.run.reasons import form_reasons, health_reasons, look_reasons, run_reasons
from tui_trainer.tui.run.wording import (
    banner_text,
    former_text,
    run_badge,
    status_text,
)
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.wording import BADGES


class Cockpit(FormScreen):
    """The main screen: one run, and the form that everything else starts from.

    What is shown belongs to that run; where the form differs, it says that it is the next run's.
    """

    screen_name = "cockpit"
    BINDINGS = [
        *bindings("cockpit"),
        Binding("escape", "leave", "leave the field, the zoom", show=False),
    ]

    loss_pane = query_one("#loss", LossPane)
    fit_pane = query_one("#fit", FitPane)
    health_pane = query_one("#health", HealthPane)

    def __init__(self, context: Context, config: RunConfig, recipe: str) -> None:
        super().__init__(context, config, recipe)
        self._guide = Guide()
        self._page_wanted = not context.seen.is_expert(NAMES)
        self._charged = 0.0  # seconds of measurements, to the frames' budget

    def make_panes(self) -> Iterator[Widget]:
        yield LossPane(self.context.charset, id="loss")
        yield FitPane(self.context.charset, id="fit")
        yield HealthPane(self.context.charset, id="health", classes="-away")

    @property
    def _panes(self) -> list[Widget]:
        return [pane for pane in super()._panes if not pane.has_class("-away")]

    # Experiments

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

    # Keys to the run that is shown

    def action_branch(self) -> None:
        """Ask where to leave the run that is shown, the cursor's step at first, and go on there."""
        cursor = self.loss_pane.cursor
        self.branch_at(round(cursor) if cursor is not None else None, self.form.config)

    def action_smooth(self) -> None:
        self.loss_pane.toggle_smooth()
        self.draw_all()

    def action_best(self) -> None:
        """Show the fit of the best weights, of the last, or of the next run's untrained ones."""
        shown = self._runs.shown
        if shown is None:
            return
        self._fits.turn(shown, self._changes)
        self._control.show_best_fit(self._fits.curve(shown, self._changes) == "best")
        self.draw_all()

    def action_health(self) -> None:
        """Show how the layers fare in place of the fit, or the fit again."""
        self._looks_inside = not self._looks_inside
        self._control.show_health(self._looks_inside)
        panes = self.fit_pane, self.health_pane
        gone, come = panes if self._looks_inside else panes[::-1]
        gone.add_class("-away")
        come.remove_class("-away")
        if gone.has_focus:
            come.focus()
        if gone.has_class("-front") or self._one_pane:
            gone.remove_class("-front")
            self._show_view(come)
        self.call_after_refresh(self.draw)

    def action_look(self) -> None:
        """Show the fit in another way."""
        self.fit_pane.turn()
        self.draw_all()

    # Drawing

    def draw_panes(self) -> None:
        page = self._first_page if self._page_wanted else None
        self.loss_pane.put(self.run, self.keys["start"], page, self._runs.overlays)
        shown, changes = self._runs.shown, self._changes
        points, fit = self._fits.fit(shown, changes)
        of_next_run = shown is not None and self._fits.curve(shown, changes) == "next"
        config = self.form.config if shown is None or of_next_run else shown.result.config
        dataset = config.dataset
        missing = self._missing_fit(dataset)
        self.fit_pane.put(points, fit, missing, of_next_run=of_next_run, dataset=dataset)
        self._draw_health()

    def _draw_health(self) -> None:
        """Draw what was measured, and count it as the UI's: without it nothing would be."""
        own = [run.result.health for run in self._runs.all if not run.is_read]
        seconds = sum(health.seconds for health in own)
        self._budget.charge(max(0.0, seconds - self._charged))
        self._charged = seconds
        if self._looks_inside:
            self.health_pane.put_health(self.run.health if self.run else None, self._missing_health)

    @property
    def _missing_health(self) -> str:
        if self._shows_training:
            return "measuring…"
        return "the layers are measured while a run trains"

    def _missing_fit(self, dataset: Dataset) -> str:
        ended = self.run is not None and self.run.ended is not None
        if self._fits.problem or ended:
            return "no preview"
        return "loading torch…" if dataset.resolved else f"reading {dataset.name}…"

    def _first_page(self, width: int, height: int) -> Iterator[tuple[Part, ...]]:
        dataset = self.form.config.dataset
        return first_page(width, height, self.keys, self.context.seen, dataset)

    def draw_lines(self) -> None:
        self.set_class(self.run is not None and self.run.learnt_nothing, "-learnt-nothing")
        super().draw_lines()
        changes, start = self._changes, self.keys["start"]
        self.form.report_engine(self.run)
        self.form.mark_next_run(changes, start)
        problem = f" {self._fits.problem}" if self._fits.problem and self.run else ""
        line = "" if self._form_shown else next_run_text(changes, start, self.size.width)
        self.next_line.put(problem or line)
        newest = self._runs.newest if self._runs.shows_former else None
        key = self.keys["runs"]
        self.former_line.put(former_text(newest.result, key, self.size.width) if newest else "")

    def header_texts(self) -> tuple[str, str]:
        run = self.run
        config = run.config if run else self.form.config
        setup = setup_text(config)
        if config.steps_per_epoch > 1:
            setup += f" · batch {config.points_per_step:,}"
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
            shown = self._runs.shown
            return run_badge(self.run, stopping=shown is not None and shown.is_stopping)
        if self._fits.previewed is None and not self._fits.problem:
            what = "LOADING TORCH" if self.attached is None else "ATTACHING"
            return f"{BADGES[State.STARTING][0]} {what}"
        return super().badge_text()

    def banner_text(self) -> str:
        if self.run is None:
            return self._fits.problem
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
            "best": f"{self._fits.curve_after(self._runs.shown, self._changes)} fit",
            "health": "fit" if self._looks_inside else "health",
            "look": self.fit_pane.next_look or "residuals",
            "pause": "resume" if self.state is State.PAUSED else "pause",
        }

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now: most need a run, and lists and numbers have ends."""
        kept = self.context.work.saved is not None
        reasons = run_reasons(self._runs, self.keys, kept=kept) | look_reasons(self.fit_pane)
        reasons |= health_reasons(self._runs.shown, self.keys, looks_inside=self._looks_inside)
        return reasons | form_reasons(self.form.config)
