"""What a loop's process uses of its machine: processors, memory and, where NVML answers, GPUs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import psutil

from tui_trainer.runs.summary import Gpu, Machine
from tui_trainer.task.machine import available_bytes

T = TypeVar("T")


class MachineLoad:
    """Samples the load of this process and its children; a sample tells of the time since the last.

    Belongs to one thread. A sample takes about a millisecond; the first one finds the GPUs, which
    may take some hundred.
    """

    def __init__(self) -> None:
        self._processes = {os.getpid(): psutil.Process()}
        self._gpus: _Gpus | None = None
        self._sample_processes()
        psutil.cpu_percent()

    def sample(self) -> Machine:
        """Return the load; what the machine does not tell is None."""
        if self._gpus is None:
            self._gpus = _Gpus()
        cpu, memory = self._sample_processes()
        return Machine(
            cpu=cpu,
            memory=memory,
            memory_total=memory + available_bytes(),
            load=psutil.cpu_percent() / 100,
            gpus=tuple(self._gpus.sample()),
        )

    def close(self) -> None:
        """Let go of NVML."""
        if self._gpus is not None:
            self._gpus.close()

    def _sample_processes(self) -> tuple[float, int]:
        """Return the cores and the bytes of memory in use; children are workers of a DataLoader."""
        known, self._processes = self._processes, {}
        cpu, memory = 0.0, 0
        for pid in (os.getpid(), *_children()):
            with contextlib.suppress(psutil.Error):
                process = known.get(pid) or psutil.Process(pid)
                cpu += process.cpu_percent() / 100  # 0 the first time
                memory += process.memory_info().rss
                self._processes[pid] = process
        return cpu, memory


def _children() -> Iterator[int]:
    """Yield this process's children, as Linux lists them; psutil would read all processes."""
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                yield from map(int, (task / "children").read_text().split())


class _Gpus:
    """The GPUs that this process may use; none where there is no `nvidia-ml-py`, or no driver."""

    def __init__(self) -> None:
        self._nvml: Any = _open_nvml()
        self._handles = list(self._find()) if self._nvml is not None else []

    def _find(self) -> Iterator[Any]:
        nvml, chosen = self._nvml, os.environ.get("CUDA_VISIBLE_DEVICES")
        if chosen is None:
            names = [str(n) for n in range(self._ask(nvml.nvmlDeviceGetCount) or 0)]
        else:
            names = [name.strip() for name in chosen.split(",")]
        for name in names:
            by_index = name.isdecimal()
            find = nvml.nvmlDeviceGetHandleByIndex if by_index else nvml.nvmlDeviceGetHandleByUUID
            handle = self._ask(find, int(name) if by_index else name)
            if handle is None:  # CUDA, too, sees none of those behind one that does not exist
                return
            yield handle

    def sample(self) -> Iterator[Gpu]:
        nvml, ask = self._nvml, self._ask
        for handle in self._handles:
            rates = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
            memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            milliwatts = ask(nvml.nvmlDeviceGetPowerUsage, handle)
            celsius = ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
            yield Gpu(
                name=ask(nvml.nvmlDeviceGetName, handle) or "GPU",
                load=rates.gpu / 100 if rates is not None else None,
                memory=memory.used if memory is not None else None,
                memory_total=memory.total if memory is not None else None,
                power=milliwatts / 1000 if milliwatts is not None else None,
                temperature=float(celsius) if celsius is not None else None,
            )

    def _ask(self, question: Callable[..., T], *arguments: Any) -> T | None:
        """Ask NVML; None where a GPU, or its driver, does not answer that."""
        try:
            return question(*arguments)
        except self._nvml.NVMLError:
            return None

    def close(self) -> None:
        if self._nvml is not None:
            self._ask(self._nvml.nvmlShutdown)


def _open_nvml() -> ModuleType | None:
    try:
        import pynvml
    except ImportError:  # the extra is not installed
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no driver
        return None
    module: ModuleType = pynvml
    return module
