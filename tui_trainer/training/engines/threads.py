"""How many threads a run's steps take on the CPU.

Sums depend on how they are split among threads, so a run's numbers do as well. Small networks,
every built-in one among them, take one thread without a question: there more of them only cost.
For a large one both are tried on a network of its own, which leaves the run's random numbers
alone; the answer is kept on disk, so that a config gives the same numbers on this machine again.
"""

import contextlib
import hashlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch

from tui_trainer.config.settings import RunConfig
from tui_trainer.task.machine import processors
from tui_trainer.task.shape import points_of_step
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.engines.private_files import read_private, write_private
from tui_trainer.training.engines.step_cache import processor, steps_folder

MEASURE_FROM = 10_000_000  # parameters × points; the largest built-in network has 1.7 million
_CLEARLY_FASTER = 1.15
_TRIES = 3

MakeEngine = Callable[[], EagerEngine]


def choose_threads(config: RunConfig, parameter_count: int, make_engine: MakeEngine) -> int:
    """Choose one thread or as many as there are processors; `make_engine` makes one to try with."""
    points = points_of_step(config)
    most = processors()
    if config.device != "cpu" or parameter_count * points < MEASURE_FROM or most == 1:
        return 1
    remembered = _memory(config, most)
    with contextlib.suppress(OSError, ValueError):
        return max(1, min(most, int(read_private(remembered))))
    engine = make_engine()
    alone, together = _step_seconds(engine, 1), _step_seconds(engine, most)
    threads = most if alone > _CLEARLY_FASTER * together else 1
    with contextlib.suppress(OSError):
        write_private(remembered, f"{threads}\n")
    return threads


def _step_seconds(engine: Engine, threads: int) -> float:
    torch.set_num_threads(threads)
    engine.advance(1)
    took = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        engine.advance(1)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _memory(config: RunConfig, most: int) -> Path:
    """Name the file that remembers the answer for a network of this shape on this machine."""
    steps = [config.batch_size, config.validate_every]
    own = steps if steps != [None, 1] else []
    network = [config.dataset, config.architecture, config.init, config.regularizer]
    shape = [*network, *own, most]
    texts = (torch.__version__, str(torch.version.git_version), *processor())
    parts = [msgspec.json.encode(shape), *(text.encode() for text in texts)]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
    return steps_folder() / f"{key}.threads"
