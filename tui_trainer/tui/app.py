"""The app: its screens, what it says and gives notice of; `terminal_app` has the terminal."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import App, SystemCommand
from textual.screen import Screen

from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import RunConfig
from tui_trainer.notices.command import run_on_end
from tui_trainer.notices.endings import Ending
from tui_trainer.notices.terminals import LONG_RUN, notice
from tui_trainer.plotting.roles import Charset
from tui_trainer.tui.background import Work
from tui_trainer.tui.commands import Palette, ScreenCommands
from tui_trainer.tui.frames import UI_SHARE
from tui_trainer.tui.keys import key_texts
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import Ended, LoopChosen, OnEndFailed, ValuesTaken
from tui_trainer.tui.preferences import PreferenceCommands, Preferences
from tui_trainer.tui.quit_question import QuitQuestion
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.seen import Seen
from tui_trainer.tui.terminal_app import TerminalApp

if TYPE_CHECKING:
    from tui_trainer.tui.lab.screen import LaboratoryScreen
    from tui_trainer.tui.lr.screen import LrFinderScreen
    from tui_trainer.tui.monitor.screen import MonitorScreen
    from tui_trainer.tui.runs.listed import RunList
    from tui_trainer.tui.runs.reading import SavedRuns
    from tui_trainer.tui.sweep.screen import SweepScreen


class TrainerApp(TerminalApp):
    """Choose, train, watch.

    Args:
        presets: what to choose from.
        config: the form's first settings.
        recipe: the recipe of `config`.
        work: trains, previews, sweeps and finds a learning rate.
        keymap: keys by id, which override the default ones.
        charset: what the terminal can show.
        ui_share: the fraction of the time that drawing may take, above 0.
        preferences: what is set for every start; those of this session alone, if None.
        seen: what a person has seen of the guide.
        on_end: a command for the shell, run at each end that nobody asked for; "" for none.
    """

    TITLE = "tui-trainer"
    CSS_PATH = "app.tcss"
    COMMANDS = App.COMMANDS | {ScreenCommands, PreferenceCommands}
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        presets: Presets,
        config: RunConfig,
        recipe: str,
        work: Work,
        keymap: dict[str, str] | None = None,
        charset: Charset = Charset.UNICODE,
        ui_share: float = UI_SHARE,
        preferences: Preferences | None = None,
        seen: Seen | None = None,
        on_end: str = "",
    ) -> None:
        super().__init__(charset, preferences or Preferences(), on_end)
        self.set_keymap(keymap or {})
        self._has_focus = False  # as far as is known: not every terminal tells
        theme = self.preferences.settings.theme
        self._kept_theme = theme or self.theme
        if theme is not None:
            self.theme = theme
        context = Context(presets, work, keymap or {}, charset, ui_share, seen or Seen())
        self.cockpit = Cockpit(context, config, recipe)
        self.sweep: SweepScreen | None = None
        self.lr_finder: LrFinderScreen | None = None
        self.laboratory: LaboratoryScreen | None = None
        self.monitor: MonitorScreen | None = None
        self.attached_loop: Path | None = None  # the loop to start with
        self._run_list: tuple[RunList, SavedRuns | None] | None = None  # once it was opened

    def get_default_screen(self) -> Cockpit:
        return self.cockpit

    def on_mount(self) -> None:
        if self.attached_loop is not None:
            self.show_loop(self.attached_loop)

    def prefer(self, key: str, value: str) -> None:
        """Change a setting for this session and all later ones, and say so."""
        words = self.preferences.change(key, value)
        if (screen := self._speaking) is not None:
            screen.say(words)

    @property
    def _speaking(self) -> LiveScreen | None:
        """The screen to say something on: below the palette, which may not be closed yet."""
        shown = [screen for screen in self.screen_stack if isinstance(screen, LiveScreen)]
        return shown[-1] if shown else None

    def watch_theme(self, theme: str) -> None:
        """Keep a theme that was chosen in the palette."""
        if theme != self._kept_theme:
            self._kept_theme = theme
            self.prefer("theme", theme)

    @on(Ended)
    def _ring(self, message: Ended) -> None:
        """Give notice of what took long, unless somebody is known to look; run the command."""
        if message.seconds > LONG_RUN and not self._has_focus:
            self._send_notice(message.ending.words)
        if self._command:
            run = partial(self._run_on_end, message.ending)
            threading.Thread(target=run, name="on-end", daemon=True).start()

    def _send_notice(self, words: str) -> None:
        setting = self.preferences.settings.notices
        if self.is_headless or self._driver is None:
            return
        if self._driver.is_web and setting != "off":
            setting = "bell"  # a page takes nothing else
        self._driver.write(notice(words, setting, ascii_only=self._ascii))

    def _run_on_end(self, ending: Ending) -> None:
        if problem := run_on_end(self._command, ending):
            self.post_message(OnEndFailed(problem))

    @on(OnEndFailed)
    def _report_on_end(self, message: OnEndFailed) -> None:
        if (screen := self._speaking) is not None:
            screen.note(message.words)

    @on(events.AppFocus)
    def _take_focus(self) -> None:
        self._has_focus = True

    @on(events.AppBlur)
    def _lose_focus(self) -> None:
        self._has_focus = False

    def get_system_commands(self, screen: Screen[Any]) -> Iterator[SystemCommand]:
        """Offer what no key of ours does: Textual's panel of keys has no way out."""
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command

    @property
    def live_screens(self) -> list[LiveScreen]:
        """The screens with threads of their own, also those that are not shown."""
        screens = (self.cockpit, self.sweep, self.lr_finder, self.monitor)
        return [screen for screen in screens if screen is not None]

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    async def action_quit(self) -> None:
        """Quit; ask first while something is running."""
        asked = [screen for screen in self.live_screens if screen.active and screen.quit_warning]
        if not asked:
            self.exit()
        elif not isinstance(self.screen, QuitQuestion):
            ended = sum(screen.ENDS_ON_QUIT for screen in asked)
            question = QuitQuestion([screen.quit_warning for screen in asked], ended)
            self.push_screen(question, lambda quits: self.exit() if quits else None)

    def action_help_quit(self) -> None:
        """Say on Ctrl-C how to quit, as Textual does, but for the markup in a user's key."""
        key = key_texts(self.cockpit.context.keymap)["quit"]
        self.notify(f"Press {key} to quit", title="Do you want to quit?", markup=False)

    def action_sweep(self) -> None:
        """Show the newest sweep, or the form for the first."""
        from tui_trainer.tui.sweep.screen import SweepScreen  # the first frame needs none of it

        if self.sweep is None:
            self.sweep = SweepScreen(self.cockpit.context, self.cockpit.form)
            self.install_screen(self.sweep, "sweep")  # so that it lives on behind the cockpit
        self.push_screen(self.sweep)

    def action_runs(self) -> None:
        """Show the list of runs, or close it."""
        from tui_trainer.tui.runs.listed import RunList
        from tui_trainer.tui.runs.reading import SavedRuns
        from tui_trainer.tui.runs.screen import RunsScreen

        if isinstance(self.screen, RunsScreen):
            self.pop_screen()
            return
        context = self.cockpit.context
        if self._run_list is None:
            saved = context.work.saved
            self._run_list = RunList(), SavedRuns(saved.root) if saved is not None else None
        self.push_screen(RunsScreen(context, self.cockpit, *self._run_list))

    def action_race(self) -> None:
        """Race the regularizers of the guide, in place of the sweep that there is."""
        self.action_sweep()
        assert self.sweep is not None
        self.call_after_refresh(self.sweep.start_race)

    def action_find_lr(self) -> None:
        """Show the lr finder, which starts to search."""
        from tui_trainer.tui.lr.screen import LrFinderScreen

        if self.lr_finder is None:
            self.lr_finder = LrFinderScreen(self.cockpit.context, self.cockpit.form)
            self.install_screen(self.lr_finder, "lr_finder")
        self.push_screen(self.lr_finder)

    def action_laboratory(self) -> None:
        """Show the stopping laboratory of the cockpit's run, or leave it."""
        from tui_trainer.tui.lab.screen import LaboratoryScreen

        if isinstance(self.screen, LaboratoryScreen):
            self.pop_screen()
            return
        if self.laboratory is None:
            self.laboratory = LaboratoryScreen(self.cockpit.context, self.cockpit)
            self.install_screen(self.laboratory, "laboratory")  # so that nothing is read twice
        self.push_screen(self.laboratory)

    def show_loop(self, folder: Path) -> None:
        """Show the loop of a folder, in place of what is over the cockpit."""
        from tui_trainer.tui.monitor.screen import MonitorScreen

        if self.monitor is None:
            self.monitor = MonitorScreen(self.cockpit.context)
            self.install_screen(self.monitor, "monitor")  # so that nothing is read twice
        self.monitor.is_first = folder == self.attached_loop
        self.cockpit.to_front()
        self.push_screen(self.monitor)
        self.call_after_refresh(self.monitor.follow, folder)  # a thread would slow the first frame

    @on(LoopChosen)
    def _show_chosen_loop(self, message: LoopChosen) -> None:
        self.show_loop(message.folder)

    @on(ValuesTaken)
    def _take_values(self, message: ValuesTaken) -> None:
        self.cockpit.take(message.values)
        self.cockpit.to_front()
