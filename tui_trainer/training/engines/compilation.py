"""A compilation in progress, in a separate process, so that it slows neither trainer nor screen."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

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
# Runs a command at the lowest priority, as the first that the kernel ends when memory runs out,
# and ends it with all its children when stdin is closed: when this program is gone.
_SCRIPT = """
exec 3<&0
{ echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null
nice -n 19 "$@" < /dev/null 3<&- &
compiler=$!
{ cat <&3; kill -9 -$$; } > /dev/null 2>&1 &
wait "$compiler"
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
    """Return the file of each step, or why there is none; compile all that are missing at once.

    Nothing is compiled once it is `stopped`.
    """
    found: dict[StepSpec, Path | EngineError] = {}
    running: dict[StepSpec, Compilation] = {}
    try:
        for spec in specs:
            try:
                if (file := find_compiled(spec)) is not None:
                    found[spec] = file
                else:
                    running[spec] = Compilation(spec)
            except EngineError as error:
                found[spec] = error
        while running and not stopped():
            for spec in [s for s, one in running.items() if one.finished(_POLL_SECONDS)]:
                try:
                    found[spec] = running.pop(spec).result()
                except EngineError as error:
                    found[spec] = error
    finally:
        for spec, compilation in running.items():
            compilation.cancel()
            found[spec] = EngineError("the compiler was stopped")
    return found


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
            self._process = self._start([compiler.path, *flags])
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

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with self._log.open("wb") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "sh", *command],
                stdin=subprocess.PIPE,  # never written to
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=os.environ | {"TMPDIR": str(self._folder), "LC_ALL": "C"},
                start_new_session=True,
            )

    def _complaint(self) -> str:
        """Return the compiler's first error, or else its last line."""
        with contextlib.suppress(OSError):
            text = self._log.read_text(encoding="utf-8", errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            errors = [line for line in lines if "error:" in line]
            for line in (*errors, *reversed(lines)):
                return line[:200]
        return f"status {self._process.returncode}"
