"""Files that settings name: each is a module of a package, found without importing it."""

import functools
import importlib.util
import sys
from pathlib import Path

from tui_trainer.config.validation import one_of


def module_names(package: str) -> tuple[str, ...]:
    """Return the modules in a package, found without importing them (or torch)."""
    module = sys.modules.get(package)
    spec = _found(package) if module is None else module.__spec__
    assert spec is not None
    return _module_names(tuple(spec.submodule_search_locations or ()))


# Each config asks, and it takes a dozen looks at the disk.
_found = functools.cache(importlib.util.find_spec)


@functools.cache
def _module_names(folders: tuple[str, ...]) -> tuple[str, ...]:
    files = [file for folder in folders for file in Path(folder).glob("[!_]*.py")]
    return tuple(sorted({file.stem for file in files}))


def require_module(key: str, what: str, name: str, allowed: tuple[str, ...]) -> None:
    """Refuse a name that is not among those allowed.

    Raises:
        ValueError: one line.
    """
    if name not in allowed:
        raise ValueError(f"{key}: unknown {what} '{name}'; {one_of(name, allowed)}")
