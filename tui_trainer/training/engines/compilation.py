"""Compilations in progress, in separate processes, so that they slow neither trainer nor screen."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tui_trainer.task.machine import processors
from tui_trainer.training.engines.engine import EngineError
from tui_trainer.training.engines.step import FLAGS, StepSpec, find_compiler, step_source
from tui_trainer.training.engines.step_cache import (
    find_step,
    make_build_folder,
    step_key,
    store_step,
)

LIMIT_SECONDS = 60.0
_POLL_SECONDS = 0.02
_LEAST_FREE_BYTES = 2**20  # with less, a compiler that fails has filled the disk
# Runs a command at the lowest priority, as the first that the kernel ends when memory runs out,
# and ends it with all its children when stdin is closed: when this program is gone. What it made is
# tried by the command in $TRIAL, which dies in place of the trainer.
_SCRIPT = """
ulimit -c 0  # no core file
exec 3<&0
{ echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null
nice -n 19 "$@" < /dev/null 3<&- &
compiler=$!
{ cat <&3; kill -9 -$$; } > /dev/null 2>&1 &
wait "$compiler" || exit
nice -n 19 "$PYTHON" -I -S "$TRIAL" step.so "$WIDTHS" < /dev/null 3<&-
[ $? -lt 128 ] || { echo "its step does not run"; exit 1; }
"""


def find_compiled(spec: StepSpec) -> Path | None:
    """Return a step's file if it is in the cache.

    Raises:
        EngineError: if there is no compiler, or the cache can't be trusted.
    """
    try:
        return find_step(step_key(spec, find_compiler()))
    except OSError as error:
        raise EngineError(f"the step cache can't be used ({error})") from None


def compile_steps(
    specs: Iterable[StepSpec], stopped: Callable[[], bool]
) -> dict[StepSpec, Path | EngineError]:
    """Return the file of each step, or why there is none; compile those that are missing.

    There is a compiler a processor at most, and none once it is `stopped`.
    """
    found: dict[StepSpec, Path | EngineError] = {}
    running: dict[StepSpec, Compilation] = {}
    waiting = list(specs)
    try:
        while (waiting or running) and not stopped():
            while waiting and len(running) < processors():
                spec = waiting.pop()
                try:
                    if (file := find_compiled(spec)) is not None:
                        found[spec] = file
                    else:
                        running[spec] = Compilation(spec)
                except EngineError as error:
                    found[spec] = error
            for spec in [s for s, one in running.items() if one.finished(_POLL_SECONDS)]:
                try:
                    found[spec] = running.pop(spec).result()
                except EngineError as error:
                    found[spec] = error
    finally:
        for compilation in running.values():
            compilation.cancel()
    return found | dict.fromkeys([*waiting, *running], EngineError("the compiler was stopped"))


class Compilation:
    """One step being compiled.

    Raises:
        EngineError: if there is no compiler, or nothing can be written.
    """

    def __init__(self, spec: StepSpec) -> None:
        compiler = find_compiler()
        self._key = step_key(spec, compiler)
        self._began = time.monotonic()
        try:
            self._folder = make_build_folder()
            flags = [*FLAGS, *spec.defines, str(step_source()), "-o", str(self._built)]
            self._process = self._start([compiler.path, *flags], spec)
        except OSError as error:
            raise EngineError(f"the compiler can't be started: {error}") from None

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def finished(self, timeout: float = 0.0) -> bool:
        """Wait at most `timeout` seconds; return whether there is a result, or none will come."""
        if self.seconds > LIMIT_SECONDS:
            return True
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def result(self) -> Path:
        """Return the file in the cache, once finished.

        Raises:
            EngineError: if there is none.
        """
        try:
            if self._process.poll() is None:
                raise EngineError(f"the compiler took longer than {LIMIT_SECONDS:g} s")
            if self._process.returncode or not self._built.is_file():
                raise EngineError(f"the compiler failed ({self._complaint()})")
            try:
                return store_step(self._key, self._built)
            except OSError as error:
                raise EngineError(f"the compiled step can't be kept: {error}") from None
        finally:
            self.cancel()

    def cancel(self) -> None:
        """End the process and all that it started; leave nothing behind."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _built(self) -> Path:
        return self._folder / "step.so"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _start(self, command: list[str], spec: StepSpec) -> "subprocess.Popen[bytes]":
        trial = {
            "PYTHON": sys.executable,
            "TRIAL": str(Path(__file__).with_name("step_trial.py")),
            "WIDTHS": ",".join(map(str, spec.widths)),
        }
        with self._log.open("wb") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "sh", *command],
                stdin=subprocess.PIPE,  # never written to
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=os.environ | {"TMPDIR": str(self._folder), "LC_ALL": "C"} | trial,
                start_new_session=True,
            )

    def _complaint(self) -> str:
        """Return the compiler's first error, or else its last line."""
        with contextlib.suppress(OSError):
            text = self._log.read_text(encoding="utf-8", errors="replace")
            free = shutil.disk_usage(self._folder).free
            if free < _LEAST_FREE_BYTES or os.strerror(errno.ENOSPC) in text:
                return f"no space is left for {self._folder.parent}"
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            errors = [line for line in lines if "error:" in line]
            for line in (*errors, *reversed(lines)):
                return line[:200]
        return f"status {self._process.returncode}"
