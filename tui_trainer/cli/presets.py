"""``tui-trainer presets``: lists the presets."""

from pathlib import Path

import click

from tui_trainer.cli.output import for_stdout
from tui_trainer.cli.parameters import presets_option
from tui_trainer.config.presets import CATEGORIES, load_presets


@click.command()
@presets_option
def presets(presets_folder: Path | None) -> None:
    """List all presets and what to expect of them."""
    loaded = load_presets(presets_folder)
    for category in CATEGORIES:
        click.echo(click.style(category, bold=True))
        names = loaded.names(category)
        width = max(len(name) for name in names)
        for name in names:
            click.echo(for_stdout(f"  {name:<{width}}  {loaded.description(category, name)}"))
