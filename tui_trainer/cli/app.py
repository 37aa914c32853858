"""``tui-trainer``: the app, and the group of its commands."""

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import click
from click.core import ParameterSource
from msgspec import Meta
from msgspec.structs import replace

from tui_trainer import __version__
from tui_trainer.cli.data_options import data_options
from tui_trainer.cli.hang_up import hangup_option
from tui_trainer.cli.looks import (
    charset_of,
    is_served,
    looks_options,
    take_looks,
    terminal_problem,
)
from tui_trainer.cli.output import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    say,
)
from tui_trainer.cli.parameters import (
    Keys,
    Number,
    OutputFile,
    Size,
    Until,
    on_end_option,
    settings_options,
)
from tui_trainer.cli.saving import saved_root, saving_options
from tui_trainer.cli.wiring import (
    configure,
    lr_search_events,
    preview,
    saved_work,
    sweep_events,
    train_events,
)
from tui_trainer.config.user_settings import (
    OnHangup,
    UserSettings,
    config_file,
    read_user_settings,
    write_setting,
)
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import printable
from tui_trainer.notices.command import chosen
from tui_trainer.plotting.roles import Charset

_COMMANDS = (
    "train",
    "run",
    "attach",
    "control",
    "resume",
    "branch",
    "replay",
    "runs",
    "show",
    "delete",
    "find-lr",
    "sweep",
    "presets",
    "serve",
    "completion",
)  # each in the module of its name


class _Program(click.Group):
    """A group in which a mistake or a full disk ends in one line and an exit status.

    A command's module is imported when it is called, so that the app's first frame waits for none.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None if there is no such command."""
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"tui_trainer.cli.{name}"), name)
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the flags; what is wrong with them is said without what a terminal would obey."""
        with _cleaned():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a mistake in its settings is status 2, a full disk 1."""
        try:
            with _cleaned():
                return super().invoke(ctx)
        except InvalidSettingsError as error:
            raise click.UsageError(str(error)) from None
        except BrokenPipeError:
            raise  # the reader of the output is gone: click ends quietly
        except OSError as error:
            say(f"tui-trainer: {error}")
            ctx.exit(EXIT_FAILED)


@contextlib.contextmanager
def _cleaned() -> Iterator[None]:
    """Clean the messages of click, which quotes what was typed as it is."""
    try:
        yield
    except click.UsageError as error:
        words = error.format_message().replace("\n\t", " ")  # between the choices of an argument
        raise click.UsageError(printable(words), error.ctx) from None


@click.group(
    cls=_Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@settings_options
@data_options
@on_end_option
@saving_options
@looks_options
@click.option("--ui-budget", type=Number(Annotated[float, Meta(gt=0, le=100)]), default=5.0,
              show_default=True, metavar="PERCENT",
              help="At most this share of the time goes to drawing.")  # fmt: skip
@click.option("--headless", is_flag=True, help="Drive the app without a terminal, then quit.")
@click.option("--size", type=Size(), default="120x40", show_default=True, help="With --headless.")
@click.option("--press", type=Keys(), default="", help="With --headless: keys such as p,p,s.")
@click.option("--until", type=Until(), default="idle", show_default=True,
              help="With --headless: what to wait for.")  # fmt: skip
@click.option("--timeout", type=Number(Annotated[float, Meta(gt=0, le=1e6)]), default=60.0,
              show_default=True, metavar="SECONDS",
              help="With --headless: how long to wait at most.")  # fmt: skip
@click.option("--screenshot", metavar="FILE.svg", type=OutputFile(),
              help="With --headless: save the screen as SVG.")  # fmt: skip
@click.option("--print", "print_screen", is_flag=True, help="With --headless: print the screen.")
@hangup_option
@click.version_option(__version__, prog_name="tui-trainer")
@click.pass_context
def main(
    context: click.Context,
    /,
    ui_budget: float,
    headless: bool,
    size: tuple[int, int],
    press: list[str],
    until: str | float,
    timeout: float,
    screenshot: Path | None,
    print_screen: bool,
    on_end: str | None,
    on_hangup: OnHangup | None,
    **settings: Any,
) -> None:
    """Choose a network, an init and a regularizer; train; see what that choice does.

    Without a command this opens the app, its form filled from the flags.
    """
    if context.invoked_subcommand is not None:
        _refuse_flags_before(context, context.invoked_subcommand)
        return
    in_terminal = not headless and not is_served(os.environ)
    if in_terminal:
        require_terminal()
    user = read_user_settings(config_file())
    take_looks(context, user, headless=not in_terminal)
    charset = charset_of(sys.stderr if in_terminal else None)
    if on_hangup is not None:
        user = replace(user, on_hangup=on_hangup)
    command, root = chosen(on_end, user.on_end, os.environ), saved_root(settings)
    remembers = not headless
    app = make_app(settings, user, charset, ui_budget / 100, command, root, remembers=remembers)
    if not headless:
        app.run()
        app.wait()
        context.exit(app.return_code or EXIT_OK)

    from tui_trainer.cli.headless import run_headless
    from tui_trainer.tui.headless import Visit

    plan = Visit(size, press, until, timeout, screenshot)
    context.exit(run_headless(app, plan, print_screen=print_screen))


def _refuse_flags_before(context: click.Context, command: str) -> None:
    """Refuse what would be ignored: the app's flags before a command."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source not in (ParameterSource.DEFAULT, None):
            flag = parameter.opts[0]
            raise click.UsageError(f"{flag} before '{command}': write it after '{command}'")


def _is_terminal(stream: Any) -> bool:
    """Say whether a stream is a terminal; a closed stream is None."""
    return stream is not None and bool(stream.isatty())


def require_terminal(
    instead: str = "'tui-trainer train' runs the same training",
) -> None:
    """Refuse to start the app where there is no terminal to show it; say what does it `instead`."""
    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        problem = "needs a terminal on stdin and stderr; without one"
    elif problem := terminal_problem(os.environ):
        problem = (
            f"can't be shown: {printable(problem)}. "
            "Set it to your terminal's name; without a screen"
        )
    else:
        return
    say(f"tui-trainer {problem}, {instead}.")
    click.get_current_context().exit(EXIT_USAGE)


def make_app(
    settings: dict[str, Any],
    user: UserSettings,
    charset: Charset,
    ui_share: float,
    on_end: str,
    root: Path | None,
    *,
    remembers: bool,
) -> Any:
    """Make the app: its form filled from flags, its runs saved below `root` unless that is None.

    `remembers` says whether it keeps in mind what a person has seen of the guide.

    Raises:
        InvalidSettingsError: for a mistake in a flag, in a preset file or in ``config.toml``.
    """
    from tui_trainer.tui.app import TrainerApp
    from tui_trainer.tui.background import Work
    from tui_trainer.tui.keys import checked_keymap
    from tui_trainer.tui.preferences import Preferences, require_theme
    from tui_trainer.tui.seen import Seen, seen_file

    loaded, config = configure(settings, user)
    keymap = checked_keymap(user.keys, config_file())
    require_theme(user, config_file())
    preferences = Preferences(user, partial(write_setting, config_file()))
    work = Work(
        partial(train_events, root=root),
        preview,
        partial(sweep_events, root=root),
        lr_search_events,
        saved_work(root),
    )
    recipe = settings["recipe"]
    seen = Seen(seen_file() if remembers else None)
    return TrainerApp(
        loaded, config, recipe, work, keymap, charset, ui_share, preferences, seen, on_end
    )
