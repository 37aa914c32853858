"""What threads and screens report to a screen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.message import Message

from tui_trainer.config.overrides import Value
from tui_trainer.notices.endings import Ending
from tui_trainer.training.events import Previewed
from tui_trainer.tui.feed import Feed


class RoomChanged(Message):
    """A part of the screen has another size, and shows other things for it."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RoomChanged)


@dataclass
class Updated(Message):
    """Events have arrived in this feed that should not wait for the next frame."""

    feed: Feed[Any]


@dataclass
class PreviewReady(Message):
    """The preview of this request."""

    request: int
    previewed: Previewed


@dataclass
class PreviewFailed(Message):
    """Why there is no preview for this request, and the setting that it is about, if known."""

    request: int
    reason: str
    setting: str = ""


@dataclass
class RequestFailed(Message):
    """Why a request to another process came to nothing."""

    words: str


@dataclass
class ValuesTaken(Message):
    """Values by setting that were chosen on another screen, for the run's form."""

    values: dict[str, Value]


@dataclass
class LoopChosen(Message):
    """The loop of this folder is to be shown."""

    folder: Path


@dataclass
class Ended(Message):
    """What a screen showed has ended, and not by its person; `seconds` after its start."""

    ending: Ending
    seconds: float


@dataclass
class OnEndFailed(Message):
    """What went wrong with the command of `--on-end`, in a line."""

    words: str
