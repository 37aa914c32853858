"""Why a network can't learn, and where it broke.

Nothing here changes the network or draws a number, except `find_bad_tensor`, which repeats steps.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from tui_trainer.models import mlp
from tui_trainer.task.network import layers_of, trainable_parameters
from tui_trainer.task.penalties import Penalties
from tui_trainer.task.task import Task
from tui_trainer.training.engines.engine import Engine, Snapshot
from tui_trainer.training.events import NotLearning

_TRIED_STEPS, _TRIED_LR = 3, 1e-4
_MOST_POINTS = 10_000


def find_dead_layers(model: nn.Module, task: Task) -> NotLearning | None:
    """Find the layers none of whose parameters gets a gradient of the loss.

    Returns None where every layer gets some, and where none does (a perfect fit has none either).
    A layer may get its first one only after some steps, below one that starts at zero: those count
    that get none after these either.
    """
    layers = layers_of(model)
    dead = _without_gradient(model, task)
    if dead:
        dead = [number for number in dead if number in _without_gradient_later(model, task)]
    if not dead or len(dead) == len(layers):
        return None
    weights = [p for layer in layers for p in layer.parameters() if p.dim() > 1]
    all_zero = not any(bool(w.any()) for w in weights)
    return NotLearning(dead[0], dead[-1], _cause(model, dead[-1], all_zero=all_zero))


def _cause(model: nn.Module, layer: int, *, all_zero: bool) -> str:
    """Say what keeps gradients from the layers up to `layer`."""
    kinds = {type(module) for module in model.modules()}
    smooth = [name for name, kind in mlp.ACTIVATIONS.items() if kind in kinds and name != "relu"]
    if all_zero:
        return "all weights are zero" + (f", and {smooth[0]}(0) is 0" if smooth else "")
    return f"every unit of layer {layer} is {'saturated' if nn.Tanh in kinds else 'off'}"


def _without_gradient(model: nn.Module, task: Task) -> list[int]:
    """Number the layers none of whose parameters gets a gradient."""
    gradients = _gradients(model, task)
    return [n for n, gs in enumerate(gradients, 1) if not any(bool(g.any()) for g in gs)]


def _without_gradient_later(model: nn.Module, task: Task) -> list[int]:
    """Number those after some small steps, which are undone."""
    trained: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in trained]
    plain = replace(task, penalties=Penalties())
    with Evaluating(model):
        for _ in range(_TRIED_STEPS):
            _, gradients = plain.gradients(model, trained)
            with torch.no_grad():
                torch._foreach_add_(trained, gradients, alpha=-_TRIED_LR)
    dead = _without_gradient(model, task)
    with torch.no_grad():
        torch._foreach_copy_(trained, before)
    return dead


def first_bad_parameter(model: nn.Module) -> str | None:
    """Name the first tensor, from input to output, that holds a non-finite number."""
    for number, layer in enumerate(layers_of(model), 1):
        for name, parameter in layer.named_parameters(recurse=False):
            if not bool(parameter.isfinite().all()):
                return f"{layer_label(model, number)} {name}"
    return None


def first_bad_output(model: nn.Module, x: Tensor) -> str | None:
    """Name the first layer whose output for `x` holds a non-finite number."""
    bad: list[int] = []

    def watch(number: int) -> torch.utils.hooks.RemovableHandle:
        def look(_module: nn.Module, _inputs: object, output: object) -> None:
            tensors = output if isinstance(output, tuple | list) else [output]
            if any(isinstance(t, Tensor) and not bool(t.isfinite().all()) for t in tensors):
                bad.append(number)

        return layers[number - 1].register_forward_hook(look)

    layers = layers_of(model)
    handles = [watch(number) for number in range(1, len(layers) + 1)]
    try:
        with torch.no_grad(), Evaluating(model):
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return f"{layer_label(model, bad[0])} output" if bad else None


def layer_label(model: nn.Module, number: int) -> str:
    """Name a layer by its number in a row of layers, by its name in somebody's own network."""
    layer = layers_of(model)[number - 1]
    name = next(name for name, module in model.named_modules() if module is layer)
    return f"layer {number}" if type(model) is nn.Sequential else name or "network"


def _gradients(model: nn.Module, task: Task) -> list[list[Tensor]]:
    """Return each layer's gradients of the training loss alone, in evaluation mode.

    Those of many points' loss take a while, and memory: that of the `first_points` will do.
    """
    own = [trainable_parameters(layer) for layer in layers_of(model)]
    with Evaluating(model):
        plain = replace(task, penalties=Penalties())
        _, gradients = plain.gradients(
            model, [p for ps in own for p in ps], first_points(task.data.train_x)
        )
    flat = iter(gradients)
    return [[next(flat) for _ in parameters] for parameters in own]


def first_points(x: Tensor) -> Tensor | None:
    """Return which of many points are looked at, int64; None for all of them."""
    return torch.arange(_MOST_POINTS, device=x.device) if len(x) > _MOST_POINTS else None


def find_bad_tensor(engine: Engine, start: Snapshot, steps: int) -> str:
    """Repeat `steps` steps from `start` one by one, and name the first tensor that broke."""
    state, data = engine.state, engine.state.task.data
    state.restore(start)
    bad = first_bad_parameter(state.model)
    for _ in range(steps):
        bad = bad or first_bad_output(state.model, data.train_x)
        overflow = _overflow(state.model, data.train_x)  # a loss is that before its update
        train, _ = engine.advance(1)
        if not math.isfinite(train[0]):
            bad = bad or overflow
        bad = bad or first_bad_parameter(state.model)
    bad = bad or first_bad_output(state.model, data.val_x)
    return bad or _overflow(state.model, data.val_x)


def layer_norms(model: nn.Module, task: Task) -> tuple[list[float], list[float]]:
    """Return the norm of each layer's weights and biases, and that of their gradient.

    The gradient is that of the training loss alone, in evaluation mode.
    """
    own = [trainable_parameters(layer) for layer in layers_of(model)]
    return [_norm(tensors) for tensors in own], [_norm(gs) for gs in _gradients(model, task)]


def _norm(tensors: Sequence[Tensor]) -> float:
    parts = [tensor.detach().double().norm() for tensor in tensors]
    return float(torch.stack(parts).norm()) if parts else 0.0


def _overflow(model: nn.Module, x: Tensor) -> str:
    """Say why a loss is not finite though all outputs are: their squares overflow."""
    with torch.no_grad(), Evaluating(model):
        largest = float(model(x).abs().max())
    return f"the squared error, of predictions up to {largest:.1e}"


class Evaluating:
    """Puts a network into evaluation mode, in which dropout draws nothing, and back."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._modes = {module: module.training for module in model.modules()}

    def __enter__(self) -> None:
        self._model.eval()

    def __exit__(self, *_: object) -> None:
        for module, training in self._modes.items():
            module.training = training
