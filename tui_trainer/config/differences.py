"""What one run has in another way than another: its name beside that one."""

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import (
    OVERRIDES,
    RUN_NUMBERS,
    RunConfig,
    describe_stopping,
    overrides_of,
)
from tui_trainer.formatting import short_text

_NAMES = {"dataset": "data", "architecture": "network"}


def config_differences(config: RunConfig, other: RunConfig) -> dict[str, str]:
    """Return what differs, by setting, in words for `config`: ``{"init": "init kaiming"}``."""
    words: dict[str, str] = {}
    for part in PARTS:
        mine, others = getattr(config, part), getattr(other, part)
        if mine != others:
            same = mine.name == others.name
            named = f"{_NAMES.get(part, part)} {mine.name}"
            words[part] = (same and _settings_over(part, config, other)) or named
    for key in RUN_NUMBERS:
        if (number := getattr(config, key)) != getattr(other, key):
            text = "whole split" if number is None else short_text(number)
            words[key] = f"{key.replace('_', ' ')} {text}"
    for key in ("engine", "device"):
        if getattr(config, key) != getattr(other, key):
            words[key] = f"{key} {getattr(config, key)}"
    return words


def _settings_over(part: str, config: RunConfig, other: RunConfig) -> str:
    """Name what differs in two parts of one name."""
    mine, others = getattr(config, part), getattr(other, part)
    words = []
    for key in overrides_of(part):
        value = getattr(mine, OVERRIDES[key].field)
        if value != getattr(others, OVERRIDES[key].field):
            words.append(f"{key} {_text(value)}")
    if part == "regularizer" and (rule := mine.stopping) != others.stopping:
        words.append(
            "never stops early" if rule is None else describe_stopping(rule, config.counted)
        )
    return ", ".join(words)


def _text(value: float | str | None) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else short_text(value)
