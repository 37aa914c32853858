"""What the commands print, and their exit statuses."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from tui_trainer.formatting import printable, to_ascii
from tui_trainer.plotting.roles import Role

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_SIGNALLED = 0, 1, 2, 128  # and the signal's number
_COLORS = {
    Role.TRAIN: "blue",
    Role.TRAIN_POINT: "blue",
    Role.VALIDATION: "yellow",
    Role.VALIDATION_POINT: "yellow",
    Role.MODEL: "green",
    Role.BEST: "green",
    Role.STOP: "red",
}


def for_stdout(text: str) -> str:
    """Replace the characters that stdout's encoding lacks."""
    return _encodable(text, sys.stdout)


def terminal_width() -> int | None:
    """Return how many columns stdout has; None where it is no terminal."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()  # it may be closed
    return shutil.get_terminal_size().columns if is_terminal else None


def echo_json(text: str) -> None:
    """Print JSON, with escapes for what the encoding lacks or a terminal would obey."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"

    def escaped(char: str) -> str:
        plain = char.isprintable() and _fits(char, encoding)
        return char if plain else json.dumps(char)[1:-1]

    click.echo(text if text.isascii() else "".join(map(escaped, text)))


def _encodable(text: str, stream: Any) -> str:
    encoding = getattr(stream, "encoding", None) or "ascii"
    if _fits(text, encoding):
        return text
    return "".join(char if _fits(char, encoding) else to_ascii(char) for char in text)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def colored(text: str, role: Role) -> str:
    """Colour a string by its role, unless NO_COLOR is set."""
    if role not in _COLORS or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=_COLORS[role])


def say(line: str) -> None:
    """Write a line on stderr, if that can be written."""
    with contextlib.suppress(OSError):
        click.echo(_encodable(printable(line), sys.stderr), err=True)


def prints_on_stderr() -> AbstractContextManager[object]:
    """Have people's code print on stderr: stdout is for the results."""
    return contextlib.redirect_stdout(sys.stderr)


def exit_status(signals: Sequence[int], failed: bool) -> int:
    """Return the status of a run that `signals` ended, if any came."""
    if signals:
        return EXIT_SIGNALLED + signals[0]
    return EXIT_FAILED if failed else EXIT_OK


def write_file(write: Callable[[Path], object], file: Path, flag: str) -> bool:
    """Write a file, and return whether that worked; why not is one line: the rest is to be printed.

    Raises:
        BrokenPipeError: if nobody reads it any more, which is nothing to speak of.
    """
    try:
        write(file)
    except BrokenPipeError:
        raise
    except OSError as error:
        say(f"{flag} {file}: {error.strerror}")
        return False
    return True


def require_writable(file: Path, flag: str) -> None:
    """Refuse, before the training, a file that can't be written after it; leave none behind."""
    try:
        was_there = os.path.lexists(file)
        with file.open("a"):
            pass
        if not was_there:
            file.unlink()
    except OSError as error:
        raise click.UsageError(f"{flag} {file}: {error.strerror}") from None
