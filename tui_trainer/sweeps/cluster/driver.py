"""The driver: a process that has Ray train shares of candidates and forwards their events.

`driver_process` starts it with the number of a pipe. It receives an address and a kind of device,
answers with the number of nodes and devices, receives the shares and sends lists of events; then
None. A string in place of any of these is an error. When the pipe's other end closes, the driver
cancels everything and ends.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tui_trainer.sweeps.cluster.driver_process import AUTO, START_ONE, place
from tui_trainer.sweeps.cluster.worker import train_share
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidatesRestarted,
    SweepEvent,
    SweepNoted,
)
from tui_trainer.sweeps.plan import Candidate

Send = Callable[[list[SweepEvent]], None]

_MOST_LOSSES = 3  # of a share in a row: it may be what kills its workers
_POLL_SECONDS = 0.1


class _DriverError(Exception):
    """Why the sweep can't continue, in one line for the parent."""


def main(pipe: int) -> None:
    """Serve the parent at the other end of a pipe."""
    with Connection(pipe) as parent:
        try:
            _serve(parent)
            parent.send(None)
        except _DriverError as failure:
            parent.send(str(failure))
        except (EOFError, OSError):
            pass  # the parent is gone


def _serve(parent: Connection) -> None:
    address, kind = parent.recv()
    _connect(address)
    import ray

    try:
        parent.send((sum(node["Alive"] for node in ray.nodes()), _count(kind)))
        shares, fits = parent.recv()
        work = _Work(kind, fits, parent.send)
        threading.Thread(target=_await_close, args=(parent, work), daemon=True).start()
        work.run(shares)
    finally:
        ray.shutdown()


def _connect(address: str) -> None:
    """Join the cluster.

    Raises:
        _DriverError: with what would be right.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # it would upload the working folder
    # On every system, despite its name: 127.0.0.1 stays what it is, so that the driver of a
    # cluster there listens there too. Others are joined by their nodes' addresses as before.
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as error:
        if address == AUTO and isinstance(error, ConnectionError):
            words = f"no Ray cluster {place(address)}; {START_ONE}, or give its address"
        else:
            words = f"Ray cluster {place(address)}: {' '.join(str(error).split())}"
        raise _DriverError(words) from None


def _count(kind: str) -> int:
    """Return how many devices the cluster has."""
    import ray

    return int(ray.cluster_resources().get(kind, 0))


def _await_close(parent: Connection, work: "_Work") -> None:
    try:
        parent.recv()
    except (EOFError, OSError):
        work.stopping = True


@dataclass(eq=False)
class _Share:
    """Candidates that train together; `losses` counts workers lost since one of them ended.

    Steps are no progress, since a share whose worker is lost starts again from step 1.
    """

    candidates: tuple[Candidate, ...]
    losses: int = 0

    def apply(self, events: Iterable[SweepEvent]) -> None:
        """Drop the candidates that ended."""
        ended = {event.candidate for event in events if isinstance(event, CandidateEnded)}
        if ended:
            self.candidates = tuple(c for c in self.candidates if c.index not in ended)
            self.losses = 0


class _Work:
    """Shares in training: one task each."""

    def __init__(self, kind: str, fits: bool, send: Send) -> None:
        import ray

        self._kind, self._fits, self._send = kind, fits, send
        self._running: dict[Any, _Share] = {}
        # A retry by Ray itself would mix a lost task's events with those of its repetition.
        self._task = ray.remote(train_share).options(
            num_cpus=1,
            num_gpus=int(kind == "GPU"),
            num_returns="streaming",
            max_retries=0,
            scheduling_strategy="SPREAD",
        )
        self.stopping = False

    def run(self, shares: Iterable[tuple[Candidate, ...]]) -> None:
        """Train all shares to the end, or until `stopping` is set."""
        import ray

        for candidates in shares:
            self._start(_Share(candidates))
        while self._running and not self.stopping:
            streams = list(self._running)
            ready, _ = ray.wait(streams, timeout=_POLL_SECONDS)
            if ready:
                ready, _ = ray.wait(streams, num_returns=len(streams), timeout=0)
            for stream in ready:
                self._take(stream)
        for stream in self._running:
            ray.cancel(stream)

    def _start(self, share: _Share) -> None:
        self._running[self._task.remote(share.candidates, self._fits)] = share

    def _take(self, stream: Any) -> None:
        """Forward the next events of a share."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        share = self._running[stream]
        try:
            events = ray.get(next(stream))
        except StopIteration:
            del self._running[stream]
        except RayTaskError as error:
            raise _DriverError(_last_line(error)) from None
        except RayError as error:
            del self._running[stream]
            self._restart(share, error)
        else:
            share.apply(events)
            self._send(events)

    def _restart(self, share: _Share, error: Exception) -> None:
        share.losses += 1
        if share.losses >= _MOST_LOSSES:
            raise _DriverError(
                f"lost {_MOST_LOSSES} workers one after another: {_last_line(error)}"
            )
        if not _count(self._kind):
            raise _DriverError(f"the Ray cluster has no {self._kind} left")
        if share.candidates:
            indices = tuple(candidate.index for candidate in share.candidates)
            words = f"lost a worker; candidates restarted: {len(indices):,}"
            self._send([SweepNoted(words), CandidatesRestarted(indices)])
            self._start(share)


def _last_line(error: Exception) -> str:
    """Return the message of an error: Ray puts the worker's traceback before it."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    words = lines[-1] if cause is error else lines[0]
    return words if isinstance(cause, ValueError) else f"{type(cause).__name__}: {words}"


if __name__ == "__main__":
    main(int(sys.argv[1]))
