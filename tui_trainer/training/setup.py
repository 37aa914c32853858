"""Builds a config: data, network and the reference engine, before the first step."""

import torch
from msgspec.structs import replace
from torch import nn

from tui_trainer.config.builders import short_builder
from tui_trainer.config.settings import Dataset, RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import printable
from tui_trainer.task.builders import code_digest, init_words, try_network
from tui_trainer.task.data import Data, make_data
from tui_trainer.task.files.opening import short_name
from tui_trainer.task.files.resolving import resolve
from tui_trainer.task.memory import (
    PREVIEW_COPIES,
    host_bytes,
    own_network_bytes,
    require_memory,
    training_copies,
)
from tui_trainer.task.network import build_network, may_draw
from tui_trainer.task.optimizers import make_optimizer
from tui_trainer.task.penalties import Penalties
from tui_trainer.task.randomness import draws_globally
from tui_trainer.task.schedules import make_factor
from tui_trainer.task.task import Task
from tui_trainer.training.diagnosis import find_dead_layers
from tui_trainer.training.engines.choice import require_engine
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.engines.engine import TrainingState
from tui_trainer.training.events import Previewed
from tui_trainer.training.failure import FAILURES, describe_failure
from tui_trainer.training.fit import sample_fit, to_points


def preview(config: RunConfig, expected: str | None = None) -> Previewed:
    """Build a config's data and untrained network, exactly as `train` would.

    `expected` is the digest that the code of a network of somebody's own has to have.

    Raises:
        ValueError: one line that says what went wrong, whatever it was.
    """
    try:
        return _preview(config, expected)
    except ValueError:
        raise
    except FAILURES as error:
        raise ValueError(describe_failure(error)) from error


def _preview(config: RunConfig, expected: str | None) -> Previewed:
    setup = Setup(config, trains=False, expected=expected)
    return Previewed(
        setup.config,
        setup.parameter_count,
        setup.points,
        sample_fit(setup.engine, 0, "untrained"),
        find_dead_layers(setup.state.model, setup.state.task),
        setup.notes,
        init_words(setup.state.model, config.init.layer) if config.architecture.builder else "",
    )


class Setup:
    """A config's data, network and eager engine, before the first step.

    `trains` says whether steps will follow, which take more memory. `config` is the one given with
    its data set resolved, `notes` what a person should know of that. `code_digest` is that of the
    code that builds the network, "" for the program's own; it has to be the one that is `expected`.

    Raises:
        ValueError: if the device is not available, or does not have the engine; if there is not
            enough memory; if the network draws random numbers that no run can repeat.
    """

    def __init__(
        self, config: RunConfig, *, trains: bool = True, expected: str | None = None
    ) -> None:
        require_engine(config)
        device = find_device(config.device)
        found = resolve(config.dataset)
        self.config = config = replace(config, dataset=found.dataset)
        copies = training_copies(config) if trains else PREVIEW_COPIES
        require_memory(host_bytes(config, copies))
        # More threads slow small networks down, and a run's sums depend on how they are split.
        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(config.seed)
        data = make_data(config.dataset, config.data_seed)
        self.notes = (*found.notes, *_notes_on(config.dataset, data))
        task = make_task(config, data.to(device))
        model = build_network(config, generator)
        self.code_digest = code_digest(model)
        if expected is not None and self.code_digest != expected:
            raise InvalidSettingsError(
                f"the code of builder {short_builder(config.architecture.builder)} has changed "
                "since this run, so its steps can't be repeated"
            )
        model.to(device)
        if config.architecture.builder:
            globally = _try_own(config, model, task.data, copies)
        else:
            globally = may_draw(model) and draws_globally(model, task.data.train_x)
        self.state = TrainingState(model, task, config.lr, generator, draws_globally=globally)
        self.data = task.data
        self.points = to_points(task.data)
        self.device = str(device)
        self.parameter_count = sum(p.numel() for p in self.state.parameters)
        self.engine = EagerEngine(self.state)


def _notes_on(dataset: Dataset, data: Data) -> list[str]:
    if data.scaling is None or bool((data.train_y != data.train_y[0]).any()):
        return []
    name = printable(short_name(dataset.file))
    target = printable(dataset.target)
    words = f"the target {target} is constant in the training split: it is not scaled"
    return [f"{name}: {words}, and there is nothing to learn"]


def _try_own(config: RunConfig, model: nn.Module, data: Data, copies: int) -> bool:
    """Try a builder's network, now that its size is known; return whether it draws globally."""
    kept, globally = try_network(model, config.architecture.builder, data.train_x)
    parameters = sum(p.numel() for p in model.parameters())
    require_memory(own_network_bytes(config, copies, parameters, kept))
    return globally


def make_task(config: RunConfig, data: Data) -> Task:
    """Make what a config trains, on its data."""
    regularizer = config.regularizer
    penalties = Penalties(regularizer.l1_weight, regularizer.weight_decay)
    optimizer, factor = make_optimizer(config.optimizer), make_factor(config.schedule, config.steps)
    every = config.validate_every
    return Task(data, penalties, optimizer, factor, config.batch_size, every)


def find_device(name: str) -> torch.device:
    """Return a device, on which products of float32 are of float32.

    Raises:
        ValueError: if torch does not see it.
    """
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            there = f"only {count} of them" if count else "none"
            raise ValueError(
                f"device {name} is not available: torch sees {there}; cpu always works"
            )
        # TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1 rounds them to 10 bits.
        torch.set_float32_matmul_precision("highest")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {name} is not available; cpu always works")
    return device
