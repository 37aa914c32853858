"""Print the CPU time of a frame of a loop with 200 metrics over that of one with 2.

In one process, without a terminal: a whole frame of a loop's screen that shows two plots, with
100,000 steps behind it and fifty new ones each time.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from textual.pilot import Pilot

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.lr_search.search import run_lr_search
from tui_trainer.monitor.events import LoopEvent, LoopStarted, MetricsLogged, StatusRead
from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.summary import Summary
from tui_trainer.sweeps.sweeper import sweep
from tui_trainer.training.setup import preview
from tui_trainer.training.state import State
from tui_trainer.tui.app import TrainerApp
from tui_trainer.tui.background import SavedWork, Work

FRAMES, STEPS, NEW = 80, 100_000, 50
SIZE = (120, 40)


def main() -> float:
    """Measure both, frame by frame in turn."""
    return asyncio.run(_measure())


async def _measure() -> float:
    few, many = _app(2), _app(200)
    async with few.run_test(size=SIZE) as one, many.run_test(size=SIZE) as other:
        costs: dict[TrainerApp, list[float]] = {few: [], many: []}
        for pilot in (one, other):
            await pilot.pause(1.0)
            await pilot.press("2")
        for _ in range(FRAMES):
            for pilot in (one, other):
                costs[pilot.app].append(await _frame(pilot))
    return statistics.median(costs[many][10:]) / statistics.median(costs[few][10:])


def _app(metrics: int) -> TrainerApp:
    """Make an app that shows a loop with so many metrics."""
    presets = load_presets()
    config = make_config(presets, "kaiming")
    saved = SavedWork(Path(), _nothing, _nothing, _nothing, lambda _: None, partial(_told, metrics))
    work = Work(_nothing, preview, sweep, run_lr_search, saved)
    app = TrainerApp(presets, config, "kaiming", work)
    app.attached_loop = Path("loop")
    return app


async def _frame(pilot: Pilot[None]) -> float:
    """Take in new steps, draw, and return the seconds of CPU."""
    assert isinstance(pilot.app, TrainerApp)
    monitor = pilot.app.monitor
    assert monitor is not None
    assert monitor.feed is not None
    result = monitor.feed.result
    monitor.feed.inbox.append(_logged(len(result.metrics), result.step, NEW))
    began = time.thread_time()
    monitor.draw()
    await pilot.pause(0)
    return time.thread_time() - began


def _told(metrics: int, folder: Path, control: RemoteControl) -> Iterator[LoopEvent]:
    yield LoopStarted("loop", "python train.py", 10 * STEPS, folder)
    for done in range(0, STEPS, 10_000):
        yield _logged(metrics, done, 10_000)
    yield StatusRead(Summary(state=State.RUNNING, step=STEPS))
    while not control.stopped:
        control.wait(1.0)


def _nothing(*_: Any) -> Iterator[Any]:
    return iter(())


def _logged(metrics: int, after: int, count: int) -> MetricsLogged:
    steps = np.arange(after + 1, after + count + 1)
    noise = np.random.default_rng(after).uniform(0.5, 1.5, (metrics, count))
    values = (10 * noise / np.log(steps + 2)).astype(np.float32)
    return MetricsLogged(tuple(f"loss{n}" for n in range(metrics)), steps, tuple(values))


if __name__ == "__main__":
    print(main())
