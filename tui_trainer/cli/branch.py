"""``tui-trainer branch``: goes another way from a step of a saved run."""

from pathlib import Path
from typing import Annotated, Any

import click
from msgspec import Meta

from tui_trainer.cli.data import require_data
from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.parameters import Number, presets_option
from tui_trainer.cli.report import follow_and_report, report_options, take_report
from tui_trainer.cli.saving import find, run_argument, runs_option
from tui_trainer.cli.wiring import branch_events, try_saved_builder
from tui_trainer.config.changes import changed_config
from tui_trainer.config.presets import load_presets
from tui_trainer.config.user_settings import config_file, read_user_settings
from tui_trainer.runs.folder import runs_folder


@click.command()
@run_argument
@click.option("--at", "step", required=True, metavar="STEP",
              type=Number(Annotated[int, Meta(ge=0)]),
              help="The step after which it leaves RUN; 0 is the start.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="What is another from there: lr, steps, regularizer, optimizer, schedule, a "
                   "number of these, or engine. May be repeated.")  # fmt: skip
@presets_option
@report_options
@runs_option
@looks_options
@click.pass_context
def branch(
    context: click.Context,
    /,
    run: str,
    step: int,
    changes: tuple[str, ...],
    presets_folder: Path | None,
    runs_root: Path | None,
    **rest: Any,
) -> None:
    """Train on from a step of a saved run with other settings, as a run of its own.

    RUN is a folder, a unique piece of its name, or 'last'. A state that was not kept is reached by
    repeating the steps from the one before.
    """
    user = read_user_settings(config_file())
    take_looks(context, user)
    report = take_report(rest)

    folder, parent = find(run, runs_root)
    config, lr = changed_config(parent, changes, load_presets(presets_folder))
    try_saved_builder(folder, config, presets_folder)
    require_data(parent.dataset)
    root = runs_folder(runs_root)
    follow_and_report(
        context,
        config,
        lambda control: branch_events(folder, step, config, control, lr, root),
        report,
        user,
    )
