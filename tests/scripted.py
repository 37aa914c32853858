"""A trainer and a preview that follow a script: what the app does is tested without torch."""

import threading
import time

import numpy as np

from tui_trainer.config.presets import DEFAULT_RECIPE, load_presets, make_config
from tui_trainer.lr_search.events import (
    LrCurve,
    LrFound,
    LrRangeAdvanced,
    LrRangeEnded,
    LrRangeStarted,
    LrSearchStarted,
    LrSuggestion,
    LrTrials,
    LrTrialsAdvanced,
    LrTrialsEnded,
    LrTrialsStarted,
)
from tui_trainer.plotting.roles import Charset
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    SweepEnded,
    SweepStarted,
)
from tui_trainer.training.early_stopping import Gauge, StopReason
from tui_trainer.training.events import (
    FitSampled,
    LrChanged,
    NotLearning,
    Paused,
    Points,
    Predictions,
    Previewed,
    Resumed,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.tui import headless
from tui_trainer.tui.app import TrainerApp
from tui_trainer.tui.background import Work
from tui_trainer.tui.headless import screen_text

DEADLINE = 90.0  # seconds; the machine may be busy
PARAMETERS = 1321
# What the scripted untrained networks predict, so that the inits can be told apart.
SLOPES = {"zeros": 0.0, "normal": 3.0, "kaiming": -1.0, "he": 0.5, "xavier": 1.5}


def frozen(values):
    array = np.asarray(values, np.float32)
    array.flags.writeable = False
    return array


def points():
    x = np.linspace(-5, 5, 60)
    return Points(*map(frozen, (x, x**2 / 2 - 5 + np.sin(5 * x), x, x**2 / 2 - 5 - np.sin(5 * x))))


def fit(step, weights="last", slope=1.0):
    x = np.linspace(-5.5, 5.5, 64)
    metrics = {"train_r2": 0.7, "val_r2": 0.5 + step / 1000, "train_rmse": 1.5, "val_rmse": 2.25}
    data = points()
    splits = (
        Predictions(frozen(np.sort(y)), frozen(slope * x[np.argsort(y)]))
        for x, y in ((data.train_x, data.train_y), (data.val_x, data.val_y))
    )
    return FitSampled(step, weights, frozen(x), frozen(slope * x), metrics, *splits)


def preview(config):
    dead = NotLearning(1, 4, "all weights are zero") if config.init.name == "zeros" else None
    untrained = fit(0, "untrained", SLOPES[config.init.name])
    return Previewed(config, PARAMETERS, points(), untrained, dead)


def started(config):
    return RunStarted(config, "eager", "cpu", PARAMETERS, points())


def steps(first, last, *, gauge=None, bound=None):
    """Losses that fall like 20/√t, validation a little above, the last one the best."""
    t = np.arange(first, last + 1)
    train, val = 20 / np.sqrt(t), 22 / np.sqrt(t)
    bounds = None if bound is None else frozen(np.full(len(t), bound))
    best = float(np.float32(val[-1]))
    return StepsCompleted(
        first, frozen(train), frozen(val), bounds, gauge, last, best, last / 2000, 2000.0
    )


def ended(reason, words, step=100, *, restored=False):
    val = float(np.float32(22 / np.sqrt(step)))
    return RunEnded(reason, words, step, 2.0, 5.42, step, val, restored, step / 2000)


EARLY = ended(
    StopReason.EARLY_STOPPING,
    "stopped early at step 100: validation 5.42 exceeded 5.41, the mean of its last 50 steps; "
    "best 2.20 at step 100",
)
DIVERGED = ended(
    StopReason.DIVERGED,
    "train loss is not finite at step 100; first bad tensor: layer 5 weights; best 2.20 at step 99",
)
FINISHED = ended(StopReason.COMPLETED, "finished 100 steps; best 2.20 at step 100")
FAILED = ended(StopReason.FAILED, "out of memory on cuda:0 (asked for 2.1 GiB)")
GAUGE = Gauge(True, 50, "armed at step 50 · margin 0.31", 0.8)


class Script:
    """Yields 100 steps and then `last`; without one it waits for what the control asks.

    Each call is remembered with its config and control.
    """

    def __init__(self, last=None, *, extra=(), gauge=None, bound=None):
        self.last, self.extra, self.gauge, self.bound = last, extra, gauge, bound
        self.calls = []
        self.lrs = []
        self.running = threading.Semaphore(0)

    def __call__(self, config, control):
        self.calls.append((config, control))
        yield started(config)
        yield from self.extra
        step = 0
        if not control.paused:
            step = 100
            yield steps(1, step, gauge=self.gauge, bound=self.bound)
            yield fit(step)
            yield fit(step, "best", -2.0)
        if self.last is not None:
            yield self.last
            return
        yield from self._obey(control, step)

    def _obey(self, control, step):
        waiting = False
        while not control.stopped:
            if (lr := control.take_lr()) is not None:
                self.lrs.append(lr)
                yield LrChanged(step + 1, lr)
            if control.take_step():
                step += 1
                yield steps(step, step)
                yield Paused(step)
                waiting = True
            elif control.paused and not waiting:
                waiting = True
                yield Paused(step)
            elif not control.paused and waiting:
                waiting = False
                yield Resumed(step)
            time.sleep(0.002)
        yield ended(StopReason.STOPPED, f"stopped by hand at step {step}", max(step, 1))


class SweepScript:
    """Yields 40 steps of every candidate and their ends; with `waits`, only half of them end.

    A point's loss falls to 1 at the middle of the axis and rises by 1 a place from there, by 0.01 a
    seed; points in `diverged` diverge. Each call is remembered with its plan and control.
    """

    def __init__(self, *, diverged=(), waits=False, seeds_differ=0.01):
        self.diverged, self.waits, self.seeds_differ = diverged, waits, seeds_differ
        self.calls = []

    def __call__(self, plan, control):
        self.calls.append((plan, control))
        yield SweepStarted(plan, 1, "batched, one group, cpu, 2 workers", points())
        for candidate in plan.candidates:
            yield self._advance(plan, candidate, 1, 40)
        for candidate in plan.candidates[: len(plan.candidates) // (2 if self.waits else 1)]:
            yield CandidateEnded(candidate.index, self._end(candidate), fit(40))
        if self.waits:
            yield from self._obey(plan, control)
        reason = StopReason.STOPPED if self.waits else StopReason.COMPLETED
        yield SweepEnded(reason, "", 40 * len(plan.candidates), 0.5)

    def loss(self, plan, candidate):
        middle = len(plan.points) // 2
        seed = candidate.config.seed - plan.base.seed
        return 1.0 + abs(candidate.point - middle) + self.seeds_differ * seed

    def _advance(self, plan, candidate, first, last):
        steps = np.arange(first, last + 1)
        val = self.loss(plan, candidate) * np.maximum(1.0, 40 / steps)
        column = frozen(val[:, None])
        return CandidatesAdvanced((candidate.index,), first, (len(steps),), column, column, 0.5)

    def _end(self, candidate):
        if candidate.point in self.diverged:
            return ended(StopReason.DIVERGED, "the training loss is not finite at step 40", 40)
        return ended(StopReason.COMPLETED, "finished 40 steps", 40)

    def _obey(self, plan, control):
        step = 40
        while not control.stopped:
            if control.watched is not None and control.watched >= len(plan.candidates) // 2:
                step += 1
                candidate = plan.candidates[control.watched]
                yield self._advance(plan, candidate, step, step)
                yield CandidateFitSampled(candidate.index, fit(step))
            time.sleep(0.005)
        for candidate in plan.candidates[len(plan.candidates) // 2 :]:
            yield CandidateEnded(
                candidate.index, ended(StopReason.STOPPED, "stopped by hand at step 40", 40)
            )


class LrScript:
    """Yields a range test that falls until lr 0.1 and trials, the lowest near `of_trials`.

    With `waits` it stands after the range test until it is stopped. Each call is remembered.
    """

    def __init__(self, of_range=0.01, of_trials=0.00244, *, waits=False, disagreement=None):
        self.of_range, self.of_trials = of_range, of_trials
        self.waits, self.disagreement = waits, disagreement
        self.calls = []

    def __call__(self, search, control):
        self.calls.append((search, control))
        yield LrSearchStarted(search)
        yield LrRangeStarted(search.config, search.range)
        lrs = np.array(search.range.lrs)
        losses = 1 + 10 * np.abs(np.log10(lrs) + 1)
        curve = LrCurve(lrs, losses, losses)
        yield LrRangeAdvanced(curve, 0.1)
        falls = "the training loss falls steepest around it"
        answer = LrSuggestion(self.of_range, falls if self.of_range else "the loss never falls")
        yield LrRangeEnded(StopReason.COMPLETED, answer, curve, 0.2)
        yield LrTrialsStarted(search, "batched, one group, cpu, 2 workers")
        trials = self._trials(search)
        yield LrTrialsAdvanced(trials, 0.3)
        while self.waits and not control.stopped:
            time.sleep(0.005)
        reason = StopReason.STOPPED if self.waits else StopReason.COMPLETED
        yield LrTrialsEnded(reason, self._of_trials(), trials, 0.4)
        words = "from the trials, which train longer"
        suggestions = self.of_range, self.of_trials
        yield LrFound(reason, *suggestions, self.of_trials, words, self.disagreement)

    def _of_trials(self):
        known = self.of_trials is not None
        return LrSuggestion(self.of_trials, "validation loss down" if known else "all diverged")

    def _trials(self, search):
        lrs = np.array([candidate.config.lr for candidate in search.trials.candidates])
        losses = 1 + 5 * np.abs(np.log10(lrs / 0.003))
        steps = np.full(len(lrs), search.trial_steps)
        return LrTrials(lrs, losses, losses, steps, lrs > (1 if self.of_trials else 0))


def make_app(
    train=None,
    recipe=DEFAULT_RECIPE,
    *,
    preview=preview,
    sweep=None,
    find_lr=None,
    keymap=None,
    charset=Charset.UNICODE,
    preferences=None,
    app_class=TrainerApp,
    seen=None,
    on_end="",
    presets_folder=None,
    **settings,
):
    presets = load_presets(presets_folder)
    config = make_config(presets, recipe, **settings)
    work = Work(train or Script(), preview, sweep or SweepScript(), find_lr or LrScript())
    return app_class(presets, config, recipe, work, keymap, charset, 1.0, preferences, seen, on_end)


async def until(pilot, condition, seconds=DEADLINE):
    """Wait for a condition; fail with the screen where it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come:\n{screen_text(pilot.app)}"
        await pilot.pause(0.01)


async def shown(pilot, *texts):
    """Wait until all texts are drawn, wrapped or not: the screen follows a state frames later."""

    def drawn():
        screen = screen_text(pilot.app)
        unbroken = " ".join(screen.split())
        return all(text in screen or text in unbroken for text in texts)

    await until(pilot, drawn)


async def hidden(pilot, text):
    """Wait until a text is drawn no more."""
    await until(pilot, lambda: text not in screen_text(pilot.app))


async def press(pilot, *keys):
    """Press keys one by one, each handled before the next, and before this returns."""
    for key in keys:
        await headless.press(pilot, key)
        await pilot.pause(0)  # by now the app has handed the key on to the screen


async def type_text(pilot, text):
    """Type a text as fast as a terminal may send it; it is handled before this returns."""
    for character in text:
        pilot.app.post_message(headless.key_event(character))
    await pilot.pause(0)  # by now the app has handed them on
    await pilot.pause(0)


async def ready(pilot):
    """Wait for the first preview and its frame."""
    await until(pilot, lambda: pilot.app.cockpit.is_idle)
