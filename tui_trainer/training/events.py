"""Facts from a trainer, in the past tense: frozen, of plain numbers and read-only float32 arrays.

A run is ``RunStarted``, any number of the others, and one ``RunEnded``. Steps count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from tui_trainer.config.settings import EngineName, RunConfig
from tui_trainer.training.early_stopping import Gauge, StopReason

if TYPE_CHECKING:  # the first frame knows these events, and waits for no numpy
    import numpy as np
    from numpy.typing import NDArray

    from tui_trainer.training.history import SeriesName
    from tui_trainer.training.progress import Best
    from tui_trainer.training.pyramid import Values

FloatArray: TypeAlias = "NDArray[np.float32]"
Weights: TypeAlias = Literal["untrained", "last", "best"]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The data of both splits as flat arrays, for drawing: labels over the one feature.

    With several `features`, each label is plotted over itself. Of a large split these are some
    thousand points, evenly taken, in the units in which they came.
    """

    train_x: FloatArray
    train_y: FloatArray
    val_x: FloatArray
    val_y: FloatArray
    features: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Of points of a split, by rising label: the labels, and what the network predicts for them.

    These are at most some thousand points, evenly taken.
    """

    actual: FloatArray
    predicted: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FitSampled:
    """The network's curve over a grid `x`, after `step` steps.

    With several features, `x` and `prediction` are those of `val`, the predictions of validation
    points. `train` and `val` are None in a file of an older program. `metrics` are figures of all
    points by name: train_r2, val_r2, train_rmse and val_rmse.
    """

    step: int
    weights: Weights
    x: FloatArray
    prediction: FloatArray
    metrics: Mapping[str, float]
    train: Predictions | None = None
    val: Predictions | None = None


@dataclass(frozen=True, slots=True)
class NotLearning:
    """No gradient reaches the layers `first_layer` to `last_layer`, counted from 1."""

    first_layer: int
    last_layer: int
    cause: str

    @property
    def words(self) -> str:
        """The fact as a sentence without its full stop."""
        layers = f"layers {self.first_layer} to {self.last_layer}"
        if self.first_layer == self.last_layer:
            layers = f"layer {self.first_layer}"
        return f"no gradient reaches {layers}: {self.cause}"


@dataclass(frozen=True, slots=True, eq=False)
class Previewed:
    """A config's data, its untrained network's fit and size, and whether it can learn at all.

    The config is the one asked for with its data set resolved; `notes` say what was left out of it.
    `init_words` says what the init sets of a network of somebody's own.
    """

    config: RunConfig
    parameter_count: int
    points: Points
    fit: FitSampled
    not_learning: NotLearning | None
    notes: tuple[str, ...] = ()
    init_words: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RunStarted:
    """A run is set up and about to take its first step; its data set is resolved.

    `engine` is what it starts with, and `engine_reason` why; `threads` is torch's on the CPU.
    `code_digest` is that of the code of a network of somebody's own.
    """

    config: RunConfig
    engine: EngineName
    device: str
    parameter_count: int
    points: Points
    engine_reason: str = ""
    threads: int = 1
    code_digest: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StepsCompleted:
    """The losses of all steps from `first_step` on.

    `bound` is what the stopping rule compared each validation loss with, NaN where it was not
    armed; None without a rule. `seconds` is the training time so far, without pauses. `is_past`
    says that these were read, not trained.
    """

    first_step: int
    train_loss: FloatArray
    val_loss: FloatArray
    bound: FloatArray | None
    gauge: Gauge | None
    best_step: int | None
    best_val_loss: float | None
    seconds: float
    steps_per_second: float
    is_past: bool = False

    @property
    def last_step(self) -> int:
        """The newest step."""
        return self.first_step + len(self.train_loss) - 1


@dataclass(frozen=True, slots=True, eq=False)
class OldStepsRead:
    """Of a saved run: its first steps, up to `last_step`, are kept in blocks alone.

    `blocks` has each series' lowest, highest and mean losses, as `History.append_blocks` takes
    them; `best` is the step of the lowest validation loss, or the first of its block.
    """

    last_step: int
    blocks: Mapping[SeriesName, Values]
    best: Best | None


@dataclass(frozen=True, slots=True)
class LrChanged:
    """`lr` applies from `step` on; the schedule multiplies it, at that step by `factor`."""

    step: int
    lr: float
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Compiling:
    """The run has been waiting for the compiler for `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Compiled:
    """The compiler finished after `seconds`, which do not count as training time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class EngineChanged:
    """`engine` executes the steps from `step` on."""

    step: int
    engine: EngineName
    reason: str


@dataclass(frozen=True, slots=True)
class EngineKept:
    """The run stays with `engine`, and why."""

    engine: EngineName
    reason: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The run is paused after `step` steps."""

    step: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run resumes after `step` steps."""

    step: int


@dataclass(frozen=True, slots=True, eq=False)
class NormsMeasured:
    """Of a run that diverged: each layer's norms at its last steps, from `first_step` on.

    `weights` and `gradients` are of shape (steps, layers), before each step's update. A gradient
    is that of the training loss alone, in evaluation mode.
    """

    first_step: int
    weights: FloatArray
    gradients: FloatArray


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """Of a layer: the norm of its gradient, None if that is not finite, and what follows from it.

    `ratio` is the norm of a step's update over that of the weights, None where these are 0. Of its
    `units`, 0 if no `activation` is known, `dead` were never active since the step `since`.
    """

    name: str
    gradient: float | None
    ratio: float | None = None
    activation: str = ""
    units: int = 0
    dead: int = 0
    since: int = 0


@dataclass(frozen=True, slots=True)
class HealthMeasured:
    """The layers as they are after `step` steps, from input to output.

    Measuring took `seconds`; `share` is what it takes of the time on the whole.
    """

    step: int
    layers: tuple[LayerHealth, ...]
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The run is being written to `folder`; `problem` says what keeps it from that, "" if nothing.

    `folder` is None where no folder could be made, and the run is not written at all.
    """

    folder: Path | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that a person should know of, in words: a damaged file, a step that differs."""

    words: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last event: why the run ended, and its figures. Losses are None without a step."""

    reason: StopReason
    detail: str
    steps: int
    train_loss: float | None = None
    val_loss: float | None = None
    best_step: int | None = None
    best_val_loss: float | None = None
    restored_best: bool = False
    seconds: float = 0.0

    @property
    def steps_per_second(self) -> float:
        """The mean rate over the run; 0 if no time passed."""
        return self.steps / self.seconds if self.seconds else 0.0


Event: TypeAlias = (
    RunStarted
    | StepsCompleted
    | OldStepsRead
    | FitSampled
    | NotLearning
    | LrChanged
    | Compiling
    | Compiled
    | EngineChanged
    | EngineKept
    | Paused
    | Resumed
    | NormsMeasured
    | HealthMeasured
    | Recorded
    | Noted
    | RunEnded
)
