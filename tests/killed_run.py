"""Kills runs that are being saved at random moments, and goes on with them each time.

``python killed_run.py ROOT SEED < runs.json``, where the runs are a list of pairs of a config and
how often it is killed, prints a line of JSON for each: the run's folder, and the steps that were
recorded after each kill. Torch is imported once: each attempt is a forked process, as young as one
that has just been started.
"""

import json
import os
import random
import select
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
from tui_trainer.training.events import StepsCompleted

SOONEST, LATEST = 0.1, 0.5  # seconds
EARLY = 0.25  # of the kills come before the first steps
CHECKPOINT_SECONDS = 0.05  # so that attempts this short start from several states
DEADLINE = 90.0


def attempt(root: Path, config, told: int) -> None:
    """Train on, or from the start; write a byte with the first steps that are new."""
    folders = sorted(root.glob("*/run.toml"))
    control = Control()
    events = go_on(folders[0].parent, control) if folders else record(config, control, root)
    recorded = SavedRun(folders[0].parent).losses.steps if folders else 0
    for event in events:
        if isinstance(event, StepsCompleted) and event.last_step > recorded:
            os.write(told, b".")


def wait(reads: int, chance: random.Random) -> None:
    """Wait for a random moment: now and then before the first steps, mostly some time after."""
    if chance.random() < EARLY:
        time.sleep(chance.uniform(0, SOONEST))
        return
    assert select.select([reads], [], [], DEADLINE)[0], "no steps came"
    time.sleep(chance.uniform(0, LATEST))


def main() -> None:
    chance = random.Random(int(sys.argv[2]))
    torch.set_num_threads(1)
    recorder.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
    runs = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[RunConfig, int]])
    for number, (config, kills) in enumerate(runs):
        print(json.dumps(killed(Path(sys.argv[1]) / str(number), config, kills, chance)))


def killed(root: Path, config: RunConfig, kills: int, chance: random.Random) -> dict:
    steps = []
    while len(steps) < kills:
        reads, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                attempt(root, config, told)
            finally:  # it has come to an end, or does not come so far
                os._exit(1)
        os.close(told)
        wait(reads, chance)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(reads)
        assert os.WIFSIGNALED(status), "an attempt ended by itself"
        found = [SavedRun(file.parent) for file in root.glob("*/run.toml")]
        steps.append(found[0].losses.steps if found else 0)
    (folder,) = (file.parent for file in root.glob("*/run.toml"))
    return {"folder": str(folder), "kills": steps}


if __name__ == "__main__":
    main()
