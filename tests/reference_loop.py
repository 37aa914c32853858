"""The specification as a textbook PyTorch loop, which shares no code with what it is held against.

It uses torch's global generator, `torch.optim.SGD`, `.item()` and train/eval modes, and reads its
settings from a `RunConfig`. Also here: configs of the built-in presets, whoever runs the tests.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from tui_trainer.config.presets import Presets, load_presets, make_config
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.stopping import Stopping
from tui_trainer.task.schedules import make_factor

torch.set_num_threads(1)  # as the trainer does: sums depend on how they are split


def _built_in() -> Presets:
    with patch("tui_trainer.config.presets.user_config_folder", return_value=Path("nowhere")):
        return load_presets()


PRESETS = _built_in()


def make(recipe: str, **settings: Any) -> RunConfig:
    """Make the config of a built-in recipe, at seed 100 and eager unless told otherwise."""
    return make_config(PRESETS, recipe, **{"seed": 100, "engine": "eager", **settings})


@dataclass
class Run:
    """What the loop found. `model` holds the last parameters, or the restored best ones."""

    model: nn.Sequential
    train: list[float] = field(default_factory=list)
    val: list[float] = field(default_factory=list)
    ended: str = "completed"
    best_step: int | None = None
    best_val: float = math.inf

    @property
    def steps(self) -> int:
        return len(self.train)

    @property
    def losses(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self.train, np.float32), np.array(self.val, np.float32)

    @property
    def parameters(self) -> list[Tensor]:
        return [p.detach().clone() for p in self.model.parameters()]


class Layer(nn.Module):
    def __init__(self, d: int, e: int, scheme: str) -> None:
        super().__init__()
        if scheme == "LinearZeros":
            weights, bias = torch.zeros(d, e), torch.zeros(e)
        elif scheme == "LinearTorch":
            torchs = nn.Linear(d, e)
            weights, bias = torchs.weight.detach().T.contiguous(), torchs.bias.detach()
        else:
            weights = torch.randn(d, e)
            bias = torch.randn(e) if scheme == "LinearNormal" else torch.zeros(e)
        if scheme == "LinearKaiming":
            weights = weights / math.sqrt(d)
        elif scheme == "LinearHe":
            weights = weights * math.sqrt(2 / d)
        elif scheme == "LinearXavier":
            weights = weights * math.sqrt(2 / (d + e))
        self.weights, self.bias = nn.Parameter(weights), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights + self.bias


class PlainDropout(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return x * (torch.rand_like(x) > self.rate).float()
        return x * (1 - self.rate)


def make_data(config: RunConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(config.data_seed)
    train_x = torch.rand(config.dataset.train_points, 1) * 10 - 5
    val_x = torch.rand(config.dataset.validation_points, 1) * 10 - 5
    train_y = train_x**2 / 2 + torch.sin(5 * train_x) - 5
    val_y = val_x**2 / 2 + torch.sin(5 * val_x + math.pi) - 5
    return train_x, train_y, val_x, val_y


ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}


def make_model(config: RunConfig) -> nn.Sequential:
    """Seed torch's global generator, which the dropout masks go on drawing from."""
    torch.manual_seed(config.seed)
    widths = [1, *config.architecture.hidden, 1]
    model = nn.Sequential()
    for number in range(len(widths) - 1):
        if number > 0:
            model.append(ACTIVATIONS[config.architecture.activation]())
        if config.regularizer.dropout is not None:
            model.append(PlainDropout(config.regularizer.dropout))
        model.append(Layer(widths[number], widths[number + 1], config.init.layer))
    return model


def mse(prediction: Tensor, labels: Tensor) -> Tensor:
    return ((prediction.flatten() - labels.flatten()) ** 2).mean()


def make_optimizer(config: RunConfig, parameters: list[Tensor]) -> torch.optim.Optimizer:
    chosen, decay = config.optimizer, config.regularizer.weight_decay
    if chosen.method == "sgd":
        numbers = {"momentum": chosen.momentum, "nesterov": chosen.nesterov}
        return torch.optim.SGD(parameters, lr=config.lr, weight_decay=decay, **numbers)
    numbers = {"betas": (chosen.beta1, chosen.beta2), "eps": chosen.eps}
    if chosen.weight_decay:
        return torch.optim.AdamW(
            parameters, lr=config.lr, weight_decay=chosen.weight_decay, **numbers
        )
    return torch.optim.Adam(parameters, lr=config.lr, weight_decay=decay, **numbers)


def decay_by_hand(config: RunConfig, parameters: list[Tensor]) -> None:
    """Add a regularizer's weight decay to the gradients where AdamW has another of its own."""
    if config.optimizer.weight_decay and config.regularizer.weight_decay:
        for parameter in parameters:
            parameter.grad.add_(parameter.detach(), alpha=config.regularizer.weight_decay)


def factor_of(config: RunConfig) -> Callable[[int], float]:
    """Return the program's own factors, counted from 0; `test_schedules` holds them to torch's."""
    factor = make_factor(config.schedule, config.steps)
    return lambda step: factor(step + 1)


def run(
    config: RunConfig,
    *,
    steps: int | None = None,
    lrs: Mapping[int, float] | None = None,
    judge: bool = True,
) -> Run:
    """Train; `lrs` changes the learning rate at steps, `judge=False` goes on past every stop."""
    regularizer = config.regularizer
    train_x, train_y, val_x, val_y = make_data(config)
    model = make_model(config)
    parameters = list(model.parameters())
    optimizer = make_optimizer(config, parameters)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor_of(config))
    found = Run(model)
    waiting = batches(train_x, train_y, config.batch_size)
    best_parameters = found.parameters
    measured: list[float] = []
    for step in range(1, (config.steps if steps is None else steps) + 1):
        if lrs and step in lrs:
            scheduler.base_lrs[0] = lrs[step]
            optimizer.param_groups[0]["lr"] = lrs[step] * scheduler.lr_lambdas[0](step - 1)
        model.train()
        x, y = next(waiting)
        loss = mse(model(x), y)
        objective = loss
        if regularizer.l1_weight:
            objective = loss + regularizer.l1_weight * sum(p.abs().mean() for p in parameters)
        objective.backward()
        decay_by_hand(config, parameters)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        if validated := step in (1, step // config.validate_every * config.validate_every):
            model.eval()
            with torch.no_grad():
                measured.append(mse(model(val_x), val_y).item())
        found.train.append(loss.item())
        found.val.append(measured[-1])
        if found.val[-1] < found.best_val:
            found.best_step, found.best_val = step, found.val[-1]
            best_parameters = found.parameters
        if not judge:
            continue
        if not (math.isfinite(found.train[-1]) and math.isfinite(found.val[-1])):
            found.ended = "diverged"
            break
        if stops(regularizer.stopping, found, measured if validated else None):
            found.ended = "early_stopping"
            if regularizer.stopping.restore_best:
                torch.nn.utils.vector_to_parameters(
                    torch.cat([best.flatten() for best in best_parameters]), parameters
                )
            break
    return found


def batches(x: Tensor, y: Tensor, size: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches for ever, each epoch in an order of its own."""
    while True:
        if size is None or size >= len(x):
            yield x, y
        else:
            for chosen in torch.randperm(len(x)).split(size):
                yield x[chosen], y[chosen]


def stops(stopping: Stopping | None, found: Run, measured: list[float] | None) -> bool:
    """Say whether a rule stops after a step; `measured` are the losses if it was validated."""
    if type(stopping).__name__ == "ProgressQuotient":  # looks at every step
        return fires(stopping, found.train, found.val)
    return stopping is not None and measured is not None and fires(stopping, [], measured)


def fires(stopping: Stopping, train: list[float], val: list[float]) -> bool:
    """Say whether a rule stops after the last of all losses so far."""
    match type(stopping).__name__:
        case "FirstIncrease":
            return len(val) > 1 and val[-1] > val[-2]
        case "PatientAverage":
            window = stopping.window
            return len(val) > window and val[-1] > sum(val[-window - 1 : -1]) / window
        case "Patience":
            best, since = math.inf, 0
            for loss in val:
                if loss < best - stopping.min_delta:
                    best, since = loss, 0
                else:
                    since += 1
            return since >= stopping.patience
        case "GeneralizationLoss":
            return generalization_loss(val) > stopping.alpha
        case "ProgressQuotient":
            strip = train[-stopping.strip :]
            if len(train) % stopping.strip or math.isnan(sum(strip)):
                return False
            progress = 1000 * (ratio(math.fsum(strip), len(strip) * min(strip)) - 1)
            return ratio(generalization_loss(val), progress) > stopping.alpha
    raise AssertionError(stopping)


def generalization_loss(val: list[float]) -> float:
    """Return Prechelt's GL: by how many % the last loss is above the lowest so far."""
    return 100 * (ratio(val[-1], min(loss for loss in [*val, math.inf] if loss == loss)) - 1)


def ratio(one: float, other: float) -> float:
    """Divide as IEEE does: by 0, too."""
    if other == 0:
        return math.inf if one > 0 else math.nan
    return math.nan if math.isinf(one) and math.isinf(other) else one / other
