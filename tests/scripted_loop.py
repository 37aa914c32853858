"""A loop that follows a script: what its screen does is tested without a process or a folder."""

import time
from functools import partial
from pathlib import Path

import numpy as np
from scripted import make_app

from tui_trainer.monitor.events import (
    Checkpointed,
    LoopStarted,
    MetricsLogged,
    OutputRead,
    StatusRead,
)
from tui_trainer.runs.summary import Gpu, Machine, Summary
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import LrChanged, Noted, Paused, Resumed, RunEnded
from tui_trainer.training.state import State
from tui_trainer.tui.background import SavedWork

FOLDER = Path("20261126-081500-resnet")
GPU = Gpu("H100", 0.87, 31 * 10**9, 80 * 10**9, 412.0, 61.0)
MACHINE = Machine(cpu=1.9, memory=1_200_000_000, memory_total=14 * 10**9, load=0.52, gpus=(GPU,))


def logged(names, first, last, every=1, *, value=None):
    """Values that fall like 1/√step, each name a little above the one before, or a function's."""
    steps = np.arange(first, last + 1, every, dtype=np.int64)
    fall = value or (lambda place, t: (1 + 0.2 * place) * 3 / np.sqrt(t))
    at = steps.astype(np.float64)
    columns = (fall(place, at).astype(np.float32) for place in range(len(names)))
    return MetricsLogged(tuple(names), steps, tuple(columns))


def status(step, total=1000, *, state=State.RUNNING, machine=MACHINE, lr=0.1, **facts):
    rate = {"steps_per_second": 1980.0, "seconds": step / 1980}
    return StatusRead(
        Summary(state=state, step=step, steps=total, lr=lr, machine=machine, **rate | facts)
    )


class LoopScript:
    """Tells `events`, then what the control asks for, until it is stopped or left."""

    def __init__(self, *events, name="resnet, lr 0.1", total=1000, last=None):
        self.events, self.last = events, last
        self.started = LoopStarted(name, "python train.py --epochs 3", total, FOLDER, pid=4242)
        self.asked = []
        self.problem = ""  # of checkpoints

    def __call__(self, folder, control):
        for name in ("stop", "step", "pause", "resume", "ask_checkpoint", "set_lr"):
            setattr(control, name, partial(self.asked.append, name))
        control.set_lr = lambda lr: self.asked.append(lr)
        yield self.started
        yield from self.events
        if self.last is not None:
            yield self.last
            return
        told = 0
        while not control.stopped:
            for request in self.asked[told:]:
                yield from self._answers(request)
            told = len(self.asked)
            time.sleep(0.002)

    def _answers(self, request):
        match request:
            case "pause":
                yield Paused(500)
            case "resume":
                yield Resumed(500)
            case float():
                yield LrChanged(501, request)
            case "ask_checkpoint":
                yield Checkpointed(500, 0.1, self.problem)
                if self.problem:
                    yield Noted(f"no checkpoint at step 500: {self.problem}")
            case "stop":
                yield RunEnded(StopReason.STOPPED, "stopped at step 500", 500, seconds=1.0)


def make_loop_app(script, **options):
    """Make an app that is attached to the loop of a script."""
    app = with_loops(make_app(**options), script)
    app.attached_loop = FOLDER
    return app


def with_loops(app, script, root=FOLDER):
    """Let an app, which keeps no runs, show the loop of a script in whatever folder."""
    app.cockpit.context.work.saved = SavedWork(root, None, None, None, None, script)
    return app


TYPICAL = (
    logged(["train_loss", "grad_norm"], 1, 500),
    logged(["val_loss", "val_acc"], 50, 500, 50),
    status(500),
    OutputRead(("epoch 1", "[bold]no markup[/] and \\x1b no escapes"), "epoch 2:  40%"),
)
