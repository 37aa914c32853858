"""``tui-trainer --headless``: a visit, what it prints, and an end that comes in any case."""

import asyncio
import faulthandler
import os
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any

import click

from tui_trainer.cli.output import EXIT_FAILED, EXIT_OK, for_stdout, require_writable, say

_GRACE = 3.0  # seconds for threads to end, once the outcome is printed


class _Watchdog:
    """Ends the process after some seconds, though a thread never returns or never lets go of it."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._nowhere = os.open(os.devnull, os.O_WRONLY)

    def expect_end(self, seconds: float, status: int, words: str = "") -> None:
        """Wait anew, and then end with a status; `words` are said if there is time."""
        self.cancel()
        self._timer = threading.Timer(seconds, self._bite, (status, words))
        self._timer.daemon = True
        self._timer.start()
        # It needs no interpreter: C code may hold that for ever.
        faulthandler.dump_traceback_later(seconds + 1, exit=True, file=self._nowhere)

    def cancel(self) -> None:
        """Let the process live."""
        if self._timer is not None:
            self._timer.cancel()
            faulthandler.cancel_dump_traceback_later()

    @staticmethod
    def _bite(status: int, words: str) -> None:
        with suppress(Exception):
            if words:
                say(words)
        os._exit(status)


def run_headless(app: Any, plan: Any, *, print_screen: bool) -> int:
    """Visit an app, print what came of it, and return the exit status.

    Raises:
        click.UsageError: if the screenshot can't be written.
    """
    from tui_trainer.tui.headless import Outcome, visit

    if plan.screenshot is not None:
        require_writable(plan.screenshot, "--screenshot")
    watchdog = _Watchdog()
    stdout, stderr, status = sys.stdout, sys.stderr, EXIT_FAILED

    def report(outcome: Outcome) -> None:
        """Print while the app is still there: leaving it waits for its threads."""
        nonlocal status
        with redirect_stdout(stdout), redirect_stderr(stderr):  # the app has its own
            if print_screen:
                click.echo(for_stdout(outcome.screen))
            status = EXIT_OK
            if outcome.problem is not None:
                say(f"tui-trainer --headless: {outcome.problem}")
                status = app.return_code or EXIT_FAILED
        watchdog.expect_end(_GRACE, status)

    late = f"tui-trainer --headless: no screen came within {plan.timeout:g} s"
    watchdog.expect_end(plan.timeout + _GRACE, EXIT_FAILED, late)
    try:
        asyncio.run(visit(app, plan, report))
        app.wait()
    finally:
        watchdog.cancel()
    return status
