"""A question before something is ended."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class QuitQuestion(ModalScreen[bool]):
    """Asks whether to quit while something is running; answers True for yes.

    Only y says yes: whoever presses q or enter twice by mistake loses nothing.
    """

    BINDINGS = [
        Binding("y", "answer(True)", "quit"),
        Binding("n,escape", "answer(False)", "stay"),
    ]

    def __init__(self, warnings: Sequence[str]) -> None:
        super().__init__()
        self._warnings = warnings

    def compose(self) -> ComposeResult:
        """Give each sentence a line of its own, so that numbers have room to grow."""
        with Vertical(classes="dialog"):
            for warning in self._warnings:
                yield Static(warning, markup=False)
            yield Static(f"Quit and end {'it' if len(self._warnings) == 1 else 'them'}?")
            yield Static("[b]y[/b] quit   [b]n[/b] stay", classes="answers")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
