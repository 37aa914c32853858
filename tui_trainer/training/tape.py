"""Numbers one after another, of which the oldest may be forgotten."""

import numpy as np

from tui_trainer.training.events import FloatArray

CHUNK = 1 << 16


class Tape:
    """A float32 array that grows at its end, and forgets its beginning beyond `kept` values.

    It is made of chunks, so that neither moves what is there.
    """

    def __init__(self, kept: int | None) -> None:
        self._kept = kept
        self._chunks: list[FloatArray] = [np.empty(256, np.float32)]
        self.start = self.size = 0  # the index of the first value, and behind the last

    def extend(self, values: FloatArray) -> None:
        """Add values at the end."""
        while len(values):
            room = self._room()
            room[: len(values)] = values[: len(room)]
            count = min(len(room), len(values))
            self.size += count
            values = values[count:]

    def _room(self) -> FloatArray:
        """Return where the next values go: one at least."""
        last = self._chunks[-1]
        used = self.size - self.start - (len(self._chunks) - 1) * CHUNK
        if used == CHUNK:
            last, used = np.empty(CHUNK, np.float32), 0
            self._chunks.append(last)
        elif used == len(last):  # the first chunk, of a run that may stay short
            self._chunks[-1] = np.empty(2 * used, np.float32)
            self._chunks[-1][:used] = last
            last = self._chunks[-1]
        return last[used:]

    def skip(self, count: int) -> None:
        """Begin an empty tape as one that has forgotten its first values."""
        self.start = self.size = count

    def forget(self) -> None:
        """Let go of the chunks that are too old, whole ones alone."""
        while self._kept is not None and self.size - self.start >= self._kept + CHUNK:
            del self._chunks[0]
            self.start += CHUNK

    def part(self, start: int, stop: int) -> FloatArray:
        """Return the values from index `start` to `stop`, all of which are there."""
        if stop <= start:
            return np.empty(0, np.float32)
        first, last = (start - self.start) // CHUNK, (stop - 1 - self.start) // CHUNK
        base = self.start + first * CHUNK
        if first >= last:
            return self._chunks[first][start - base : stop - base]
        joined = np.concatenate(self._chunks[first : last + 1])
        return joined[start - base : stop - base]
