"""``--on-end``: a command of the person's, run once at an end."""

import os
import subprocess
from collections.abc import Mapping

from tui_trainer.notices.endings import Ending

WAIT_SECONDS = 10.0  # that a command without a screen waits for the command at most
_PREFIX = "TUI_TRAINER_"
_WHY = {126: "it can't be executed", 127: "no such command"}


def chosen(flag: str | None, setting: str | None, environ: Mapping[str, str]) -> str:
    """Return the command of the flag, else that of ``config.toml``; "" for none.

    The setting is not for a program that such a command starts: it would never end.
    """
    if flag is not None:
        return flag
    return "" if f"{_PREFIX}STATE" in environ else setting or ""


def run_on_end(command: str, ending: Ending, seconds: float | None = None) -> str:
    """Run a command through the shell, and return in a line what went wrong, "" for nothing.

    It gets the facts as variables of its environment, such as ``TUI_TRAINER_STATE``, and no
    terminal: a session of its own, without input and output. After `seconds` it is left to itself.
    """
    facts = {f"{_PREFIX}{name.upper()}": text for name, text in ending.facts.items()}
    try:
        process = subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | facts,
        )
    except (OSError, ValueError) as error:  # such as too long a command, or a NUL in it
        return f"--on-end can't be run: {error}"
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.returncode = 0  # no longer ours: it may run on
        return f"--on-end still runs after {seconds:.0f} s and is left to itself"
    if status < 0:
        return f"--on-end was ended by signal {-status}"
    why = f": {_WHY[status]}" if status in _WHY else ""
    return f"--on-end failed with status {status}{why}" if status else ""
