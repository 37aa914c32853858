"""``train --detach``: goes on in a background process, without a terminal."""

import os
import shlex
import time
from pathlib import Path
from typing import NoReturn

import click

from tui_trainer.cli.output import EXIT_FAILED, for_stdout, say
from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import printable
from tui_trainer.runs.folder import DESCRIPTION, OUTPUT, make_run_folder, run_name, runs_folder

_POLL = 0.05
_LONGEST_WORDS = 2000  # bytes of a log that tell why it did not start

detach_option = click.option(
    "--detach", is_flag=True, help="Train in the background, and say how to attach."
)


def go_on_in_background(context: click.Context, config: RunConfig, root: Path | None) -> Path:
    """Return a run's new folder in a background process; this one says how to attach, and exits.

    Raises:
        UsageError: if runs are not saved.
        OSError: if there can be no such folder or process.
    """
    if root is None:
        raise click.UsageError("--detach with --no-save: nobody could see what comes of it")
    folder = make_run_folder(root, run_name(config))
    if pid := _fork(folder):
        _leave(context, folder, root, pid)
    return folder


def _leave(context: click.Context, folder: Path, root: Path, pid: int) -> NoReturn:
    """Exit, once the run has started in the other process, or has failed to."""
    if problem := _await_start(folder, pid):
        say(problem)
        context.exit(EXIT_FAILED)
    name = folder.name if root == runs_folder() else shlex.quote(str(folder))
    facts = {
        "run": f"{folder.name} (process {pid})",
        "watch it": f"tui-trainer attach {name}",
        "stop it": f"tui-trainer control {name} stop",
        "output": str(folder / OUTPUT),
    }
    lines = [f"{key:<16} {printable(fact)}" for key, fact in facts.items()]
    click.echo(for_stdout("\n".join(lines)))
    context.exit()


def _fork(folder: Path) -> int:
    """Fork a process with a session of its own, whose output goes to the folder's ``output.log``.

    Returns its pid; 0 in that process. It keeps nothing that is open here: not a terminal, nor
    the pipe or the lock of whoever started this one.
    """
    log = os.open(folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if pid := os.fork():
        os.close(log)
        return pid
    os.setsid()
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # last: where it was closed, the log is 0
    os.closerange(3, 4096)
    return 0


def _await_start(folder: Path, pid: int) -> str:
    """Wait until all commands find the run; return why its process ended before, "" if not."""
    while not (folder / DESCRIPTION).exists():
        if os.waitpid(pid, os.WNOHANG)[0] and not (folder / DESCRIPTION).exists():
            lines = _end_of(folder / OUTPUT).decode(errors="replace").strip().splitlines()
            return lines[-1] if lines else "it ended without a word"
        time.sleep(_POLL)
    return ""


def _end_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LONGEST_WORDS))
        return stream.read()
