"""Takes requests to a run at a Unix socket that no other user can reach."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tui_trainer.formatting import printable
from tui_trainer.runs.ownership import Ownership
from tui_trainer.runs.protocol import (
    LONGEST_ANSWER,
    LONGEST_REQUEST,
    VERSION,
    Answer,
    StatusRequest,
    Steered,
    act,
    encode,
    read_request,
    too_long,
)

MOST_CLIENTS = 16
LINE_SECONDS = 5.0  # that a client may take to send a line, or to read an answer
IDLE_SECONDS = 60.0  # that a client may say nothing
LONGEST_PATH = 100  # bytes; the kernel takes 104 to 108
_REST = 0.1  # seconds without new clients where there is no descriptor for one

Status = Callable[[], dict[str, Any]]


@contextlib.contextmanager
def serve(control: Steered, status: Status) -> Iterator[str]:
    """Answer requests in a thread that costs nothing between them; yield the socket's path.

    The folder of the socket is new, and for this user alone. It is not the session's
    ($XDG_RUNTIME_DIR): that one goes with the last log-out, which a run may outlive.

    Args:
        control: takes the requests.
        status: returns what the run is doing; called in that thread.

    Raises:
        OSError: if there can be no socket.
    """
    folder = _new_folder()
    try:
        path = os.path.join(folder, "socket")  # noqa: PTH118
        server = _Server(path, control, status)
        try:
            yield path
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def answering(ownership: Ownership, control: Steered, status: Status) -> Iterator[None]:
    """Answer requests to a run that this process owns; do without where there can be no socket."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            ownership.publish(stack.enter_context(serve(control, status)))
        yield


def peer_is_us(connection: socket.socket) -> bool:
    """Return whether the process at the other end is this user's; true where none can say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = struct.Struct("3i")  # pid, uid, gid
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    uid: int = credentials.unpack(peer)[1]
    return uid in (os.geteuid(), 0)


def _new_folder() -> str:
    folder = tempfile.mkdtemp(prefix="tui-trainer-")
    if len(os.fsencode(folder)) + len("/socket") <= LONGEST_PATH:
        return folder
    os.rmdir(folder)  # noqa: PTH106
    return tempfile.mkdtemp(prefix="tui-trainer-", dir="/tmp")


class _Server:
    def __init__(self, path: str, control: Steered, status: Status) -> None:
        self._control, self._status = control, status
        self._clients: set[_Client] = set()
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socket.socketpair()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(MOST_CLIENTS)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._alarm, selectors.EVENT_READ, lambda: None)
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more requests."""
        self._closing = True
        with contextlib.suppress(OSError):  # a request that came now has let the thread go already
            self._bell.send(b"!")
        self._thread.join()

    def _run(self) -> None:
        with self._selector, self._listener, self._alarm, self._bell:
            while not self._closing:
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                for client in [c for c in self._clients if time.monotonic() >= c.deadline]:
                    self._drop(client)
            for client in list(self._clients):
                self._drop(client)

    def _patience(self) -> float | None:
        """Return the seconds until the first client is late, None without a client."""
        deadline = min((client.deadline for client in self._clients), default=None)
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # no descriptor is left, and the client keeps waiting
            time.sleep(_REST)
            return
        connection.setblocking(False)
        if not peer_is_us(connection):
            connection.close()
        elif len(self._clients) >= MOST_CLIENTS:
            with connection, contextlib.suppress(OSError):
                connection.send(encode(_refusal(f"{MOST_CLIENTS} clients are served already")))
        else:
            client = _Client(connection, self._answer)
            self._clients.add(client)
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._handle(client))

    def _handle(self, client: _Client) -> None:
        try:
            stays = client.proceed()
        except OSError:
            stays = False
        if not stays:
            self._drop(client)
            return
        wanted = selectors.EVENT_WRITE if client.answer else selectors.EVENT_READ
        key = self._selector.get_key(client.connection)
        if key.events != wanted:
            self._selector.modify(client.connection, wanted, key.data)

    def _drop(self, client: _Client) -> None:
        self._clients.discard(client)
        self._selector.unregister(client.connection)
        client.connection.close()

    def _answer(self, line: bytes) -> bytes:
        """Answer one line; whatever it says, with one line."""
        try:
            request = read_request(line)
            act(request, self._control)
            status = self._status() if isinstance(request, StatusRequest) else None
            answer = encode(Answer(version=VERSION, ok=True, status=status))
        except Exception as error:  # a request is to end no thread
            words = str(error) if isinstance(error, ValueError) else repr(error)
            return encode(_refusal(printable(" ".join(words.split()))[:1000]))
        if len(answer) > LONGEST_ANSWER:
            return encode(_refusal(f"the answer is longer than {LONGEST_ANSWER:,} bytes"))
        return answer


def _refusal(words: str) -> Answer:
    return Answer(version=VERSION, ok=False, error=words)


class _Client:
    """A connection: at most one line that is not complete, and one answer that is not read."""

    def __init__(self, connection: socket.socket, answer: Callable[[bytes], bytes]) -> None:
        self.connection = connection
        self.answer = b""  # what is left of it
        self.deadline = time.monotonic() + IDLE_SECONDS
        self._answer_to = answer
        self._received = b""
        self._is_last = False  # it is out of step: what follows is no line

    def proceed(self) -> bool:
        """Read, answer and write what there is; return whether there may be more.

        Raises:
            OSError: if the client is gone.
        """
        if not self.answer:
            part = self.connection.recv(LONGEST_REQUEST + 1 - len(self._received))
            if not part:
                return False
            if not self._received:
                self.deadline = time.monotonic() + LINE_SECONDS
            self._received += part
        while self.answer or self._next_answer():
            try:
                self.answer = self.answer[self.connection.send(self.answer) :]
            except BlockingIOError:
                return True
            if self.answer:
                return True
            if self._is_last:
                return False
        return True

    def _next_answer(self) -> bool:
        """Answer the next line; return whether there was one."""
        line, end, rest = self._received.partition(b"\n")
        if end:
            self._received = rest
            self.answer = self._answer_to(line)
        elif len(self._received) > LONGEST_REQUEST:
            self._is_last = True
            self.answer = encode(_refusal(str(too_long())))
        else:
            if not self._received:
                self.deadline = time.monotonic() + IDLE_SECONDS
            return False
        self.deadline = time.monotonic() + LINE_SECONDS
        return True
