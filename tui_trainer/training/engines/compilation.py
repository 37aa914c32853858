"""A compilation in progress, in a separate process, so that it slows neither trainer nor screen."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tui_trainer.training.engines.engine import EngineError
from tui_trainer.training.engines.step import StepSpec
from tui_trainer.training.engines.step_cache import make_build_folder, store_step

# A small machine that is busy with other things takes two minutes.
LIMIT_SECONDS = 600.0
_MODULE = "tui_trainer.training.engines.compile_step"


class Compilation:
    """One step being compiled.

    Raises:
        EngineError: if there is no compiler, or nothing can be written.
    """

    def __init__(self, spec: StepSpec) -> None:
        self._spec = spec
        self._compiler = _find_compiler()
        self._began = time.monotonic()
        try:
            self._folder = make_build_folder()
            self._process = self._start()
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
                raise EngineError(f"the compiler took longer than {LIMIT_SECONDS:.0f} s")
            if self._process.returncode or not self._built.is_file():
                raise EngineError(f"the compiler failed ({self._last_words()})")
            try:
                return store_step(self._spec, self._built, self.seconds)
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

    def _start(self) -> "subprocess.Popen[bytes]":
        spec = msgspec.json.encode(self._spec).decode()
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", _MODULE, spec, str(self._built)],
                stdin=subprocess.PIPE,  # never written to: it ends when this program does
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment(),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        """Keep all that inductor and the compiler write inside the build folder."""
        folder = str(self._folder)
        return os.environ | {
            "CXX": self._compiler,
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONPATH": os.pathsep.join(str(Path(place).absolute()) for place in sys.path),
            "TMPDIR": folder,
            "TORCHINDUCTOR_CACHE_DIR": str(self._folder / "inductor"),
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
            "TRITON_CACHE_DIR": str(self._folder / "triton"),
        }

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in reversed(lines):
                if line.strip():
                    return line.strip()[:200]
        return f"status {self._process.returncode}"


def _find_compiler() -> str:
    names = (os.environ.get("CXX", ""), "g++", "clang++", "c++")
    for name in filter(None, names):
        if (found := shutil.which(name)) is not None:
            return found
    raise EngineError("no C++ compiler was found")
