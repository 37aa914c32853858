"""The mini-batches and the validations of a script in plain PyTorch."""

from collections.abc import Iterator

from tui_trainer.config.settings import RunConfig

_BATCHES = '''\
def draw_batches() -> Iterator[Tensor]:
    """Yield which points each step takes; an epoch takes each once, in an order of its own."""
    while True:
        yield from torch.randperm(TRAIN_POINTS).split(BATCH_SIZE)
'''
_FORWARD = """\
        model.train()
        loss = mse(model(train_x), train_y)"""
_FORWARD_BATCH = """\
        model.train()
        chosen = next(batches)
        loss = mse(model(train_x[chosen]), train_y[chosen])"""
_VALIDATE = """\
        model.eval()
        with torch.no_grad():
            val_loss = mse(model(val_x), val_y)"""
_VALIDATE_SOME = """\
        validates = step == 1 or step % VALIDATE_EVERY == 0
        if validates:
            model.eval()
            with torch.no_grad():
                val_loss = mse(model(val_x), val_y)
            measured.append(val_loss.item())"""
_FINAL = """\
    with torch.no_grad():
        final_loss = mse(model(val_x), val_y).item()"""
_FINAL_MEASURED = """\
    final_loss = {restored}val_losses[-1]  # the last that was measured"""


def batch_imports(config: RunConfig) -> str:
    """Write what batches take from the standard library."""
    return "from collections.abc import Iterator\n" if config.steps_per_epoch > 1 else ""


def batch_constants(config: RunConfig) -> Iterator[str]:
    """Write the sizes, where they are not 1 step an epoch and a validation."""
    if config.steps_per_epoch > 1:
        yield f"BATCH_SIZE = {config.batch_size}"
    if config.validate_every > 1:
        yield f"VALIDATE_EVERY = {config.validate_every}"


def batch_texts(config: RunConfig) -> list[str]:
    """Write what draws the batches, if there are any."""
    return [_BATCHES] if config.steps_per_epoch > 1 else []


def lines_before(config: RunConfig) -> Iterator[str]:
    """Make what the loop needs."""
    if config.steps_per_epoch > 1:
        yield "    batches = draw_batches()"
    if config.validate_every > 1:
        yield "    measured: list[float] = []"


def forward_lines(config: RunConfig) -> str:
    """Write the forward pass over the whole split or a batch."""
    return _FORWARD_BATCH if config.steps_per_epoch > 1 else _FORWARD


def validation_lines(config: RunConfig) -> str:
    """Write the validation, after every step or some."""
    return _VALIDATE_SOME if config.validate_every > 1 else _VALIDATE


def final_lines(config: RunConfig) -> str:
    """Write the loss that the script ends with: that of the run."""
    if config.validate_every == 1:
        return _FINAL
    stopping = config.regularizer.stopping
    restores = stopping is not None and stopping.restore_best
    return _FINAL_MEASURED.format(
        restored='best_loss if "restored" in ending else ' if restores else ""
    )
