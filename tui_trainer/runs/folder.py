"""Where runs are kept, and what is in a run's folder."""

import os
import re
import time
from pathlib import Path

from platformdirs import user_state_path

from tui_trainer.config.settings import RunConfig

DESCRIPTION = "run.toml"
LEDGER = "events.jsonl"
SUMMARY = "summary.json"
METRICS = "metrics"
FIT = "fit.npz"
CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
KEPT = "checkpoints"  # a folder of states along the way
BRANCHED_AT = "start.safetensors"  # the state that a branch started from
NORMS = "norms.csv"  # of a run that diverged
CANDIDATES = "candidates.csv"  # of a sweep
HEALTH = "health.jsonl"  # how the layers of a loop fared, a line a measurement
OUTPUT = "output.log"  # what a loop, or a run in the background, printed


def runs_folder(flag: Path | None = None) -> Path:
    """Return the folder of all runs: the flag's, ``$TUI_TRAINER_RUNS``, or the user's own."""
    if flag is not None:
        return flag
    if named := os.environ.get("TUI_TRAINER_RUNS"):
        return Path(named)
    return user_state_path("tui-trainer") / "runs"


def run_name(config: RunConfig) -> str:
    """Name a run after what was chosen."""
    return f"{config.architecture.name}-{config.init.name}-{config.regularizer.name}"


def make_run_folder(root: Path, name: str) -> Path:
    """Make the folder of a new run, named after the time and `name`.

    Raises:
        OSError: if it can't be made.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{_plain(name)}"
    for number in range(1, 1000):
        folder = root / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{root / stem} and 999 like it are there already")


def _plain(name: str) -> str:
    """Make a name that is no trouble in a shell."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:60] or "run"
