"""``tui-trainer delete``: deletes saved runs."""

from pathlib import Path

import click

from tui_trainer.cli.output import EXIT_FAILED, EXIT_OK, say
from tui_trainer.cli.saving import complete_run, runs_option
from tui_trainer.formatting import printable
from tui_trainer.runs.folder import runs_folder


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--yes", is_flag=True, help="Do not ask.")
@runs_option
@click.pass_context
def delete(
    context: click.Context, /, runs: tuple[str, ...], yes: bool, runs_root: Path | None
) -> None:
    """Delete saved runs, with all that is kept of them.

    RUN is a folder, a unique piece of its name, or 'last'. A run that a process writes is refused.
    """
    from tui_trainer.runs.listing import delete_run, find_to_delete
    from tui_trainer.runs.ownership import RunInUseError

    root = runs_folder(runs_root)
    folders = list(dict.fromkeys(find_to_delete(root, run) for run in runs))
    names = ", ".join(folder.name for folder in folders)
    if not yes:
        click.confirm(printable(f"Delete {names}?"), abort=True, err=True)
    status = EXIT_OK
    for folder in folders:
        try:
            delete_run(folder)
        except RunInUseError as error:
            say(f"{error}: stop it first")
            status = EXIT_FAILED
        except OSError as error:
            say(f"{folder}: {error.strerror}")
            status = EXIT_FAILED
        else:
            say(f"deleted {folder.name}")
    context.exit(status)
