"""Kills a run that is being saved at random moments, and goes on with it each time.

``python killed_run.py ROOT KILLS SEED < config.json`` prints a line of JSON: the run's folder, and
the steps that were recorded after each kill. Torch is imported once: each attempt is a forked
process, as young as one that has just been started.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import msgspec
import torch

from tui_trainer.config.settings import RunConfig
from tui_trainer.runs import recorder
from tui_trainer.runs.recording import go_on, record
from tui_trainer.runs.saved import SavedRun
from tui_trainer.training.control import Control

EARLIEST, LATEST = 0.05, 0.6  # seconds


def attempt(root: Path, config) -> None:
    """Train on, or from the start."""
    folders = sorted(root.glob("*/run.toml"))
    control = Control()
    events = go_on(folders[0].parent, control) if folders else record(config, control, root)
    for _ in events:
        pass


def main() -> None:
    root, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=RunConfig)
    chance, steps = random.Random(seed), []
    torch.set_num_threads(1)
    recorder.CHECKPOINT_SECONDS = EARLIEST  # so that attempts this short start from several
    while len(steps) < kills:
        child = os.fork()
        if child == 0:
            try:
                attempt(root, config)
            finally:  # it has come to an end, or does not come so far
                os._exit(1)
        time.sleep(chance.uniform(EARLIEST, LATEST))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "an attempt ended by itself"
        found = [SavedRun(file.parent) for file in root.glob("*/run.toml")]
        steps.append(found[0].losses.steps if found else 0)
    (folder,) = (file.parent for file in root.glob("*/run.toml"))
    print(json.dumps({"folder": str(folder), "kills": steps}))


if __name__ == "__main__":
    main()
