"""The flags of a person's own data."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from tui_trainer.cli.parameters import Number
from tui_trainer.config.numbers import Share
from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.task.files.opening import STDIN, kind_of

F = TypeVar("F", bound=Callable[..., Any])


class DataFile(click.ParamType[str]):
    """The path of a data file, made absolute, or ``-`` for stdin."""

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read a path; whether there is such a file is seen later."""
        text = str(value)
        if text == STDIN:
            return text
        try:
            text.encode()
            kind_of(text)
            return str(Path(text).expanduser().absolute())
        except InvalidSettingsError as error:
            self.fail(str(error), param, ctx)
        except (ValueError, RuntimeError):  # no UTF-8, or a home that is not there
            self.fail(f"expected a path, got {shortened(text)}", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """Have the shell complete paths."""
        return [CompletionItem(incomplete, type="file")]


class Columns(click.ParamType[tuple[str, ...]]):
    """Names of columns, separated by commas; one with a comma in it is written in quotes."""

    name = "A,B,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Read names."""
        if isinstance(value, tuple):
            return value
        rows = list(csv.reader([str(value)], skipinitialspace=True))
        names = tuple(name.strip() for name in (rows[0] if len(rows) == 1 else []))
        if not names or not all(names):
            self.fail(f"expected names of columns, got {shortened(str(value))}", param, ctx)
        return names


def data_options(command: F) -> F:
    """Add the flags that make a data set of a file; `with_data` takes them."""
    options = [
        click.option("--data", metavar="FILE", type=DataFile(),
                     help="Fit the rows of a .csv, .tsv, .npz or .parquet file; - is CSV on "
                          "stdin."),
        click.option("--target", metavar="COLUMN", help="With --data: the column to predict."),
        click.option("--features", metavar="A,B,...", type=Columns(),
                     help="With --data: the columns to predict it from; all other numeric ones "
                          "by default."),
        click.option("--split", metavar="SHARE", type=Number(Share),
                     help="With --data: the share of the rows to train on, 0.8 by default; the "
                          "others validate. The data seed draws them."),
        click.option("--validation-data", metavar="FILE", type=DataFile(),
                     help="With --data: a file whose rows validate, instead of a split."),
        click.option("--standardize/--no-standardize", default=None,
                     help="With --data: train on features and target of mean 0 and standard "
                          "deviation 1 (the default); losses stay in the target's own units."),
        click.option("--drop-missing", is_flag=True, default=None,
                     help="With --data: leave out rows in which a value is missing."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
