"""The training loop a person would have written: ``textbook.py STEPS THREADS [DEVICE [WIDTH]]``.

Prints steps per second. The network of `kaiming`: 1-20-20-20-20-1 (or hidden layers of WIDTH), 200
points a split, plain SGD, validation after every step, a tqdm bar with both losses.
"""

import math
import sys
import time
from itertools import pairwise

import torch
from torch import Tensor, nn
from tqdm import tqdm


class Linear(nn.Module):
    """Kaiming weights, bias 0."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(inputs, outputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs)`` to ``(N, outputs)``."""
        return x @ self.weights + self.bias


def main(steps: int, threads: int, device: str = "cpu", width: str = "20") -> float:
    """Train, and return steps per second."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    train_x, val_x = torch.rand(200, 1) * 10 - 5, torch.rand(200, 1) * 10 - 5
    train_y = train_x**2 / 2 + torch.sin(5 * train_x) - 5
    val_y = val_x**2 / 2 + torch.sin(5 * val_x + math.pi) - 5
    data = [t.to(device) for t in (train_x, train_y, val_x, val_y)]
    model = make_model(int(width)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.003)
    for count in (100, steps):  # the first steps warm up
        began = time.perf_counter()
        train(model, optimizer, data, count)
    return steps / (time.perf_counter() - began)


def make_model(width: int) -> nn.Sequential:
    """Make four hidden layers of `width`."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([1, *[width] * 4, 1]):
        layers += [Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, data: list[Tensor], steps: int
) -> None:
    """Do `steps` steps."""
    train_x, train_y, val_x, val_y = data
    train_losses, val_losses = [], []
    progress = tqdm(range(steps), mininterval=0.1)
    for _ in progress:
        model.train()
        loss = ((model(train_x) - train_y) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.eval()
        with torch.no_grad():
            val_loss = ((model(val_x) - val_y) ** 2).mean()
        train_losses.append(loss.item())
        val_losses.append(val_loss.item())
        progress.set_postfix(train=train_losses[-1], val=val_losses[-1], refresh=False)


if __name__ == "__main__":
    steps, threads, *rest = sys.argv[1:]
    print(main(int(steps), int(threads), *rest))
