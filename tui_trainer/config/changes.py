"""Settings of a run that are changed on its way: ``lr=0.001``, ``regularizer=l1``."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from tui_trainer.config.overrides import OVERRIDES, overrides_of, parse_number, setting_key
from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import ENGINES, RunConfig
from tui_trainer.config.validation import InvalidSettingsError, one_of, shortened

_PARTS = ("regularizer", "optimizer", "schedule")  # a branch keeps the network and the data
_NUMBERS = ("lr", "steps")
CHANGEABLE = (
    *_NUMBERS,
    *(key for part in _PARTS for key in (part, *overrides_of(part))),
    "engine",
)


def changed_config(
    config: RunConfig, changes: Iterable[str], presets: Presets
) -> tuple[RunConfig, float | None]:
    """Return the config with the changes, and its lr if that is among them.

    Raises:
        InvalidSettingsError: one line that names the change and what is allowed.
    """
    values = dict(_split(change) for change in changes)
    others: dict[str, Any] = {key: _number(key, values[key]) for key in _NUMBERS if key in values}
    for part in _PARTS:
        others[part] = _changed_part(part, config, values, presets)
    if (engine := values.get("engine")) is not None:
        if engine not in ENGINES:
            raise InvalidSettingsError(f"engine: {one_of(engine, ENGINES)}")
        others["engine"] = engine
    return structs.replace(config, **others), others.get("lr")


def _changed_part(part: str, config: RunConfig, values: dict[str, str], presets: Presets) -> Any:
    """Return the preset that a part is to be, or the part itself, with numbers over it."""
    settings = getattr(config, part)
    if (name := values.get(part)) is not None:
        known = getattr(presets, part)
        if name not in known:
            raise InvalidSettingsError(
                f"{part}: unknown {part} {shortened(name)}; {one_of(name, known)}"
            )
        settings = known[name].settings
    given = [key for key in overrides_of(part) if key in values]
    try:
        numbers = {OVERRIDES[key].field: _number(key, values[key]) for key in given}
        return structs.replace(settings, **numbers)
    except InvalidSettingsError:
        raise
    except ValueError as error:
        raise InvalidSettingsError(str(error)) from None


def _split(change: str) -> tuple[str, str]:
    text, equals, value = change.partition("=")
    key = setting_key(text)
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
