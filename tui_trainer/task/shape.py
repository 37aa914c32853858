"""How large a network is, before it is built. Needs no torch."""

from itertools import pairwise

from tui_trainer.config.optimization import Optimizer
from tui_trainer.config.settings import RunConfig

OUTPUTS = 1  # the label of a point is one number


def layer_widths(config: RunConfig) -> tuple[int, ...]:
    """Return the widths from the features to the prediction, for a network of linear layers."""
    return (config.dataset.features, *config.architecture.hidden, OUTPUTS)


def parameter_estimate(config: RunConfig) -> int:
    """Return the number of parameters, exact for a network of linear layers."""
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(layer_widths(config)))


def points_of_step(config: RunConfig) -> int:
    """Return how many points a step passes: its batch, and its share of a validation."""
    return config.points_per_step + config.dataset.validation_points // config.validate_every


def slot_estimate(optimizer: Optimizer) -> int:
    """Return how many numbers an optimiser remembers of a parameter; 2 of one not known here."""
    return bool(optimizer.momentum) if optimizer.method == "sgd" else 2
