"""The app around the cockpit: the terminal's signals, the palette, the way out."""

import signal
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen

from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import RunConfig
from tui_trainer.notices.command import WAIT_SECONDS, run_on_end
from tui_trainer.notices.endings import Ending
from tui_trainer.notices.terminals import LONG_RUN, notice
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.state import State
from tui_trainer.tui.ascii import AsciiFilter
from tui_trainer.tui.background import Work
from tui_trainer.tui.colorless import ColorlessFilter
from tui_trainer.tui.commands import Palette, ScreenCommands
from tui_trainer.tui.frames import UI_SHARE
from tui_trainer.tui.keys import key_texts
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import Ended, LoopChosen, OnEndFailed, ValuesTaken
from tui_trainer.tui.preferences import PreferenceCommands, Preferences
from tui_trainer.tui.quit_question import QuitQuestion
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.seen import Seen
from tui_trainer.tui.sixteen_colors import SixteenColorsFilter
from tui_trainer.tui.terminal import thrifty_driver
from tui_trainer.tui.textual_private import mend_compositor
from tui_trainer.tui.way_out import WayOut, stop_job, with_way_out

if TYPE_CHECKING:
    from tui_trainer.tui.lab.screen import LaboratoryScreen
    from tui_trainer.tui.lr.screen import LrFinderScreen
    from tui_trainer.tui.monitor.screen import MonitorScreen
    from tui_trainer.tui.runs.listed import RunList
    from tui_trainer.tui.runs.reading import SavedRuns
    from tui_trainer.tui.sweep.screen import SweepScreen


class TrainerApp(App[None]):
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
    BINDINGS = [Binding("ctrl+z", "suspend_process", "suspend", show=False)]
    ENABLE_COMMAND_PALETTE = True

    bytes_written = 0  # to the terminal so far

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
        mend_compositor()
        self._way_out = WayOut(self._leave, self._stop_threads, self._go_on_unseen)
        super().__init__()
        self._ascii = charset is Charset.ASCII
        self.set_keymap(keymap or {})
        self.preferences = preferences or Preferences()
        self._command = on_end
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
        few_colors = self.console.color_system == "standard" and not self.is_headless
        self.set_class(self.no_color or few_colors, "-plain")
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
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

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the filters for a terminal that shows ASCII alone, few colours or none."""
        filters = list(super().get_line_filters())
        if self._ascii:
            filters.append(AsciiFilter())
        if self.no_color:
            filters.append(ColorlessFilter())
        elif self.console.color_system == "standard" and not self.is_headless:
            filters.append(SixteenColorsFilter())
        return filters

    def get_driver_class(self) -> type[Driver]:
        """Return the platform's driver, made to write fewer bytes and to leave in any case."""
        thrifty = thrifty_driver(super().get_driver_class(), self._count_bytes)
        return with_way_out(thrifty, self._way_out)

    def _count_bytes(self, count: int) -> None:
        self.bytes_written += count

    def let_job_run(self) -> None:
        """Have what the shell runs beside this app go on in the background, where this waits."""
        self._way_out.lets_job_run = True

    @property
    def live_screens(self) -> list[LiveScreen]:
        """The screens with threads of their own, also those that are not shown."""
        screens = (self.cockpit, self.sweep, self.lr_finder, self.monitor)
        return [screen for screen in screens if screen is not None]

    def action_suspend_process(self) -> None:
        """Suspend the shell's whole job: Textual would suspend this process, and not its loop."""
        if self._driver is not None and self._driver.can_suspend:
            with self.suspend():  # before others stop: the first that does gives the shell its turn
                stop_job()

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

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave, and ask the threads to end, since they can't be killed."""
        self._way_out.must_end(return_code)
        if not self.is_hung_up:
            self._stop_threads()
        super().exit(result, return_code, message)

    def _stop_threads(self) -> None:
        for screen in self.live_screens:
            screen.stop_thread()

    @property
    def is_hung_up(self) -> bool:
        """Whether it leaves since the terminal is gone: then threads are not asked to end yet."""
        return self._way_out.is_hung_up

    def wait(self) -> None:
        """Wait, after `run`, for its threads; where some go on unseen, that ends the process."""
        self._way_out.wait()
        for screen in self.live_screens:
            screen.join()

    def _go_on_unseen(self) -> list[threading.Thread]:
        """Return the threads that go on without a terminal; ask the others to end."""
        if self.preferences.settings.on_hangup == "checkpoint":
            return []
        going_on = []
        for screen in self.live_screens:
            if (work := screen.go_on_unseen()) is not None:
                going_on.append(threading.Thread(target=self._end_unseen, args=(screen, work)))
                going_on[-1].start()
        return going_on

    def _end_unseen(self, screen: LiveScreen, work: threading.Thread) -> None:
        """Wait for the end of what goes on, and run the command."""
        work.join()
        ending = screen.ending()
        if self._command and ending is not None and screen.newest_state is not State.STOPPED:
            run_on_end(self._command, ending, WAIT_SECONDS)

    def _leave(self, number: signal.Signals) -> None:
        """Exit; not in the middle of mounting, which would find parts missing."""
        self.call_after_refresh(self.exit, return_code=128 + number)

    def on_unmount(self) -> None:
        """End also where an error ends the app."""
        self._way_out.must_end(self.return_code or 0)
