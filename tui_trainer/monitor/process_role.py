"""What a process is to its loop: the one that shows it, a rank beside it, or told to stay off."""

from __future__ import annotations

import os
import sys
from typing import Any

_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "LOCAL_RANK")
VARIABLE = "TUI_TRAINER"
_CHOICES = ("", "attach", "off")


def chosen_by_environment() -> str:
    """Return what ``$TUI_TRAINER`` says: "attach", "off", or "" for nothing.

    Raises:
        ValueError: one line, if it says something else.
    """
    chosen = os.environ.get(VARIABLE, "").strip().lower()
    if chosen not in _CHOICES:
        raise ValueError(f"${VARIABLE}: expected attach or off, got {chosen!r}")
    return chosen


def is_first_process() -> bool:
    """Say whether this process is not one of many that only help another.

    Those are all ranks but the first, and children of multiprocessing that are no ranks.
    """
    rank = _rank()
    if rank is not None:
        return rank == 0
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is None or multiprocessing.parent_process() is None


def _rank() -> int | None:
    """Return this process's rank; None if nothing says so."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    for name in _RANKS:
        if (text := os.environ.get(name, "")).isdecimal():
            return int(text)
    return None
