"""Print how many MB the resident memory grows by with 5,000,000 steps of history."""

import os
from pathlib import Path

import numpy as np

from tui_trainer.training.history import History

STEPS, CHUNK = 5_000_000, 100


def main() -> float:
    """Append a long run chunk by chunk, looking at it now and then as the screen does."""
    history = History()
    losses = np.random.default_rng(0).random(CHUNK, dtype=np.float32)
    history.append(losses, losses, losses)
    before = _resident()
    for count in range(CHUNK, STEPS, CHUNK):
        history.append(losses, losses, losses)
        if count % 50_000 == 0:
            for name in ("train", "val", "bound"):
                history.buckets(name, 1, count, 160)  # type: ignore[arg-type]
    return (_resident() - before) / 1e6


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(main())
