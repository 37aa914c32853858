"""Mini-batches: in which order an epoch takes the training points."""

import torch
from torch import Generator, Tensor


class Batches:
    """Every epoch takes `points` training points in a new order, `size` a step.

    The last batch of an epoch may be smaller. The order of an epoch is drawn at its start, and
    `shuffle` holds the state of the random numbers then: for a snapshot a thousandth of what the
    order of a million points would take.
    """

    def __init__(self, points: int, size: int) -> None:
        self.points = points
        self.size = size
        self.shuffle = Generator().get_state()
        # The orders of two epochs by their `shuffle`: the best step's may be drawn on and off.
        self._known: list[tuple[Tensor, Tensor]] = []

    @property
    def steps_per_epoch(self) -> int:
        """How many steps take each point once."""
        return -(-self.points // self.size)

    def order(self, done: int, generator: Generator) -> Tensor:
        """Return the order of the epoch of the step after `done` steps, shape (points,), int64.

        At an epoch's first step it is drawn from `generator`.
        """
        if done % self.steps_per_epoch == 0:
            self.shuffle.copy_(generator.get_state())
            return self._remember(torch.randperm(self.points, generator=generator))
        for shuffle, order in self._known:
            if torch.equal(shuffle, self.shuffle):
                return order
        again = Generator()
        again.set_state(self.shuffle)
        return self._remember(torch.randperm(self.points, generator=again))

    def chosen(self, done: int, order: Tensor) -> Tensor:
        """Return the points of the step after `done` steps, out of its epoch's `order`."""
        first = done % self.steps_per_epoch * self.size
        return order[first : first + self.size]

    def steps_to_epochs_end(self, done: int) -> int:
        """Return how many steps after `done` are left of their epoch, at least one."""
        return self.steps_per_epoch - done % self.steps_per_epoch

    def points_of(self, done: int, steps: int) -> int:
        """Return how many points the next `steps` steps take, all of one epoch."""
        first = done % self.steps_per_epoch * self.size
        return min(first + steps * self.size, self.points) - first

    def _remember(self, order: Tensor) -> Tensor:
        self._known = [(self.shuffle.clone(), order), *self._known[:1]]
        return order
