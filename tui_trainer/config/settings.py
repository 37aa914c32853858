"""The settings of a run: frozen and validated, read from TOML tables and from flags."""

import functools
import importlib.util
import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import Meta, Struct

from tui_trainer.config.validation import convert_text, one_of

PositiveInt: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Seed: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# float32 ends at 3.4e38: torch refuses larger numbers.
LearningRate: TypeAlias = Annotated[float, Meta(gt=0, le=3e38)]
NonNegative: TypeAlias = Annotated[float, Meta(ge=0, le=3e38)]
# Of a setting: a number or the name of a preset.
Value: TypeAlias = float | int | str
DropoutRate: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
# One step alone makes no progress.
StripLength: TypeAlias = Annotated[int, Meta(ge=2, le=1_000_000_000)]
Share: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]

LayerName: TypeAlias = Literal[
    "LinearZeros", "LinearNormal", "LinearKaiming", "LinearHe", "LinearXavier"
]
EngineName: TypeAlias = Literal["auto", "eager", "compiled", "cuda-graph"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
LAYER_MODULES = frozenset({"linear", "dropout"})


def network_names() -> tuple[str, ...]:
    """Return the modules in models/ that define a network."""
    return tuple(name for name in module_names("tui_trainer.models") if name not in LAYER_MODULES)


def module_names(package: str) -> tuple[str, ...]:
    """Return the modules in a package, found without importing them (or torch)."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    return _module_names(tuple(spec.submodule_search_locations or ()))


@functools.cache
def _module_names(folders: tuple[str, ...]) -> tuple[str, ...]:
    files = [file for folder in folders for file in Path(folder).glob("[!_]*.py")]
    return tuple(sorted({file.stem for file in files}))


def _require_module(key: str, what: str, name: str, allowed: tuple[str, ...]) -> None:
    if name not in allowed:
        raise ValueError(f"{key}: unknown {what} '{name}'; {one_of(name, allowed)}")


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
    split: Share = 0.8
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
        _require_module("function", "function", self.function, allowed)
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
    """Which network; `network` names a file in models/, `hidden` its widths, input to output."""

    name: str
    network: str
    hidden: tuple[PositiveInt, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a network without a file in models/."""
        _require_module("network", "network", self.network, network_names())


class Init(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How parameters are initialised; `layer` names a class in models/linear.py."""

    name: str
    layer: LayerName


class FirstIncrease(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="first-increase"
):
    """Stop after step t when t > 1 and val[t] > val[t-1]."""

    restore_best: bool = False


class PatientAverage(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="patient-average"
):
    """Stop after step t when t > window and val[t] > mean(val[t-window .. t-1])."""

    window: PositiveInt = 50
    restore_best: bool = False


class Patience(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="patience"):
    """Stop after `patience` steps that do not improve the best by more than `min_delta`."""

    patience: PositiveInt = 200
    min_delta: NonNegative = 0.0
    restore_best: bool = False


class GeneralizationLoss(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="generalization-loss"
):
    """Stop after step t when GL(t) > alpha: validation is more than alpha % above its lowest.

    GL(t) = 100 (val[t] / min(val[1..t]) - 1). The class GL of Prechelt, "Early stopping - but
    when?" (1998).
    """

    alpha: NonNegative = 5.0
    restore_best: bool = False


class ProgressQuotient(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="progress-quotient"
):
    """Stop at the end of a strip of k = `strip` steps when GL(t) / P(t) > alpha.

    GL is that of `GeneralizationLoss`; P(t) = 1000 (mean(train[t-k+1..t]) /
    min(train[t-k+1..t]) - 1), the training progress: how far the strip's mean training loss is
    above its lowest. The class PQ of Prechelt, "Early stopping - but when?" (1998), who takes
    strips of 5.
    """

    alpha: NonNegative = 0.5
    strip: StripLength = 5
    restore_best: bool = False


Stopping: TypeAlias = (
    FirstIncrease | PatientAverage | Patience | GeneralizationLoss | ProgressQuotient
)


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
    optimizer: str = "sgd"
    lr: LearningRate = 0.01
    steps: PositiveInt = 5000
    seed: Seed = 0
    data_seed: Seed = 0
    device: str = "cpu"
    engine: EngineName = "auto"

    def __post_init__(self) -> None:
        """Refuse a device unknown to torch, or an optimiser without a file in task/optimizers/."""
        allowed = module_names("tui_trainer.task.optimizers")
        _require_module("optimizer", "optimizer", self.optimizer, allowed)
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", self.device):
            raise ValueError(f"device: expected cpu, cuda, cuda:N or mps, got '{self.device}'")


class Recipe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A named full config, its parts by the names of their presets."""

    name: str
    dataset: str
    architecture: str
    init: str
    regularizer: str
    lr: LearningRate
    steps: PositiveInt = 5000
    seed: Seed | None = None
    data_seed: Seed | None = None


NUMBERS = {"lr": LearningRate, "steps": PositiveInt, "seed": Seed, "data_seed": Seed}
WHOLE_NUMBERS = frozenset({"steps", "seed", "data_seed"})
# Numbers that may override those of a regularizer's preset.
REGULARIZER_NUMBERS = {
    "l1_weight": NonNegative,
    "dropout": DropoutRate,
    "weight_decay": NonNegative,
}


def parse_number(key: str, text: str) -> float | int:
    """Read one of `NUMBERS` or `REGULARIZER_NUMBERS` from a string.

    Raises:
        InvalidSettingsError: with what was expected.
    """
    number: float | int = convert_text(text, (NUMBERS | REGULARIZER_NUMBERS)[key])
    return number


def describe_dataset(dataset: Dataset) -> str:
    """Describe points in words: how many, and of a file what is predicted from what."""
    if not dataset.file:
        return f"{dataset.train_points:,} + {dataset.validation_points:,} points"
    scale = "standardized" if dataset.standardize else "not standardized"
    if not dataset.resolved:
        return f"{dataset.target}, {scale}"
    columns = f"{dataset.features:,} column{'s' if dataset.features > 1 else ''}"
    rows = f"{dataset.train_points:,} + {dataset.validation_points:,} rows"
    return f"{dataset.target} by {columns}, {rows}, {scale}"


def describe_regularizer(regularizer: Regularizer) -> str:
    """Describe a regularizer's effect in words."""
    parts = []
    if regularizer.stopping is not None:
        parts.append(describe_stopping(regularizer.stopping))
    if regularizer.l1_weight:
        parts.append(f"adds {regularizer.l1_weight:g} × mean |p| of each tensor to the loss")
    if regularizer.dropout is not None:
        parts.append(f"drops {regularizer.dropout:.3g} of the inputs of every layer")
    if regularizer.weight_decay:
        parts.append(f"shrinks every p by lr × {regularizer.weight_decay:g} × p per step")
    return "; ".join(parts) or "no regularization"


def describe_stopping(stopping: Stopping) -> str:
    """Describe when a rule stops a run, and with which weights."""
    match stopping:
        case FirstIncrease():
            words = "stops when validation rises at all"
        case PatientAverage(window=window):
            words = f"stops when validation exceeds its mean over {window} steps"
        case Patience(patience=patience, min_delta=min_delta):
            better = f"improving by {min_delta:g}" if min_delta else "a new best"
            words = f"stops after {patience} steps without {better}"
        case GeneralizationLoss(alpha=alpha):
            words = f"stops when validation rises {alpha:g} % above its lowest"
        case ProgressQuotient(alpha=alpha, strip=strip):
            progress = f"{alpha:g} × the training progress of {strip} steps"
            words = f"stops when validation's rise over its lowest exceeds {progress}"
    return words + (", restores the best" if stopping.restore_best else "")
