"""``tui-trainer attach``: the cockpit of a run that another process trains."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.output import EXIT_OK
from tui_trainer.cli.saving import find, runs_option
from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import RUN_NUMBERS, RunConfig
from tui_trainer.config.user_settings import UserSettings, config_file, read_user_settings
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.folder import runs_folder
from tui_trainer.runs.ownership import OWNER, owner_of


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@runs_option
@looks_options
@click.pass_context
def attach(context: click.Context, /, run: str | None, runs_root: Path | None) -> None:
    """Watch and steer a run of another process on the cockpit.

    RUN is a folder, a unique piece of its name, or 'last'; without it, the newest one that is
    running. Several may watch a run; leaving ends nothing.
    """
    from tui_trainer.cli.app import require_terminal

    require_terminal("'tui-trainer control' asks and steers")
    user = read_user_settings(config_file())
    take_looks(context, user)
    folder = find(run, runs_root)[0] if run is not None else _newest(runs_folder(runs_root))

    from tui_trainer.runs.follow import config_of

    config = config_of(folder)
    app = _make_app(folder, config, user)
    app.cockpit.attached = folder, config
    app.run()
    app.wait()
    if (owner := owner_of(folder)) is not None:
        click.echo(f"{folder.name} goes on in {owner.words}: tui-trainer attach {folder.name}")
    context.exit(app.return_code or EXIT_OK)


def _newest(root: Path) -> Path:
    """Find the newest run that a process writes.

    Raises:
        InvalidSettingsError: if there is none.
    """
    folders = sorted((file.parent for file in root.glob(f"*/{OWNER}")), reverse=True)
    found = next((folder for folder in folders if owner_of(folder) is not None), None)
    if found is None:
        raise InvalidSettingsError(f"no run in {root} is running: 'tui-trainer runs' lists all")
    return found


def _make_app(folder: Path, config: RunConfig, user: UserSettings) -> Any:
    """Make the app, its form filled with the run's settings if there are presets of them."""
    from tui_trainer.cli.app import make_app
    from tui_trainer.cli.looks import charset_of
    from tui_trainer.runs.summary import read_summary
    from tui_trainer.tui.frames import UI_SHARE

    summary = read_summary(folder)
    nothing = {"recipe": None, "presets_folder": None}
    chosen = {part: getattr(config, part).name for part in PARTS}
    chosen |= {key: getattr(config, key) for key in (*RUN_NUMBERS, "engine", "device")}
    if summary is not None and summary.lr:
        chosen["lr"] = summary.lr
    root, charset = folder.parent, charset_of(sys.stderr)
    make = partial(
        make_app, user=user, charset=charset, ui_share=UI_SHARE, on_end="", root=root,
        remembers=True,
    )  # fmt: skip
    try:
        return make(nothing | chosen)
    except InvalidSettingsError:
        return make(nothing)
