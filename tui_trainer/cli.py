"""The command line: the only place that wires presets, trainer and renderers together."""

import asyncio
import contextlib
import functools
import gc
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tui_trainer import __version__
from tui_trainer.config import RunConfig
from tui_trainer.parameters import Keys, Size, Until, settings_options
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.preset_files import (
    CATEGORIES,
    Presets,
    load_presets,
    make_config,
    user_config_folder,
)
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Event, Previewed
from tui_trainer.validation import InvalidSettingsError

_EXIT_OK, _EXIT_FAILED, _EXIT_USAGE, _EXIT_INTERRUPTED = 0, 1, 2, 130
_COLORS = {
    Role.TRAIN: "blue",
    Role.TRAIN_POINT: "blue",
    Role.VALIDATION: "yellow",
    Role.VALIDATION_POINT: "yellow",
    Role.MODEL: "green",
    Role.BEST: "green",
    Role.STOP: "red",
}


class _Program(click.Group):
    """A group whose interruptions and full disks end as a shell expects."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C anywhere is status 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("tui-trainer: interrupted", err=True)
            ctx.exit(_EXIT_INTERRUPTED)
        except BrokenPipeError:
            raise  # whoever read the output has had enough: click ends quietly
        except OSError as error:
            click.echo(f"tui-trainer: {error}", err=True)
            ctx.exit(_EXIT_FAILED)


@click.group(
    cls=_Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@settings_options
@click.option("--ui-budget", type=click.FloatRange(0, 100, min_open=True), default=5.0,
              show_default=True, metavar="PERCENT",
              help="The share of the time that drawing may take from the training.")  # fmt: skip
@click.option("--headless", is_flag=True, help="Drive the app without a terminal, then leave.")
@click.option("--size", type=Size(), default="120x40", show_default=True, help="With --headless.")
@click.option("--press", type=Keys(), default="", help="With --headless: keys such as p,p,s.")
@click.option("--until", type=Until(), default="idle", show_default=True,
              help="With --headless: what to wait for.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=60.0,
              show_default=True, help="With --headless: seconds to wait at most.")  # fmt: skip
@click.option("--screenshot", metavar="FILE.svg", type=click.Path(path_type=Path),
              help="With --headless: save the screen as SVG.")  # fmt: skip
@click.option("--print", "print_screen", is_flag=True, help="With --headless: print the screen.")
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
    **settings: Any,
) -> None:
    """Choose a network, an init and a regularizer; train; see what that choice does.

    Without a command this opens the app, its form filled from the flags.
    """
    if context.invoked_subcommand is not None:
        _refuse_flags_before(context, context.invoked_subcommand)
        return
    if not headless and not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        click.echo(
            "tui-trainer needs a terminal on stdin and stderr; "
            "without one, 'tui-trainer train' runs the same training.",
            err=True,
        )
        context.exit(_EXIT_USAGE)
    app = _make_app(
        settings, Charset.UNICODE if headless else _charset(sys.stderr), ui_budget / 100
    )
    if not headless:
        app.run()
        context.exit(app.return_code or _EXIT_OK)

    from tui_trainer.headless import Visit, visit

    plan = Visit(size, press, until, timeout, screenshot)
    try:
        outcome = asyncio.run(visit(app, plan))
    except OSError as error:
        raise click.UsageError(f"--screenshot {screenshot}: {error.strerror}") from None
    if print_screen:
        click.echo(outcome.screen)
    if outcome.problem is not None:
        click.echo(f"tui-trainer --headless: {outcome.problem}", err=True)
        context.exit(_EXIT_FAILED)


@main.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of words.")
@click.option("--plot", is_flag=True, help="Print the losses and the fit.")
@click.option("--history", "history_file", metavar="FILE.csv", type=click.Path(path_type=Path),
              help="Write step,train_loss,val_loss.")  # fmt: skip
@click.pass_context
def train(
    context: click.Context,
    /,
    as_json: bool,
    plot: bool,
    history_file: Path | None,
    **settings: Any,
) -> None:
    """Train without a terminal: progress on stderr, the result on stdout."""
    _, config = _configure(settings)
    if history_file is not None:
        _require_writable(history_file)

    from tui_trainer import console

    control = Control()
    with _stopping_on_interrupt(control) as interrupted:
        result = console.follow(_train(config, control), config.steps)
    written = history_file is None or _write_history(console, result.history, history_file)
    if as_json:
        click.echo(console.to_json(result, config))
    else:
        click.echo(_for_stdout(console.summary(result)))
    if plot:
        width = min(120, shutil.get_terminal_size((100, 30)).columns)
        stream = sys.stderr if as_json else sys.stdout
        drawn = console.plots(result, width, _charset(stream), _colored)
        click.echo(f"\n{drawn}", err=as_json)  # stdout is for the one object alone
    failed = not written or result.ended.reason in (StopReason.DIVERGED, StopReason.FAILED)
    context.exit(_EXIT_INTERRUPTED if interrupted else _EXIT_FAILED if failed else _EXIT_OK)


@main.command()
@click.option("--presets", "presets_folder", metavar="DIR", type=click.Path(path_type=Path),
              help="A folder of preset files that go over the built-in ones.")  # fmt: skip
def presets(presets_folder: Path | None) -> None:
    """List all presets with what to expect of them."""
    loaded = _load(presets_folder)
    for category in CATEGORIES:
        click.echo(click.style(category, bold=True))
        names = loaded.names(category)
        width = max(len(name) for name in names)
        for name in names:
            click.echo(_for_stdout(f"  {name:<{width}}  {loaded.description(category, name)}"))


def _refuse_flags_before(context: click.Context, command: str) -> None:
    """Refuse what would be ignored: the app's flags in front of a command."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source not in (ParameterSource.DEFAULT, None):
            flag = parameter.opts[0]
            raise click.UsageError(f"{flag} in front of '{command}': write it behind '{command}'")


def _is_terminal(stream: Any) -> bool:
    """Say whether a stream is a terminal; a closed one is None."""
    return stream is not None and bool(stream.isatty())


def _write_history(console: Any, history: Any, file: Path) -> bool:
    """Write the history; where that fails, say so in a line, since the result is still to come."""
    try:
        console.write_history(history, file)
    except OSError as error:
        click.echo(f"--history {file}: {error.strerror}", err=True)
        return False
    return True


def _configure(settings: dict[str, Any]) -> tuple[Presets, RunConfig]:
    """Make a config of the flags; a mistake is one line and exit status 2."""
    loaded = _load(settings.pop("presets_folder"))
    try:
        return loaded, make_config(loaded, **settings)
    except InvalidSettingsError as error:
        raise click.UsageError(str(error)) from None


def _load(folder: Path | None) -> Presets:
    try:
        return load_presets(folder)
    except InvalidSettingsError as error:
        raise click.UsageError(str(error)) from None


def _make_app(settings: dict[str, Any], charset: Charset, ui_share: float) -> Any:
    from tui_trainer.tui.app import TrainerApp
    from tui_trainer.tui.keys import read_keymap

    loaded, config = _configure(settings)
    try:
        keymap = read_keymap(user_config_folder() / "config.toml")
    except InvalidSettingsError as error:
        raise click.UsageError(str(error)) from None
    return TrainerApp(
        loaded, config, settings["recipe"], _train, _preview, keymap, charset, ui_share
    )


def _train(config: RunConfig, control: Control) -> Iterator[Event]:
    from tui_trainer.training.trainer import train

    _spare_the_collector()
    yield from train(config, control)


def _preview(config: RunConfig) -> Previewed:
    from tui_trainer.training.setup import preview

    _spare_the_collector()
    return preview(config)


@functools.cache
def _spare_the_collector() -> None:
    """Take torch's million objects out of every later collection: each would stall the screen."""
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _stopping_on_interrupt(control: Control) -> Iterator[list[bool]]:
    """Let Ctrl-C end the run with its summary; a second one ends the program."""
    interrupted: list[bool] = []

    def interrupt(number: int, frame: object) -> None:
        interrupted.append(True)
        control.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _require_writable(file: Path) -> None:
    """Refuse before the training what would fail after it."""
    try:
        with file.open("a"):
            pass
    except OSError as error:
        raise click.UsageError(f"--history {file}: {error.strerror}") from None


def _charset(stream: Any) -> Charset:
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return Charset.UNICODE if encoding.startswith("utf") else Charset.ASCII


def _for_stdout(text: str) -> str:
    """Replace what stdout's encoding does not have."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return text.encode(encoding, errors="replace").decode(encoding)


def _colored(text: str, role: Role) -> str:
    if role not in _COLORS or "NO_COLOR" in os.environ:
        return text
    return click.style(text, fg=_COLORS[role])
