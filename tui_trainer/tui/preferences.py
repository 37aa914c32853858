"""What a person has set for every start; changed in the app, it is written to ``config.toml``."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, get_args

import msgspec
from textual.theme import BUILTIN_THEMES
from textual.types import IgnoreReturnCallbackType

from tui_trainer.config.user_settings import Colors, Glyphs, Notices, OnHangup, UserSettings
from tui_trainer.config.validation import InvalidSettingsError, one_of
from tui_trainer.notices.terminals import LONG_RUN
from tui_trainer.tui.commands import ScreenCommands

if TYPE_CHECKING:
    from tui_trainer.tui.app import TrainerApp

Write: TypeAlias = Callable[[str, str], None]

_CHOICES = {"glyphs": Glyphs, "colors": Colors, "notices": Notices, "on_hangup": OnHangup}
_EXPLAINED = {
    "glyphs": "which characters draw the plots; takes effect at the next start",
    "colors": "how many colours the terminal has; takes effect at the next start",
    "notices": (
        f"a notice when a run, sweep or search of over {LONG_RUN:.0f} s ends: the terminal's own, "
        "where it is known to have one, else the bell"
    ),
    "on_hangup": (
        "when the terminal is gone, a run continues without it, or is kept at a checkpoint and ends"
    ),
    "recipe": "what the form starts with where no --recipe is given",
}


class Preferences:
    """The settings, and how a change of one is written.

    Args:
        settings: as they were read.
        write: sets a key in the file; None keeps changes for this session alone.

    Raises:
        InvalidSettingsError: if Textual has no such theme.
    """

    def __init__(self, settings: UserSettings | None = None, write: Write | None = None) -> None:
        self.settings = settings or UserSettings()
        self._write = write

    def change(self, key: str, value: str) -> str:
        """Change a setting, and return a sentence about it."""
        self.settings = msgspec.structs.replace(self.settings, **{key: value})
        try:
            if self._write is not None:
                self._write(key, value)
        except InvalidSettingsError as error:
            return f"{key} {value} is for this session alone: {error}"
        return f"{key} {value} is now in config.toml"


def require_theme(settings: UserSettings, file: Path) -> None:
    """Refuse a theme that Textual does not have.

    Raises:
        InvalidSettingsError: one line with the file and what is allowed.
    """
    if (theme := settings.theme) is not None and theme not in BUILTIN_THEMES:
        allowed = one_of(theme, BUILTIN_THEMES)
        raise InvalidSettingsError(f"{file}: theme: unknown theme '{theme}'; {allowed}")


class PreferenceCommands(ScreenCommands):
    """Finds settings of ``config.toml`` in the palette; Textual itself has the themes."""

    def _commands(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        app: TrainerApp = self.app  # type: ignore[assignment]
        for key, kind in _CHOICES.items():
            now = getattr(app.preferences.settings, key)
            for value in get_args(kind):
                if value != now:
                    yield f"{key}: {value}", partial(app.prefer, key, value), _EXPLAINED[key]
        recipe = app.cockpit.form.recipe
        name = f"default recipe: {recipe}"
        yield name, partial(app.prefer, "recipe", recipe), _EXPLAINED["recipe"]
