"""What it costs to list, to attach to and to leave alone runs that are saved."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from program import PROGRAM, Program

from tui_trainer.runs.folder import METRICS
from tui_trainer.runs.metrics_writer import MetricsWriter

RUNS = 1000
STEPS = 5_000_000
SECONDS = 10.0
_FOREVER = ("--recipe", "kaiming", "--lr", "0.0003", "--steps", "1000000000", "--engine", "eager")


def list_seconds() -> float:
    """Seconds from the key for the list to its first rows, with a thousand runs on the disk."""
    with tempfile.TemporaryDirectory() as root:
        folder = _short_run(root)
        for number in range(1, RUNS):
            shutil.copytree(folder, folder.with_name(f"20250101-{number:06}-copy"))
        with Program("--runs", root) as program:
            program.wait_ready()
            pressed = time.perf_counter()
            program.press("h")
            program.read(30, until=b"finished")
            return time.perf_counter() - pressed


def attach_seconds() -> tuple[float, float]:
    """Seconds from the first frame of ``attach`` to the first curves and to all of them.

    The run has five million steps.
    """
    with tempfile.TemporaryDirectory() as root:
        folder = _short_run(root)
        shutil.rmtree(folder / METRICS)
        losses = np.exp(np.random.default_rng(0).normal(size=STEPS)).astype(np.float32)
        writer = MetricsWriter(folder / METRICS)
        for first in range(0, STEPS, 2000):
            part = losses[first : first + 2000]
            writer.append(first + 1, {"train_loss": part, "val_loss": part})
        writer.close()
        with Program("attach", str(folder)) as program:
            program.read(30, until=b"Recipe")
            shown = time.perf_counter()
            while not re.search(r"step +[1-9][\d,]+/", program.screen):
                program.read(0.01)
            first = time.perf_counter() - shown
            while f"{STEPS:,}/" not in program.screen:
                program.read(0.01)
            return first, time.perf_counter() - shown


def viewer_share() -> float:
    """The share of a core that a viewer of a paused run takes."""
    with tempfile.TemporaryDirectory() as root:
        run = _detached(root)
        try:
            _control(root, "pause")
            with Program("attach", "last", "--runs", root) as program:
                program.read(30, until=b"PAUSED")
                program.read(2.0)
                used = program.cpu_seconds
                program.read(SECONDS)
                return (program.cpu_seconds - used) / SECONDS
        finally:
            run.kill()


def unseen_and_train() -> tuple[float, float]:
    """CPU seconds for 1,000 steps of a run whose terminal is gone, and of ``train`` with one."""
    with tempfile.TemporaryDirectory() as root, Program("train", *_FOREVER, "--runs", root) as run:
        run.read(30, until=b"steps/s")
        watched = _cost(root, run.pid, run)
        run.hang_up()
        os.kill(run.pid, signal.SIGHUP)
        time.sleep(1.0)
        return _cost(root, run.pid, None), watched


def _cost(root: str, pid: int, program: Program | None) -> float:
    process = psutil.Process(pid)
    step, used = _control(root, "status")["step"], sum(process.cpu_times()[:2])
    if program is not None:
        program.read(SECONDS)
    else:
        time.sleep(SECONDS)
    taken = sum(process.cpu_times()[:2]) - used
    return 1000 * taken / (_control(root, "status")["step"] - step)


def _short_run(root: str) -> Path:
    command = [PROGRAM, "train", "--steps", "20", "--recipe", "kaiming", "--runs", root, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["run"])


def _detached(root: str) -> psutil.Process:
    command = [PROGRAM, "train", "--detach", *_FOREVER, "--runs", root]
    subprocess.run(command, capture_output=True, check=True)
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        for owner in Path(root).glob("*/owner.json"):
            if (pid := json.loads(owner.read_text())["pid"]) and _control(root, "status")["step"]:
                return psutil.Process(pid)
        time.sleep(0.1)
    raise TimeoutError("the run in the background did not start")


def _control(root: str, request: str) -> dict[str, int]:
    """Ask the newest run for something; return how it stands, step 0 if it does not answer yet."""
    command = [PROGRAM, "control", "last", request, "--runs", root, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout) if done.returncode == 0 else {}
    status: dict[str, int] = answer.get("status", {"step": 0})
    return status
