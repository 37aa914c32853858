"""What one run has in another way than another: its name beside that one."""

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import (
    REGULARIZER_NUMBERS,
    RUN_NUMBERS,
    Regularizer,
    RunConfig,
    describe_stopping,
)
from tui_trainer.formatting import short_text

_NAMES = {"dataset": "data", "architecture": "network"}


def config_differences(config: RunConfig, other: RunConfig) -> dict[str, str]:
    """Return what differs, by setting, in words for `config`: ``{"init": "init kaiming"}``."""
    words: dict[str, str] = {}
    for part in PARTS:
        if getattr(config, part) != getattr(other, part):
            words[part] = f"{_NAMES.get(part, part)} {getattr(config, part).name}"
    if config.regularizer.name == other.regularizer.name and "regularizer" in words:
        numbers = _numbers_over(config.regularizer, other.regularizer, config.counted)
        words["regularizer"] = numbers or words["regularizer"]
    for key in RUN_NUMBERS:
        if (number := getattr(config, key)) != getattr(other, key):
            text = "whole split" if number is None else short_text(number)
            words[key] = f"{key.replace('_', ' ')} {text}"
    for key in ("optimizer", "engine", "device"):
        if getattr(config, key) != getattr(other, key):
            words[key] = f"{key} {getattr(config, key)}"
    return words


def _numbers_over(regularizer: Regularizer, other: Regularizer, counted: str) -> str:
    """Name what differs in two regularizers of one name."""
    parts = []
    for key in REGULARIZER_NUMBERS:
        number = getattr(regularizer, key)
        if number != getattr(other, key):
            parts.append(f"{key} {'none' if number is None else short_text(number)}")
    if (rule := regularizer.stopping) != other.stopping:
        parts.append("never stops early" if rule is None else describe_stopping(rule, counted))
    return ", ".join(parts)
