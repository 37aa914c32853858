"""``tui-trainer show``: what is known of a saved run."""

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tui_trainer.cli.looks import charset_of, looks_options, take_looks
from tui_trainer.cli.output import (
    EXIT_FAILED,
    EXIT_OK,
    colored,
    echo_json,
    for_stdout,
    require_writable,
    say,
    terminal_width,
    write_file,
)
from tui_trainer.cli.parameters import OutputFile
from tui_trainer.cli.saving import run_argument, runs_option
from tui_trainer.config.user_settings import config_file, read_user_settings
from tui_trainer.runs.folder import runs_folder

if TYPE_CHECKING:
    from tui_trainer.runs.listing import StoredRun
    from tui_trainer.runs.saved import SavedRun


@click.command()
@run_argument
@click.option("--plot", is_flag=True, help="Plot the losses and the fit.")
@click.option("--csv", "csv_file", metavar="FILE", type=OutputFile(),
              help="Write a column of steps, and one a metric; - is stdout.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@runs_option
@looks_options
@click.pass_context
def show(
    context: click.Context,
    /,
    run: str,
    plot: bool,
    csv_file: Path | None,
    as_json: bool,
    runs_root: Path | None,
) -> None:
    """Show a saved run: its settings, its losses, what was done to it.

    RUN is a folder, a unique piece of its name, or 'last'.
    """
    take_looks(context, read_user_settings(config_file()))
    if csv_file is not None:
        require_writable(csv_file, "--csv")
    from tui_trainer.console import runs as console
    from tui_trainer.runs.export import write_history
    from tui_trainer.runs.listing import find_run, read_run
    from tui_trainer.runs.saved import SavedRun

    folder = find_run(runs_folder(runs_root), run)
    stored = read_run(folder)
    if stored.description.kind == "loop":
        _show_loop(context, stored, plot, csv_file, as_json)
    saved = SavedRun(folder)
    history = saved.result.history
    if as_json:
        echo_json(console.run_to_json(stored, saved.entries))
    else:
        fit = saved.result.final_fit
        click.echo(for_stdout(console.summary(stored, saved.entries, fit, terminal_width())))
    if plot:
        click.echo(f"\n{_plots(saved, as_json)}", err=as_json)
    written = csv_file is None or write_file(partial(write_history, history), csv_file, "--csv")
    for note in saved.notes:
        say(note)
    context.exit(EXIT_OK if written else EXIT_FAILED)


def _show_loop(
    context: click.Context, stored: "StoredRun", plot: bool, csv_file: Path | None, as_json: bool
) -> NoReturn:
    """Show a loop, and exit: it has metrics of any names, and no fit."""
    from tui_trainer.console import runs as console
    from tui_trainer.runs.export import write_metrics
    from tui_trainer.runs.ledger import read_ledger

    if plot:
        raise click.UsageError(f"--plot: a loop is drawn by 'tui-trainer attach {stored.name}'")
    entries, note = read_ledger(stored.folder)
    if as_json:
        echo_json(console.run_to_json(stored, entries))
    else:
        click.echo(for_stdout(console.summary(stored, entries, width=terminal_width())))
    notes = [note] * bool(note)
    written = csv_file is None or write_file(
        lambda file: notes.extend(write_metrics(stored.folder, file)), csv_file, "--csv"
    )
    for words in notes:
        say(words)
    context.exit(EXIT_OK if written else EXIT_FAILED)


def _plots(saved: "SavedRun", on_stderr: bool) -> str:
    from tui_trainer.console.run import plots

    width = min(120, shutil.get_terminal_size((100, 30)).columns)
    stream = sys.stderr if on_stderr else sys.stdout
    return plots(saved.result, width, charset_of(stream), colored)
