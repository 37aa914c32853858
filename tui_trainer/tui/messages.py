"""What threads tell the app: everything that arrives from outside the UI."""

from dataclasses import dataclass

from textual.message import Message

from tui_trainer.config.settings import Value
from tui_trainer.training.events import Previewed


@dataclass
class RunNews(Message):
    """The run with this number has news that can't wait for the next frame."""

    run: int


@dataclass
class PreviewReady(Message):
    """The preview asked for with this number."""

    request: int
    previewed: Previewed


@dataclass
class PreviewFailed(Message):
    """Why the preview asked for with this number can't be had."""

    request: int
    reason: str


@dataclass
class SweepNews(Message):
    """The sweep with this number has news that can't wait for the next frame."""

    sweep: int


@dataclass
class LrNews(Message):
    """The search for an lr with this number has news that can't wait for the next frame."""

    search: int


@dataclass
class ValuesTaken(Message):
    """A person has settled on values, by setting: they are for the form."""

    values: dict[str, Value]
