"""A loop of a script with what watches it, in a terminal; and what a log costs it."""

import fcntl
import importlib.util
import os
import pty
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from program import HEIGHT, WIDTH

SCRIPT = Path(__file__).with_name("own_loop.py")
SECONDS, LOGS, TIMES = 8, 500, 40
# What is installed for the comparison alone, if it is.
OTHERS = {"tensorboard": "tensorboard", "wandb": "wandb"}


def others() -> list[str]:
    """The other watchers that are installed."""
    return [name for name, module in OTHERS.items() if importlib.util.find_spec(module)]


def steps_per_second(watcher: str) -> float:
    """The rate of the script's loop, in a terminal that is read; ``run`` is our command's."""
    with tempfile.TemporaryDirectory() as folder:
        rate = Path(folder) / "rate"
        environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "WANDB_SILENT": "true"}
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(environment, TUI_TRAINER_RUNS=folder)
            runs = ["-m", "tui_trainer", "run"] if watcher == "run" else []
            words = [sys.executable, *runs, str(SCRIPT), "bare" if runs else watcher]
            words += [str(SECONDS), str(rate)]
            os.execv(sys.executable, words)
        size = struct.pack("HHHH", HEIGHT, WIDTH, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        _read_to_the_end(terminal)
        os.waitpid(child, 0)
        return float(rate.read_text())


def _read_to_the_end(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # how the end of a terminal comes
        pass
    finally:
        os.close(terminal)


def log_microseconds() -> tuple[float, float]:
    """What `Monitor.log` takes of two Python floats, and of two tensors on the CPU.

    The best of some hundred bursts, between which the recorder has its time.
    """
    import torch

    from tui_trainer import Monitor

    os.environ["TUI_TRAINER"] = "attach"
    loss, accuracy = torch.ones((), requires_grad=True) * 2, torch.tensor(0.5)
    with tempfile.TemporaryDirectory() as folder, Monitor(runs=folder) as monitor:
        monitor.step()
        floats = _microseconds(lambda: monitor.log(loss=0.5, acc=0.25))
        return floats, _microseconds(lambda: monitor.log(loss=loss, acc=accuracy))


def _microseconds(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        for _ in range(LOGS):
            call()
        taken.append((time.perf_counter() - began) / LOGS * 1e6)
        time.sleep(0.02)
    return statistics.median(taken)
