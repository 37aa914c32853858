"""Sends requests to a run that another process trains."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import msgspec

from tui_trainer.formatting import printable
from tui_trainer.runs.ownership import owner_of
from tui_trainer.runs.protocol import (
    LONGEST_ANSWER,
    Answer,
    CheckpointRequest,
    LrRequest,
    PauseRequest,
    Request,
    ResumeRequest,
    StepRequest,
    StopRequest,
    encode,
)
from tui_trainer.runs.server import peer_is_us
from tui_trainer.training.control import Control

ANSWER_SECONDS = 5.0  # that a process may take, however busy it is
_MOST_WAITING = 100  # requests that were not sent yet


class NotReachedError(ValueError):
    """A run takes no requests; the message says why in a line."""


def ask(folder: Path, request: Request) -> dict[str, Any]:
    """Send a request to the process that writes a run; return the status, empty if not asked for.

    Raises:
        NotReachedError: if there is no such process, or it can't be asked from here.
        ValueError: if it refuses the request; the message is its own.
    """
    owner = owner_of(folder)
    if owner is None:
        raise NotReachedError(f"run {folder.name} is not running: no process has it open")
    if not owner.is_here:
        raise NotReachedError(f"run {folder.name} is running on {owner.host}: ask it there")
    if not owner.socket:
        raise NotReachedError(f"run {folder.name}: {owner.words} takes no requests")
    try:
        line = _exchange(owner.socket, encode(request))
        answer = msgspec.json.decode(line, type=Answer)
    except (OSError, msgspec.DecodeError) as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        raise NotReachedError(
            f"run {folder.name}: {owner.words} does not answer: {printable(why)}"
        ) from None
    if not answer.ok:
        raise ValueError(printable(answer.error))
    return answer.status or {}


def _exchange(path: str, line: bytes) -> bytes:
    """Send a line and return the answer's.

    Raises:
        OSError: if there is none in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(path)
        if not peer_is_us(connection):
            raise PermissionError("the socket is another user's")
        with contextlib.suppress(BrokenPipeError):  # a refusal may be there to be read
            connection.sendall(line)
        answer = b""
        while not answer.endswith(b"\n"):
            part = connection.recv(LONGEST_ANSWER)
            if not part or len(answer) > LONGEST_ANSWER:
                raise ConnectionError("it ended the conversation")
            answer += part
        return answer


class RemoteControl(Control):
    """A `Control` whose requests go to another process, one after the other, in a thread.

    It is `paused` as that run was last seen or asked to be. Leaving it asks for nothing.

    Args:
        folder: the run's.
        failed: gets a line, in that thread, for each request that came to nothing.
    """

    def __init__(self, folder: Path, failed: Callable[[str], object]) -> None:
        super().__init__()
        self.folder, self._failed = folder, failed
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        Thread(target=self._send, name="remote-control", daemon=True).start()

    def pause(self) -> None:
        """Ask the run to wait before its next step."""
        super().pause()
        self._ask(PauseRequest())

    def resume(self) -> None:
        """Ask the run to resume."""
        super().resume()
        self._ask(ResumeRequest())

    def step(self) -> None:
        """Ask for one step, and to wait after it."""
        super().pause()
        self._ask(StepRequest())

    def stop(self) -> None:
        """Ask the run to end."""
        self._ask(StopRequest())

    def set_lr(self, lr: float) -> None:
        """Ask for another learning rate, starting with the next step."""
        self._ask(LrRequest(lr=lr))

    def ask_checkpoint(self) -> None:
        """Ask the run to keep its state."""
        self._ask(CheckpointRequest())

    def leave(self) -> None:
        """Follow the run no longer."""
        super().stop()
        self._requests.put(None)

    def wait(self, seconds: float) -> None:
        """Wait, unless it is left meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)

    def saw_paused(self, paused: bool) -> None:
        """Take in that the run has been paused, or resumes, whoever asked."""
        self._set(_paused=paused)

    def _ask(self, request: Request) -> None:
        if self._requests.qsize() < _MOST_WAITING:
            self._requests.put(request)

    def _send(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                ask(self.folder, request)
            except ValueError as error:
                self._failed(str(error))
