"""Networks of anybody's as a batch: through `torch.func` one call of their code does them all.

What code does with a network need not be what it does with many: `why_not_vmapped` tries it. Then a
network of a batch has the same bits in whatever company, as one by one.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.utils._python_dispatch import TorchDispatchMode

from tui_trainer import models
from tui_trainer.task.data import Data
from tui_trainer.task.loss import mse_loss
from tui_trainer.task.network import has_modes
from tui_trainer.task.optimizers import Optimizer
from tui_trainer.task.penalties import StackedPenalties
from tui_trainer.task.schedules import constant
from tui_trainer.task.task import Task
from tui_trainer.training.engines.engine import TrainingState, first_line
from tui_trainer.training.engines.stack import Stack

# Parameters × points of a step; a larger network fills a core by itself.
_MOST_WORK = 10_000_000
_TRIED_SIZES = (2, 3, 5, 17)
_TRIED_STEPS, _TRIED_LR = 6, 1e-3
_TOLERANCE = 1e-4
# Numbers of which vectors of any processor take whole ones.
_LANES = 32
# What gives a number the same bits wherever it lies in a tensor; the last ones work row by row.
_EXACT = frozenset({
    "abs", "add", "addmm", "baddbmm", "bmm", "cat", "clamp", "clone", "copy_", "detach", "div",
    "eq", "expand", "fill_", "full_like", "ge", "gt", "le", "leaky_relu",
    "leaky_relu_backward", "lt", "maximum", "mean", "minimum", "mm", "mul", "neg", "new_zeros",
    "ones_like", "permute", "pow", "relu", "scalar_tensor", "select", "select_backward",
    "sign", "slice", "slice_backward", "split", "sqrt", "squeeze", "stack", "sub", "sum", "t",
    "threshold_backward", "transpose", "unsqueeze", "view", "where", "zeros", "zeros_like",
    "_unsafe_view", "_reshape_alias", "native_layer_norm", "native_layer_norm_backward",
    "_softmax", "_softmax_backward_data",
})  # fmt: skip


def padding(parameters: int) -> int:
    """Return how many zeros follow a network's parameters in a stack: rows are whole vectors."""
    return -parameters % _LANES


class VmappedSteps:
    """Does steps of stacks of networks on the same data, as `BatchedSteps` does.

    Stacks are padded: see `padding`. `network` is the code that all of them have in common. Not for
    two threads at once.
    """

    def __init__(self, network: nn.Module, data: Data, optimizer: Optimizer) -> None:
        self._network = copy.deepcopy(network)  # a call puts a stack's parameters in it
        self._has_modes = has_modes(network)
        self._data = data
        self._optimizer = optimizer
        shapes = {name: p.shape for name, p in network.named_parameters()}
        self._shapes = shapes
        counts = [shape.numel() for shape in shapes.values()]
        self._counts = (*counts, padding(sum(counts)))
        sizes = [data.train_x.new_full((n,), max(n, 1)) for n in self._counts]
        self._tensor_sizes = torch.cat(sizes)
        in_dims = (0, None, None)
        self._gradients = vmap(grad_and_value(self._loss), in_dims=in_dims)
        self._losses = vmap(self._loss, in_dims=in_dims)

    @torch.no_grad()
    def advance(
        self, stack: Stack, streams: Mapping[int, Generator], steps: int, done: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Do `steps` steps; return train and validation losses, each of shape (steps, M).

        `done` of them came before. The stack's parameters change in place.
        """
        if len(stack) == 1:  # whose products would be summed in another order
            twins = stack.rows([0, 0])
            losses = self.advance(twins, streams, steps, done)
            stack.copy_from(twins.part(0, 1))
            return losses[0][:, :1], losses[1][:, :1]
        data, flat = self._data, stack.parameters
        penalties = StackedPenalties(stack.l1_weight, stack.weight_decay, self._tensor_sizes)
        lrs = stack.lrs(range(done + 1, done + steps + 1))
        train, val = list[Tensor](), list[Tensor]()
        for step, lr in enumerate(lrs, done + 1):
            self._set_mode(training=True)
            gradients, losses = self._gradients(self._views(flat), data.train_x, data.train_y)
            parts = [gradients[name].flatten(1) for name in self._shapes]
            gradient = torch.cat([*parts, flat.new_zeros(len(flat), self._counts[-1])], 1)
            penalties.add_gradient(gradient, flat)
            self._optimizer.update([flat], [gradient], stack.slots, lr, step)
            train.append(losses)
            self._set_mode(training=False)
            val.append(self._losses(self._views(flat), data.val_x, data.val_y))
        return torch.stack(train), torch.stack(val)

    @torch.no_grad()
    def predict(self, stack: Stack, x: Tensor) -> Tensor:
        """Return what the networks make of `x` of shape (N, features) in evaluation: (M, N)."""
        self._set_mode(training=False)
        call = vmap(
            lambda parameters, x: functional_call(self._network, parameters, (x,)), (0, None)
        )
        made: Tensor = call(self._views(stack.parameters), x)
        return made[..., 0]

    def _loss(self, parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return mse_loss(functional_call(self._network, parameters, (x,)), y)

    def _views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return the parameters (M, …) by name; copies, since strides decide about bits."""
        parts = torch.split(flat, list(self._counts), 1)
        return {
            name: part.contiguous().view(len(flat), *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=False)
        }

    def _set_mode(self, *, training: bool) -> None:
        if self._has_modes:
            self._network.train(training)


def why_not_vmapped(state: TrainingState, largest: int) -> str:
    """Say why networks like a state's can't train as batches of up to `largest`; "" if they can."""
    network, task, data = state.model, state.task, state.task.data
    if state.draws_globally or any(isinstance(m, models.Dropout) for m in network.modules()):
        return "it draws random numbers"
    if any(True for _ in network.buffers()):
        return "it has buffers"
    if not all(p.requires_grad for p in network.parameters()):
        return "it has frozen parameters"
    on_cpu = data.train_x.device.type == "cpu"
    work = sum(p.numel() for p in network.parameters())
    if on_cpu and work * (2 * len(data.train_x) + len(data.val_x)) > _MOST_WORK:
        return "it is too large to gain from a batch"
    try:
        if on_cpu and (operation := _inexact(network, task)):
            return f"the bits of {operation} would depend on a candidate's neighbours"
        return _try(network, task, (*_TRIED_SIZES, largest) if on_cpu else (2,))
    except Exception as error:  # of code that was written for one network
        words = first_line(error)
        if ".item()" in words:
            return "its code asks for the values of tensors"
        return f"torch.func can't batch it ({type(error).__name__}: {words[:100]})"


def step_bytes(state: TrainingState) -> int:
    """Return about how much one network writes in a step: what its pass keeps, and gradients."""
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        sizes[tensor.data_ptr()] = tensor.nbytes
        return tensor

    state.model.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        state.model(state.task.data.train_x)
    return 2 * max(1, sum(sizes.values()))


def _try(network: nn.Module, task: Task, sizes: Sequence[int]) -> str:
    """Train batches of one network's copies, which have to stay copies whatever their number."""
    steps = VmappedSteps(network, task.data, task.optimizer)
    parts = [p.detach().reshape(1, -1) for p in network.parameters()]
    flat = torch.cat(parts, 1)
    flat = nn.functional.pad(flat, (0, padding(flat.shape[1])))
    expected: tuple[Tensor, ...] = ()
    for size in sizes:
        stack = _copies(flat, task.optimizer, size)
        train, val = steps.advance(stack, {}, _TRIED_STEPS)
        found = stack.parameters, train.mT, val.mT
        expected = expected or tuple(tensor[:1] for tensor in found)
        if not all(_same(a, b) for a, b in zip(found, expected, strict=True)):
            return "its bits would depend on a candidate's neighbours"
    loss, _ = task.gradients(network, list(network.parameters()))
    own = float(loss)
    together = float(expected[1][0, 0])
    if math.isfinite(own) and abs(own - together) > _TOLERANCE * abs(own):
        return f"in a batch its loss is {together:.6g}, by itself {own:.6g}"
    return ""


def _same(rows: Tensor, first: Tensor) -> bool:
    return bool(((rows == first) | (rows.isnan() & first.isnan())).all())


def _copies(flat: Tensor, optimizer: Optimizer, count: int) -> Stack:
    parameters = flat.repeat(count, 1)

    def column(value: float) -> Tensor:
        return flat.new_full((count, 1), value)

    none = column(0.0)
    rows = (0,) * count
    slots = optimizer.init([parameters])
    return Stack(parameters, slots, column(_TRIED_LR), none, none, none, rows, (constant,) * count)


def _inexact(network: nn.Module, task: Task) -> str:
    """Name an operation whose results depend on where in a vector they lie; "" if there is none.

    Those of exponentials and their like do in the last numbers of a tensor, unless all tensors fill
    whole vectors.
    """
    seen = _Watching()  # type: ignore[no-untyped-call]
    with seen:
        network.train()
        task.gradients(network, list(network.parameters()))
        network.eval()
        task.validation_loss(network)
    found: str = seen.found
    return found


class _Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    found = ""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        tensors = made if isinstance(made, tuple | list) else (made,)
        odd = any(isinstance(t, Tensor) and t.numel() % _LANES for t in tensors)
        if odd and name.removesuffix("_") not in _EXACT and name not in _EXACT:
            self.found = self.found or name
        return made
