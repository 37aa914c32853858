"""The weights of a run's best step: not kept, but found again from the chunk they came out of."""

from collections.abc import Iterator
from contextlib import contextmanager

from tui_trainer.training.course import WayBack
from tui_trainer.training.engines.engine import Snapshot, TrainingState
from tui_trainer.training.engines.executor import Executor


class BestWeights:
    """Leads a state back to the best weights so far, by `way`; None before there are any."""

    def __init__(
        self, state: TrainingState, executor: Executor, way: WayBack | None = None
    ) -> None:
        self._state, self._executor = state, executor
        self.way = way

    def restore(self) -> None:
        """Put them into the network, if there are any."""
        if (way := self.way) is not None:
            self._state.restore(way.start)
            if way.replay:
                self._executor.named(way.engine).advance(way.replay)

    @contextmanager
    def loaded(self) -> Iterator[None]:
        """Have them in the network for a while; then the state is what it was."""
        now = self._state.snapshot()
        self.restore()
        yield
        self._state.restore(now)

    def snapshot(self) -> Snapshot | None:
        """Return the state that has them, None if there are none."""
        if self.way is None:
            return None
        with self.loaded():
            return self._state.snapshot()
