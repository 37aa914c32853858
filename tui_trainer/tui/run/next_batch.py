"""Batch sizes, by powers of two."""

from typing import Literal


def next_batch(batch: int | None, direction: Literal[-1, 1], points: int) -> int | None:
    """Return the next power of two below or above a batch size of so many training points.

    None is all of them: what comes above the largest batch that is smaller.
    """
    size = points if batch is None else min(batch, points)
    if direction > 0:
        larger = 1 << size.bit_length()
        return larger if larger < points else None
    if size == 1:
        return batch
    return 1 << ((size - 1).bit_length() - 1)
