"""An optimiser that the program does not ship: `torch.optim.SGD` with momentum 0.9."""

import torch

from tui_trainer.task.optimizers import add_scaled


class Momentum:
    def init(self, parameters):
        return [[torch.zeros_like(parameter) for parameter in parameters]]

    def update(self, parameters, gradients, slots, lr, step):
        (velocity,) = slots
        for speed, gradient in zip(velocity, gradients, strict=True):
            speed.mul_(0.9).add_(gradient)
        add_scaled(parameters, velocity, -lr)


def make(settings):
    return Momentum()
