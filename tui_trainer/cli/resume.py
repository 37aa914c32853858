"""``tui-trainer resume``: goes on with a saved run."""

from pathlib import Path
from typing import Any

import click
import msgspec

from tui_trainer.cli.data import require_data
from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.parameters import Number, presets_option
from tui_trainer.cli.report import follow_and_report, report_options, take_report
from tui_trainer.cli.saving import find, run_argument, runs_option
from tui_trainer.cli.wiring import resumed_events, try_saved_builder
from tui_trainer.config.numbers import PositiveInt
from tui_trainer.config.user_settings import config_file, read_user_settings


@click.command()
@run_argument
@click.option("--steps", type=Number(PositiveInt), metavar="N",
              help="Go on to step N; needed for a run that has finished.")  # fmt: skip
@presets_option
@report_options
@runs_option
@looks_options
@click.pass_context
def resume(
    context: click.Context,
    /,
    run: str,
    steps: int | None,
    presets_folder: Path | None,
    runs_root: Path | None,
    **rest: Any,
) -> None:
    """Go on with a saved run where it left off.

    It may have been paused, stopped or killed. RUN is a folder, a unique piece of its name, or
    'last'. Its curve is that of a run that was never interrupted, to the last bit.
    """
    user = read_user_settings(config_file())
    take_looks(context, user)
    report = take_report(rest)

    folder, config = find(run, runs_root)
    if steps is not None:
        config = msgspec.structs.replace(config, steps=steps)

    from tui_trainer.runs.saved import SavedRun, require_unfinished

    require_unfinished(SavedRun(folder), config)  # at once: the rest waits for torch
    require_data(config.dataset)
    try_saved_builder(folder, config, presets_folder)
    follow_and_report(
        context, config, lambda control: resumed_events(folder, control, steps), report, user
    )
