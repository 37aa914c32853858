"""Print how many MB the resident memory grows by with 5,000,000 steps of history, or with a number.

In appends of 100 steps; those of more than 100,000,000 steps are larger.
"""

import os
import sys
from pathlib import Path

import numpy as np

from tui_trainer.training.history import History

LOOKS = 100


def main(steps: int = 5_000_000) -> float:
    """Append a long run chunk by chunk, looking at it now and then as the screen does."""
    chunk = 100 if steps <= 10**8 else 50_000
    history = History()
    losses = np.random.default_rng(0).random(chunk, dtype=np.float32)
    history.append(losses, losses, losses)
    before = _resident()
    for count in range(chunk, steps, chunk):
        history.append(losses, losses, losses)
        if count % (steps // LOOKS) == 0:
            for name in ("train", "val", "bound"):
                history.buckets(name, 1, count, 160)  # type: ignore[arg-type]
    return (_resident() - before) / 1e6


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])))
