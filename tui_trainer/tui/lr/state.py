"""Where a search for a learning rate stands, folded from its events."""

from collections import deque

from tui_trainer.lr_search.events import LrEvent, LrTrialsStarted
from tui_trainer.lr_search.plan import LrSearch
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.training.state import ENDS, State


class LrView:
    """One search as its events so far tell it. `number` tells it from the app's other searches.

    Its thread adds to `inbox`, and no other thread but the UI's takes from it.
    """

    def __init__(self, search: LrSearch, number: int = 1) -> None:
        self.search = search
        self.number = number
        self.inbox: deque[LrEvent] = deque()
        self.results = LrSearchResult()
        self.how = ""

    @property
    def state(self) -> State:
        """What it is doing."""
        if (found := self.results.found) is not None:
            return ENDS[found.reason]
        return State.RUNNING if self.results.curve is not None else State.STARTING

    @property
    def lr(self) -> float | None:
        """The learning rate to take, once it is known."""
        return self.results.found.recommended if self.results.found is not None else None

    def take_inbox(self) -> None:
        """Take in all events that have arrived."""
        while self.inbox:
            event = self.inbox.popleft()
            self.results.apply(event)
            if isinstance(event, LrTrialsStarted):
                self.how = event.how
