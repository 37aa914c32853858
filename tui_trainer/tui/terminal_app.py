"""The app as a process at a terminal: what it sends there, how it is suspended and how it ends."""

import signal
import threading
from abc import abstractmethod
from collections.abc import Sequence

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding
from textual.driver import Driver
from textual.filter import LineFilter

from tui_trainer.notices.command import WAIT_SECONDS, run_on_end
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.state import State
from tui_trainer.tui.live_screen import LiveScreen
from tui_trainer.tui.preferences import Preferences
from tui_trainer.tui.terminal.ascii import AsciiFilter
from tui_trainer.tui.terminal.colorless import ColorlessFilter
from tui_trainer.tui.terminal.sixteen_colors import SixteenColorsFilter
from tui_trainer.tui.terminal.thrift import thrifty_driver
from tui_trainer.tui.terminal.way_out import WayOut, stop_job, with_way_out
from tui_trainer.tui.textual_private import mend_compositor


class TerminalApp(App[None]):
    """Leaves in any case, and has work go on that is of use without a terminal.

    Args:
        charset: what the terminal can show.
        preferences: what is set for every start.
        command: a command for the shell, run at each end that nobody asked for; "" for none.
    """

    BINDINGS = [Binding("ctrl+z", "suspend_process", "suspend", show=False)]

    bytes_written = 0  # to the terminal so far

    def __init__(self, charset: Charset, preferences: Preferences, command: str) -> None:
        mend_compositor()
        self._way_out = WayOut(self._leave, self._stop_threads, self._go_on_unseen)
        super().__init__()
        self._ascii = charset is Charset.ASCII
        self.preferences = preferences
        self._command = command

    @property
    @abstractmethod
    def live_screens(self) -> list[LiveScreen]:
        """The screens with threads of their own, also those that are not shown."""

    def on_mount(self) -> None:
        few_colors = self.console.color_system == "standard" and not self.is_headless
        self.set_class(self.no_color or few_colors, "-plain")
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))

    # What is sent

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

    # The shell's job

    def let_job_run(self) -> None:
        """Have what the shell runs beside this app go on in the background, where this waits."""
        self._way_out.lets_job_run = True

    def action_suspend_process(self) -> None:
        """Suspend the shell's whole job: Textual would suspend this process, and not its loop."""
        if self._driver is not None and self._driver.can_suspend:
            with self.suspend():  # before others stop: the first that does gives the shell its turn
                stop_job()

    # The end

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
