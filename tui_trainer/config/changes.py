"""Settings of a run that are changed on its way: ``lr=0.001``, ``regularizer=l1``."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import (
    ENGINES,
    REGULARIZER_NUMBERS,
    RunConfig,
    parse_number,
)
from tui_trainer.config.validation import InvalidSettingsError, one_of, shortened

CHANGEABLE = ("lr", "steps", "regularizer", *REGULARIZER_NUMBERS, "engine")


def changed_config(
    config: RunConfig, changes: Iterable[str], presets: Presets
) -> tuple[RunConfig, float | None]:
    """Return the config with the changes, and its lr if that is among them.

    Raises:
        InvalidSettingsError: one line that names the change and what is allowed.
    """
    values = dict(_split(change) for change in changes)
    regularizer = config.regularizer
    if (name := values.get("regularizer")) is not None:
        if name not in presets.regularizer:
            raise InvalidSettingsError(
                f"regularizer: unknown regularizer {shortened(name)}; "
                f"{one_of(name, presets.regularizer)}"
            )
        regularizer = presets.regularizer[name].settings
    numbers = {key: _number(key, values[key]) for key in REGULARIZER_NUMBERS if key in values}
    others: dict[str, Any] = {
        key: _number(key, values[key]) for key in ("lr", "steps") if key in values
    }
    if (engine := values.get("engine")) is not None:
        if engine not in ENGINES:
            raise InvalidSettingsError(f"engine: {one_of(engine, ENGINES)}")
        others["engine"] = engine
    regularizer = structs.replace(regularizer, **numbers)
    return structs.replace(config, regularizer=regularizer, **others), others.get("lr")


def _split(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    key = key.strip().replace("-", "_")
    if not equals:
        raise InvalidSettingsError(f"{shortened(change)}: expected KEY=VALUE, as in lr=0.001")
    if key not in CHANGEABLE:
        raise InvalidSettingsError(
            f"{shortened(change)}: unknown setting of a branch; {one_of(key, CHANGEABLE)}"
        )
    return key, value.strip()


def _number(key: str, text: str) -> float | int:
    try:
        return parse_number(key, text)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{key}: {error}, got {shortened(text)}") from None
