"""``tui-trainer sweep``: trains all candidates of a grid at once."""

import math
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from tui_trainer.cli.completion import complete_axis
from tui_trainer.cli.data import dataset_name, put_data, read_data_of
from tui_trainer.cli.data_options import data_options
from tui_trainer.cli.ending import Finale
from tui_trainer.cli.looks import charset_of, looks_options, take_looks
from tui_trainer.cli.output import (
    EXIT_SIGNALLED,
    colored,
    echo_json,
    exit_status,
    for_stdout,
    prints_on_stderr,
    require_writable,
    say,
    write_file,
)
from tui_trainer.cli.parameters import Number, OutputFile, on_end_option, settings_options
from tui_trainer.cli.saving import saved_root, saving_options
from tui_trainer.cli.wiring import (
    cluster_events,
    on_first_signal,
    recipe_of,
    saved_sweep,
    sweep_events,
    try_builders,
)
from tui_trainer.config.numbers import PositiveInt
from tui_trainer.config.presets import Presets, load_presets
from tui_trainer.config.user_settings import UserSettings, config_file, read_user_settings
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import duration_words, seeds_text
from tui_trainer.notices.endings import end_of_sweep
from tui_trainer.sweeps.axes import SweepAxis, parse_axis
from tui_trainer.sweeps.cluster.driver_process import find_address, place
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import SweepEvent
from tui_trainer.sweeps.pace import pace_of
from tui_trainer.sweeps.plan import Objective, Sweep, plan_sweep
from tui_trainer.sweeps.significance import least_seeds
from tui_trainer.sweeps.tuned_plan import DEFAULT_TUNED, parse_tuned, plan_tuned, value_count
from tui_trainer.task.files.opening import STDIN
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.choice import require_engine


@click.command()
@click.option("--over", "axes", multiple=True, required=True, metavar="KEY=VALUES",
              shell_complete=complete_axis,
              help="An axis: lr=1e-5:1:log:32, l1_weight=0,0.1,1, init=normal,kaiming (or all). "
                   "Several make a grid.")  # fmt: skip
@click.option("--tune", "tuned", is_flag=False, flag_value="", metavar="[KEY=VALUES]",
              help="Race the values of --over each at its own best lr: tuned first, on other seeds "
                   f"than those of the race, over {DEFAULT_TUNED} or what you give.")  # fmt: skip
@click.option("--seeds", type=Number(PositiveInt), metavar="N",
              help="Train each point with this many seeds, counted from --seed.  [default: 1; "
                   "with --tune as many as can tell the values apart]")  # fmt: skip
@click.option("--objective", type=click.Choice(["best", "final"]), default="best",
              show_default=True, help="Which validation loss to minimise.")  # fmt: skip
@click.option("--ray", "ray_address", is_flag=False, flag_value="", metavar="[ADDRESS]",
              help="Train on the Ray cluster at HOST:PORT; without an address, at RAY_ADDRESS or "
                   "on the cluster that this machine belongs to.")  # fmt: skip
@settings_options
@data_options
@saving_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--plot", is_flag=True, help="Plot the losses over the values; names in rows.")
@click.option("--csv", "csv_file", metavar="FILE.csv", type=OutputFile(),
              help="Write all candidates, one row each; - is stdout.")  # fmt: skip
@on_end_option
@looks_options
@click.pass_context
def sweep(
    context: click.Context,
    /,
    axes: tuple[str, ...],
    tuned: str | None,
    seeds: int | None,
    objective: str,
    as_json: bool,
    plot: bool,
    csv_file: Path | None,
    ray_address: str | None,
    on_end: str | None,
    **settings: Any,
) -> None:
    """Train all candidates of a grid at once.

    Recommends values, with the reason.
    """
    user = read_user_settings(config_file())
    take_looks(context, user)
    root = saved_root(settings)
    plan = _plan(axes, tuned, seeds, objective, settings, user)
    if csv_file is not None:
        require_writable(csv_file, "--csv")
    if ray_address is None:
        try_builders(candidate.config for candidate in plan.candidates)

    from tui_trainer.console import sweep as console

    control, finale = SweepControl(), Finale(user, on_end)
    if plan.tunes:
        say(_budget_text(plan, ray_address))
    events = _events(plan, control, ray_address, root)
    with on_first_signal(lambda _: control.stop()) as signals, prints_on_stderr():
        results = console.follow(events, plan)
    write = partial(console.write_candidates, results)
    written = csv_file is None or write_file(write, csv_file, "--csv")
    drawn = _drawn(results, sys.stderr if as_json else sys.stdout) if plot else ""
    if as_json:
        echo_json(console.to_json(results))
        if drawn:  # even "" would wait for a terminal that nobody reads
            click.echo(drawn, err=True)  # stdout is for the one object alone
    else:
        click.echo(for_stdout(console.summary(results, drawn)))
    finale.close(end_of_sweep(results), signals)
    assert results.ended is not None
    diverged = all(candidate.diverged for candidate in results.candidates)
    failed = not written or diverged or results.ended.reason is StopReason.FAILED
    context.exit(exit_status(signals, failed))


def _drawn(results: Any, stream: Any) -> str:
    """Draw the losses as wide as the terminal, "" where there are none."""
    from tui_trainer.console.sweep_plot import plot

    if not any(candidate.step for candidate in results.candidates):
        return ""
    width = min(120, shutil.get_terminal_size((100, 30)).columns)
    return plot(results, width, charset_of(stream), colored)


def _plan(
    texts: tuple[str, ...],
    tuned: str | None,
    seeds: int | None,
    objective: str,
    settings: dict[str, Any],
    user: UserSettings,
) -> Sweep:
    """Plan the sweep of the flags."""
    presets = load_presets(settings.pop("presets_folder"))
    settings["recipe"] = recipe_of(settings["recipe"], user, presets)
    put_data(settings, presets)
    axes = [_axis("--over", parse_axis, text, presets) for text in texts]
    names = [str(name) for axis in axes if axis.key == "dataset" for name in axis.values]
    read_data_of(presets, names or [dataset_name(settings, presets)])
    recipe = settings.pop("recipe")
    loss: Objective = "final" if objective == "final" else "best"
    if tuned is None:
        plan = plan_sweep(presets, recipe, axes, seeds=seeds or 1, objective=loss, **settings)
    else:
        axis = _axis("--tune", parse_tuned, tuned, presets)
        count = math.prod(len(axis.values) for axis in axes)
        seeds = seeds or least_seeds(count, tuned=True)
        plan = plan_tuned(presets, recipe, axes, axis, seeds=seeds, objective=loss, **settings)
    require_engine(plan.base)
    return plan


def _budget_text(plan: Sweep, ray_address: str | None) -> str:
    """Say how much a sweep that tunes will train, and about how long that takes here."""
    values, tried = value_count(plan), len(plan.axes[-1].values)
    configs = [candidate.config for candidate in plan.candidates[:: plan.seeds * tried]]
    race = values * plan.seeds
    words = (
        f"{values:,} values × {tried:,} of {plan.axes[-1].key} × {seeds_text(plan.seeds)} = "
        f"{len(plan.candidates):,} candidates to tune, then {race:,} to race"
    )
    if ray_address is not None:
        return words
    pace = pace_of(plan.base.device)
    if (seconds := pace.seconds(configs, len(plan.candidates) + race)) is None:
        return words
    how = "" if pace.measured else ", roughly"
    return f"{words}: up to about {duration_words(seconds)} of training{how}, compiling not counted"


def _events(
    plan: Sweep, control: SweepControl, address: str | None, root: Path | None
) -> Iterator[SweepEvent]:
    """Train here, or on the Ray cluster at `address`; refuse one where there is none."""
    if address is None:
        return sweep_events(plan, control, root, fits=False)
    try:
        if any(candidate.config.dataset.file == STDIN for candidate in plan.candidates):
            raise InvalidSettingsError("workers can't read stdin: give a file that each node has")
        address = find_address(address)
        say(f"looking for a Ray cluster {place(address)}")
        with on_first_signal(lambda number: sys.exit(EXIT_SIGNALLED + number)):
            events = cluster_events(plan, control, address)
        return saved_sweep(plan, lambda: events, root)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"--ray: {error}") from None


def _axis(
    flag: str, parse: Callable[[str, Presets], SweepAxis], text: str, presets: Presets
) -> SweepAxis:
    try:
        return parse(text, presets)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{flag} {error}") from None
