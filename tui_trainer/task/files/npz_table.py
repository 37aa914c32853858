"""Columns of an npz file: arrays of one number a row, or of several, ``X`` as ``X.0``, ``X.1``."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.task.files.opening import Progress, digest_of, opened, short_name
from tui_trainer.task.files.table import Floats, Table, checked_names
from tui_trainer.task.memory import require_memory

_COPIES = 2  # an array as it is stored, and its columns
_DAMAGED = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
_DAMAGED_TOO = (NotImplementedError, RuntimeError, SyntaxError, MemoryError)  # by odd archives


def read_npz(file: str, progress: Progress | None = None) -> Table:
    """Read a file; nothing in it is executed.

    Raises:
        InvalidSettingsError: one line that says what is wrong and where.
    """
    name = short_name(file)
    with opened(file) as stream:
        digest = digest_of(stream, progress)
        return _to_table(name, dict(_arrays(name, stream)), digest)


def _arrays(name: str, stream: Any) -> Iterator[tuple[str, NDArray[Any] | str]]:
    """Yield arrays by name, or what keeps one from being read."""
    try:
        found = np.load(stream, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise InvalidSettingsError(f"{name}: one array without a name: use numpy.savez")
        stored = found.zip.infolist() if found.zip is not None else []
        require_memory(_COPIES * sum(member.file_size for member in stored))
        for key in found.files:
            try:
                yield key, found[key]
            except ValueError as error:
                if "pickle" not in str(error):
                    raise
                yield key, "it holds Python objects, which are not loaded"
    except InvalidSettingsError:
        raise
    except (*_DAMAGED, *_DAMAGED_TOO) as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidSettingsError(f"{name}: not an npz file: {words}") from None


def _to_table(name: str, arrays: dict[str, NDArray[Any] | str], digest: str) -> Table:
    columns: list[tuple[str, Floats]] = []
    others: dict[str, str] = {}
    lengths: dict[str, int] = {}
    for key, array in arrays.items():
        if isinstance(array, str):
            others[key] = array
        elif array.dtype.kind not in "biuf":
            others[key] = f"it is of type {array.dtype}"
        elif array.ndim not in (1, 2):
            others[key] = f"its shape is {array.shape}, (N,) or (N, k) is expected"
        else:
            lengths[key] = len(array)
            columns += _columns(key, array)
    checked_names(name, [*(column for column, _ in columns), *others])
    if len(set(lengths.values())) > 1:
        words = ", ".join(f"{shortened(key)} {rows:,}" for key, rows in lengths.items())
        raise InvalidSettingsError(f"{name}: arrays differ in their numbers of rows: {words}")
    return Table(name, dict(columns), others, next(iter(lengths.values()), 0), digest)


def _columns(key: str, array: NDArray[Any]) -> Iterator[tuple[str, Floats]]:
    if array.ndim == 1 or array.shape[1] == 1:
        yield key, np.ascontiguousarray(array.reshape(-1), np.float64)
        return
    for number in range(array.shape[1]):
        yield f"{key}.{number}", np.ascontiguousarray(array[:, number], np.float64)
