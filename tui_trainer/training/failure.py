"""What went wrong, in a line for the person who asked for it."""

import re

import torch

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.task.user_code import line_of, raised_by_users, told

# What ends a run and is told by its last event; the last two, where code of somebody's own raises
# them.
FAILURES = (Exception, SystemExit, KeyboardInterrupt)


def describe_failure(error: Exception | SystemExit | KeyboardInterrupt) -> str:
    """Say in one line what went wrong, for the person who started the run.

    Raises:
        KeyboardInterrupt: if that is the error, and a person's.
    """
    if isinstance(error, KeyboardInterrupt) and not raised_by_users(error):
        raise error
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return told(error, "the network")
    lines = str(error).strip().splitlines()
    message = lines[0] if lines else "no message"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in message:
        asked = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", message)
        return f"out of memory{f' (asked for {asked[1]})' if asked else ''}"
    if isinstance(error, InvalidSettingsError):
        return message
    if line_of(error):
        return told(error, "the network")
    return message if isinstance(error, ValueError) else f"{type(error).__name__}: {message}"
