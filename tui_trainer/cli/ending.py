"""What a command without a screen does at its end: a notice, and the command of ``--on-end``."""

import contextlib
import os
import sys
import time
from collections.abc import Sequence

from tui_trainer.cli.output import say
from tui_trainer.config.user_settings import UserSettings
from tui_trainer.console.progress import Mailbox
from tui_trainer.notices.command import WAIT_SECONDS, chosen, run_on_end
from tui_trainer.notices.endings import Ending
from tui_trainer.notices.terminals import LONG_RUN, notice


class Finale:
    """What is to be done at the end of something that starts now.

    Args:
        user: the settings of the person.
        on_end: the flag; None where it was not given.
    """

    def __init__(self, user: UserSettings, on_end: str | None = None) -> None:
        self._notices = user.notices
        self._command = chosen(on_end, user.on_end, os.environ)
        self._since = time.monotonic()

    def close(self, ending: Ending, signals: Sequence[int] = ()) -> None:
        """Give notice on stderr of what took long and no signal ended; run the command."""
        if time.monotonic() - self._since > LONG_RUN and not signals:
            self._send_notice(ending.words)
        if self._command and (problem := run_on_end(self._command, ending, WAIT_SECONDS)):
            say(f"tui-trainer: {problem}")

    def _send_notice(self, words: str) -> None:
        stream = sys.stderr
        if stream is not None and stream.isatty():
            ascii_only = not (stream.encoding or "ascii").lower().startswith("utf")
            text = notice(words, self._notices, ascii_only=ascii_only)
            with contextlib.closing(Mailbox(stream)) as mailbox:  # perhaps nobody reads it
                mailbox.write(text)
