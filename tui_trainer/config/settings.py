"""The settings of a run: frozen and validated, read from TOML tables and from flags."""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from msgspec import Struct, structs

from tui_trainer.config.builders import require_builder
from tui_trainer.config.modules import module_names, require_module
from tui_trainer.config.numbers import (
    DropoutRate,
    LearningRate,
    NonNegative,
    PositiveInt,
    Seed,
    Share,
)
from tui_trainer.config.optimization import Optimizer, Schedule
from tui_trainer.config.stopping import Stopping, describe_stopping

LayerName: TypeAlias = Literal[
    "LinearZeros", "LinearNormal", "LinearKaiming", "LinearHe", "LinearXavier", "LinearTorch"
]
OWN_INIT: LayerName = "LinearTorch"  # leaves a network of a builder as that made it
Activation: TypeAlias = Literal["relu", "tanh", "gelu", "silu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
EngineName: TypeAlias = Literal["auto", "eager", "compiled", "cuda-graph"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
LAYER_MODULES = frozenset({"linear", "dropout"})


def network_names() -> tuple[str, ...]:
    """Return the modules in models/ that define a network."""
    return tuple(name for name in module_names("tui_trainer.models") if name not in LAYER_MODULES)


DEFAULT_SPLIT = 0.8  # of a file's rows, the share to train on


class Dataset(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which points to fit: those that a function makes, or the rows of a file.

    `function` names a file in task/datasets/, `features` its inputs. Of a `file`, `target` is the
    column to predict and `feature_names` those to predict it from, all other numeric ones by
    default; the rows of `validation_file` validate, or those that are left of a `split` by the data
    seed. `standardize` trains on features and targets of mean 0 and standard deviation 1.

    Of a data set that names a file, `features`, the numbers of points and the SHA-256 of its
    files are known once it is read: then it is `resolved`.
    """

    name: str
    function: str = ""
    features: PositiveInt = 1
    train_points: PositiveInt = 200
    validation_points: PositiveInt = 200
    file: str = ""
    target: str = ""
    feature_names: tuple[str, ...] = ()
    validation_file: str = ""
    split: Share = DEFAULT_SPLIT
    standardize: bool = True
    drop_missing: bool = False
    digest: str = ""
    validation_digest: str = ""

    def __post_init__(self) -> None:
        """Refuse a function without a file in task/datasets/, and a file without a target."""
        if self.file:
            self._check_file()
            return
        allowed = module_names("tui_trainer.task.datasets")
        if not self.function:
            raise ValueError(f"function: missing, or a file; allowed: {', '.join(allowed)}")
        require_module("function", "function", self.function, allowed)
        for key in ("target", "feature_names", "validation_file"):
            if getattr(self, key):
                raise ValueError(f"{key}: of a file, and function '{self.function}' makes points")

    def _check_file(self) -> None:
        if self.function:
            raise ValueError("function: both a file and a function; leave one of them out")
        if not self.target:
            raise ValueError("target: missing: which column of the file is to be predicted?")
        if self.target in self.feature_names:
            raise ValueError(f"feature_names: '{self.target}' is the target too")
        if len(set(self.feature_names)) < len(self.feature_names):
            twice = [n for n in self.feature_names if self.feature_names.count(n) > 1]
            raise ValueError(f"feature_names: '{twice[0]}' is listed twice")

    @property
    def resolved(self) -> bool:
        """Whether features and points are those of the data; of a function's they always are."""
        return not self.file or bool(self.digest)


class Architecture(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which network; `network` names a file in models/, `hidden` its widths, input to output.

    `activation` follows each layer but the last. Or `builder` names a function that builds it,
    ``file.py:function`` or ``package.module:function``, which is called with `arguments`.
    """

    name: str
    network: str = ""
    hidden: tuple[PositiveInt, ...] = ()
    activation: Activation = "relu"
    builder: str = ""
    arguments: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """Refuse a network without a file in models/, and a builder that names no function."""
        if not self.builder:
            if self.arguments:
                raise ValueError("arguments: these are a builder's, and there is none")
            if not self.network:
                allowed = ", ".join(network_names())
                raise ValueError(f"network: missing, or a builder; allowed: {allowed}")
            require_module("network", "network", self.network, network_names())
            return
        for key, default in (("network", ""), ("hidden", ()), ("activation", "relu")):
            if getattr(self, key) != default:
                raise ValueError(f"{key}: a builder makes the network: omit either of the two")
        require_builder(self.builder)

    def __hash__(self) -> int:
        """Leave the arguments out, which may be of any type."""
        return hash((self.name, self.network, self.hidden, self.activation, self.builder))


class Init(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How parameters are initialised; `layer` names a class in models/linear.py."""

    name: str
    layer: LayerName


class Regularizer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Penalties, noise and a stopping rule, in any combination."""

    name: str
    stopping: Stopping | None = None
    l1_weight: NonNegative = 0.0
    dropout: DropoutRate | None = None
    weight_decay: NonNegative = 0.0


class RunConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a run's numbers depend on, but for the step at which `auto` switches engines."""

    dataset: Dataset
    architecture: Architecture
    init: Init
    regularizer: Regularizer
    optimizer: Optimizer = Optimizer(name="sgd")
    schedule: Schedule = Schedule(name="constant")
    lr: LearningRate = 0.01
    steps: PositiveInt = 5000
    batch_size: PositiveInt | None = None  # the whole split
    validate_every: PositiveInt = 1
    seed: Seed = 0
    data_seed: Seed = 0
    device: str = "cpu"
    engine: EngineName = "auto"

    def __post_init__(self) -> None:
        """Refuse a device unknown to torch."""
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", self.device):
            raise ValueError(f"device: expected cpu, cuda, cuda:N or mps, got '{self.device}'")

    @property
    def points_per_step(self) -> int:
        """How many points a step trains on; the last of an epoch perhaps on fewer."""
        points = self.dataset.train_points
        return points if self.batch_size is None else min(points, self.batch_size)

    @property
    def steps_per_epoch(self) -> int:
        """How many steps take each training point once: 1 without mini-batches."""
        return -(-self.dataset.train_points // self.points_per_step)

    @property
    def batch_words(self) -> str:
        """What becomes of a batch size that is more than there is; "" if nothing does."""
        points = self.dataset.train_points
        if self.batch_size is None or self.batch_size <= points or not self.dataset.resolved:
            return ""
        return f"all {points:,} points a step"

    def epoch_of(self, step: int) -> int:
        """Return the epoch of a step, both counted from 1."""
        return -(-step // self.steps_per_epoch)

    def measured_by(self, step: int) -> int:
        """Return the last step so far that validation was measured after."""
        return max(min(step, 1), step // self.validate_every * self.validate_every)

    @property
    def counted(self) -> str:
        """What stopping rules count: steps, or validations where not every step has one."""
        return "steps" if self.validate_every == 1 else "validations"


class Recipe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A named full config, its parts by the names of their presets."""

    name: str
    dataset: str
    architecture: str
    init: str
    regularizer: str
    optimizer: str = "sgd"
    schedule: str = "constant"
    lr: LearningRate
    steps: PositiveInt = 5000
    batch_size: PositiveInt | None = None
    validate_every: PositiveInt | None = None
    seed: Seed | None = None
    data_seed: Seed | None = None


def upgraded(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of a `RunConfig` as it is written now, from one of an earlier version."""
    optimizer = table.get("optimizer")
    if isinstance(optimizer, str):
        return {**table, "optimizer": {"name": optimizer, "method": optimizer}}
    return dict(table)


def with_steps(config: RunConfig, steps: int) -> RunConfig:
    """Let a run that has begun end later, or sooner: what its schedule goes over stays."""
    schedule = config.schedule
    if schedule.moves and schedule.steps is None:
        schedule = structs.replace(schedule, steps=config.steps)
    return structs.replace(config, steps=steps, schedule=schedule)


def setup_names(config: RunConfig) -> dict[str, str]:
    """Name what was chosen, part by part; plain gradient descent goes without saying."""
    names = {
        part: getattr(config, part).name
        for part in ("dataset", "architecture", "init", "regularizer", "optimizer", "schedule")
    }
    if config.architecture.activation != "relu":
        names["architecture"] += f" {config.architecture.activation}"
    if config.optimizer.name == "sgd":
        del names["optimizer"]
    if not config.schedule.moves:
        del names["schedule"]
    return names


def setup_text(config: RunConfig) -> str:
    """Write what was chosen in a line."""
    return " · ".join(setup_names(config).values())


def describe_dataset(dataset: Dataset) -> str:
    """Describe points in words: how many, and of a file what is predicted from what."""
    if not dataset.file:
        return f"{dataset.train_points:,} + {dataset.validation_points:,} points"
    scale = "standardised" if dataset.standardize else "not standardised"
    if not dataset.resolved:
        return f"{dataset.target}, {scale}"
    columns = f"{dataset.features:,} column{'s' if dataset.features > 1 else ''}"
    rows = f"{dataset.train_points:,} + {dataset.validation_points:,} rows"
    return f"{dataset.target} by {columns}, {rows}, {scale}"


def describe_regularizer(regularizer: Regularizer, counted: str = "steps") -> str:
    """Describe a regularizer's effect in words; see `RunConfig.counted`."""
    parts = []
    if regularizer.stopping is not None:
        parts.append(describe_stopping(regularizer.stopping, counted))
    if regularizer.l1_weight:
        parts.append(f"adds {regularizer.l1_weight:g} × mean |p| of each tensor to the loss")
    if regularizer.dropout is not None:
        parts.append(f"drops {regularizer.dropout:.3g} of the inputs of every layer")
    if regularizer.weight_decay:
        parts.append(f"shrinks every p by lr × {regularizer.weight_decay:g} × p per step")
    return "; ".join(parts) or "no regularization"
