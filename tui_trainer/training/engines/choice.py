"""Which engine executes which steps of a run, and why: pure decisions, nothing is done here.

`auto` never makes a person wait. On a GPU steps are captured, which takes a second; where that
fails, the run stays eager. On the CPU a run starts with the eager engine, and moves over at a step
boundary once the fused step is compiled; where that is in the cache, before the first step. A
network so large that eager steps gain from several threads keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tui_trainer.config.settings import EngineName, RunConfig
from tui_trainer.config.validation import InvalidSettingsError

# Engines by the step from which they execute, step 1 included.
Switches: TypeAlias = Mapping[int, EngineName]


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that a run starts with, and why.

    `upgrades` says that the run moves over to the compiled step once there is one.
    """

    first: EngineName
    reason: str
    upgrades: bool = False


def choose_engine(
    config: RunConfig, recorded: EngineName | None, threads: int, *, cached: bool
) -> Choice:
    """Choose for a config that takes so many threads.

    `recorded` is that of a run that is repeated, `cached` says whether the config's compiled step
    is on disk.
    """
    may_upgrade = config.engine == "auto" and config.device == "cpu" and threads == 1
    if recorded is not None:
        return Choice(recorded, "as recorded", may_upgrade and recorded == "eager")
    if config.engine != "auto":
        kind = ": a fused step" if config.engine == "compiled" else ""
        return Choice(config.engine, f"as requested{kind}")
    if config.device.startswith("cuda"):
        return Choice("cuda-graph", "auto: captured steps are the fastest on a GPU")
    if config.device != "cpu":
        return Choice("eager", f"auto: nothing is faster on {config.device}")
    if threads > 1:  # a fused step takes one
        return Choice("eager", f"auto: eager on {threads} threads is faster than a fused step")
    if cached:
        return Choice("compiled", "auto: its fused step was in the cache")
    return Choice("eager", "auto: eager until its fused step is compiled", upgrades=True)


def require_engine(config: RunConfig) -> None:
    """Refuse an engine that the config's device does not have.

    Raises:
        InvalidSettingsError: one line for the person who asked for it.
    """
    engine, device = config.engine, config.device
    if engine == "cuda-graph" and not device.startswith("cuda"):
        raise InvalidSettingsError(f"engine cuda-graph needs device cuda or cuda:N, got {device}")
    if engine == "compiled" and device != "cpu":
        raise InvalidSettingsError(f"engine compiled needs device cpu, got {device}")
