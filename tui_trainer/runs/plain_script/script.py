"""A run as a script in plain PyTorch that needs nothing of this program.

It is the textbook loop, without what the config does not use.
"""

from collections.abc import Iterable, Iterator, Mapping

from tui_trainer.config.settings import Dataset
from tui_trainer.formatting import printable
from tui_trainer.runs.export import Repeatable
from tui_trainer.runs.plain_script.batches import (
    batch_constants,
    batch_imports,
    batch_texts,
    final_lines,
    forward_lines,
    lines_before,
    validation_lines,
)
from tui_trainer.runs.plain_script.data import (
    MADE,
    data_constants,
    data_imports,
    file_text,
    in_own_units,
)
from tui_trainer.runs.plain_script.optimization import (
    OPTIMIZER_METHODS,
    SCHEDULE_METHODS,
    gradient_lines,
    lr_lines,
    optimizer_text,
    schedule_constants,
    schedule_texts,
)
from tui_trainer.runs.plain_script.rules import judged, rule_constants, rule_texts
from tui_trainer.task.shape import layer_widths

# By the names in a config: a network, an init's `layer`.
_NETWORKS = {
    "mlp": '''\
def make_model() -> nn.Sequential:
    """Linear layers with {activation} between them; draws from the first layer to the last."""
    torch.manual_seed(SEED)
    model = nn.Sequential()
    for inputs, outputs in itertools.pairwise(WIDTHS):
        if len(model) > 0:
            model.append(nn.{activation}())
{dropout}        model.append(Layer(inputs, outputs))
    return model
''',
}
_INITS = {  # weights and bias
    "LinearZeros": ("torch.zeros(inputs, outputs)", "torch.zeros(outputs)"),
    "LinearNormal": ("torch.randn(inputs, outputs)", "torch.randn(outputs)"),
    "LinearKaiming": (
        "torch.randn(inputs, outputs) / math.sqrt(inputs)", "torch.zeros(outputs)",
    ),
    "LinearHe": (
        "torch.randn(inputs, outputs) * math.sqrt(2 / inputs)", "torch.zeros(outputs)",
    ),
    "LinearXavier": (
        "torch.randn(inputs, outputs) * math.sqrt(2 / (inputs + outputs))",
        "torch.zeros(outputs)",
    ),
    "LinearTorch": (
        "nn.init.kaiming_uniform_(torch.empty(outputs, inputs), a=math.sqrt(5)).T.contiguous()",
        "torch.empty(outputs).uniform_(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs))",
    ),
}  # fmt: skip

_ACTIVATIONS = {"relu": "ReLU", "tanh": "Tanh", "gelu": "GELU", "silu": "SiLU"}
_LAYER = """\
class Layer(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weights = nn.Parameter({weights})
        self.bias = nn.Parameter({bias})

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights + self.bias
"""
_DROPOUT = '''\
class Dropout(nn.Module):
    """Zeroes inputs in training and scales them in evaluation, unlike torch.nn.Dropout."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x * (1 - DROPOUT)
        draws = torch.rand(x.shape).to(x.device)  # on the CPU whatever the device is
        return x * (draws > DROPOUT).float()
'''
_MSE = """\
def mse(prediction: Tensor, labels: Tensor) -> Tensor:
    return ((prediction.flatten() - labels.flatten()) ** 2).mean()
"""

_MOVED = "(tensor.to(DEVICE) for tensor in make_data())"
_BEFORE = """\
    train_losses: list[float] = []
    val_losses: list[float] = []
    best_step, best_loss = 0, math.inf
    ending = f"finished {STEPS} steps"
    for step in range(1, STEPS + 1):"""
_UPDATE = """\
        optimizer.step()
        optimizer.zero_grad()"""
_RECORD = """\
        train_losses.append(loss.item())
        val_losses.append(val_loss.item())
        if step % max(1, STEPS // 20) == 0:
            print(f"step {step}  train {train_losses[-1]:.6g}  validation {val_losses[-1]:.6g}")
        if val_losses[-1] < best_loss:
            best_step, best_loss = step, val_losses[-1]"""
_DIVERGED = """\
        if not (math.isfinite(train_losses[-1]) and math.isfinite(val_losses[-1])):
            ending = f"diverged at step {step}"
            break"""
_STOP = '''\
            ending = f"stopped early at step {step}"'''
_RESTORE = '''\
            with torch.no_grad():
                for parameter, best in zip(parameters, best_weights):
                    parameter.copy_(best)
            ending += ", the best weights restored"'''
_AFTER = """\
    print(f"{ending}: validation {final_loss:.9g}, best {best_loss:.9g} at step {best_step}")
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\\n")
            writer.writerow(["step", "train_loss", "val_loss"])
            writer.writerows(zip(range(1, STEPS + 1), train_losses, val_losses))"""


def to_script(run: Repeatable, name: str) -> str:
    """Write the script, whose losses are the run's on the eager engine, bit for bit.

    Raises:
        ValueError: one line, for what can't be written in plain PyTorch.
    """
    config = run.config
    if config.architecture.builder:
        raise ValueError(
            f"network {config.architecture.name} is code of your own, which no script holds; "
            "'tui-trainer train' repeats the run"
        )
    data = _data(config.dataset)
    model = _known("network", config.architecture.network, _NETWORKS)
    _require_known("optimiser", config.optimizer.method, OPTIMIZER_METHODS)
    _require_known("schedule", config.schedule.method, SCHEDULE_METHODS)
    weights, bias = _INITS[config.init.layer]
    drops = config.regularizer.dropout is not None
    sections = [
        _head(run, name),
        "\n".join([*_settings(run), ""]),
        *([_DROPOUT] if drops else []),
        _LAYER.format(weights=weights, bias=bias),
        data,
        model.format(
            dropout="        model.append(Dropout())\n" if drops else "",
            activation=_ACTIVATIONS[config.architecture.activation],
        ),
        _MSE,
        *batch_texts(config),
        *schedule_texts(config),
        *rule_texts(config),
        in_own_units("\n".join([*_main(run), ""]), config.dataset),
        'if __name__ == "__main__":\n    main()\n',
    ]
    return "\n\n".join(sections)


def _data(dataset: Dataset) -> str:
    return file_text(dataset) if dataset.file else _known("data set", dataset.function, MADE)


def _known(what: str, name: str, texts: Mapping[str, str]) -> str:
    _require_known(what, name, texts)
    return texts[name]


def _require_known(what: str, name: str, known: Iterable[str]) -> None:
    if name not in (names := list(known)):
        raise ValueError(
            f"{what} {name} is code of its own: a script holds {' or '.join(names)} alone; "
            "'tui-trainer train' repeats the run"
        )


def _head(run: Repeatable, name: str) -> str:
    """Say what the script is, and what it imports."""
    notes = "".join(f"# {printable(note)}\n" for note in [name, *run.by_hand, *_rounding(run)])
    batches, data = batch_imports(run.config), data_imports(run.config.dataset)
    return f'''\
"""A training run in plain PyTorch, written by tui-trainer.

Its losses are those of tui-trainer's eager engine, bit for bit, on the same machine and with the
same version of torch. An argument names a CSV file for the losses of every step.
"""

{notes}
import csv
import itertools
import math
import sys
{batches}
{data}import torch
from torch import Tensor, nn

torch.set_num_threads({run.threads})  # sums depend on how they are split
'''


def _rounding(run: Repeatable) -> Iterator[str]:
    """Say from which step on the run's losses are these up to rounding alone."""
    others = [(step, engine) for step, engine in run.engines.items() if engine != "eager"]
    if others:
        step, engine = min(others)
        yield (
            f"from step {step:,} on the run took the engine {engine}: "
            "its losses are these up to float32 rounding, which training amplifies"
        )


def _settings(run: Repeatable) -> Iterator[str]:
    """Write what the config uses as constants."""
    config, regularizer = run.config, run.config.regularizer
    points = config.dataset.train_points, config.dataset.validation_points
    yield f"DATA_SEED, SEED = {config.data_seed}, {config.seed}"
    yield "TRAIN_POINTS, VALIDATION_POINTS = {}, {}".format(*points)
    yield from data_constants(config.dataset)
    yield f"WIDTHS = {list(layer_widths(config))}"
    yield f"LR, STEPS = {config.lr!r}, {run.steps}"
    yield from batch_constants(config)
    if run.lrs:
        yield f"LR_CHANGES = {dict(run.lrs)}  # by hand: from which step which lr applies"
    if config.device != "cpu":
        yield f'DEVICE = "{config.device}"'
    if regularizer.l1_weight:
        yield f"L1_WEIGHT = {regularizer.l1_weight!r}"
    if regularizer.weight_decay:
        yield f"WEIGHT_DECAY = {regularizer.weight_decay!r}"
    if regularizer.dropout is not None:
        yield f"DROPOUT = {regularizer.dropout!r}"
    yield from schedule_constants(config)
    yield from rule_constants(config.regularizer.stopping)


def _main(run: Repeatable) -> Iterator[str]:
    """Write the loop, line by line."""
    regularizer, stopping = run.config.regularizer, run.config.regularizer.stopping
    elsewhere = run.config.device != "cpu"
    yield "def main() -> None:"
    yield f"    train_x, train_y, val_x, val_y = {_MOVED if elsewhere else 'make_data()'}"
    yield f"    model = make_model(){'.to(DEVICE)' if elsewhere else ''}"
    yield "    parameters = list(model.parameters())"
    yield f"    optimizer = {optimizer_text(run.config)}"
    if run.lrs:
        yield "    lr = LR"
    yield from lines_before(run.config)
    yield _BEFORE
    yield from lr_lines(run.config, changes=bool(run.lrs))
    yield forward_lines(run.config)
    if regularizer.l1_weight:
        yield "        penalty = L1_WEIGHT * sum(p.abs().mean() for p in parameters)"
    yield f"        {'(loss + penalty)' if regularizer.l1_weight else 'loss'}.backward()"
    yield from gradient_lines(run.config)
    yield _UPDATE
    yield validation_lines(run.config)
    yield _RECORD
    if stopping is not None and stopping.restore_best:
        yield "            best_weights = [p.detach().clone() for p in parameters]"
    yield _DIVERGED
    if stopping is not None:
        yield f"        if {judged(run.config)}:"
        yield _STOP
        if stopping.restore_best:
            yield _RESTORE
        yield "            break"
    yield final_lines(run.config)
    yield _AFTER
