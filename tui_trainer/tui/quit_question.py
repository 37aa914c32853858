"""A question before something is ended."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class QuitQuestion(ModalScreen[bool]):
    """Asks whether to quit while something is running; answers True for yes.

    Only y and Ctrl-C say yes: whoever presses q or enter twice by mistake loses nothing.
    """

    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high")]
    BINDINGS = [
        Binding("y", "answer(True)", "quit"),
        Binding("ctrl+c", "answer(True)", show=False),
        Binding("n,escape", "answer(False)", "stay"),
    ]

    def __init__(self, warnings: Sequence[str], ended: int) -> None:
        super().__init__()
        self._warnings = warnings
        self._ended = ended  # how many of them end by it

    def compose(self) -> ComposeResult:
        """Give each sentence a line of its own, so that numbers have room to grow."""
        with Vertical(classes="dialog"):
            for warning in self._warnings:
                yield Static(warning, markup=False)
            yield Static(self._question)
            yes = "quit" if self._ended else "close"
            yield Static(f"[b]y[/b] {yes}   [b]n[/b] stay", classes="answers")

    @property
    def _question(self) -> str:
        if not self._ended:
            return "Close the screen?"
        return f"Quit and end {'it' if self._ended == 1 else 'them'}?"

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
