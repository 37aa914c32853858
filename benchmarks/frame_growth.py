"""Print the CPU time of a frame with 5,000,000 steps of history over that with 5,000.

In one process, without a terminal: a whole frame of the cockpit, with fifty new steps each time.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator

import numpy as np

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.config.settings import RunConfig
from tui_trainer.lr_search.search import run_lr_search
from tui_trainer.sweeps.sweeper import sweep
from tui_trainer.training.control import Control
from tui_trainer.training.events import Event, FloatArray, StepsCompleted
from tui_trainer.training.result import RunResult
from tui_trainer.training.setup import preview
from tui_trainer.tui.app import TrainerApp
from tui_trainer.tui.background import Work
from tui_trainer.tui.feed import Feed

FRAMES = 60


def main() -> float:
    """Measure both, frame by frame in turn."""
    return asyncio.run(_measure())


async def _measure() -> float:
    presets = load_presets()
    config = make_config(presets, "kaiming")
    app = TrainerApp(presets, config, "kaiming", Work(_no_training, preview, sweep, run_lr_search))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(3.0)
        feeds = [Feed(_run_of(config, steps)) for steps in (5_000, 5_000_000)]
        costs: list[list[float]] = [[], []]
        for _ in range(FRAMES):
            for feed, spent in zip(feeds, costs, strict=True):
                feed.inbox.append(_steps(feed.result.step + 1, 50))
                app.cockpit.feed = feed
                began = time.thread_time()
                app.cockpit.draw()
                await pilot.pause(0)
                spent.append(time.thread_time() - began)
    small, large = (statistics.median(spent[5:]) for spent in costs)
    return large / small


def _run_of(config: RunConfig, steps: int) -> RunResult:
    run = RunResult(config)
    while run.step < steps:
        run.apply(_steps(run.step + 1, min(steps - run.step, 50_000)))
    return run


def _steps(first: int, count: int) -> StepsCompleted:
    noise = np.random.default_rng(first).uniform(0.5, 1.5, count)
    losses: FloatArray = (10 * noise / np.log(first + np.arange(count) + 2)).astype(np.float32)
    return StepsCompleted(first, losses, losses * 2, None, None, first, 0.5, 1.0, 2000.0)


def _no_training(config: RunConfig, control: Control) -> Iterator[Event]:
    return iter(())


if __name__ == "__main__":
    print(main())
