"""Types of the command line's parameters, and the flags that make a config."""

import math
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import click
from msgspec import Meta

from tui_trainer.cli.completion import complete_preset
from tui_trainer.config.overrides import OVERRIDE_NUMBERS, RUN_NUMBERS
from tui_trainer.config.presets import DEFAULT_RECIPE, PARTS
from tui_trainer.config.settings import ACTIVATIONS, ENGINES
from tui_trainer.config.validation import InvalidSettingsError, convert_text, shortened
from tui_trainer.formatting import comma_list

F = TypeVar("F", bound=Callable[..., Any])

_Columns: TypeAlias = Annotated[int, Meta(ge=1, le=500)]
_Lines: TypeAlias = Annotated[int, Meta(ge=1, le=200)]


class Number(click.ParamType[float]):
    """A number of a type of msgspec's, which says what is allowed."""

    name = "number"

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number."""
        try:
            return convert_text(str(value), self._kind)
        except InvalidSettingsError as error:
            self.fail(f"{error}, got {shortened(str(value))}", param, ctx)


class File(click.Path):
    """A path that is not empty: Python takes an empty one for the working folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a path."""
        if not str(value) or "\0" in str(value):
            self.fail(f"expected a path, got {shortened(value)}", param, ctx)
        return super().convert(value, param, ctx)


class OutputFile(File):
    """A path to write to; - is stdout, which is then for the file alone: text goes to stderr."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a path."""
        if str(value) != "-":
            return super().convert(value, param, ctx)
        if ctx is not None:
            ctx.with_resource(redirect_stdout(sys.stderr))
        return Path("/dev/stdout")


class Size(click.ParamType[tuple[int, int]]):
    """``120x40``: columns and lines."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a size."""
        if isinstance(value, tuple):
            return value
        width, _, height = value.partition("x")
        try:
            return convert_text(width, _Columns), convert_text(height, _Lines)
        except InvalidSettingsError:
            words = f"expected a size such as 120x40, at most 500x200, got {shortened(value)}"
            self.fail(words, param, ctx)


class Keys(click.ParamType[list[str]]):
    """``p,p,s``."""

    name = "KEYS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read keys; refuse those that do not exist."""
        if isinstance(value, list) or not value:
            return value or []

        from tui_trainer.tui.headless import parse_keys

        try:
            return parse_keys(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Until(click.ParamType["str | float"]):
    """``ended``, ``idle`` or a number of seconds."""

    name = "ended|idle|SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read what to wait for."""
        if isinstance(value, float):
            return value
        try:
            return parse_until(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_until(text: str) -> str | float:
    """Read ``--until``: "ended", "idle" or seconds.

    Raises:
        ValueError: with what is allowed.
    """
    if text in ("ended", "idle"):
        return text
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"expected ended, idle or a number of seconds, got '{text}'")
    return seconds


presets_option = click.option(
    "--presets",
    "presets_folder",
    metavar="DIR",
    type=File(),
    help="A folder of preset files that override the built-in ones.",
)

on_end_option = click.option(
    "--on-end",
    metavar="COMMAND",
    help="Run a command through the shell at the end, with what came of it in its environment.",
)

_NUMBERS_HELP = {
    "lr": "Learning rate, above 0.",
    "steps": "Steps, 1 or more: one is a batch, so by default the whole training split.",
    "batch_size": "Training points in a batch, reshuffled each epoch (default: all of them).",
    "validate_every": "Steps from one validation to the next (default: 1).",
    "seed": "Seed of the weights and of dropout.",
    "data_seed": "Seed of the data.",
    "l1_weight": "Override the regularizer's L1 weight.",
    "dropout": "Override the regularizer's dropout rate; below 1.",
    "weight_decay": "Override the regularizer's weight decay.",
    "momentum": "Override the optimizer's momentum; below 1.",
    "beta1": "Override Adam's decay of the mean gradient; below 1.",
    "beta2": "Override Adam's decay of the mean square; below 1.",
    "eps": "Override what Adam adds to its divisor.",
    "decoupled_weight_decay": "Override AdamW's own weight decay.",
}


def settings_options(command: F) -> F:
    """Add the flags that make a config."""
    parts = {"dataset": "data set", "architecture": "network"}
    options = [
        click.option("--recipe", show_default=DEFAULT_RECIPE, metavar="NAME",
                     shell_complete=partial(complete_preset, "recipe"),
                     help="A named full config to start from."),
        *(click.option(f"--{category}", metavar="NAME",
                       shell_complete=partial(complete_preset, category),
                       help=f"Override the recipe's {parts.get(category, category)}.")
          for category in PARTS),
        *(click.option(f"--{key.replace('_', '-')}", type=Number(kind), help=_NUMBERS_HELP[key])
          for key, kind in (RUN_NUMBERS | OVERRIDE_NUMBERS).items()),
        click.option("--activation", type=click.Choice(ACTIVATIONS),
                     help="Override the network's activation."),
        click.option("--device", metavar="DEVICE", help="cpu (the default), cuda, cuda:N or mps."),
        click.option("--engine", type=click.Choice(ENGINES),
                     help="What executes the steps; auto (the default) chooses and says why."),
        presets_option,
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def flags_of(settings: Mapping[str, Any]) -> list[str]:
    """Write settings as the flags that they were given by."""
    words = []
    for key, value in settings.items():
        if value is None:
            continue
        flag = "presets" if key == "presets_folder" else key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            text = comma_list(value) if isinstance(value, tuple) else str(value)
            words += [f"--{flag}", text]
    return words
