"""``tui-trainer replay``: repeats a saved run, and says whether it comes out the same."""

from pathlib import Path

import click
import msgspec

from tui_trainer.cli.data import require_data
from tui_trainer.cli.output import exit_status, for_stdout, prints_on_stderr, say
from tui_trainer.cli.parameters import presets_option
from tui_trainer.cli.saving import find, run_argument, runs_option
from tui_trainer.cli.wiring import on_first_signal, try_saved_builder
from tui_trainer.training.control import Control


@click.command()
@run_argument
@presets_option
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def replay(
    context: click.Context,
    /,
    run: str,
    presets_folder: Path | None,
    runs_root: Path | None,
    as_json: bool,
) -> None:
    """Repeat a saved run from its ledger, and compare every bit.

    RUN is a folder, a unique piece of its name, or 'last'. Nothing is written. The exit status is
    1 if it does not match.
    """
    from tui_trainer.console import replay as console
    from tui_trainer.console.run import follow
    from tui_trainer.runs.replay import Replay
    from tui_trainer.runs.saved import SavedRun

    folder, config = find(run, runs_root)
    try_saved_builder(folder, config, presets_folder)
    require_data(config.dataset)
    repeated, control = Replay(SavedRun(folder)), Control()
    shown = msgspec.structs.replace(config, steps=repeated.comparison.steps)
    with on_first_signal(lambda _: control.stop()) as signals, prints_on_stderr():
        follow(repeated.events(control), shown)
    for note in repeated.saved.notes:
        say(note)
    comparison = repeated.comparison
    click.echo(for_stdout((console.to_json if as_json else console.summary)(comparison)))
    context.exit(exit_status(signals, failed=not comparison.matches))
