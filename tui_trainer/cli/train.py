"""``tui-trainer train``: a run without the app."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from msgspec.structs import replace

from tui_trainer.cli.data import read_data
from tui_trainer.cli.data_options import data_options
from tui_trainer.cli.detach import detach_option, go_on_in_background
from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.output import say
from tui_trainer.cli.parameters import File, settings_options
from tui_trainer.cli.report import follow_and_report, report_options, take_report
from tui_trainer.cli.saving import saved_root, saving_options
from tui_trainer.cli.wiring import configure, train_events, try_builders
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.user_settings import config_file, read_user_settings
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps.recommended_config import CHANGEABLE, read_recommended
from tui_trainer.training.engines.choice import require_engine


@click.command()
@settings_options
@data_options
@click.option("--from-sweep", "sweep_file", metavar="FILE.json",
              type=File(),
              help="Train what 'tui-trainer sweep --json > FILE.json' recommends.")  # fmt: skip
@report_options
@saving_options
@detach_option
@looks_options
@click.pass_context
def train(
    context: click.Context, /, sweep_file: Path | None, detach: bool, **settings: Any
) -> None:
    """Train without the app.

    Progress goes to stderr, the result to stdout. The run is saved: see 'tui-trainer runs'.
    """
    user = read_user_settings(config_file())
    take_looks(context, user)
    root, report = saved_root(settings), take_report(settings)
    if sweep_file is None:
        _, config = configure(settings, user)
    else:
        config = _recommended(context, sweep_file, settings)
    config = replace(config, dataset=read_data(config.dataset))
    if config.batch_words:
        say(f"batch size {config.batch_size:,}: {config.batch_words}")
    folder = go_on_in_background(context, config, root) if detach else None
    try_builders([config])
    follow_and_report(
        context,
        config,
        lambda control: train_events(config, control, root, folder),
        report,
        user,
        quiet=detach,
    )


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
