"""Follows a run to its end without the app, and prints what came of it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from tui_trainer.cli.ending import Finale
from tui_trainer.cli.hang_up import hangup_option, outliving_the_terminal
from tui_trainer.cli.looks import charset_of
from tui_trainer.cli.output import (
    colored,
    echo_json,
    exit_status,
    for_stdout,
    prints_on_stderr,
    require_writable,
    say,
    write_file,
)
from tui_trainer.cli.parameters import OutputFile, on_end_option
from tui_trainer.cli.wiring import on_first_signal
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.user_settings import OnHangup, UserSettings
from tui_trainer.notices.endings import end_of_run
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Event
from tui_trainer.tui.terminal.hang_up import let_go_of_terminal

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Report:
    """What to print and write at the end, and what to do when the terminal is gone."""

    as_json: bool
    plot: bool
    history_file: Path | None
    on_end: str | None
    on_hangup: OnHangup | None

    def require_writable(self) -> None:
        """Refuse, before the training, a file that can't be written after it.

        Raises:
            UsageError: one line for the person who named it.
        """
        if self.history_file is not None:
            require_writable(self.history_file, "--history")


def report_options(command: F) -> F:
    """Add the flags that say what to print; `take_report` reads them."""
    options = [
        click.option("--json", "as_json", is_flag=True,
                     help="Print one JSON object instead of text."),
        click.option("--plot", is_flag=True, help="Plot the losses and the fit."),
        click.option("--history", "history_file", metavar="FILE.csv", type=OutputFile(),
                     help="Write the columns step, train_loss and val_loss; - is stdout."),
    ]  # fmt: skip
    for option in reversed([*options, on_end_option, hangup_option]):
        command = option(command)
    return command


def take_report(settings: dict[str, Any]) -> Report:
    """Take the flags out of `settings`."""
    keys = ("as_json", "plot", "history_file", "on_end", "on_hangup")
    report = Report(*(settings.pop(key) for key in keys))
    report.require_writable()
    return report


def follow_and_report(
    context: click.Context,
    config: RunConfig,
    events: Callable[[Control], Iterator[Event]],
    report: Report,
    user: UserSettings,
    *,
    quiet: bool = False,
) -> None:
    """Follow a run, which the first signal asks to end; print, and exit with its status.

    A `quiet` one shows no progress.
    """
    from tui_trainer.console import run as console

    control, finale = Control(), Finale(user, report.on_end)
    continues = (report.on_hangup or user.on_hangup) == "continue"
    with (
        on_first_signal(lambda _: control.stop()) as signals,
        outliving_the_terminal(lambda: continues and not control.paused),
        prints_on_stderr(),
    ):
        result = console.follow(events(control), config, quiet=quiet)
    file = report.history_file
    written = file is None or _write_history(result.history, file)
    try:
        _print(console, result, report)
    except OSError:
        if not signals:
            raise
        let_go_of_terminal()  # it is gone, which the signal said
    finale.close(end_of_run(result), signals)
    assert result.ended is not None
    failed = not written or result.ended.reason in (StopReason.DIVERGED, StopReason.FAILED)
    context.exit(exit_status(signals, failed))


def _print(console: Any, result: Any, report: Report) -> None:
    if report.as_json:
        echo_json(console.to_json(result))
    else:
        click.echo(for_stdout(console.summary(result)))
    if report.plot:
        width = min(120, shutil.get_terminal_size((100, 30)).columns)
        stream = sys.stderr if report.as_json else sys.stdout
        drawn = console.plots(result, width, charset_of(stream), colored)
        click.echo(f"\n{drawn}", err=report.as_json)  # stdout is for the one object alone


def _write_history(history: Any, file: Path) -> bool:
    from tui_trainer.runs.export import write_history

    if not write_file(partial(write_history, history), file, "--history"):
        return False
    if history.first_kept > 1:
        say(f"--history {file}: from step {history.first_kept:,} on; older losses are in blocks")
    return True
