"""The project's own stopping rules on any metric that a loop logs."""

from __future__ import annotations

import re

import msgspec
import numpy as np

from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
    Stopping,
)
from tui_trainer.config.validation import InvalidSettingsError, convert_text, shortened
from tui_trainer.monitor.events import bound_name
from tui_trainer.monitor.rows import Table
from tui_trainer.monitor.series import is_better_higher
from tui_trainer.runs.segments import Steps
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray
from tui_trainer.training.stopping_rules import make_rule

# What each rule makes of its numbers: their fields, in order.
_RULES: dict[str, tuple[type[Stopping], tuple[str, ...]]] = {
    "first-increase": (FirstIncrease, ()),
    "patient-average": (PatientAverage, ("window",)),
    "patience": (Patience, ("patience", "min_delta")),
    "generalization-loss": (GeneralizationLoss, ("alpha",)),
    "progress-quotient": (ProgressQuotient, ("alpha", "strip")),
}
_OF_LOSSES = (GeneralizationLoss, ProgressQuotient)
_EXAMPLE = '"val_loss: patience 200"'
_EXAMPLE_OF_TWO = '"val_loss, train_loss: progress-quotient 0.5"'


class StopRule:
    """A rule, and what it makes of the values of a metric, as many as were logged.

    Of a metric for which higher is better it judges the negative, and says so in the metric's own
    words. `reason` says why it stops the loop, "" while it does not.

    A rule that also looks at a `training` loss takes, with each value that it judges, the last one
    of that loss; what is logged before there is one is not judged.
    """

    def __init__(self, text: str, metric: str, stopping: Stopping, training: str = "") -> None:
        self.text, self.metric, self._training = text, metric, training
        self.reason = ""
        self._train_steps, self._train = np.empty(0, np.int64), np.empty(0, np.float32)
        self._sign = -1 if is_better_higher(metric) else 1
        self._rule = make_rule(stopping)

    @property
    def bound_name(self) -> str:
        """The metric under which what each value was held against is recorded."""
        return bound_name(self.metric)

    @property
    def gauge(self) -> Gauge:
        """How near it is to stopping the loop."""
        return self._rule.gauge()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return (self.metric, self._training) if self._training else (self.metric,)

    def wants(self, metric: str) -> bool:
        """Say whether it judges a metric, and has not stopped the loop."""
        return metric == self.metric and not self.reason

    def see(self, table: Table) -> None:
        """Take in the training losses among values, before those of their steps are judged."""
        names, steps, values = table
        if self._training in names and not self.reason:
            self._train_steps = np.append(self._train_steps, steps)
            self._train = np.append(self._train, values[:, names.index(self._training)])

    def judge(self, steps: Steps, values: FloatArray) -> FloatArray:
        """Take in values; return what each was held against, up to the one that stops the loop."""
        judged = values * self._sign
        train = self._train_at(steps) if self._training else judged
        early = len(judged) - len(train)  # without a training loss so far
        if not len(train):
            return np.full(early, np.nan, np.float32)
        verdict = self._rule.observe(train, judged[early:])
        if verdict.stop:
            step = int(steps[early + len(verdict.bounds) - 1])
            self.reason = f"{self._in_words(self._rule.explain())} (step {step:,})"
        bounds: FloatArray = (verdict.bounds * self._sign).astype(np.float32)
        return np.append(np.full(early, np.nan, np.float32), bounds)

    def _train_at(self, steps: Steps) -> FloatArray:
        """Return the training loss of each step or the last one before, and forget older ones."""
        places = np.searchsorted(self._train_steps, steps, side="right") - 1
        found = self._train[places[places >= 0]]
        oldest = max(0, int(places[-1]))
        self._train_steps, self._train = self._train_steps[oldest:], self._train[oldest:]
        return found

    def _in_words(self, words: str) -> str:
        words = words.replace("validation", self.metric, 1)
        words = re.sub(r"\bstep(s?)\b", r"value\1", words)
        if self._sign < 0:
            words = re.sub(r"-(?=[\d.])", "", words).replace("exceeded", "fell below")
        return words


def parse_stop_rule(text: str) -> StopRule:
    """Read ``val_loss: patience 200``; numbers come in the order of the rule's settings.

    ``val_loss, train_loss: progress-quotient 0.5`` needs the training loss as well.

    Raises:
        InvalidSettingsError: one line that says what is wrong, and what is allowed.
    """
    metric, colon, rule = (part.strip() for part in text.rpartition(":"))
    words = rule.split()
    if not colon or not metric or not words:
        raise InvalidSettingsError(
            f"stop_when: expected a metric and a rule, such as {_EXAMPLE}, got {shortened(text)}"
        )
    name, numbers = words[0], words[1:]
    if name not in _RULES:
        raise InvalidSettingsError(
            f"stop_when: {shortened(name)} is no rule; allowed: {', '.join(_RULES)}"
        )
    kind, fields = _RULES[name]
    if len(numbers) > len(fields):
        takes = " and ".join(fields) or "no number"
        raise InvalidSettingsError(f"stop_when: {name} takes {takes}, got {' '.join(numbers)}")
    training = ""
    if kind is ProgressQuotient:
        metric, _, training = (part.strip() for part in metric.partition(","))
        if not metric or not training:
            raise InvalidSettingsError(
                f"stop_when: {name} takes two metrics, as in {_EXAMPLE_OF_TWO}, "
                f"got {shortened(text)}"
            )
    if kind in _OF_LOSSES and (is_better_higher(metric) or is_better_higher(training)):
        raise InvalidSettingsError(f"stop_when: {name} is for losses, of which lower is better")
    return StopRule(text, metric, _with_numbers(kind, fields, numbers), training)


def _with_numbers(kind: type[Stopping], fields: tuple[str, ...], numbers: list[str]) -> Stopping:
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    values = {}
    for field, number in zip(fields, numbers, strict=False):
        try:
            values[field] = convert_text(number, types[field])
        except InvalidSettingsError as error:
            raise InvalidSettingsError(f"stop_when: {field}: {error}") from None
    return kind(**values)
