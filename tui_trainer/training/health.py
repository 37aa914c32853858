"""How the layers of a network fare, as far as it was measured, and what to make of it in words.

Everything that measures fills `HealthMeasured`, everything that shows it reads `Health`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.training.events import HealthMeasured, LayerHealth

LOW_RATIO, HIGH_RATIO = 1e-4, 1e-2
MANY_DEAD = 0.4
_MOST_NAMED = 4  # layers in a sentence
MOST_KEPT = 512  # measurements of a layer
# What a unit does that counts as dead, by the activation; see `unit_activity`.
_STATES = {
    "relu": ("never fire", "have not fired since step {}"),
    "tanh": ("are saturated", "have been saturated since step {}"),
    "gelu": ("stay near 0", "have stayed near 0 since step {}"),
}
_LIKE = {
    "relu6": "relu", "hardtanh": "tanh", "sigmoid": "tanh",
    "silu": "gelu", "mish": "gelu", "hardswish": "gelu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of a layer, in words; "" where there is nothing to say.

    `short` says the same in few words, `of_many` of several layers at once, "" where that can't be
    said; `is_bad` is a fault, and no hint.
    """

    words: str = ""
    short: str = ""
    of_many: str = ""
    is_bad: bool = False


def judge(layer: LayerHealth) -> Verdict:
    """Say what stands out in a layer.

    A step should change weights by about a thousandth of their size: that rule of thumb is
    Karpathy's (CS231n, "Ratio of weights:updates"). Within a factor of 10 nothing is said.
    40 % of dead units are what the same notes report of ReLU with a learning rate too high; fewer
    are told as well, but not as a fault: networks that learn well have some.
    """
    if layer.gradient is None:
        words = "the gradient is not finite"
        return Verdict(words, "not finite", words, is_bad=True)
    if not layer.gradient:
        return Verdict("no gradient reaches it", "no gradient", "no gradient reaches them", True)
    if layer.units and layer.dead >= MANY_DEAD * layer.units:
        return _dead_units(layer, is_bad=True)
    ratio = layer.ratio
    if ratio == 0:
        return Verdict("its weights don't change", "no update", "their weights don't change")
    if ratio is not None and ratio < LOW_RATIO:
        return _off_scale(ratio, "small updates", "below 10^-4", "larger")
    if ratio is not None and ratio > HIGH_RATIO:
        return _off_scale(ratio, "large updates", "over 10^-2", "smaller")
    return _dead_units(layer, is_bad=False) if layer.dead else Verdict()


def _off_scale(ratio: float, short: str, scale: str, other: str) -> Verdict:
    words = "updates are {} of the weights: the lr could be " + other
    return Verdict(words.format(f"10^{exponent_text(ratio)}"), short, words.format(scale))


def _dead_units(layer: LayerHealth, *, is_bad: bool) -> Verdict:
    always, lately = _STATES[_LIKE.get(layer.activation, layer.activation)]
    how = lately.format(f"{layer.since:,}") if layer.since > 1 else always
    words = f"{layer.dead:,} of {layer.units:,} units {how}"
    return Verdict(words, f"{layer.dead:,} {always.removeprefix('are ')}", is_bad=is_bad)


def exponent_text(ratio: float) -> str:
    """Write a positive number as a power of 10, to a tenth: ``-3`` for 0.001."""
    return f"{math.log10(ratio):.1f}".removesuffix(".0")


class Course:
    """The logarithms of a quantity's measurements, None for those that have none.

    When there are too many, every other one goes.
    """

    def __init__(self) -> None:
        self.values: list[float | None] = []
        self._every = 1
        self._skipped = 0

    def append(self, value: float | None) -> None:
        """Add the newest value."""
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        is_fit = value is not None and value > 0 and math.isfinite(value)
        self.values.append(math.log10(value) if value is not None and is_fit else None)
        if len(self.values) > MOST_KEPT:
            del self.values[::2]
            self._every *= 2


class Health:
    """The layers as they were measured last, from input to output, and how they came there.

    `seconds` is what all measurements took, `share` their part of the time since the first one.
    """

    def __init__(self) -> None:
        self.step = 0
        self.layers: dict[str, LayerHealth] = {}
        self.gradients: dict[str, Course] = {}
        self.count = 0  # of measurements
        self.seconds = 0.0
        self.share = 0.0

    def apply(self, event: HealthMeasured) -> None:
        """Take in a measurement: of all layers, or of those of one network of several."""
        self.step, self.share = max(self.step, event.step), event.share
        self.seconds += event.seconds
        self.count += 1
        for layer in event.layers:
            self.layers[layer.name] = layer
            self.gradients.setdefault(layer.name, Course()).append(layer.gradient)

    @property
    def verdicts(self) -> Sequence[str]:
        """What there is to say, faults first: of each layer, or of all that it is true of."""
        judged = {name: judge(layer) for name, layer in self.layers.items()}
        lines = dict[tuple[bool, str], list[str]]()
        for name, verdict in judged.items():
            if verdict.words:
                lines.setdefault((verdict.is_bad, verdict.of_many or verdict.words), []).append(
                    name
                )
        spoken = []
        for (_, words), names in sorted(lines.items(), key=lambda line: not line[0][0]):
            alone = judged[names[0]].words if len(names) == 1 else words
            spoken.append(f"{_together(names, len(judged))}: {alone}")
        return spoken


def _together(names: Sequence[str], count: int) -> str:
    if len(names) == count > 1:
        return "all layers"
    if len(names) > _MOST_NAMED:
        return f"{len(names)} layers"
    return ", ".join(names)
