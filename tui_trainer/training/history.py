"""The losses of a run by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np

from tui_trainer.training.events import FloatArray
from tui_trainer.training.pyramid import Block, Buckets, Pyramid, Values

SeriesName: TypeAlias = Literal["train", "val", "bound"]


class History:
    """The losses of a run, appended in order from step 1.

    The newest 8 million are kept one by one, older ones in blocks: of 16 steps, up to 256 and
    4,096 for the oldest. So 10^9 steps take 200 MB.
    """

    def __init__(self) -> None:
        self._series = {"train": Pyramid(), "val": Pyramid(), "bound": Pyramid()}

    @property
    def steps(self) -> int:
        """The last step that was appended; 0 before the first."""
        return self._series["train"].losses.size

    @property
    def first_kept(self) -> int:
        """The first step whose losses are kept one by one."""
        return self._series["train"].losses.start + 1

    def append(self, train: FloatArray, val: FloatArray, bound: FloatArray | None = None) -> None:
        """Add the losses of the next steps, and the stopping bound where there is a rule."""
        if bound is not None:  # steps before there was a rule have none
            missing = self.steps - self._series["bound"].losses.size
            self._series["bound"].extend(np.full(missing, np.nan, np.float32))
            self._series["bound"].extend(bound)
        self._series["train"].extend(train)
        self._series["val"].extend(val)

    def append_blocks(self, blocks: Mapping[SeriesName, Values]) -> None:
        """Begin with blocks of `BLOCK` steps: each series' lowest, highest and mean losses.

        Their number is a multiple of 4,096.
        """
        assert not self.steps
        for name, values in blocks.items():
            self._series[name].restore(*values)

    def has(self, name: SeriesName) -> bool:
        """Say whether a series has ever been given."""
        return self._series[name].losses.size > 0

    def losses(self, name: SeriesName) -> FloatArray:
        """Return a series from step `first_kept` on; empty where it was never given."""
        losses = self._series[name].losses
        return losses.part(losses.start, losses.size)

    def part(self, name: SeriesName, first: int, last: int) -> FloatArray:
        """Return a series from step `first` to `last`, as far as these are kept one by one."""
        losses = self._series[name].losses
        return losses.part(max(first - 1, losses.start), min(last, losses.size))

    def at(self, name: SeriesName, step: int) -> Block | None:
        """Return what is known of a step: its loss, or its block's; None if it has none."""
        return self._series[name].at(step)

    def buckets(self, name: SeriesName, first: int, last: int, most: int) -> Buckets:
        """Return the steps `first` to `last` in at most `most` buckets of equal width.

        `last` may lie in the future: the buckets are those of the whole range, so that a bucket
        keeps its place while a run grows into it. A range of no more steps than buckets comes
        unbucketed, if it is kept so. The first bucket may reach back to the start of its block in
        the pyramid.
        """
        return self._series[name].buckets(first, last, most)
