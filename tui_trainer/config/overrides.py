"""Settings that have one name each, as flags, forms and axes use them: they go over presets."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from tui_trainer.config.numbers import (
    Decay,
    DropoutRate,
    LearningRate,
    NonNegative,
    PositiveInt,
    Seed,
)
from tui_trainer.config.settings import Activation
from tui_trainer.config.validation import convert_text

# Of a setting: a number or the name of a preset.
Value: TypeAlias = float | int | str

NUMBERS = {"lr": LearningRate, "steps": PositiveInt, "seed": Seed, "data_seed": Seed}
BATCH_NUMBERS = {"batch_size": PositiveInt, "validate_every": PositiveInt}
RUN_NUMBERS = NUMBERS | BATCH_NUMBERS
WHOLE_NUMBERS = frozenset({"steps", "seed", "data_seed", *BATCH_NUMBERS})


class Override(NamedTuple):
    """A setting that goes over a preset's: of which part, which of its fields, of which type."""

    part: str
    field: str
    kind: Any


OVERRIDES: Mapping[str, Override] = {
    "activation": Override("architecture", "activation", Activation),
    "l1_weight": Override("regularizer", "l1_weight", NonNegative),
    "dropout": Override("regularizer", "dropout", DropoutRate),
    "weight_decay": Override("regularizer", "weight_decay", NonNegative),
    "momentum": Override("optimizer", "momentum", Decay),
    "beta1": Override("optimizer", "beta1", Decay),
    "beta2": Override("optimizer", "beta2", Decay),
    "eps": Override("optimizer", "eps", NonNegative),
    "decoupled_weight_decay": Override("optimizer", "weight_decay", NonNegative),
}
OVERRIDE_NUMBERS = {key: o.kind for key, o in OVERRIDES.items() if o.kind is not Activation}
_ALIASES = {"optimizer.lr": "lr", "optimizer.weight_decay": "decoupled_weight_decay"}


def overrides_of(part: str) -> tuple[str, ...]:
    """Return the settings that go over a preset of this part."""
    return tuple(key for key, override in OVERRIDES.items() if override.part == part)


REGULARIZER_NUMBERS = overrides_of("regularizer")


def setting_key(text: str) -> str:
    """Return the setting that a person means: ``optimizer.beta1`` is beta1, ``l1-weight`` too."""
    key = text.strip().replace("-", "_")
    return _ALIASES.get(key) or (key.removeprefix("optimizer.") if "." in key else key)


def parse_number(key: str, text: str) -> float | int:
    """Read one of `RUN_NUMBERS` or `OVERRIDE_NUMBERS` from a string.

    Raises:
        InvalidSettingsError: with what was expected.
    """
    number: float | int = convert_text(text, (RUN_NUMBERS | OVERRIDE_NUMBERS)[key])
    return number
