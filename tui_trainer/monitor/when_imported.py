"""Calls a function when a script imports a module; costs next to nothing as long as none does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Finder(MetaPathFinder):
    def __init__(self, name: str, call: Callable[[Any], object]) -> None:
        self._name, self._call = name, call

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module where Python does, and have it call back once it is there."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or (loader := spec.loader) is None:
            return spec
        execute = loader.exec_module

        def execute_and_call(module: ModuleType) -> None:
            del loader.__dict__["exec_module"]
            execute(module)
            self._call(module)

        loader.__dict__["exec_module"] = execute_and_call  # the spec stays what it would have been
        return spec


def when_imported(name: str, call: Callable[[Any], object]) -> None:
    """Call with the module when it has been imported for the first time, or now if it has been."""
    if (module := sys.modules.get(name)) is not None:
        call(module)
    else:
        sys.meta_path.insert(0, _Finder(name, call))
