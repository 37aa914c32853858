"""How much memory a config takes, before anything of it is allocated. Needs no torch."""

from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import bytes_text
from tui_trainer.task.machine import available_bytes
from tui_trainer.task.shape import layer_widths, parameter_estimate, slot_estimate

FLOAT_BYTES = 4
TABLE_BYTES = 8  # of a file's number, until it is standardised
# Of the parameters: themselves, the gradient, and what is made on the way.
PREVIEW_COPIES = 3
# Also at the chunk's start, at that of the best step, and twice some hundred steps ago.
_SNAPSHOTS = 4
_DRAWN_COPIES = 2  # numbers as they are drawn, and scaled
_POINT_FLOATS = 6  # a point's, besides features and label: errors, their squares, gradients


def training_copies(config: RunConfig) -> int:
    """Return how many times a run holds its parameters."""
    regularizer, slots = config.regularizer, slot_estimate(config.optimizer)
    penalties = bool(regularizer.weight_decay) + 2 * bool(regularizer.l1_weight)
    return PREVIEW_COPIES + _SNAPSHOTS + slots * (1 + _SNAPSHOTS) + penalties


def host_bytes(config: RunConfig, copies: int) -> int:
    """Return about how much of the host's memory `copies` of the parameters and steps need."""
    parameters = FLOAT_BYTES * parameter_estimate(config)
    if config.device.startswith("cuda"):  # the rest is on the GPU
        return data_bytes(config) + _DRAWN_COPIES * parameters
    return data_bytes(config) + copies * parameters + _activation_bytes(config)


def own_network_bytes(config: RunConfig, copies: int, parameters: int, kept: int) -> int:
    """Return what `host_bytes` does, for a network that is built: nothing else knows its size.

    `kept` is how many numbers a point's training pass keeps for the gradient.
    """
    if config.device.startswith("cuda"):
        return host_bytes(config, copies)
    steps = 2 * kept * config.dataset.train_points  # they, and their gradients
    return data_bytes(config) + FLOAT_BYTES * (copies * parameters + steps)


def data_bytes(config: RunConfig) -> int:
    """Return about how much a config's points need: inputs, labels and what is made of them."""
    dataset = config.dataset
    points = dataset.train_points + dataset.validation_points
    columns = dataset.features + 1
    table = TABLE_BYTES * points * columns if dataset.file else 0  # other splits come out of it
    return FLOAT_BYTES * points * (columns + _POINT_FLOATS) + table


def _activation_bytes(config: RunConfig) -> int:
    """Return what the layers' outputs need: training keeps them all, validation the last ones."""
    features, *outputs = layer_widths(config)
    kept = sum(outputs)
    if config.regularizer.dropout is not None:
        kept += 3 * (features + kept)  # draws, masks and masked inputs
    widest = max(outputs)
    dataset = config.dataset
    training = config.points_per_step * (kept + 2 * widest)
    return FLOAT_BYTES * max(training, dataset.validation_points * 3 * widest)


def require_memory(needed: int) -> None:
    """Refuse what would not fit: the kernel ends a process that takes more than there is.

    Raises:
        InvalidSettingsError: with both numbers of bytes.
    """
    if needed > (available := available_bytes()):
        raise InvalidSettingsError(
            f"needs about {bytes_text(needed)} of memory, and {bytes_text(available)} are "
            "available: use fewer points or a smaller network"
        )
