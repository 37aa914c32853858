"""What one run has in another way than another: its name beside that one."""

from collections.abc import Iterator

from tui_trainer.config.overrides import OVERRIDES, RUN_NUMBERS, overrides_of
from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import Dataset, RunConfig
from tui_trainer.config.stopping import describe_stopping
from tui_trainer.formatting import comma_list, short_text

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
    words = [*_data_over(mine, others)] if isinstance(mine, Dataset) else []
    for key in overrides_of(part):
        value = getattr(mine, OVERRIDES[key].field)
        if value != getattr(others, OVERRIDES[key].field):
            words.append(f"{key} {_text(value)}")
    if part == "regularizer" and (rule := mine.stopping) != others.stopping:
        words.append(
            "never stops early" if rule is None else describe_stopping(rule, config.counted)
        )
    return ", ".join(words)


def _data_over(mine: Dataset, others: Dataset) -> Iterator[str]:
    """Yield what differs in two data sets of one name: of files, which may be of one name too."""
    if mine.file != others.file:
        yield f"file {mine.file}"
    if mine.target != others.target:
        yield f"target {mine.target}"
    if mine.resolved and others.resolved and _columns(mine) != _columns(others):
        yield f"features {comma_list(mine.feature_names)}"
    if mine.split != others.split:
        yield f"split {mine.split:g}"
    if mine.validation_file != others.validation_file:
        yield f"validation file {mine.validation_file or 'none'}"
    if mine.standardize != others.standardize:
        yield "standardised" if mine.standardize else "not standardised"


def _columns(dataset: Dataset) -> set[str]:
    """Return the columns that are used: with another target the features are others anyway."""
    return {*dataset.feature_names, dataset.target}


def _text(value: float | str | None) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else short_text(value)
