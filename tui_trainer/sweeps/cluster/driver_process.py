"""Our end of the driver: the process in which Ray works. Imports neither Ray nor torch."""

import contextlib
import importlib.util
import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import SweepEvent

AUTO = "auto"
CONNECT_SECONDS = 30.0
_END_SECONDS = 10.0  # after a stop, before the driver is killed
_POLL_SECONDS = 0.05
_MODULE = "tui_trainer.sweeps.cluster.driver"
_START_ONE = "start one with 'ray start --head'"


class ClusterError(ValueError):
    """Why a sweep could not go on, in one line."""


def check_address(address: str | None) -> str:
    """Return where to look for a cluster: `address`, else RAY_ADDRESS, else ``auto``.

    Raises:
        InvalidSettingsError: if Ray is not installed, or nobody is there.
    """
    if importlib.util.find_spec("ray") is None:
        raise InvalidSettingsError(
            "Ray is not installed here; pip install 'tui-trainer[ray]' on every box of the cluster"
        )
    address = address or os.environ.get("RAY_ADDRESS") or AUTO
    if address == AUTO:
        return address
    host, colon, port = address.rpartition(":")
    if "://" in address or not (host and colon and port.isdecimal()):
        raise InvalidSettingsError(
            f"Ray at {address}: expected HOST:PORT such as 10.0.0.1:6379, as 'ray start' prints it;"
            " this machine has to be part of the cluster"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidSettingsError(f"no Ray cluster at {address} ({why}); {_START_ONE}") from None
    return address


def place(address: str) -> str:
    """Say where a cluster is."""
    return "here" if address == AUTO else f"at {address}"


class Driver:
    """A driver connected to a cluster of `boxes` with `devices` of a `kind`: "CPU" or "GPU".

    Raises:
        InvalidSettingsError: if there is no such cluster, or it has none of these devices.
    """

    def __init__(self, address: str | None, kind: str) -> None:
        self.kind = kind
        self._address = check_address(address)
        self._pipe, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = _start(theirs.fileno())
        try:
            self.boxes, self.devices = self._connect()
        except BaseException:
            self._process.kill()
            self.close()
            raise
        if not self.devices:
            self.close()
            raise InvalidSettingsError(f"the Ray cluster {place(self._address)} has no {kind}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, job: Any) -> None:
        """Hand over the job: shares of candidates, and whether fits are wanted."""
        self._pipe.send(job)

    def receive(self, control: SweepControl) -> Iterator[list[SweepEvent]]:
        """Return what the workers tell, until all is told or the sweep is stopped.

        Raises:
            ClusterError: if it can't go on.
        """
        while not control.stopped:
            if not self._pipe.poll(_POLL_SECONDS):
                continue
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                raise ClusterError("lost the Ray cluster") from None
            if message is None:
                return
            if isinstance(message, str):
                raise ClusterError(message)
            yield message

    def close(self) -> None:
        """Let go of the cluster: what still runs there is cancelled."""
        self._pipe.close()  # the driver's sign to end
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _connect(self) -> tuple[int, int]:
        with contextlib.suppress(OSError):
            self._pipe.send((self._address, self.kind))
        answer: Any = None
        with contextlib.suppress(EOFError, OSError):
            if self._pipe.poll(CONNECT_SECONDS):
                answer = self._pipe.recv()
        if answer is None:
            answer = f"no Ray cluster answers {place(self._address)}; {_START_ONE}"
        if isinstance(answer, str):
            raise InvalidSettingsError(answer)
        boxes, devices = answer
        return boxes, devices


def _start(pipe: int) -> subprocess.Popen[bytes]:
    """Start the driver, out of Ctrl-C's reach; what Ray prints is for nobody."""
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, str(pipe)],
        pass_fds=[pipe],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
