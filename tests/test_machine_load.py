"""What a loop uses of its machine."""

import os
import subprocess
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
from scripted import DEADLINE

from tui_trainer.monitor.machine_load import MachineLoad
from tui_trainer.runs.summary import Gpu


@pytest.fixture
def no_nvml(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)


def test_a_sample_counts_this_process_and_its_children(no_nvml):
    load = MachineLoad()
    alone = load.sample()
    assert alone.gpus == ()
    assert 0 < alone.memory < alone.memory_total
    held = 200_000_000
    code = f"held = bytearray(b'x' * {held})\nprint(flush=True)\nwhile True: pass"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        load.sample()
        deadline = time.monotonic() + DEADLINE
        while (both := load.sample()).cpu < 0.05:
            assert time.monotonic() < deadline, both
            time.sleep(0.05)
        assert both.memory > alone.memory + held / 2
    finally:
        child.kill()
        child.communicate()
    assert load.sample().memory < alone.memory + held / 2
    load.close()


class _NoAnswerError(Exception):
    """NVML's way to say that a GPU does not tell something."""


def _nvml(gpus):
    """What this module uses of NVML, where no GPU is: two GPUs, one of which tells little."""

    def answers(question):
        def ask(handle, *_):
            if question not in gpus[handle]:
                raise _NoAnswerError(question)
            return gpus[handle][question]

        return ask

    def handle(name):
        if name not in gpus:
            raise _NoAnswerError(name)
        return name

    module = ModuleType("pynvml")
    module.__dict__.update(
        NVMLError=_NoAnswerError,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(gpus),
        nvmlDeviceGetHandleByIndex=handle,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetUtilizationRates=answers("load"),
        nvmlDeviceGetMemoryInfo=answers("memory"),
        nvmlDeviceGetPowerUsage=answers("power"),
        nvmlDeviceGetTemperature=answers("temperature"),
        nvmlDeviceGetName=answers("name"),
    )
    return module


def test_nvml_is_asked_for_the_gpus_that_cuda_may_use(monkeypatch):
    memory = SimpleNamespace(used=31, total=80)
    known = {
        "name": "H100", "load": SimpleNamespace(gpu=87), "memory": memory, "power": 412_000,
        "temperature": 61,
    }  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", _nvml({0: known, 1: {"name": "old"}}))
    full, poor = Gpu("H100", 0.87, 31, 80, 412.0, 61.0), Gpu("old")
    for chosen, gpus in (
        (None, (full, poor)), ("1", (poor,)), ("1,0", (poor, full)), ("0,7,1", (full,)),
        ("", ()), ("-1", ()),
    ):  # fmt: skip
        if chosen is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert MachineLoad().sample().gpus == gpus


def test_without_a_driver_there_is_no_gpu():
    code = "from tui_trainer.monitor.machine_load import MachineLoad as L; print(L().sample().gpus)"
    environ = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout == "()\n", done.stderr
