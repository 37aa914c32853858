"""``tui-trainer runs``: lists the saved runs."""

from pathlib import Path

import click

from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.output import echo_json, for_stdout, say, terminal_width
from tui_trainer.cli.saving import runs_option
from tui_trainer.config.user_settings import config_file, read_user_settings
from tui_trainer.runs.folder import runs_folder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@runs_option
@looks_options
@click.pass_context
def runs(context: click.Context, /, as_json: bool, runs_root: Path | None) -> None:
    """List the saved runs, the newest first.

    Those that can't be read are named on stderr.
    """
    take_looks(context, read_user_settings(config_file()))
    from tui_trainer.console.runs import header, row, runs_to_json
    from tui_trainer.runs.listing import StoredRun, UnreadableRun, stored_runs

    root, width = runs_folder(runs_root), terminal_width()
    found, damaged = list[StoredRun](), list[UnreadableRun]()
    for run in stored_runs(root):
        if isinstance(run, UnreadableRun):
            damaged.append(run)
            continue
        if not as_json:
            if not found:
                click.echo(header(width))
            click.echo(for_stdout(row(run, width)))
        found.append(run)
    if as_json:
        echo_json(runs_to_json(found, damaged))
    elif not found:
        say(f"no runs in {root}")
    for run in damaged:
        say(f"{run.folder.name} can't be read: {run.problem}")
