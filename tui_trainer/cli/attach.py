"""``tui-trainer attach``: the cockpit of a run that another process trains."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from tui_trainer.cli.lifeline import end_with, lifeline_option
from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.output import EXIT_OK
from tui_trainer.cli.saving import runs_option
from tui_trainer.config.overrides import RUN_NUMBERS
from tui_trainer.config.presets import PARTS, load_presets, overrides_in
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.user_settings import UserSettings, config_file, read_user_settings
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.folder import runs_folder
from tui_trainer.runs.ownership import OWNER, owner_of


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@runs_option
@looks_options
@lifeline_option
@click.pass_context
def attach(
    context: click.Context, /, run: str | None, runs_root: Path | None, lifeline: int | None
) -> None:
    """Watch and steer a run of another process on the cockpit, or the loop of a script.

    RUN is a folder, a unique piece of its name, or 'last'; without it, the newest one that is
    running. Several may watch a run; leaving ends nothing.
    """
    from tui_trainer.cli.app import require_terminal

    end_with(lifeline)
    require_terminal("'tui-trainer control' asks and steers")
    user = read_user_settings(config_file())
    take_looks(context, user)
    app, folder = _attached(run, runs_folder(runs_root), user)
    if lifeline is not None:
        app.let_job_run()
    app.run()
    app.wait()
    if lifeline is None and (owner := owner_of(folder)) is not None:
        click.echo(f"{folder.name} goes on in {owner.words}: tui-trainer attach {folder.name}")
    context.exit(app.return_code or EXIT_OK)


def _attached(run: str | None, root: Path, user: UserSettings) -> tuple[Any, Path]:
    """Make the app that shows a run, or a loop, and return its folder.

    Raises:
        InvalidSettingsError: one line, if there is none, or it can't be read.
    """
    from tui_trainer.runs.description import read_description
    from tui_trainer.runs.follow import config_of
    from tui_trainer.runs.listing import find_run

    folder = find_run(root, run) if run is not None else _newest(root)
    if read_description(folder).kind == "loop":
        app = _make_app(folder, None, user)
        app.attached_loop = folder
    else:
        config = config_of(folder)
        app = _make_app(folder, config, user)
        app.cockpit.attached = folder, config
    return app, folder


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


def _make_app(folder: Path, config: RunConfig | None, user: UserSettings) -> Any:
    """Make the app, its form filled with the run's settings if there are presets of them."""
    from tui_trainer.cli.app import make_app
    from tui_trainer.cli.looks import charset_of
    from tui_trainer.runs.summary import read_summary
    from tui_trainer.tui.frames import UI_SHARE

    nothing = {"recipe": None, "presets_folder": None}
    chosen: dict[str, Any] = {}
    if config is not None:
        summary = read_summary(folder)
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
        over = overrides_in(config, load_presets()) if config is not None else {}
        return make(nothing | chosen | over)
    except InvalidSettingsError:
        return make(nothing)
