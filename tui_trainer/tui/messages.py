"""What threads tell the app: everything that arrives from outside the UI."""

from dataclasses import dataclass

from textual.message import Message

from tui_trainer.training.events import Event, Previewed


@dataclass
class TrainerEvent(Message):
    """An event of the run with this number; the app drops those of earlier runs."""

    run: int
    event: Event


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
