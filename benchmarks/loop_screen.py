"""What it costs to attach to the loop of a script that logs many metrics."""

import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from program import Program

from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.folder import METRICS, SUMMARY
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.summary import Summary, summary_bytes
from tui_trainer.training.state import State

METRIC_COUNT, STEPS = 200, 100_000


def attach_seconds() -> tuple[float, float]:
    """Seconds from the first frame of ``attach`` to the first curves, and from exec to that frame.

    The loop has logged 200 metrics at each of 100,000 steps.
    """
    with tempfile.TemporaryDirectory() as root:
        folder = make_loop(Path(root) / "20260101-000000-loop", METRIC_COUNT, STEPS)
        with Program("attach", str(folder)) as program:
            program.read(30, until=b"tui-trainer")
            shown = time.perf_counter()
            while not re.search(r"[\u2801-\u28ff]{3}", program.screen):
                program.read(0.01)
                if time.perf_counter() - shown > 30:
                    raise TimeoutError(program.screen)
            return time.perf_counter() - shown, shown - program.started_at


def make_loop(folder: Path, metrics: int, steps: int) -> Path:
    """Write the folder of a loop whose process is gone."""
    folder.mkdir()
    command = ["python", "train.py"]
    facts = {"kind": "loop", "name": "many", "command": command, "total": steps}
    write_description(folder, describe(None, **facts))
    writer = MetricsWriter(folder / METRICS)
    random = np.random.default_rng(0)
    names = [f"layer{number}/grad_norm" for number in range(metrics)]
    for first in range(1, steps, 500):
        at = np.arange(first, min(first + 500, steps + 1))
        columns = (random.uniform(0.5, 1.5, len(at)) / np.log(at + 2) for _ in names)
        writer.append_rows(
            at, {n: c.astype(np.float32) for n, c in zip(names, columns, strict=True)}
        )
    writer.close()
    (folder / SUMMARY).write_bytes(summary_bytes(Summary(state=State.RUNNING, step=steps)))
    return folder


if __name__ == "__main__":
    if sys.argv[1:]:
        make_loop(Path(sys.argv[1]), METRIC_COUNT, STEPS)
    else:
        print(*attach_seconds())
