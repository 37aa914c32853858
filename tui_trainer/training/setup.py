"""A config made real: data, network and the reference engine, before the first step."""

import torch

from tui_trainer.config.settings import RunConfig
from tui_trainer.task.data import make_data
from tui_trainer.task.network import build_network
from tui_trainer.training.diagnosis import find_dead_layers
from tui_trainer.training.engines.choice import require_engine
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.engines.engine import State
from tui_trainer.training.events import Previewed
from tui_trainer.training.fit import sample_fit, to_points


def preview(config: RunConfig) -> Previewed:
    """Build a config's data and untrained network, exactly as `train` would.

    Raises:
        ValueError: if the device is not there, or not for the engine.
    """
    setup = Setup(config)
    return Previewed(
        config,
        setup.parameter_count,
        setup.points,
        sample_fit(setup.engine, setup.data, 0, "untrained"),
        find_dead_layers(setup.engine.model, setup.data),
    )


class Setup:
    """A config's data, network and eager engine, before the first step.

    Raises:
        ValueError: if the device is not there, or not for the engine.
    """

    def __init__(self, config: RunConfig) -> None:
        require_engine(config)
        device = find_device(config.device)
        # More threads slow small networks down, and a run's sums depend on how they are split.
        torch.set_num_threads(1)
        regularizer = config.regularizer
        generator = torch.Generator().manual_seed(config.seed)
        data = make_data(config.dataset, config.data_seed)
        model = build_network(config.architecture, config.init, regularizer.dropout, generator)
        self.data = data.to(device)
        self.points = to_points(data)
        self.device = str(device)
        self.parameter_count = sum(p.numel() for p in model.parameters())
        state = State(
            model.to(device),
            self.data,
            config.lr,
            generator,
            regularizer.l1_weight,
            regularizer.weight_decay,
        )
        self.engine = EagerEngine(state)


def find_device(name: str) -> torch.device:
    """Return a device that torch sees.

    Raises:
        ValueError: if it is not there.
    """
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            there = f"only {count} of them" if count else "none"
            raise ValueError(
                f"device {name} is not available: torch sees {there}; cpu always works"
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {name} is not available; cpu always works")
    return device
