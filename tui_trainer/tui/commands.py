"""The command palette: every preset by name, every key by what it does."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from tui_trainer.config import ENGINES
from tui_trainer.preset_files import CATEGORIES
from tui_trainer.tui.keys import KEYS

if TYPE_CHECKING:
    from tui_trainer.tui.screens.cockpit import Cockpit


class CockpitCommands(Provider):
    """Finds presets and actions."""

    @property
    def _cockpit(self) -> "Cockpit":
        from tui_trainer.tui.screens.cockpit import Cockpit

        assert isinstance(self.screen, Cockpit)
        return self.screen

    def _commands(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        cockpit = self._cockpit
        for key in KEYS:
            if not key.action.startswith(("cycle", "app.")):
                yield key.help, partial(cockpit.run_action, key.action), f"key {key.key}"
        for category in CATEGORIES:
            for name in cockpit.presets.names(category):
                choose = partial(cockpit.choose, category, name)
                description = cockpit.presets.description(category, name)
                yield f"{category}: {name}", choose, description
        for name in ENGINES:
            yield f"engine: {name}", partial(cockpit.choose, "engine", name), "executes the steps"

    async def discover(self) -> Hits:
        """List everything."""
        for name, command, description in self._commands():
            yield DiscoveryHit(name, command, help=description)

    async def search(self, query: str) -> Hits:
        """List what matches."""
        matcher = self.matcher(query)
        for name, command, description in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), command, help=description)
