"""A screen that says sentences in its status line, and asks there whether something is meant."""

from abc import abstractmethod
from pathlib import Path

from textual.timer import Timer

from tui_trainer.formatting import printable
from tui_trainer.tui.pane_screen import PaneScreen
from tui_trainer.tui.wording import with_dots

_SAID_SECONDS, _ASKED_SECONDS = 4.0, 15.0  # that words, and questions, stay


class SpeakingScreen(PaneScreen):
    """Says something for some seconds, in the place of its status, which a subclass draws."""

    def __init__(self, keymap: dict[str, str]) -> None:
        super().__init__(keymap)
        self._said = ""
        self._noted = ""  # what is to be said once no question stands
        self._asked = ""  # the request that is to be repeated
        self._asked_about: Path | None = None
        self._said_timer: Timer | None = None

    @abstractmethod
    def draw_lines(self) -> None:
        """Draw what is not in a pane, with what is said."""

    def say(self, words: str, seconds: float = _SAID_SECONDS) -> None:
        """Show words in the status line for some seconds: what a key changed, or why it did not."""
        self._said, self._asked = with_dots(f" {printable(words)}", self.size.width), ""
        if self._said_timer is not None:
            self._said_timer.stop()
        self._said_timer = self.set_timer(seconds, self._unsay)
        self.draw_lines()

    def note(self, words: str) -> None:
        """Say what came by itself, without a key: a question stays, and these words follow it."""
        if self._asked:
            self._noted = words
        else:
            self.say(words)

    def confirms(self, request: str, question: str, about: Path | None = None) -> bool:
        """Return whether a request repeats the one before; the first is answered with a question.

        It stands for some seconds; escape, and what any other key says, takes it back. A repetition
        is `about` the same run: another one may have come under the cursor by itself.
        """
        if (self._asked, self._asked_about) == (request, about):
            self._unsay()
            return True
        self.say(question, _ASKED_SECONDS)
        self._asked, self._asked_about = request, about
        return False

    def withdraw(self) -> bool:
        """Take a question back, and return whether there was one."""
        asked = bool(self._asked)
        if asked:
            self._unsay()
        return asked

    def _unsay(self) -> None:
        noted = self._noted
        self._forget_words()
        if noted:
            self.say(noted)
        else:
            self.draw_lines()

    def _forget_words(self) -> None:
        self._said = self._asked = self._noted = ""
