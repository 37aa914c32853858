"""``config.toml``: what a person sets once, for every start of the program."""

import os
from pathlib import Path
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from tui_trainer.config.presets import read_toml, user_config_folder
from tui_trainer.config.validation import InvalidSettingsError, convert

Glyphs: TypeAlias = Literal["auto", "ascii", "braille", "octants"]
Colors: TypeAlias = Literal["auto", "none", "16", "256", "truecolor"]
OnHangup: TypeAlias = Literal["continue", "checkpoint"]
Notices: TypeAlias = Literal["auto", "bell", "osc9", "osc777", "off"]


class UserSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of ``config.toml``.

    Those that only others can judge are left to them: `theme` to Textual, `recipe` to the presets,
    `keys` to the screens. None and "auto" leave the choice to the program.
    """

    theme: str | None = None
    glyphs: Glyphs = "auto"
    colors: Colors = "auto"
    notices: Notices = "auto"
    on_end: str | None = None
    on_hangup: OnHangup = "continue"
    recipe: str | None = None
    keys: dict[str, Any] = {}


def config_file() -> Path:
    """Return the path of the file, which need not be there."""
    return user_config_folder() / "config.toml"


def read_user_settings(file: Path) -> UserSettings:
    """Read the settings; a file that is not there says nothing.

    Raises:
        InvalidSettingsError: one line that names the file, the key and what is allowed.
    """
    try:
        if not file.exists():
            return UserSettings()
    except OSError as error:
        raise InvalidSettingsError(f"{file}: can't be read: {error.strerror}") from None
    table = read_toml(file)
    try:
        return convert(table, UserSettings)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{file}: {error}") from None


def write_setting(file: Path, key: str, value: str) -> None:
    """Set one of the settings in the file; all else stays as a person wrote it.

    The file is replaced in one step, and behind a link it is the one that the link names.

    Raises:
        InvalidSettingsError: if the file can't be read or written; one line that names it.
    """
    import tomlkit  # hardly ever needed

    read_user_settings(file)  # a mistake in it is a person's to mend
    document = tomlkit.parse(file.read_bytes() if file.exists() else b"")
    document[key] = value
    try:
        _replace(file.resolve(), tomlkit.dumps(document).encode())
    except OSError as error:
        raise InvalidSettingsError(f"{file}: can't be written: {error.strerror}") from None


def _replace(file: Path, content: bytes) -> None:
    import tempfile

    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            if file.exists():
                os.fchmod(descriptor, file.stat().st_mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise
