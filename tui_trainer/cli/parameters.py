"""The parameters of the command line: what a flag may say, and the flags that make a config."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tui_trainer.config.presets import CATEGORIES, DEFAULT_RECIPE
from tui_trainer.config.settings import ENGINES, parse_number
from tui_trainer.config.validation import InvalidSettingsError

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.ParamType[float]):
    """One of the numbers of a config, held to the config's own rules."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number, and hold it to the rules."""
        try:
            return parse_number(self.key, str(value))
        except InvalidSettingsError as error:
            self.fail(f"{error}, got '{value}'", param, ctx)


class Count(click.ParamType[int]):
    """A number of things, 1 or more."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a count."""
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"expected a whole number, 1 or more, got '{value}'", param, ctx)
        return int(value)


class Size(click.ParamType[tuple[int, int]]):
    """``120x40``."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a size."""
        if isinstance(value, tuple):
            return value
        width, _, height = value.partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
            self.fail(f"expected a size such as 120x40, got '{value}'", param, ctx)
        return int(width), int(height)


class Keys(click.ParamType[list[str]]):
    """``p,p,s``."""

    name = "KEYS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read keys, and refuse those that do not exist."""
        from tui_trainer.tui.headless import parse_keys

        if isinstance(value, list) or not value:
            return value or []
        try:
            return parse_keys(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Until(click.ParamType["str | float"]):
    """What to wait for."""

    name = "ended|idle|SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read what to wait for."""
        from tui_trainer.tui.headless import parse_until

        if isinstance(value, float):
            return value
        try:
            return parse_until(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def settings_options(command: F) -> F:
    """Add the flags that make a config."""
    presets = {"dataset": "data set", "architecture": "network"}
    options = [
        click.option("--recipe", default=DEFAULT_RECIPE, show_default=True, metavar="NAME",
                     help="A named full config to start from."),
        *(click.option(f"--{category}", metavar="NAME",
                       help=f"Another {presets.get(category, category)} than the recipe's.")
          for category in CATEGORIES[:-1]),
        click.option("--lr", type=Number("lr"), help="Learning rate, above 0."),
        click.option("--l1-weight", type=Number("l1_weight"),
                     help="Another L1 weight than the regularizer's."),
        click.option("--dropout", type=Number("dropout"),
                     help="Another dropout rate than the regularizer's, below 1."),
        click.option("--weight-decay", type=Number("weight_decay"),
                     help="Another weight decay than the regularizer's."),
        click.option("--steps", type=Number("steps"), help="Full-batch steps, 1 or more."),
        click.option("--seed", type=Number("seed"), help="Seeds the weights and the dropout."),
        click.option("--data-seed", type=Number("data_seed"), help="Seeds the data."),
        click.option("--device", metavar="DEVICE", help="cpu (the default), cuda, cuda:N or mps."),
        click.option("--engine", type=click.Choice(ENGINES),
                     help="What executes the steps; auto (the default) says what it picks."),
        click.option("--presets", "presets_folder", metavar="DIR",
                     type=click.Path(path_type=Path),
                     help="A folder of preset files that go over the built-in ones."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
