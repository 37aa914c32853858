"""Trains a share of a sweep's candidates on a worker; torch is imported only there."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tui_trainer.config.builders import allow_builder
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import CandidatesAdvanced, SweepEvent
from tui_trainer.sweeps.plan import Candidate

_SECONDS = 0.25  # between two lists of events


def train_share(candidates: Sequence[Candidate], fits: bool) -> Iterator[list[SweepEvent]]:
    """Train candidates with one thread, yielding their events in a few lists a second."""
    for candidate in candidates:  # whoever sent them has asked the presets
        network = candidate.config.architecture
        allow_builder(network.builder, network.arguments)
    from tui_trainer.sweeps.grouping import make_groups
    from tui_trainer.sweeps.sweeper import train_groups

    yield from gather(train_groups(make_groups(candidates), SweepControl(), 1, fits=fits))


def gather(events: Iterable[SweepEvent], seconds: float = _SECONDS) -> Iterator[list[SweepEvent]]:
    """Gather events in lists, at most one every `seconds`; consecutive losses become one event."""
    buffer = _EventBuffer()
    due = 0.0
    for event in events:
        buffer.add(event)
        if (now := time.monotonic()) >= due:
            due = now + seconds
            yield buffer.take()
    if buffer.waiting:
        yield buffer.take()


@dataclass
class _EventBuffer:
    """Events that wait to be sent; consecutive losses of the same candidates are kept together."""

    waiting: list[SweepEvent | list[CandidatesAdvanced]] = field(default_factory=list)
    _last: dict[tuple[int, ...], list[CandidatesAdvanced]] = field(default_factory=dict)

    def add(self, event: SweepEvent) -> None:
        if not isinstance(event, CandidatesAdvanced):
            self.waiting.append(event)
        elif (parts := self._last.get(event.candidates)) and _next_step(parts) == event.first_step:
            parts.append(event)
        else:
            parts = [event]
            self._last[event.candidates] = parts
            self.waiting.append(parts)

    def take(self) -> list[SweepEvent]:
        waiting, self.waiting, self._last = self.waiting, [], {}
        return [_join(item) if isinstance(item, list) else item for item in waiting]


def _next_step(parts: Sequence[CandidatesAdvanced]) -> int:
    return parts[-1].first_step + len(parts[-1].train_loss)


def _join(parts: Sequence[CandidatesAdvanced]) -> CandidatesAdvanced:
    """Join events of the same candidates; ends can only lie in the last of them."""
    import numpy as np

    steps = sum(len(part.train_loss) for part in parts[:-1])
    return replace(
        parts[-1],
        first_step=parts[0].first_step,
        counts=tuple(steps + count for count in parts[-1].counts),
        train_loss=np.concatenate([part.train_loss for part in parts]),
        val_loss=np.concatenate([part.val_loss for part in parts]),
    )
