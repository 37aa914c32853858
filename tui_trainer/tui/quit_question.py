"""A question before something is lost."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class QuitQuestion(ModalScreen[bool]):
    """Asks whether to quit while something is on its way; answers True for yes."""

    BINDINGS = [
        Binding("y,q,enter", "answer(True)", "quit"),
        Binding("n,escape", "answer(False)", "go on"),
    ]

    def __init__(self, at_stake: str) -> None:
        super().__init__()
        self._at_stake = at_stake

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with Vertical(classes="dialog"):
            yield Static(f"{self._at_stake} Quit and lose it?")
            yield Static("[b]y[/b] quit   [b]n[/b] go on training", classes="answers")

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)
