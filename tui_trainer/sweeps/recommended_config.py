"""The config that a finished sweep recommends, read back from its JSON."""

from pathlib import Path
from typing import Any

import msgspec

from tui_trainer.config.overrides import RUN_NUMBERS
from tui_trainer.config.settings import RunConfig, upgraded
from tui_trainer.config.validation import InvalidSettingsError, convert
from tui_trainer.formatting import printable

# What may differ from the recommended config; the rest is what it was found with.
CHANGEABLE = (*RUN_NUMBERS, "device", "engine")


def read_recommended(file: Path, **settings: Any) -> RunConfig:
    """Read the recommended config of ``tui-trainer sweep --json``, overridden by `settings`.

    `settings` may be any of `CHANGEABLE`; None counts as not given.

    Raises:
        InvalidSettingsError: one line that names the file and what is wrong with it.
    """
    try:
        found = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise InvalidSettingsError(f"{file}: {error.strerror}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidSettingsError(f"{file}: not a JSON file: {error}") from None
    if not isinstance(found, dict) or "recommended" not in found:
        raise InvalidSettingsError(f"{file}: not what 'tui-trainer sweep --json' prints")
    recommended = found["recommended"]
    if recommended is None:
        told = found.get("why_none")  # which older files lack
        why = told if isinstance(told, str) else "see what the sweep said of its candidates"
        raise InvalidSettingsError(f"{file}: this sweep recommends nothing: {printable(why)}")
    config = recommended.get("config") if isinstance(recommended, dict) else None
    if not isinstance(config, dict):
        raise InvalidSettingsError(f"{file}: recommended.config: expected a table of settings")
    given = {key: value for key, value in settings.items() if value is not None}
    try:
        return convert(upgraded(config) | given, RunConfig)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{file}: recommended.config.{error}") from None
