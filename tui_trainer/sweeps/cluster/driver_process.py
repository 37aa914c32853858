"""The parent's end of the driver, the process that uses Ray. Imports neither Ray nor torch."""

import contextlib
import importlib.util
import multiprocessing
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import SweepEvent

AUTO = "auto"
CONNECT_SECONDS = 30.0
_LISTENER_SECONDS = 5.0
_END_SECONDS = 10.0  # after a stop, before the driver is killed
_POLL_SECONDS = 0.05
_MODULE = "tui_trainer.sweeps.cluster.driver"
START_ONE = "start one with 'ray start --head'"
_HOST_AND_PORT = re.compile(r"(?P<host>[^/]{1,255}):(?P<port>[0-9]{1,5})")


class ClusterError(ValueError):
    """Why a sweep could not continue, in one line."""


def find_address(address: str | None) -> str:
    """Return where to look for a cluster: `address`, else RAY_ADDRESS, else ``auto``.

    Raises:
        InvalidSettingsError: if Ray is not installed, or if this is no address.
    """
    if importlib.util.find_spec("ray") is None:
        raise InvalidSettingsError(
            "Ray is not installed; run pip install 'tui-trainer[ray]' on every node of the cluster"
        )
    source = "" if address else "RAY_ADDRESS: "
    address = address or os.environ.get("RAY_ADDRESS") or AUTO
    if address != AUTO and not _HOST_AND_PORT.fullmatch(address):
        raise InvalidSettingsError(
            f"{source}expected HOST:PORT such as 10.0.0.1:6379, as 'ray start' prints it, "
            f"got {shortened(address)}; this machine has to be part of the cluster"
        )
    return address


def place(address: str) -> str:
    """Say where a cluster is."""
    return "on this machine" if address == AUTO else f"at {address}"


class Driver:
    """A driver connected to a cluster of `nodes` with `devices` of a `kind`: "CPU" or "GPU".

    Raises:
        InvalidSettingsError: if there is no such cluster, or it has none of these devices.
    """

    def __init__(self, address: str | None, kind: str) -> None:
        self.kind = kind
        self._address = find_address(address)
        self._require_listener()
        self._pipe, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = _start(theirs.fileno())
        try:
            self.nodes, self.devices = self._connect()
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
        """Yield the workers' events, to the last or until the sweep is stopped.

        Raises:
            ClusterError: if it can't continue.
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
        """Leave the cluster; what still runs there is cancelled."""
        self._pipe.close()  # which tells the driver to end
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _require_listener(self) -> None:
        """Refuse at once an address where nobody listens: Ray would try for half a minute."""
        if (address := _HOST_AND_PORT.fullmatch(self._address)) is None:
            return
        try:
            host = address["host"].strip("[]")
            socket.create_connection((host, int(address["port"])), _LISTENER_SECONDS).close()
        except (OSError, OverflowError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise InvalidSettingsError(
                f"no Ray cluster at {self._address} ({why}); {START_ONE}"
            ) from None

    def _connect(self) -> tuple[int, int]:
        with contextlib.suppress(OSError):
            self._pipe.send((self._address, self.kind))
        answer: Any = None
        with contextlib.suppress(EOFError, OSError):
            if self._pipe.poll(CONNECT_SECONDS):
                answer = self._pipe.recv()
        if answer is None:
            answer = f"no Ray cluster answers {place(self._address)}; {START_ONE}"
        if isinstance(answer, str):
            raise InvalidSettingsError(answer)
        nodes, devices = answer
        return nodes, devices


def _start(pipe: int) -> subprocess.Popen[bytes]:
    """Start the driver out of Ctrl-C's reach; what Ray prints is discarded."""
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, str(pipe)],
        pass_fds=[pipe],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
