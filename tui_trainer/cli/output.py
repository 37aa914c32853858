"""Streams, encodings, colours and exit statuses of the commands."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tui_trainer.plotting.roles import Charset, Role

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


def charset_of(stream: Any) -> Charset:
    """Return the characters that a stream can show."""
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return Charset.UNICODE if encoding.startswith("utf") else Charset.ASCII


def for_stdout(text: str) -> str:
    """Replace the characters that stdout's encoding lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return text.encode(encoding, errors="replace").decode(encoding)


def colored(text: str, role: Role) -> str:
    """Colour a string by its role, unless NO_COLOR is set."""
    if role not in _COLORS or "NO_COLOR" in os.environ:
        return text
    return click.style(text, fg=_COLORS[role])


def say(line: str) -> None:
    """Write a line on stderr, if that can be written."""
    with contextlib.suppress(OSError):
        click.echo(line, err=True)


def exit_status(signals: Sequence[int], failed: bool) -> int:
    """Return the status of a run that `signals` ended, if any came."""
    if signals:
        return EXIT_SIGNALLED + signals[0]
    return EXIT_FAILED if failed else EXIT_OK


def require_writable(file: Path, flag: str) -> None:
    """Refuse, before the training, a file that can't be written after it."""
    try:
        with file.open("a"):
            pass
    except OSError as error:
        raise click.UsageError(f"{flag} {file}: {error.strerror}") from None
