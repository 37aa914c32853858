"""Reads a data file and makes a data set of it, in threads that report with messages."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from textual.dom import DOMNode
from textual.message import Message

from tui_trainer.config.settings import Dataset
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.tui.data.paths import Listing, list_paths

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.tui.data.columns import Column

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileColumns:
    """What a file holds, for a person to choose from."""

    file: str
    columns: "Sequence[Column]"
    rows: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A data set of which all is known, and what a person should know of how it came."""

    dataset: Dataset
    notes: Sequence[str] = ()


@dataclass
class Done(Message, Generic[T]):
    """The answer to a request, or why there is none."""

    request: int
    answer: T | None
    problem: str = ""


class Listed(Done[Listing]):
    """What a path may go on as."""


class FileRead(Done[FileColumns]):
    """What a file holds."""


class Made(Done[Opened]):
    """A data set of which all is known."""


class _CancelledError(Exception):
    """Nobody waits for the answer any more."""


class DataReader:
    """Runs one request at a time on behalf of `owner`; those before it are cancelled."""

    def __init__(self, owner: DOMNode) -> None:
        self._owner = owner
        self._request = 0
        self._lock = threading.Lock()  # of the two below
        self._wanted: tuple[int, str] | None = None  # the newest list that is asked for
        self._is_listing = False
        self.read_bytes, self.all_bytes = 0, 0  # of the file that is read

    def is_newest(self, message: "Done[T]") -> bool:
        """Return whether a message answers the latest request."""
        return message.request == self._request

    @property
    def newest(self) -> int:
        """The number of the latest request."""
        return self._request

    def cancel(self) -> None:
        """Take the latest request back."""
        self._request += 1

    def list(self, text: str) -> None:
        """Ask what a typed path may go on as.

        On a slow disk one thread waits, and not one for each key: those would be all there are.
        """
        self._request += 1
        with self._lock:
            self._wanted = self._request, text
            if self._is_listing:
                return
            self._is_listing = True
        self._run(self._list_wanted)

    def _list_wanted(self) -> None:
        while True:
            with self._lock:
                wanted, self._wanted = self._wanted, None
                if wanted is None:
                    self._is_listing = False
                    return
            self._answer(wanted[0], partial(_listing_of, wanted[1]), Listed)

    def read(self, file: str) -> None:
        """Ask for a file's columns."""
        self.read_bytes, self.all_bytes = 0, 0

        def work(request: int) -> FileColumns:
            from tui_trainer.task.files.loading import load_table
            from tui_trainer.tui.data.columns import columns_of

            table = load_table(file, partial(self._advance, request))
            self._require(request)
            return FileColumns(file, columns_of(table), table.rows)

        self._ask(work, FileRead)

    def make(self, dataset: Dataset) -> None:
        """Ask for a data set with all that its files say."""

        def work(request: int) -> Opened:
            from tui_trainer.task.files.resolving import resolve

            found = resolve(dataset, partial(self._advance, request))
            return Opened(found.dataset, found.notes)

        self._ask(work, Made)

    def _ask(self, work: Callable[[int], T], kind: type[Done[T]]) -> None:
        self._request += 1
        self._run(partial(self._answer, self._request, work, kind))

    def _run(self, work: Callable[[], None]) -> None:
        self._owner.run_worker(work, thread=True, exit_on_error=False)

    def _answer(self, request: int, work: Callable[[int], T], kind: type[Done[T]]) -> None:
        try:
            self._owner.post_message(kind(request, work(request)))
        except _CancelledError:
            pass
        except Exception as error:
            known = isinstance(error, InvalidSettingsError)
            words = str(error) if known else f"{type(error).__name__}: {error}"
            self._owner.post_message(kind(request, None, " ".join(words.split())))

    def _advance(self, request: int, done: int, size: int) -> None:
        self._require(request)
        self.read_bytes, self.all_bytes = done, size

    def _require(self, request: int) -> None:
        if request != self._request:
            raise _CancelledError


def _listing_of(text: str, request: int) -> Listing:
    return list_paths(text)
