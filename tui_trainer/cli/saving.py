"""Flags that say whether and where runs are saved, and the argument that names one."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from tui_trainer.cli.parameters import File
from tui_trainer.config.settings import RunConfig
from tui_trainer.runs.folder import runs_folder

F = TypeVar("F", bound=Callable[..., Any])

runs_option = click.option(
    "--runs", "runs_root", metavar="DIR", type=File(),
    help="Where runs are kept; else $TUI_TRAINER_RUNS, else a folder of your own.",
)  # fmt: skip
_no_save = click.option("--no-save", is_flag=True, help="Keep nothing of it on the disk.")


def saving_options(command: F) -> F:
    """Add the flags of what makes runs; `saved_root` reads them."""
    return runs_option(_no_save(command))


def saved_root(settings: dict[str, Any]) -> Path | None:
    """Take the flags out of `settings`: where to save, None for nowhere."""
    root, no_save = settings.pop("runs_root"), settings.pop("no_save")
    return None if no_save else runs_folder(root)


def complete_run(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer the names of saved runs, the newest first."""
    from tui_trainer.runs.listing import LAST, run_names

    names = run_names(runs_folder(context.params.get("runs_root")), incomplete)
    fitting = (name for name in [*names, LAST] if name.startswith(incomplete))
    return [CompletionItem(name) for name in fitting if shlex.quote(name) == name]


run_argument = click.argument("run", metavar="RUN", shell_complete=complete_run)


def find(run: str, root: Path | None) -> tuple[Path, RunConfig]:
    """Find a saved run, and read its config.

    Raises:
        InvalidSettingsError: one line, if there is no such run, or it can't be read.
    """
    from tui_trainer.runs.description import read_description
    from tui_trainer.runs.listing import find_run

    folder = find_run(runs_folder(root), run)
    return folder, read_description(folder).own_config
