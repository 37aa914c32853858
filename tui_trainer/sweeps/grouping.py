"""Which candidates train together, and by what."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace
from torch import Generator, nn

from tui_trainer.config.settings import OWN_INIT, Init, Regularizer, RunConfig
from tui_trainer.sweeps.batched_group import (
    VMAPPED_ROWS,
    BatchedGroup,
    layered_program,
    vmapped_program,
)
from tui_trainer.sweeps.groups import Group, MakeEngine, Member, OwnGroup
from tui_trainer.sweeps.plan import COPIES, Candidate
from tui_trainer.task.data import Data, make_data
from tui_trainer.task.memory import FLOAT_BYTES, require_memory
from tui_trainer.task.network import build_network
from tui_trainer.task.shape import points_of_step
from tui_trainer.training.engines.compilation import compile_steps
from tui_trainer.training.engines.compiled import CompiledEngine
from tui_trainer.training.engines.engine import Engine, EngineError, TrainingState
from tui_trainer.training.engines.layers import find_layers
from tui_trainer.training.engines.step import StepSpec, step_spec
from tui_trainer.training.engines.vmapped import why_not_vmapped
from tui_trainer.training.setup import Setup, find_device, make_task

Key: TypeAlias = tuple[object, ...]
Steps: TypeAlias = dict[StepSpec, Path | EngineError]

# Parameters × points that a fused step surely gets through in the time of a chunk; passes start
# with as many steps as that gives.
_SURE_IN_A_CHUNK = 2e8
_ONLY_FULL_BATCHES = "only full-batch steps that are each validated can be taken for all at once"


def make_groups(
    candidates: Iterable[Candidate], stopped: Callable[[], bool] = lambda: False
) -> list[Group]:
    """Put candidates that can train as one into groups, and build their networks.

    Waits for the compiler where a step is not in the cache, at most until it is `stopped`.

    Raises:
        ValueError: if the device is not available.
    """
    members: dict[Key, list[Member]] = {}
    for candidate in candidates:
        members.setdefault(group_key(candidate.config), []).append(Member(candidate))
    groups = [_Grouped(group) for group in members.values()]
    steps = compile_steps({g.spec for g in groups if isinstance(g.spec, StepSpec)}, stopped)
    return [group.make(steps) for group in groups]


def group_key(config: RunConfig) -> Key:
    """Return what candidates of a group have in common."""
    rate = config.regularizer.dropout
    drops = None if rate is None else rate > 0  # a network may be built without it for 0
    data = config.dataset, config.data_seed
    steps = config.points_per_step, config.validate_every
    return (config.architecture, *data, *steps, drops, config.optimizer, config.device)


class _Grouped:
    """Members of a group to be; `spec` is the fused step that they need, or why there is none."""

    def __init__(self, members: list[Member]) -> None:
        self._members = members
        self._config = config = members[0].config
        self._device = find_device(config.device)
        self._network = build_network(config, Generator().manual_seed(config.seed))
        self.spec = _find_spec(self._network, config)

    def make(self, steps: Steps) -> Group:
        """Make the group, with the fastest engine that it can have."""
        config, members = self._config, self._members
        data = make_data(config.dataset, config.data_seed).to(self._device)
        try:
            group = OwnGroup(members, "fused", self._fused(data, steps))
        except EngineError as error:
            return self._without_steps(data, error)
        cost = points_of_step(config) * sum(p.numel() for p in self._network.parameters())
        group.chunk_steps = max(1, int(_SURE_IN_A_CHUNK / cost))
        return group

    def _without_steps(self, data: Data, error: EngineError) -> Group:
        """Train them as a batch, or each by itself where there is none for them."""
        config, members = self._config, self._members
        layers = find_layers(self._network, config.regularizer.dropout)
        if layers is None:
            return self._make_unlayered()
        if config.steps_per_epoch > 1 or config.validate_every > 1:
            note = f"{error}: {_by_itself(_ONLY_FULL_BATCHES)}"
            return OwnGroup(members, "eager", _eager, note)
        note = f"{error}: candidates train as a batch" if config.device == "cpu" else ""
        task = make_task(config, data)
        return BatchedGroup(members, task, layered_program(layers, task), note)

    def _make_unlayered(self) -> Group:
        """Make the group of a network that is no row of layers."""
        config, members = self._config, self._members
        name = f"network {config.architecture.name}"
        if not config.architecture.builder:
            note = f"{name}: {_by_itself('it is no row of layers')}"
            return OwnGroup(members, "eager", _eager, note)
        setup = Setup(_common(config))  # which knows what may be wrong with it
        require_memory(len(members) * COPIES * FLOAT_BYTES * setup.parameter_count)
        state = setup.state
        if config.steps_per_epoch > 1 or config.validate_every > 1:
            reason = _ONLY_FULL_BATCHES
        else:
            reason = why_not_vmapped(state, VMAPPED_ROWS)
        if reason:
            note = f"{name}: {_by_itself(reason)}"
            return OwnGroup(members, "eager", _eager, note)
        program = vmapped_program(state)
        note = f"{name}: candidates train as a batch, through torch.func"
        return BatchedGroup(members, state.task, program, note)

    def _fused(self, data: Data, steps: Steps) -> MakeEngine:
        if isinstance(self.spec, EngineError):
            raise self.spec
        if isinstance(step := steps[self.spec], EngineError):
            raise step
        return partial(_fused, data, self.spec, step)


def _by_itself(reason: str) -> str:
    """Say that candidates are no batch; they advance side by side nevertheless."""
    return f"each candidate takes its steps by itself, since {reason}"


def _common(config: RunConfig) -> RunConfig:
    """Return a config of a group whatever its candidates are: how they train depends on it."""
    regularizer = Regularizer(name="common", dropout=config.regularizer.dropout)
    init = Init(name="own", layer=OWN_INIT)
    return replace(config, init=init, regularizer=regularizer, seed=0, lr=1e-3, engine="eager")


def _find_spec(network: nn.Module, config: RunConfig) -> StepSpec | EngineError:
    if config.device != "cpu":
        return EngineError(f"no fused step for {config.device}")
    try:
        return step_spec(network, config.optimizer)
    except EngineError as error:
        return error


def _fused(data: Data, spec: StepSpec, step: Path, config: RunConfig) -> Engine:
    generator = Generator().manual_seed(config.seed)
    network = build_network(config, generator)
    task = make_task(config, data)
    state = TrainingState(network, task, config.lr, generator)
    return CompiledEngine(state, spec, config.optimizer, step)


def _eager(config: RunConfig) -> Engine:
    return Setup(replace(config, engine="eager")).engine
