"""The command palette: all presets by name, all keys by what they do."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.types import IgnoreReturnCallbackType

from tui_trainer.config.presets import CATEGORIES
from tui_trainer.tui.keys import KEYS, keys_of, press
from tui_trainer.tui.wording import ENGINE_WORDS

if TYPE_CHECKING:
    from tui_trainer.tui.run.screen import Cockpit


_LEFT_OUT = ("palette",)  # it is open


class Palette(CommandPalette):
    """Textual's palette, in a terminal of any size."""

    def _action_command_list(self, action: str) -> None:
        """Move in the list, if any of it is seen: Textual then knows no line to move from."""
        with contextlib.suppress(KeyError):
            super()._action_command_list(action)


class ScreenCommands(Provider):
    """Finds what the screen's keys do, and on the cockpit the presets."""

    def _commands(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        from tui_trainer.tui.live_screen import LiveScreen
        from tui_trainer.tui.run.screen import Cockpit

        screen = self.screen
        if isinstance(screen, LiveScreen):
            reasons = screen.why_not()
            for key in keys_of(screen.screen_name):
                named = key.help and key.id not in _LEFT_OUT
                if named and not key.action.startswith("cycle"):
                    about = reasons.get(key.id, f"key {screen.key(key.id)}")
                    yield key.help, partial(screen.run_action, press(key)), about
        if isinstance(screen, Cockpit):
            yield from self._lists(screen)
            yield from self._presets(screen)

    @staticmethod
    def _lists(cockpit: "Cockpit") -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        """Name the lists of presets, the next of which a key takes."""
        for key in KEYS:
            if key.action.startswith("cycle") and key.id.endswith("_next"):
                category = key.id.removesuffix("_next")
                title = key.help.removeprefix("next ")
                about = f"key {cockpit.key(key.id)} takes the next one"
                yield f"list: choose the {title}", partial(cockpit.form.open_list, category), about

    @staticmethod
    def _presets(cockpit: "Cockpit") -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        for category in (*CATEGORIES, "activation"):
            for name in cockpit.context.presets.names(category):
                choose = partial(cockpit.choose, category, name)
                description = cockpit.context.presets.description(category, name)
                yield f"{category}: {name}", choose, description
        for name, words in ENGINE_WORDS.items():
            yield f"engine: {name}", partial(cockpit.choose, "engine", name), words

    async def discover(self) -> Hits:
        for name, command, description in self._commands():
            yield DiscoveryHit(_prompt(Content(name), description), command, text=name)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, command, description in self._commands():
            score, found = matcher.fuzzy_search.match(query, name)
            if score > 0:
                content = Content(name)
                for place in found:
                    content = content.stylize(matcher.match_style, place, place + 1)
                yield Hit(score, _prompt(content, description), command, text=name)


def _prompt(name: Content, description: str) -> Content:
    """Write a command; as names and help, Textual would read brackets in them as markup."""
    return Content.assemble(name, "\n", (description, "dim not bold"))
