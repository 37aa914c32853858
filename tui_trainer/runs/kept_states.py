"""The states that are kept along the way, to branch off from: few, and evenly far apart.

The time between two doubles whenever there are too many, and every other one goes. A state that a
run marks stays.
"""

import contextlib
import time
from pathlib import Path

from tui_trainer.runs.checkpoint import write_checkpoint
from tui_trainer.runs.folder import KEPT
from tui_trainer.training.course import Checkpoint

MOST = 24
MOST_BYTES = 2_000_000_000
_FIRST_SECONDS = 1.0
_MARKED = "-marked"


class KeptStates:
    """The states in a run's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / KEPT
        self._seconds = _FIRST_SECONDS
        self._kept_at = 0.0

    def offer(self, checkpoint: Checkpoint, content: bytes, *, mark: bool = False) -> None:
        """Keep a state if it is time, or if it is marked.

        Raises:
            OSError: if it can't be written.
        """
        now = time.monotonic()
        if not mark and now - self._kept_at < self._seconds:
            return
        self._kept_at = now
        mode = _MARKED if mark else ""
        write_checkpoint(self._folder / f"{checkpoint.step:012}{mode}.safetensors", content)
        self._thin(len(content))

    def _thin(self, size: int) -> None:
        files = [file for file in kept_files(self._folder.parent) if _MARKED not in file.stem]
        if len(files) > max(2, min(MOST, MOST_BYTES // max(size, 1))):
            self._seconds *= 2
            for file in files[1:-1:2]:
                with contextlib.suppress(OSError):
                    file.unlink()


def kept_files(folder: Path) -> list[Path]:
    """List the files of a run's kept states, the first step first."""
    return sorted((folder / KEPT).glob("[0-9]*.safetensors"))
