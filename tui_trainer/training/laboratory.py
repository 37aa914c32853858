"""The stopping laboratory: where rules would have ended a run, by the losses that are there.

A rule knows the steps before it alone. So a run with this rule, and the same in all else, stops
where it fires here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from tui_trainer.config.overrides import REGULARIZER_NUMBERS, Value
from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import Regularizer
from tui_trainer.config.stopping import Stopping
from tui_trainer.training.events import FloatArray
from tui_trainer.training.history import History
from tui_trainer.training.progress import Best, lower_best
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import ACTIVE
from tui_trainer.training.stopping_rules import make_rule

CHUNK = 8192  # steps: short enough for exact sums, long enough to cost next to nothing a step


@dataclass(frozen=True, slots=True)
class NamedRule:
    """A rule, or None for none, and the names of the regularizer presets that have it."""

    stopping: Stopping | None
    presets: tuple[str, ...]


class Fate(Enum):
    """What becomes of a run under a rule."""

    STOPS = auto()
    PENDING = auto()  # it has not fired; more steps are to come
    FINISHES = auto()  # it does not fire
    DIVERGES = auto()  # it does not fire before a loss is not finite
    UNKNOWN = auto()  # it has not fired by the end of a history that is not the whole one


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a run under a rule, after which step, and at what price.

    `val_loss` is that of the weights it ends with, `above_best` how far that is above the lowest
    of the history, `saved` the share of the steps without a rule. All three are None where they
    are not known.
    """

    rule: NamedRule
    fate: Fate
    step: int | None = None
    val_loss: float | None = None
    above_best: float | None = None
    saved: float | None = None


@dataclass(frozen=True, slots=True)
class RuleStop:
    """Where a rule fires: after which step, with its loss and that of the weights it leaves."""

    step: int
    val_loss: float
    final_val_loss: float


class Laboratory:
    """Shows a growing history to rules, each step once, until they fire.

    The run measures validation every `every` steps.
    """

    def __init__(self, rules: Sequence[NamedRule], every: int = 1) -> None:
        self.rules = tuple(rules)
        self.step = 0  # the last one that was read
        self.best: Best | None = None
        self.diverged_at: int | None = None
        self.stops: dict[int, RuleStop] = {}  # by the rule's index
        self._armed = {
            index: make_rule(rule.stopping, every)
            for index, rule in enumerate(self.rules)
            if rule.stopping is not None
        }

    def read(self, history: History, most: int = CHUNK) -> bool:
        """Read on in a history, `most` steps at a time; return whether there is more to read."""
        if self.is_cut_off(history) or self.diverged_at is not None:
            return False
        first, last = self.step + 1, self.step + most
        if history.steps >= first:
            self.observe(history.part("train", first, last), history.part("val", first, last))
        return self.has_more(history)

    def has_more(self, history: History) -> bool:
        """Whether there are steps to read."""
        ended = self.diverged_at is not None or self.is_cut_off(history)
        return not ended and self.step < history.steps

    def is_cut_off(self, history: History) -> bool:
        """Whether the next steps are no longer kept one by one: rules that are armed never fire."""
        return self.step + 1 < history.first_kept

    def observe(self, train: FloatArray, val: FloatArray) -> None:
        """Show the next steps to the rules, up to the first loss that is not finite."""
        bad = np.flatnonzero(~(np.isfinite(train) & np.isfinite(val)))
        if len(bad):
            self.diverged_at = self.step + int(bad[0]) + 1
            train, val = train[: bad[0]], val[: bad[0]]
        if len(val):
            for index in list(self._armed):
                self._judge(index, train, val)
            self.best = lower_best(self.best, val, self.step + 1)
        self.step = self.diverged_at or self.step + len(val)

    def _judge(self, index: int, train: FloatArray, val: FloatArray) -> None:
        verdict = self._armed[index].observe(train, val)
        if verdict.stop:
            count = len(verdict.bounds)
            best, loss = lower_best(self.best, val[:count], self.step + 1), float(val[count - 1])
            stopping = self.rules[index].stopping
            assert stopping is not None
            assert best is not None
            final = best.val_loss if stopping.restore_best else loss
            self.stops[index] = RuleStop(self.step + count, loss, final)
            del self._armed[index]

    def outcomes(self, run: RunResult) -> list[Outcome]:
        """Say what becomes of the run whose history this is, as far as it has been read."""
        return [self._outcome(index, rule, run) for index, rule in enumerate(self.rules)]

    def _outcome(self, index: int, rule: NamedRule, run: RunResult) -> Outcome:
        never = rule.stopping is None
        if (stop := self.stops.get(index)) is not None:
            return self._known(rule, Fate.STOPS, stop.step, stop.final_val_loss, run)
        if self.diverged_at is not None or (never and run.diverged):
            return Outcome(rule, Fate.DIVERGES)
        if run.state in ACTIVE or (self.has_more(run.history) and not never):
            return Outcome(rule, Fate.PENDING)
        if run.step < run.config.steps or (self.is_cut_off(run.history) and not never):
            return Outcome(rule, Fate.UNKNOWN)
        assert run.val_loss is not None
        return self._known(rule, Fate.FINISHES, run.step, run.val_loss, run)

    def _known(
        self, rule: NamedRule, fate: Fate, step: int, val_loss: float, run: RunResult
    ) -> Outcome:
        assert run.best is not None
        whole = self.diverged_at or run.config.steps
        return Outcome(rule, fate, step, val_loss, val_loss - run.best.val_loss, 1 - step / whole)


def best_outcome(outcomes: Sequence[Outcome]) -> int | None:
    """Return the index of the lowest validation loss.

    Of equals it is what saves the most steps; where no rule fires, no rule.
    """
    known = [
        (outcome.val_loss, -(outcome.saved or 0.0), outcome.rule.stopping is not None, index)
        for index, outcome in enumerate(outcomes)
        if outcome.val_loss is not None
    ]
    return min(known)[-1] if known else None


def rules_of(presets: Presets, own: Stopping | None) -> list[NamedRule]:
    """Return the rules of all presets, each once, that of the run itself, and last no rule."""
    names: dict[Stopping | None, list[str]] = {}
    for name, preset in presets.regularizer.items():
        names.setdefault(preset.settings.stopping, []).append(name)
    without = names.pop(None, [])
    if own is not None:
        names.setdefault(own, [])
    rules = [NamedRule(stopping, tuple(having)) for stopping, having in names.items()]
    return [*rules, NamedRule(None, tuple(without))]


def settings_with(
    rule: NamedRule, presets: Presets, regularizer: Regularizer
) -> Mapping[str, Value]:
    """Return the settings of a run like one with `regularizer`, but for its rule.

    Empty if no preset has the rule. Penalties and dropout go over those of a preset that has
    others; a preset's dropout alone can't be taken away.
    """
    if not rule.presets:
        return {}
    wanted = {key: getattr(regularizer, key) for key in REGULARIZER_NUMBERS}

    def others(name: str) -> Iterator[tuple[str, Value]]:
        preset = presets.regularizer[name].settings
        for key, number in wanted.items():
            if number != getattr(preset, key) and number is not None:
                yield key, number

    def adds_dropout(name: str) -> bool:
        dropout = presets.regularizer[name].settings.dropout
        return wanted["dropout"] is None and dropout is not None

    names = rule.presets
    name = min(names, key=lambda name: (adds_dropout(name), len(list(others(name)))))
    return {"regularizer": name, **dict(others(name))}
