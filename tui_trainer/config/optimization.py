"""How gradients change the parameters, and how the learning rate changes with the steps."""

import functools
from typing import Any

import msgspec
from msgspec import Struct

from tui_trainer.config.modules import module_names, require_module
from tui_trainer.config.numbers import Decay, Divisor, Factor, NonNegative, PositiveInt
from tui_trainer.formatting import short_text

# The numbers that each method takes; one that is not here may take any.
_OF_METHODS = {
    "sgd": ("momentum", "nesterov"),
    "adam": ("beta1", "beta2", "eps", "weight_decay"),
}
_OF_SCHEDULES = {
    "constant": (),
    "cosine": ("floor",),
    "step": ("step_size", "gamma"),
    "one_cycle": ("pct_start", "div_factor", "final_div_factor"),
    "warmup_cosine": ("warmup", "start_factor", "floor"),
}


class Optimizer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`method` names a file in task/optimizers/; numbers are torch.optim's of the same names.

    `weight_decay` is the decoupled one of AdamW; the other is a regularizer's.
    """

    name: str
    method: str = "sgd"
    momentum: Decay = 0.0
    nesterov: bool = False
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    eps: NonNegative = 1e-8
    weight_decay: NonNegative = 0.0

    def __post_init__(self) -> None:
        """Refuse a method without a file, and numbers that it does not take."""
        require_module("method", "method", self.method, module_names("tui_trainer.task.optimizers"))
        _require_own_numbers(self, _OF_METHODS)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: needs a momentum above 0")


class Schedule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`method` names a file in task/schedules/, which says by what the lr is multiplied at a step.

    The numbers are those of torch.optim.lr_scheduler, as factors of the lr and shares of the steps:
    `floor` is the lowest factor, `warmup` the share of steps up to the highest one. `steps` is over
    how many it goes, the run's where it is None; from there on the factor stays.
    """

    name: str
    method: str = "constant"
    steps: PositiveInt | None = None
    floor: Factor = 0.0
    step_size: PositiveInt | None = None
    gamma: Factor = 0.1
    warmup: Decay = 0.1
    start_factor: Factor = 0.01
    pct_start: Factor = 0.3
    div_factor: Divisor = 25.0
    final_div_factor: Divisor = 1e4

    def __post_init__(self) -> None:
        """Refuse a method without a file, and numbers that it does not take."""
        require_module("method", "method", self.method, module_names("tui_trainer.task.schedules"))
        _require_own_numbers(self, _OF_SCHEDULES)

    @property
    def moves(self) -> bool:
        """Whether it ever changes the lr."""
        return self.method != "constant"


def _require_own_numbers(
    settings: Optimizer | Schedule, methods: dict[str, tuple[str, ...]]
) -> None:
    """Refuse numbers that would have no effect.

    Raises:
        ValueError: one line that names the number, and those that the method takes.
    """
    own = methods.get(settings.method)
    for field in _fields(type(settings)):
        if own is None or field.name in ("name", "method", "steps", *own):
            continue
        if getattr(settings, field.name) != field.default:
            takes = ", ".join(own) or "no numbers"
            raise ValueError(f"{field.name}: not of {settings.method}, which takes {takes}")


# Each config asks, and msgspec reads the annotations anew each time.
_fields = functools.cache(msgspec.structs.fields)


def describe_optimizer(optimizer: Optimizer) -> str:
    """Describe an optimiser's numbers in words."""
    numbers: dict[str, Any] = {
        key: getattr(optimizer, key) for key in _OF_METHODS.get(optimizer.method, ())
    }
    nesterov = " (Nesterov)" if numbers.pop("nesterov", False) else ""
    words = [f"{key.replace('_', ' ')} {short_text(n)}" for key, n in numbers.items() if n]
    return f"{', '.join(words)}{nesterov}"
