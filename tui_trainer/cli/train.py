"""``tui-trainer train``: a run without the app."""

import shutil
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tui_trainer.cli.ending import Finale
from tui_trainer.cli.looks import charset_of, looks_options, take_looks
from tui_trainer.cli.output import (
    colored,
    echo_json,
    exit_status,
    for_stdout,
    require_writable,
    say,
)
from tui_trainer.cli.parameters import File, on_end_option, settings_options
from tui_trainer.cli.wiring import configure, on_first_signal, train_events
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.user_settings import config_file, read_user_settings
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.notices.endings import end_of_run
from tui_trainer.sweeps.recommended_config import CHANGEABLE, read_recommended
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.choice import require_engine


@click.command()
@settings_options
@click.option("--from-sweep", "sweep_file", metavar="FILE.json",
              type=File(),
              help="Train what 'tui-trainer sweep --json > FILE.json' recommends.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--plot", is_flag=True, help="Plot the losses and the fit.")
@click.option("--history", "history_file", metavar="FILE.csv", type=File(),
              help="Write the columns step, train_loss and val_loss.")  # fmt: skip
@on_end_option
@looks_options
@click.pass_context
def train(
    context: click.Context,
    /,
    as_json: bool,
    plot: bool,
    history_file: Path | None,
    sweep_file: Path | None,
    on_end: str | None,
    **settings: Any,
) -> None:
    """Train without the app.

    Progress goes to stderr, the result to stdout.
    """
    user = read_user_settings(config_file())
    take_looks(context, user)
    if sweep_file is None:
        _, config = configure(settings, user)
    else:
        config = _recommended(context, sweep_file, settings)
    if history_file is not None:
        require_writable(history_file, "--history")

    from tui_trainer.console import run as console

    control, finale = Control(), Finale(user, on_end)
    with on_first_signal(lambda _: control.stop()) as signals:
        result = console.follow(train_events(config, control), config)
    written = history_file is None or _write_history(result.history, history_file)
    if as_json:
        echo_json(console.to_json(result))
    else:
        click.echo(for_stdout(console.summary(result)))
    if plot:
        width = min(120, shutil.get_terminal_size((100, 30)).columns)
        stream = sys.stderr if as_json else sys.stdout
        drawn = console.plots(result, width, charset_of(stream), colored)
        click.echo(f"\n{drawn}", err=as_json)  # stdout is for the one object alone
    finale.close(end_of_run(result), signals)
    assert result.ended is not None
    failed = not written or result.ended.reason in (StopReason.DIVERGED, StopReason.FAILED)
    context.exit(exit_status(signals, failed))


def _recommended(context: click.Context, file: Path, settings: dict[str, Any]) -> RunConfig:
    """Read the config that a sweep recommends."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name in settings and name not in CHANGEABLE:
            raise click.UsageError(
                f"{parameter.opts[0]} with --from-sweep: the sweep decides that; allowed: "
                f"{', '.join('--' + key.replace('_', '-') for key in CHANGEABLE)}"
            )
    try:
        config = read_recommended(file, **{key: settings[key] for key in CHANGEABLE})
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"--from-sweep {error}") from None
    require_engine(config)
    return config


def _write_history(history: Any, file: Path) -> bool:
    """Write the history; a failure is one line, since the result is still to be printed."""
    from tui_trainer.runs.export import write_history

    try:
        write_history(history, file)
    except OSError as error:
        say(f"--history {file}: {error.strerror}")
        return False
    return True
