"""``tui-trainer presets``: lists the presets."""

from pathlib import Path

import click

from tui_trainer.cli.looks import looks_options, take_looks
from tui_trainer.cli.output import for_stdout
from tui_trainer.cli.parameters import presets_option
from tui_trainer.config.presets import CATEGORIES, load_presets
from tui_trainer.config.user_settings import config_file, read_user_settings


@click.command()
@presets_option
@looks_options
@click.pass_context
def presets(context: click.Context, /, presets_folder: Path | None) -> None:
    """List all presets and what to expect of them."""
    take_looks(context, read_user_settings(config_file()))
    loaded = load_presets(presets_folder)
    for category in CATEGORIES:
        click.echo(click.style(category, bold=True))
        names = loaded.names(category)
        width = max(len(name) for name in names)
        for name in names:
            click.echo(for_stdout(f"  {name:<{width}}  {loaded.description(category, name)}"))
