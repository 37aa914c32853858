"""Print the steps/s of a judged run over those of the bare kernel, in one process.

The run has the patient rule, which never fires at this lr, a history, events and fits; the kernel
does as many steps in chunks as long.
"""

import statistics
import time

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.training.engines.compilation import compile_steps
from tui_trainer.training.engines.compiled import CompiledEngine
from tui_trainer.training.engines.step import step_spec
from tui_trainer.training.result import RunResult
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import CHUNK_SECONDS, train

STEPS = 100_000
ROUNDS = 9


def main() -> float:
    """Take both in turn; return the median of the ratios."""
    settings = {"lr": 1e-7, "steps": STEPS, "engine": "compiled"}
    config = make_config(load_presets(), "kaiming", regularizer="stop-patient", **settings)
    state = Setup(config).state
    spec = step_spec(state.model, config.optimizer)
    step = compile_steps([spec], lambda: False)[spec]
    if isinstance(step, Exception):
        raise step
    kernel = CompiledEngine(state, spec, config.optimizer, step)
    chunk = 500
    ratios = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(STEPS // chunk):
            kernel.advance(chunk)
        bare = STEPS / (time.perf_counter() - began)
        run = RunResult(config)
        for event in train(config):
            run.apply(event)
        assert run.step == STEPS, run.ended
        ratios.append(run.steps_per_second / bare)
        chunk = max(1, int(CHUNK_SECONDS * bare))
    return statistics.median(ratios)


if __name__ == "__main__":
    print(main())
