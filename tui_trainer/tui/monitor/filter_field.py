"""The field of a regular expression, with what is wrong with it beside it."""

import re

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.getters import query_one
from textual.message import Message
from textual.widgets import Input

from tui_trainer.tui.widgets.entry import Entry
from tui_trainer.tui.widgets.lines import NoteLine


class FilterField(Horizontal):
    """Hidden while nothing is filtered. A broken expression leaves what was found before."""

    DEFAULT_CSS = """
    FilterField { height: 1; display: none; }
    FilterField > Input { width: 1fr; }
    FilterField > NoteLine { width: auto; max-width: 60%; }
    """

    input = query_one(Input)
    note = query_one(NoteLine)

    class Changed(Message):
        """Another expression is to be found."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.pattern: re.Pattern[str] | None = None
        self.text = ""

    def compose(self) -> ComposeResult:
        yield Entry(placeholder="filter: a regular expression", compact=True)
        yield NoteLine()

    def open(self) -> None:
        self.display = True
        self.input.focus()

    def close(self) -> None:
        """Show all again."""
        self.input.value = ""
        self.display = False

    @on(Input.Changed)
    def _take_text(self, event: Input.Changed) -> None:
        event.stop()
        problem = ""
        try:
            self.pattern = re.compile(event.value, re.IGNORECASE) if event.value else None
            self.text = event.value
        except re.error as error:
            problem = f"  no regular expression: {error.msg}"
        except (OverflowError, RecursionError):
            problem = "  too large a regular expression"
        self.note.put(problem)
        self.note.styles.width = max(1, len(problem))
        self.post_message(self.Changed())

    @on(Input.Submitted)
    def _accept(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(self.text)
        self.screen.set_focus(None)
