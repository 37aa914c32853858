"""What is said over a run's socket, one line of JSON each way: docs/protocol.md describes it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, cast

import msgspec
from msgspec import Struct

from tui_trainer.config.numbers import LearningRate
from tui_trainer.config.validation import convert, shortened

VERSION = 1
LONGEST_REQUEST, LONGEST_ANSWER = 4096, 65536  # bytes, the end of the line included


class Steered(Protocol):
    """What takes the requests: a `Control`, or what has its methods."""

    def pause(self) -> None: ...  # noqa: D102
    def resume(self) -> None: ...  # noqa: D102
    def step(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def set_lr(self, lr: float) -> None: ...  # noqa: D102
    def ask_checkpoint(self) -> None: ...  # noqa: D102


class _Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="request"):
    version: int = VERSION


class StatusRequest(_Request, frozen=True, tag="status"):
    """Asks what the run is doing."""


class PauseRequest(_Request, frozen=True, tag="pause"):
    """Asks the run to wait before its next step."""


class ResumeRequest(_Request, frozen=True, tag="resume"):
    """Asks the run to resume."""


class StepRequest(_Request, frozen=True, tag="step"):
    """Asks for one step, and to wait after it."""


class StopRequest(_Request, frozen=True, tag="stop"):
    """Asks the run to end."""


class LrRequest(_Request, frozen=True, tag="lr"):
    """Asks for another learning rate."""

    lr: LearningRate


class CheckpointRequest(_Request, frozen=True, tag="checkpoint"):
    """Asks for a checkpoint."""


Request: TypeAlias = (
    StatusRequest
    | PauseRequest
    | ResumeRequest
    | StepRequest
    | StopRequest
    | LrRequest
    | CheckpointRequest
)


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a request was taken; `error` is a line that says why not, `status` what was asked."""

    version: int
    ok: bool
    error: str = ""
    status: dict[str, Any] | None = None


def read_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        ValueError: one line that says what is wrong, and what is allowed.
    """
    if len(line) > LONGEST_REQUEST:
        raise too_long()
    try:
        table = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ValueError("expected a line of JSON") from None
    if not isinstance(table, dict):
        raise ValueError('expected an object such as {"version": 1, "request": "status"}')
    version = table.get("version")
    if type(version) is not int or version != VERSION:
        said = "missing" if "version" not in table else f"{shortened(version)} is not known here"
        raise ValueError(f"version: {said}; allowed: {VERSION}")
    return _convert(table)


def make_request(name: str, lr: float | None = None) -> Request:
    """Make a request by its name.

    Raises:
        ValueError: one line that says what is wrong.
    """
    table: dict[str, Any] = {"version": VERSION, "request": name}
    return _convert(table if lr is None else table | {"lr": lr})


def _convert(table: dict[str, Any]) -> Request:
    return convert(table, cast(type[Request], Request))


def too_long() -> ValueError:
    """Say that a line is too long."""
    return ValueError(f"the line is too long: {LONGEST_REQUEST:,} bytes at most")


def act(request: Request, control: Steered) -> None:
    """Do what is asked; nothing here waits for the trainer."""
    match request:
        case PauseRequest():
            control.pause()
        case ResumeRequest():
            control.resume()
        case StepRequest():
            control.step()
        case StopRequest():
            control.stop()
        case LrRequest(lr=lr):
            control.set_lr(lr)
        case CheckpointRequest():
            control.ask_checkpoint()
        case StatusRequest():
            pass


def encode(message: Request | Answer) -> bytes:
    """Write a message as its line; what JSON has no numbers for becomes null."""
    return msgspec.json.encode(message) + b"\n"
