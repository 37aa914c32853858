"""What is measured: each function runs the program and returns the figure of a row."""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import minibatches
from program import PROGRAM, Program

HERE = Path(__file__).parent
SECONDS = 6.0  # trained for each figure
STEPS = 10_000_000  # more than are ever reached
# Multiply-adds of a step of the classic network that any implementation needs: products of layers
# for all 400 points, back through all but the first for half of them, and for their gradients.
USEFUL = 400 * 1240 + 200 * 1220 + 200 * 1240
ROUNDS = 7


def textbook(threads: int, steps: int = 6_000, device: str = "cpu", width: int = 20) -> float:
    """Steps per second of the textbook loop."""
    script = str(HERE / "textbook.py")
    command = [sys.executable, script, str(steps), str(threads), device, str(width)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def best_threads() -> int:
    """The thread count that the textbook loop is fastest with."""
    return max((1, 2), key=lambda threads: textbook(threads, 2_000))


def headless(engine: str, device: str = "cpu", width: int = 20, runs: str | None = None) -> float:
    """Steps per second of ``tui-trainer train``, with four hidden layers of `width`.

    The run is saved in the folder `runs`, unless that is None.
    """
    steps = "12000" if engine == "eager" or width > 20 else "60000"
    steps = "240000" if engine == "compiled" else steps
    flags = ["--recipe", "kaiming", "--lr", "0.0003", "--steps", steps, "--json"]
    flags += ["--presets", str(HERE / "presets"), "--architecture", f"mlp-4x{width}"]
    flags += ["--engine", engine, "--device", device]
    flags += ["--no-save"] if runs is None else ["--runs", runs]
    done = subprocess.run([PROGRAM, "train", *flags], capture_output=True, text=True, check=True)
    rate: float = json.loads(done.stdout)["steps_per_second"]
    return rate


def batches(engine: str, size: int, steps: int) -> float:
    """Steps per second of ``tui-trainer train`` on mini-batches, validated after every epoch."""
    every = -(-minibatches.TRAIN_POINTS // size)
    flags = ["--recipe", "kaiming", "--lr", "0.0003", "--steps", str(steps), "--json", "--no-save"]
    flags += ["--presets", str(HERE / "presets"), "--dataset", "wave-10000", "--engine", engine]
    flags += ["--batch-size", str(size), "--validate-every", str(every)]
    done = subprocess.run([PROGRAM, "train", *flags], capture_output=True, text=True, check=True)
    rate: float = json.loads(done.stdout)["steps_per_second"]
    return rate


def batches_by_hand(kind: str, size: int, steps: int) -> float:
    """Steps per second of a loop that a person would have written: `loader` or `index`."""
    return in_process("minibatches.py", kind, str(steps), str(size))


def sweep(candidates: int, steps: int, device: str = "cpu") -> float:
    """Steps per second of all candidates together of a ``tui-trainer sweep`` over lr."""
    flags = ["--recipe", "kaiming", "--over", f"lr=1e-4:0.01:log:{candidates}"]
    flags += ["--steps", str(steps), "--device", device, "--json", "--no-save"]
    done = subprocess.run([PROGRAM, "sweep", *flags], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["steps"] == candidates * steps, "a candidate ended before its last step"
    rate: float = found["steps_per_second"]
    return rate


def live(engine: str, device: str = "cpu") -> float:
    """Steps per second in the app: what it says itself after a run that was stopped by hand."""
    flags = ["--recipe", "kaiming", "--lr", "0.0003", "--steps", str(STEPS)]
    flags += ["--engine", engine, "--device", device]
    with Program(*flags) as program:
        program.wait_ready()
        program.press("s")
        program.read(120, until=b"TRAINING")
        program.read(SECONDS)
        program.press("x")
        program.read(10, until=b"STOPPED")
        found, deadline = None, time.perf_counter() + 10
        while found is None and time.perf_counter() < deadline:
            program.read(1.0)
            found = re.search(r"([\d,]+)(?: steps)?/s", program.screen)
    assert found is not None
    return float(found[1].replace(",", ""))


def saved_and_not(engine: str) -> tuple[float, float]:
    """Steps per second of ``tui-trainer train`` that saves its run, and of one that does not."""
    with tempfile.TemporaryDirectory() as runs:
        return headless(engine, runs=runs), headless(engine)


def kills(count: int) -> int:
    """Kill a run that is saved `count` times, and go on each time; return the steps that differ.

    It is held against a run of as many steps that nobody interrupts.
    """
    from msgspec import json, structs

    from tui_trainer.config.presets import load_presets, make_config
    from tui_trainer.runs.saved import SavedRun
    from tui_trainer.training.result import RunResult
    from tui_trainer.training.trainer import train

    config = make_config(load_presets(), "dropout", steps=10**8, engine="eager")
    with tempfile.TemporaryDirectory() as root:
        script = HERE.parent / "tests" / "killed_run.py"
        command = [sys.executable, str(script), root, str(count), "1"]
        done = subprocess.run(command, input=json.encode(config), capture_output=True, check=True)
        losses = SavedRun(Path(json.decode(done.stdout)["folder"])).losses
    whole = RunResult(config)
    for event in train(structs.replace(config, steps=losses.steps)):
        whole.apply(event)
    return int((losses.val != whole.history.losses("val")).sum())


def cold_start() -> float:
    """Seconds from pressing `s`, with nothing in the cache, to the first compiled step."""
    with tempfile.TemporaryDirectory() as cache:
        flags = ["--recipe", "kaiming", "--lr", "0.0003", "--steps", str(STEPS)]
        with Program(*flags, XDG_CACHE_HOME=cache) as program:
            program.wait_ready()
            program.press("s")
            pressed = time.perf_counter()
            while not re.search(r"cpu · compiled", program.screen):
                program.read(0.05)
                if time.perf_counter() - pressed > 100:
                    raise TimeoutError(program.screen)
            return time.perf_counter() - pressed


def peak() -> float:
    """Multiply-adds per second of one core at most."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    assert compiler is not None
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/peak"
        flags = ["-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-o", program]
        subprocess.run([compiler, *flags, str(HERE / "peak.cpp")], check=True)
        done = subprocess.run([program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def rounds(measure: Callable[[], tuple[float, ...]], count: int = ROUNDS) -> list[list[float]]:
    """Take figures side by side, `count` times; return the list of each."""
    taken = [measure() for _ in range(count)]
    return [list(figures) for figures in zip(*taken, strict=True)]


def ratio(over: list[float], under: list[float]) -> float:
    """Return the median of the ratios of each round: a machine is another one a minute later."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def first_frame() -> tuple[float, float]:
    """Seconds from exec to the form on the screen, and that over importing Textual alone."""
    frames, imports = [], []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
        imports.append(time.perf_counter() - began)
        with Program() as program:
            program.read(20, until=b"Recipe")
            frames.append(time.perf_counter() - program.started_at)
    frame = statistics.median(frames)
    return frame, frame / statistics.median(imports)


def key_to_repaint() -> tuple[float, float]:
    """Milliseconds from a key to what it changes, while training: median and 99th of 100."""
    taken = []
    wait = random.Random(0)
    with Program("--recipe", "kaiming", "--steps", str(STEPS)) as program:
        program.wait_ready()
        program.press("s")
        program.read(3.0)
        for number in range(100):
            program.read(wait.uniform(0.05, 0.2))
            began = time.perf_counter()
            program.press("t")
            program.read(5, until=b"overhead:" if number % 2 == 0 else b"ETA")
            taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return taken[49], taken[98]


def bytes_and_cpu() -> tuple[float, float, float]:
    """Bytes per second while training and while idle, and the CPU share while idle."""
    with Program("--recipe", "kaiming", "--steps", str(STEPS)) as program:
        program.wait_ready()
        used, seconds = program.cpu_seconds, 5.0
        idle = len(program.read(seconds)) / seconds
        share = (program.cpu_seconds - used) / seconds
        program.press("s")
        program.read(2.0)
        training = len(program.read(10.0)) / 10.0
    return training, idle, share


def in_process(script: str, *arguments: str) -> float:
    """Run a script of this folder that prints one figure."""
    command = [sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)
