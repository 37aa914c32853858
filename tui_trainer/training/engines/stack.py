"""Networks of one shape that train side by side, and what differs from one to the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer.task.optimizers import Slots
from tui_trainer.task.schedules import Factor, constant


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The networks of a batch: row m of every tensor is network m's.

    `parameters` is (M, P), `slots` what their optimiser remembers; `lr`, `l1_weight`,
    `weight_decay` and `dropout` are (M, 1). `streams` names for each network the stream of random
    numbers that its dropout draws from: networks that draw alike share one. `factors` are those of
    each network's schedule.
    """

    parameters: Tensor
    slots: Slots
    lr: Tensor
    l1_weight: Tensor
    weight_decay: Tensor
    dropout: Tensor
    streams: tuple[int, ...]
    factors: tuple[Factor, ...]

    def __len__(self) -> int:
        return len(self.parameters)

    def part(self, start: int, stop: int) -> "Stack":
        """Return the networks from row `start` to `stop`, which stay the same ones."""
        return self._take(slice(start, stop), range(start, stop))

    def rows(self, rows: Sequence[int]) -> "Stack":
        """Return copies of some of the networks."""
        index = torch.tensor(rows, dtype=torch.long, device=self.parameters.device)
        return self._take(index, rows)

    def copy_from(self, other: "Stack") -> None:
        """Take on the state that `other`, a copy of the same networks, is in."""
        for mine, theirs in zip(self._changing, other._changing, strict=True):
            mine.copy_(theirs)

    def copy_rows_from(self, other: "Stack", rows: Sequence[int]) -> None:
        """Take on the state of some networks in `other`, a copy of the same ones."""
        if rows:
            index = torch.tensor(rows, dtype=torch.long, device=self.parameters.device)
            for mine, theirs in zip(self._changing, other._changing, strict=True):
                mine.index_copy_(0, index, theirs[index])

    @property
    def _changing(self) -> list[Tensor]:
        return [self.parameters, *(tensor for slot in self.slots for tensor in slot)]

    def lrs(self, steps: range) -> Sequence[Tensor]:
        """Return the learning rates of steps, each of shape (M, 1)."""
        if all(factor is constant for factor in self.factors):
            return [self.lr] * len(steps)
        schedules = {factor: row for row, factor in enumerate(dict.fromkeys(self.factors))}
        table = [[factor(step) for factor in schedules] for step in steps]
        rows = [schedules[factor] for factor in self.factors]
        return list(self.lr * self.lr.new_tensor(table)[:, rows, None])

    def _take(self, index: slice | Tensor, rows: Sequence[int]) -> "Stack":
        return Stack(
            self.parameters[index],
            [[tensor[index] for tensor in slot] for slot in self.slots],
            self.lr[index],
            self.l1_weight[index],
            self.weight_decay[index],
            self.dropout[index],
            tuple(self.streams[row] for row in rows),
            tuple(self.factors[row] for row in rows),
        )
