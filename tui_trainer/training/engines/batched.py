"""Many networks of one shape as one: a step of all of them is one product a layer.

The networks differ along a leading axis: parameters lie in one tensor of shape (M, P), of which a
layer's weights (M, d, e) and biases (M, e) are views. Points run along the last axis, so that a
layer is ``baddbmm`` of (M, e, d) and (M, d, N) with long rows; gradients are written out.
No operation mixes two networks: what is not finite in one stays there.

The validation loss of a step and the training loss of the next are of the same parameters, so one
pass over both splits gives both.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

import torch
from torch import Generator, Tensor

from tui_trainer.task.data import Data
from tui_trainer.task.loss import stacked_mse, stacked_mse_gradient
from tui_trainer.task.optimizers import Optimizer
from tui_trainer.task.penalties import StackedPenalties
from tui_trainer.training.engines.activations import BY_HAND, keeps_sums
from tui_trainer.training.engines.layers import Layer
from tui_trainer.training.engines.stack import Stack

# Enters a context whose work may be done beside what follows it.
Aside: TypeAlias = Callable[[], AbstractContextManager[None]]


class BatchedSteps:
    """Does steps of stacks of networks on the same data. Not for two threads at once.

    `advance` does whole steps. What it is made of is there for others to arrange: `prepare`, then
    `forward`, and for each step `backward`, `update` and `forward`, with the losses in between.
    """

    def __init__(self, layers: Sequence[Layer], data: Data, optimizer: Optimizer) -> None:
        self._layers = layers
        self._optimizer = optimizer
        self.train_points = len(data.train_x)
        # Features, then points: (1, features, N) and (1, 1, N). A copy, since the strides of a
        # transposed row decide how a product is computed.
        x = torch.cat([data.train_x, data.val_x]).mT[None]
        self._x = x.clone(memory_format=torch.contiguous_format)
        self._y = torch.cat([data.train_y, data.val_y]).reshape(1, 1, -1)
        self._points = self._y.shape[-1]
        sizes = [n for layer in layers for n in (layer.inputs * layer.outputs, layer.outputs)]
        self._tensor_sizes = torch.cat([self._x.new_full((size,), size) for size in sizes])
        self._dropped = [layer.inputs for layer in layers if layer.dropout]
        self._room = 0

    @property
    def draws(self) -> int:
        """How many random numbers a step of one network takes."""
        return self.train_points * sum(self._dropped)

    @torch.no_grad()
    def advance(
        self, stack: Stack, streams: Mapping[int, Generator], steps: int, done: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Do `steps` steps; return train and validation losses, each of shape (steps, M).

        `done` of them came before. The stack's parameters change in place, and the streams move on.
        """
        if len(stack) == 1:
            return self._advance_one(stack, streams, steps, done)
        self.prepare(stack)
        train, val = [], []
        self.forward(stack, self._draw(stack, streams), last=self.train_points)
        lrs = stack.lrs(range(done + 1, done + steps + 1))
        for step, lr in enumerate(lrs, 1):
            train.append(self.train_loss())
            self.backward()
            self.update(stack, lr, done + step)
            if step < steps:
                self.forward(stack, self._draw(stack, streams))
            else:
                self.forward(stack, None, self.train_points)
            val.append(self.val_loss())
        return torch.stack(train), torch.stack(val)

    def _advance_one(
        self, stack: Stack, streams: Mapping[int, Generator], steps: int, done: int
    ) -> tuple[Tensor, Tensor]:
        """Do a single network's steps as those of twins: on the CPU it has the bits of any batch.

        For a single network `bmm` is implemented differently, and sums in another order. On a GPU
        cuBLAS does so from one batch size to the next, and bits depend on it.
        """
        twins = stack.rows([0, 0])
        train, val = self.advance(twins, streams, steps, done)
        stack.copy_from(twins.part(0, 1))
        return train[:, :1], val[:, :1]

    @torch.no_grad()
    def predict(self, stack: Stack, x: Tensor) -> Tensor:
        """Return what the networks make of `x` of shape (N, features) in evaluation: (M, N)."""
        hidden = x.mT.expand(len(stack), -1, -1)
        for layer, (weights, bias) in zip(self._layers, self._views(stack.parameters), strict=True):
            if layer.dropout:
                hidden = hidden * (1 - stack.dropout[:, :, None])
            hidden = torch.baddbmm(bias[:, :, None], weights.mT, hidden)
            if layer.activation:
                BY_HAND[layer.activation].apply(hidden, hidden)
        return hidden[:, 0]

    def prepare(self, stack: Stack) -> None:
        """Get ready for the steps of a stack, whose tensors then have to stay the same ones."""
        self._make_room(len(stack))
        self._parameters = self._views(stack.parameters)
        self._penalties = StackedPenalties(stack.l1_weight, stack.weight_decay, self._tensor_sizes)
        self._streams = {name: row for row, name in enumerate(dict.fromkeys(stack.streams))}
        rows = [self._streams[name] for name in stack.streams]
        self._stream_rows = torch.tensor(rows, device=self._x.device)

    def _make_room(self, count: int) -> None:
        """Have tensors for `count` networks: new ones at every step would cost half the speed."""
        if count == self._room:
            return
        self._room, like = count, self._x
        points = self._points

        def make(*shape: int) -> Tensor:
            return like.new_empty(count, *shape)

        self._outputs = [make(layer.outputs, points) for layer in self._layers]
        self._sums = [
            make(layer.outputs, points) if keeps_sums(layer) else output
            for layer, output in zip(self._layers, self._outputs, strict=True)
        ]
        self._kept: dict[int, Tensor] = {}  # the masks of training points, by layer
        self._deltas = [make(layer.outputs, self.train_points) for layer in self._layers]
        self._gradient = make(sum(layer.size for layer in self._layers))
        self._gradients = self._views(self._gradient)
        self._products = [make(layer.inputs, layer.outputs) for layer in self._layers]
        self._error = make(1, points)
        self._masked = [
            make(layer.inputs, points) if layer.dropout else None for layer in self._layers
        ]

    def _views(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's weights (M, d, e) and biases (M, e) as views of (M, P)."""
        views, start = [], 0
        for layer in self._layers:
            middle, stop = start + layer.inputs * layer.outputs, start + layer.size
            weights = flat[:, start:middle].view(-1, layer.inputs, layer.outputs)
            views.append((weights, flat[:, middle:stop]))
            start = stop
        return views

    def forward(
        self, stack: Stack, draws: Tensor | None, first: int = 0, last: int | None = None
    ) -> None:
        """Leave outputs and errors of the points `first` to `last`, training points first.

        With dropout, training points need `draws` of shape (M, `self.draws`).
        """
        last = self._points if last is None else last
        inputs = self._x[:, :, first:last].expand(len(stack), -1, -1)
        masks = iter(self._masks(stack, draws) if draws is not None else ())
        for number, (weights, bias) in enumerate(self._parameters):
            layer = self._layers[number]
            if layer.dropout:
                inputs = self._drop(number, inputs, stack, next(masks, None), first, last)
            sums = self._sums[number][:, :, first:last]
            if layer.inputs == 1:
                torch.addcmul(bias[:, :, None], weights.mT, inputs, out=sums)
            else:
                torch.baddbmm(bias[:, :, None], weights.mT, inputs, out=sums)
            inputs = self._outputs[number][:, :, first:last]
            if layer.activation:
                BY_HAND[layer.activation].apply(sums, inputs)
        torch.sub(inputs, self._y[:, :, first:last], out=self._error[:, :, first:last])

    def train_loss(self) -> Tensor:
        """Return the training losses (M,) of the last forward pass."""
        return stacked_mse(self._error[:, :, : self.train_points])

    def val_loss(self) -> Tensor:
        """Return the validation losses (M,) of the last forward pass."""
        return stacked_mse(self._error[:, :, self.train_points :])

    def _draw(self, stack: Stack, streams: Mapping[int, Generator]) -> Tensor | None:
        """Draw a step's random numbers, (M, draws), each stream once, and send them as they are."""
        if not self._dropped:
            return None
        drawn = torch.stack(
            [torch.rand(self.draws, generator=streams[name]) for name in self._streams]
        ).to(self._x.device)
        return drawn.expand(len(stack), -1) if len(drawn) == 1 else drawn[self._stream_rows]

    def _masks(self, stack: Stack, draws: Tensor) -> list[Tensor]:
        """Make masks, each (M, d, N), in the order and shapes of the eager engine's."""
        rate = stack.dropout[:, :, None]
        parts = torch.split(draws, [self.train_points * inputs for inputs in self._dropped], 1)
        return [
            (part.reshape(-1, self.train_points, inputs).mT > rate).to(self._x.dtype)
            for part, inputs in zip(parts, self._dropped, strict=True)
        ]

    def _drop(
        self,
        number: int,
        inputs: Tensor,
        stack: Stack,
        mask: Tensor | None,
        first: int,
        last: int,
    ) -> Tensor:
        """Mask the inputs of training points, scale those of validation points."""
        room = self._masked[number]
        assert room is not None
        dropped = room[:, :, first:last]
        trained = max(0, self.train_points - first)
        if mask is not None:
            self._kept[number] = mask
            torch.mul(inputs[:, :, :trained], mask, out=dropped[:, :, :trained])
        kept = 1 - stack.dropout[:, :, None]
        torch.mul(inputs[:, :, trained:], kept, out=dropped[:, :, trained:])
        return dropped

    def backward(self, aside: Aside = nullcontext) -> None:
        """Leave the gradient of the training loss, without penalties.

        What the layers below don't wait for is done within `aside`.
        """
        train = slice(0, self.train_points)
        delta = self._deltas[-1]
        stacked_mse_gradient(self._error[:, :, train], out=delta)
        for number in range(len(self._layers) - 1, -1, -1):
            inputs = self._inputs(number)[:, :, train]
            with aside():
                for_weights, for_bias = self._gradients[number]
                product = self._products[number]
                torch.bmm(inputs, delta.mT, out=product)
                for_weights.copy_(product)
                torch.sum(delta, 2, out=for_bias)
            if number:
                below = self._deltas[number - 1]
                torch.bmm(self._parameters[number][0], delta, out=below)
                self._go_back(number, below, inputs)
                delta = below

    def _go_back(self, number: int, delta: Tensor, inputs: Tensor) -> None:
        """Turn the gradient of a layer's inputs into that of the sums of the layer below."""
        activation = self._layers[number - 1].activation
        sums = self._sums[number - 1][:, :, : self.train_points]
        if activation == "relu":
            sums = inputs  # a masked one is 0 as well, and lets no gradient through either
        elif (mask := self._kept.get(number)) is not None:
            delta.mul_(mask)
        BY_HAND[activation].go_back(delta, sums)

    def update(self, stack: Stack, lr: Tensor, step: int | Tensor) -> None:
        """Add the penalties to the gradient, and change the stack by it; see `Optimizer.update`."""
        self._penalties.add_gradient(self._gradient, stack.parameters)
        self._optimizer.update([stack.parameters], [self._gradient], stack.slots, lr, step)

    def _inputs(self, number: int) -> Tensor:
        """Return what went into a layer, after its dropout."""
        if (masked := self._masked[number]) is not None:
            return masked
        if number == 0:
            return self._x.expand(self._room, -1, -1)
        return self._outputs[number - 1]
