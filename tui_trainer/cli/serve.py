"""``tui-trainer serve``: the app in a web browser on this machine."""

import importlib.util
import shlex
import sys
from typing import Annotated, Any

import click
from msgspec import Meta

from tui_trainer.cli.data_options import data_options
from tui_trainer.cli.looks import flags_of_looks, looks_options, take_looks
from tui_trainer.cli.output import EXIT_FAILED, EXIT_USAGE, say
from tui_trainer.cli.parameters import Number, flags_of, settings_options
from tui_trainer.cli.wiring import configure
from tui_trainer.config.user_settings import config_file, read_user_settings

_NEEDED = ("textual_serve", "aiohttp")


@click.command()
@click.option("--port", type=Number(Annotated[int, Meta(ge=0, le=65535)]), default=8000,
              show_default=True, metavar="N",
              help="Port on 127.0.0.1; 0 takes a free one.")  # fmt: skip
@click.option("--origin", metavar="URL",
              help="Of a proxy in front, such as https://hub.example.org.")  # fmt: skip
@settings_options
@data_options
@looks_options
@click.pass_context
def serve(context: click.Context, /, port: int, origin: str | None, **settings: Any) -> None:
    """Show the app in a web browser on this machine.

    Prints an address with a token, without which nothing is served. Each page runs an app of its
    own, with these settings; closing the page ends it.
    """
    take_looks(context, read_user_settings(config_file()))
    if any(importlib.util.find_spec(module) is None for module in _NEEDED):
        say("tui-trainer serve needs an extra: pip install 'tui-trainer[serve]'")
        context.exit(EXIT_USAGE)
    flags = [*flags_of(settings), *flags_of_looks(context)]
    configure(settings, read_user_settings(config_file()))  # a mistake is told here

    from tui_trainer.cli.web_server import WebServer, origin_of

    try:
        allowed = origin_of(origin) if origin is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--origin'") from None
    command = f"exec {shlex.join([sys.executable, '-m', 'tui_trainer', *flags])}"
    try:
        context.exit(WebServer(command, allowed).run(port))
    except OSError as error:
        say(f"--port {port}: {error.strerror}; --port 0 takes a free one")
        context.exit(EXIT_FAILED)
