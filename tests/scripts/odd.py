"""Loops that are not the plain one. Prints the step and the loss that each update minimises."""

import torch

torch.manual_seed(0)
x, y = torch.randn(16, 3), torch.randn(16, 1)
step = 0


def note(loss):
    global step
    step += 1
    print(f"step {step} loss {loss.detach().item():.9g}")


def mse(model):
    return (model(x) - y).pow(2).mean()


class Twice(torch.optim.Optimizer):
    """One that another one does the work for."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.05})
        self.inner = torch.optim.SGD(self.param_groups, lr=0.05)

    def step(self, closure=None):
        self.inner.step()
        self.inner.step()


def scaled():
    model = torch.nn.Linear(3, 1)
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.05), torch.amp.GradScaler("cpu")
    for number in range(3):
        optimizer.zero_grad()
        loss = mse(model)
        scaler.scale(loss).backward()
        if number == 1:  # an overflow: the scaler leaves out this step
            model.weight.grad[0, 0] = float("inf")
        scaler.step(optimizer)
        scaler.update()
        if number != 1:
            note(loss)


def with_closure():
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = mse(model)
        loss.backward()
        return loss

    for _ in range(2):
        note(optimizer.step(closure))


def nested():
    model = torch.nn.Linear(3, 1)
    optimizer = Twice(model.parameters())
    for number in range(2):
        if number:
            mse(model).backward()  # gradients that are thrown away
            torch.autograd.backward([model(x)], [torch.ones(16, 1)])
        optimizer.zero_grad()
        loss = mse(model)
        torch.autograd.backward(tensors=loss)
        optimizer.step()
        note(loss)


def on_the_cpu_again():
    checkpoint = torch.utils.checkpoint.checkpoint
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1))
    optimizer = torch.optim.AdamW(model.parameters())
    inputs = x.clone().requires_grad_()
    for _ in range(2):
        optimizer.zero_grad()
        loss = (checkpoint(model, inputs, use_reentrant=True) - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        note(loss)


if __name__ == "__main__":
    for loop in (scaled, with_closure, nested, on_the_cpu_again):
        loop()
