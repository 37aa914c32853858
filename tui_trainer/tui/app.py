"""The app around the cockpit: the terminal's signals, the palette, the way out."""

import asyncio
import signal
from collections.abc import Sequence

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding
from textual.driver import Driver
from textual.filter import LineFilter

from tui_trainer.config import RunConfig
from tui_trainer.plotting.roles import Charset
from tui_trainer.preset_files import Presets
from tui_trainer.tui.ascii import AsciiFilter
from tui_trainer.tui.background import Preview, Train
from tui_trainer.tui.commands import CockpitCommands
from tui_trainer.tui.frames import UI_SHARE
from tui_trainer.tui.screens.cockpit import Cockpit
from tui_trainer.tui.screens.question import QuitQuestion
from tui_trainer.tui.terminal import mend_compositor, thrifty_driver


class TrainerApp(App[None]):
    """Choose, train, watch. `train` and `preview` are called in threads, never in the UI's.

    Args:
        presets: what there is to choose from.
        config: what the form starts with.
        recipe: the recipe that `config` was made of.
        train: runs a config and yields its events, as `tui_trainer.training.trainer.train` does.
        preview: shows a config's untrained network.
        keymap: keys by id, in the place of the default ones.
        charset: what the terminal can show.
        ui_share: the share of the time that drawing may take, above 0.
    """

    TITLE = "tui-trainer"
    CSS_PATH = "app.tcss"
    COMMANDS = App.COMMANDS | {CockpitCommands}
    BINDINGS = [Binding("ctrl+z", "suspend_process", "to the shell", show=False)]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        presets: Presets,
        config: RunConfig,
        recipe: str,
        train: Train,
        preview: Preview,
        keymap: dict[str, str] | None = None,
        charset: Charset = Charset.UNICODE,
        ui_share: float = UI_SHARE,
    ) -> None:
        mend_compositor()
        super().__init__()
        self._ascii = charset is Charset.ASCII
        keymap = keymap or {}
        self.set_keymap(keymap)
        self.cockpit = Cockpit(presets, config, recipe, train, preview, keymap, charset, ui_share)

    def get_default_screen(self) -> Cockpit:
        """Return the cockpit."""
        return self.cockpit

    def on_mount(self) -> None:
        """Leave the terminal as it was found, whatever ends the program."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            try:
                loop.add_signal_handler(number, self._leave, number)
            except (NotImplementedError, RuntimeError, ValueError):
                return  # no signals here: not the main thread, or not a Unix
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the one that writes ASCII, where the terminal can't show more."""
        filters = list(super().get_line_filters())
        return [*filters, AsciiFilter()] if self._ascii else filters

    def get_driver_class(self) -> type[Driver]:
        """Return the platform's driver, made to write less."""
        return thrifty_driver(super().get_driver_class())

    @property
    def bytes_written(self) -> int:
        """How many bytes went to the terminal so far."""
        return getattr(self._driver, "bytes_written", 0)

    async def action_quit(self) -> None:
        """Quit; ask first while a run is on its way."""
        if not self.cockpit.training:
            self.exit()
        elif not isinstance(self.screen, QuitQuestion):
            step = self.cockpit.run.step if self.cockpit.run else 0
            self.push_screen(QuitQuestion(step), lambda quits: self.exit() if quits else None)

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave; a run on its way ends first, since its thread can't be killed."""
        self.cockpit.action_stop()
        super().exit(result, return_code, message)

    def _leave(self, number: signal.Signals) -> None:
        self.exit(return_code=128 + number)
