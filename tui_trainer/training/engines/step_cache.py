"""Compiled steps on disk, in ``tui-trainer/steps`` below the user's cache folder.

A step is a shared library, which is loaded from where it is: nothing is unpacked. So the folder and
its files are private (`private_files`), and others are refused. A file's name is the key of its
step and the digest of its content: files are added by one atomic rename, later damage is detected,
and concurrent writers each leave an intact file.
"""

import contextlib
import functools
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from platformdirs import user_cache_path

from tui_trainer.training.engines.private_files import (
    make_private_folder,
    open_private,
    require_private_folder,
)
from tui_trainer.training.engines.step import FLAGS, Compiler, StepSpec, step_source

KEPT_STEPS = 100  # at some 60 kB each
LARGEST_BYTES = 2**28
_FRESH_SECONDS = 3600.0  # a sweep may not have loaded it yet
_ABANDONED_SECONDS = 24 * 3600.0


def steps_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/tui-trainer/steps``, or what the platform has in its place."""
    return Path(os.path.realpath(user_cache_path("tui-trainer") / "steps"))  # no error at loops


def find_step(key: str) -> Path | None:
    """Return the file of the step with this key if it is in the cache; remove damaged ones.

    Raises:
        OSError: if the cache can't be read, or somebody else could have written what is there.
    """
    folder = steps_folder()
    if not folder.exists():
        return None
    require_private_folder(folder)
    pattern = f"{key}-*.so"
    for file in sorted(f for f in folder.iterdir() if f.match(pattern)):  # glob hides errors
        if _intact(file):
            with contextlib.suppress(OSError):
                file.touch()  # the least recently used go first
            return file
        file.unlink(missing_ok=True)
    return None


def store_step(key: str, built: Path) -> Path:
    """Move a file built in a `make_build_folder` folder into the cache.

    Raises:
        OSError: if the disk is full, or the like.
    """
    folder = steps_folder()
    built.chmod(0o600)
    file = built.replace(folder / f"{key}-{_digest(built)}.so")
    with contextlib.suppress(OSError):
        kept = sorted(folder.glob("*.so"), key=_used_at, reverse=True)
        for old in kept[KEPT_STEPS:]:
            if time.time() - _used_at(old) > _FRESH_SECONDS:
                old.unlink(missing_ok=True)
    return file


def make_build_folder() -> Path:
    """Make a folder for one compilation, and remove abandoned ones.

    Raises:
        OSError: if the cache folder can't be written, or somebody else may write to it.
    """
    folder = steps_folder()
    make_private_folder(folder)
    for left in folder.glob("build-*"):
        if time.time() - _used_at(left) > _ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    build = Path(tempfile.mkdtemp(prefix="build-", dir=folder))
    build.chmod(0o700)  # whatever the umask
    return build


def step_key(spec: StepSpec, compiler: Compiler) -> str:
    """Hash everything that a compiled step depends on."""
    texts = [*FLAGS, compiler.path, compiler.version, *processor()]
    parts = [msgspec.json.encode(spec), step_source().read_bytes(), *(t.encode() for t in texts)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


@functools.cache
def processor() -> tuple[str, ...]:
    """Name the platform and the processor, with all it can do."""
    return (platform.platform(), platform.processor(), *_cpuinfo())


def _cpuinfo() -> Iterator[str]:
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        for name in ("model name", "flags", "Features"):
            yield from [line for line in lines if line.startswith(name)][:1]


def _intact(file: Path) -> bool:
    return file.lstat().st_size <= LARGEST_BYTES and _digest(file) == file.stem.rpartition("-")[2]


def _digest(file: Path) -> str:
    with open_private(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]


def _used_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
