"""Loops over mini-batches that a person would have written: ``minibatches.py KIND STEPS BATCH``.

Prints steps per second. The `loader` is torch's DataLoader over a TensorDataset; `index` draws a
permutation an epoch and selects rows by it. Both train the network of `textbook.py` on 10,000
points and validate on 2,000 after every epoch, on one thread.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from textbook import make_model
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

TRAIN_POINTS, VALIDATION_POINTS = 10_000, 2_000
Batches: TypeAlias = Iterator[tuple[Tensor, Tensor]]


def loader(x: Tensor, y: Tensor, size: int) -> Callable[[], Batches]:
    """Make torch's loader, which yields an epoch whenever it is iterated over."""
    batches = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True)
    return lambda: iter(batches)


def index(x: Tensor, y: Tensor, size: int) -> Callable[[], Batches]:
    """Select rows by hand."""

    def epoch() -> Batches:
        for chosen in torch.randperm(len(x)).split(size):
            yield x[chosen], y[chosen]

    return epoch


def main(kind: str, steps: int, size: int) -> float:
    """Train, and return steps per second."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train_x = torch.rand(TRAIN_POINTS, 1) * 10 - 5
    val_x = torch.rand(VALIDATION_POINTS, 1) * 10 - 5
    train_y = train_x**2 / 2 + torch.sin(5 * train_x) - 5
    val_y = val_x**2 / 2 + torch.sin(5 * val_x + math.pi) - 5
    model = make_model(20)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0003)
    epoch = {"loader": loader, "index": index}[kind](train_x, train_y, size)
    losses, val_losses = [], []
    began = time.perf_counter()
    while len(losses) < steps:
        model.train()
        for x, y in epoch():
            loss = ((model(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            val_losses.append(((model(val_x) - val_y) ** 2).mean().item())
    return len(losses) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
