"""What a screen shows: the result of a thread's events, and the events not applied yet."""

from collections import deque
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from tui_trainer.training.state import State


class Result(Protocol):
    """The fold of events: of a run, a sweep or a search."""

    @property
    def state(self) -> State:
        """What the run, sweep or search is doing."""
        ...

    def apply(self, event: Any) -> None:
        """Add the next event."""
        ...


ResultT = TypeVar("ResultT", bound=Result)


class Feed(Generic[ResultT]):
    """A result and its inbox: the thread appends to it, the UI takes from it while there is one."""

    def __init__(self, result: ResultT) -> None:
        self.result = result
        self.inbox: deque[Any] = deque()
        self.applied = 0  # events
        self._taking = Lock()

    def take_inbox(self) -> None:
        """Apply all events that have arrived."""
        with self._taking:
            while self.inbox:
                self._apply(self.inbox.popleft())
                self.applied += 1

    def _apply(self, event: Any) -> None:
        self.result.apply(event)
