"""Reads a data file and makes a data set of it, in threads that report with messages."""

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
        """Ask what a typed path may go on as; a folder may be on a slow disk."""
        self._ask(lambda request: Listed(request, list_paths(text)), Listed)

    def read(self, file: str) -> None:
        """Ask for a file's columns."""
        self.read_bytes, self.all_bytes = 0, 0

        def work(request: int) -> FileRead:
            from tui_trainer.task.files.loading import load_table
            from tui_trainer.tui.data.columns import columns_of

            table = load_table(file, partial(self._advance, request))
            self._require(request)
            return FileRead(request, FileColumns(file, columns_of(table), table.rows))

        self._ask(work, FileRead)

    def make(self, dataset: Dataset) -> None:
        """Ask for a data set with all that its files say."""

        def work(request: int) -> Made:
            from tui_trainer.task.files.resolving import resolve

            found = resolve(dataset, partial(self._advance, request))
            return Made(request, Opened(found.dataset, found.notes))

        self._ask(work, Made)

    def _ask(
        self, work: Callable[[int], Message], kind: Callable[[int, None, str], Message]
    ) -> None:
        self._request += 1
        request = self._request

        def run() -> None:
            try:
                self._owner.post_message(work(request))
            except _CancelledError:
                pass
            except Exception as error:
                known = isinstance(error, InvalidSettingsError)
                words = str(error) if known else f"{type(error).__name__}: {error}"
                self._owner.post_message(kind(request, None, " ".join(words.split())))

        self._owner.run_worker(run, thread=True, exit_on_error=False)

    def _advance(self, request: int, done: int, size: int) -> None:
        self._require(request)
        self.read_bytes, self.all_bytes = done, size

    def _require(self, request: int) -> None:
        if request != self._request:
            raise _CancelledError
