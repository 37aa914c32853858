"""``tui-trainer find-lr``: finds a learning rate for a run."""

import shlex
import shutil
import sys
from typing import Any

import click

from tui_trainer.cli.data import dataset_name, put_data, read_data_of
from tui_trainer.cli.data_options import data_options
from tui_trainer.cli.ending import Finale
from tui_trainer.cli.looks import charset_of, looks_options, take_looks
from tui_trainer.cli.output import (
    colored,
    echo_json,
    exit_status,
    for_stdout,
    prints_on_stderr,
)
from tui_trainer.cli.parameters import Number, flags_of, settings_options
from tui_trainer.cli.wiring import lr_search_events, on_first_signal, recipe_of, try_builders
from tui_trainer.config.numbers import LearningRate, PositiveInt
from tui_trainer.config.presets import load_presets
from tui_trainer.config.user_settings import UserSettings, config_file, read_user_settings
from tui_trainer.formatting import number_text
from tui_trainer.lr_search.plan import (
    HIGH,
    LOW,
    RANGE_STEPS,
    TRIAL_STEPS,
    TRIALS,
    LrSearch,
    plan_lr_search,
)
from tui_trainer.notices.endings import end_of_search
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.training.engines.choice import require_engine


@click.command("find-lr")
@settings_options
@data_options
@click.option("--low", type=Number(LearningRate), metavar="LR", default=number_text(LOW),
              show_default=True, help="The lowest learning rate to try.")  # fmt: skip
@click.option("--high", type=Number(LearningRate), metavar="LR", default=number_text(HIGH),
              show_default=True, help="The highest learning rate to try.")  # fmt: skip
@click.option("--range-steps", type=Number(PositiveInt), metavar="N", default=RANGE_STEPS,
              show_default=True, help="Steps of the range test, each at one lr.")  # fmt: skip
@click.option("--trials", type=Number(PositiveInt), metavar="N", default=TRIALS,
              show_default=True, help="How many learning rates to train with.")  # fmt: skip
@click.option("--trial-steps", type=Number(PositiveInt), metavar="N",
              help=f"Steps of a trial: {TRIAL_STEPS}, or the run's if fewer.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--plot", is_flag=True, help="Plot both losses against the learning rate.")
@looks_options
@click.pass_context
def find_lr(context: click.Context, /, as_json: bool, plot: bool, **settings: Any) -> None:
    """Find a learning rate by a range test and by trials.

    The trials train with many learning rates at once. The settings are those of the run;
    --lr can't be given, since it is what is searched for.
    """
    user = read_user_settings(config_file())
    take_looks(context, user)
    search = _plan(settings, user)
    try_builders([search.config])

    from tui_trainer.console import lr_search as console

    control, finale = SweepControl(), Finale(user)
    with on_first_signal(lambda _: control.stop()) as signals, prints_on_stderr():
        results = console.follow(lr_search_events(search, control))
    found = results.found
    assert found is not None
    command = _command(settings, found.recommended) if found.recommended is not None else None
    if as_json:
        echo_json(console.to_json(results, command))
    else:
        click.echo(for_stdout(console.summary(results, command)))
    if plot:
        width = min(120, shutil.get_terminal_size((100, 30)).columns)
        stream = sys.stderr if as_json else sys.stdout
        drawn = console.plot(results, width, charset_of(stream), colored)
        click.echo(f"\n{drawn}", err=as_json)  # stdout is for the one object alone
    finale.close(end_of_search(results), signals)
    context.exit(exit_status(signals, failed=found.recommended is None))


def _plan(settings: dict[str, Any], user: UserSettings) -> LrSearch:
    """Plan the search of the flags; fill in the recipe."""
    if settings["lr"] is not None:
        raise click.UsageError("--lr is what find-lr searches for: omit it")
    presets = load_presets(settings["presets_folder"])
    settings["recipe"] = recipe_of(settings["recipe"], user, presets)
    given = {key: value for key, value in settings.items() if key != "presets_folder"}
    put_data(given, presets)
    read_data_of(presets, [dataset_name(given, presets)])
    search = plan_lr_search(presets, **given)
    require_engine(search.config)
    return search


def _command(settings: dict[str, Any], lr: float) -> str:
    """Return the command that trains with `lr` and with the settings given here."""
    of_search = ("low", "high", "range_steps", "trials", "trial_steps", "lr")
    of_run = {key: value for key, value in settings.items() if key not in of_search}
    return shlex.join(["tui-trainer", "train", *flags_of(of_run), "--lr", number_text(lr)])
