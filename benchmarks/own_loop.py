"""A training loop of a script, bare or with something that watches it: writes its steps/s.

    own_loop.py WITH SECONDS FILE

WITH is bare, tqdm, monitor, thread, tensorboard or wandb. ``thread`` has the screen in the loop's
own process, as it is not in the program: to compare. The figure goes to FILE.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from torch import nn

WARM_UP = 300  # steps
MEASURES_CPU = bool(os.environ.get("STEPS_A_CPU_SECOND"))
Log = Callable[[int, torch.Tensor, float], object]


def steps_per_second(seconds: float, log: Log) -> float:
    """Train a small classifier for some seconds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(64, 16)
    y = (x[:, 0] > 0).long()
    net = nn.Sequential(
        nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    step = 0
    while True:
        step += 1
        if step == WARM_UP:
            began, began_cpu = time.perf_counter(), time.process_time()
        output = net(x)
        loss = nn.functional.cross_entropy(output, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log(step, loss, 0.5)
        if step > WARM_UP and step % 50 == 0 and time.perf_counter() - began > seconds:
            if MEASURES_CPU:
                return (step - WARM_UP) / (time.process_time() - began_cpu)
            return (step - WARM_UP) / (time.perf_counter() - began)


@contextmanager
def bare() -> Iterator[Log]:
    yield lambda step, loss, accuracy: None


@contextmanager
def tqdm() -> Iterator[Log]:
    from tqdm import tqdm as bar

    with bar() as shown:
        yield lambda step, loss, accuracy: shown.update()


@contextmanager
def monitor() -> Iterator[Log]:
    from tui_trainer import Monitor

    with Monitor(name="benchmark") as opened:

        def log(step: int, loss: torch.Tensor, accuracy: float) -> None:
            opened.step()
            opened.log({"train/loss": loss, "train/acc": accuracy})

        yield log


@contextmanager
def tensorboard() -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:

        def log(step: int, loss: torch.Tensor, accuracy: float) -> None:
            writer.add_scalar("train/loss", loss, step)
            writer.add_scalar("train/acc", accuracy, step)

        yield log


@contextmanager
def wandb() -> Iterator[Log]:
    import wandb as library

    with (
        tempfile.TemporaryDirectory() as folder,
        library.init(project="benchmark", mode="offline", dir=folder) as run,
    ):
        yield lambda step, loss, accuracy: run.log({"train/loss": loss, "train/acc": accuracy})


WITH = {"bare": bare, "tqdm": tqdm, "monitor": monitor, "tensorboard": tensorboard, "wandb": wandb}


def main() -> None:
    name, seconds, file = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    if name == "thread":
        in_a_thread(seconds, file)
    with WITH[name]() as log:
        rate = steps_per_second(seconds, log)
    file.write_text(str(rate))


def in_a_thread(seconds: float, file: Path) -> NoReturn:
    """Train in a thread, and have the same screen of the same folder in the main one."""
    from tui_trainer import Monitor
    from tui_trainer.cli import main as run

    os.environ["TUI_TRAINER"] = "attach"
    with Monitor(name="benchmark") as opened:

        def train() -> None:
            def log(step: int, loss: torch.Tensor, accuracy: float) -> None:
                opened.step()
                opened.log({"train/loss": loss, "train/acc": accuracy})

            file.write_text(str(steps_per_second(seconds, log)))
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=train, daemon=True).start()
        sys.argv[1:] = ["attach"]
        run()
    raise AssertionError("it ends by the signal")


if __name__ == "__main__":
    main()
