"""``tui-trainer presets``: what there is to choose from."""

from pathlib import Path

import click

from tui_trainer.cli.output import for_stdout
from tui_trainer.cli.wiring import load
from tui_trainer.config.presets import CATEGORIES


@click.command()
@click.option("--presets", "presets_folder", metavar="DIR", type=click.Path(path_type=Path),
              help="A folder of preset files that go over the built-in ones.")  # fmt: skip
def presets(presets_folder: Path | None) -> None:
    """List all presets with what to expect of them."""
    loaded = load(presets_folder)
    for category in CATEGORIES:
        click.echo(click.style(category, bold=True))
        names = loaded.names(category)
        width = max(len(name) for name in names)
        for name in names:
            click.echo(for_stdout(f"  {name:<{width}}  {loaded.description(category, name)}"))
