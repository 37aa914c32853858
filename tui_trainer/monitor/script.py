"""``tui-trainer run``: a script as Python runs it, with a monitor around its training loop.

`main` is called in an interpreter of its own, whose ``__main__`` becomes the script.
"""

from __future__ import annotations

import builtins
import importlib.util
import io
import itertools
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

import msgspec

from tui_trainer.monitor import torch_hooks
from tui_trainer.monitor.script_monitor import ScriptMonitor
from tui_trainer.monitor.torch_hooks import StopAsked, TorchHooks
from tui_trainer.monitor.when_imported import when_imported

_OURS = str(Path(__file__).parents[1]) + os.sep
_PYTHONS_OWN = "<frozen importlib._bootstrap"  # frames that it leaves out itself, without us there
STOPPED_STATUS = 130


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to run and how to record it; `target` is a path, or a module's name."""

    target: str
    arguments: list[str] = []
    is_module: bool = False
    name: str = ""
    stop_when: str = ""
    runs: str | None = None
    grad_norms: bool = False

    def command(self, python: str) -> list[str]:
        """Return what would run it without us."""
        return [python, *(["-m"] if self.is_module else []), self.target, *self.arguments]


def main() -> None:
    """Run what the first argument says, `Options` in JSON, and end as it would have ended."""
    options = msgspec.json.decode(sys.argv[1], type=Options)
    sys.argv = [options.target, *options.arguments]
    sys.orig_argv = options.command(sys.executable)
    hooks = TorchHooks(lambda: _make_monitor(options), grad_norms=options.grad_norms)
    when_imported("torch", hooks.install)
    try:
        _execute(options)
    except BaseException as error:
        _end(hooks, error)
        if isinstance(error, StopAsked):
            raise SystemExit(_status(hooks)) from None
        _print_without_our_frames()
        raise
    _end(hooks, None)


def _make_monitor(options: Options) -> ScriptMonitor:
    name = options.name or (options.target if options.is_module else Path(options.target).name)
    return ScriptMonitor(name, stop_when=options.stop_when, runs=options.runs)


def _status(hooks: TorchHooks) -> int:
    """Return the exit status of a script that was stopped; a rule of its own ends it well."""
    return 0 if hooks.monitor is not None and hooks.monitor.stopped_early else STOPPED_STATUS


def _end(hooks: TorchHooks, error: BaseException | None) -> None:
    if error is not None:
        _clean(error)
    if hooks.monitor is not None:
        hooks.monitor.close(None if isinstance(error, StopAsked) else error)
    elif error is None or isinstance(error, SystemExit):
        _tell_nothing_seen()


def _tell_nothing_seen() -> None:
    if "torch" in sys.modules:
        words = "no optimizer of torch took a step in this process"
    else:
        words = "torch was not imported in this process"
    if sys.stderr is not None:
        print(f"tui-trainer: {words}: nothing was recorded", file=sys.stderr)


# What Python does with a script


def _execute(options: Options) -> None:
    """Run it as ``__main__``."""
    spec: ModuleSpec | None = None
    if options.is_module:
        _see_first(str(Path.cwd()))
        spec, code = _module(options.target)
        sys.argv[0] = spec.origin or options.target
    elif Path(options.target).is_file() and not _is_archive(options.target):
        path = str(Path(options.target).absolute())
        _see_first(str(Path(path).resolve().parent))
        code = _compiled(path)
    else:
        spec, code = _archive(str(Path(options.target).absolute()))
    main_module = ModuleType("__main__")
    main_module.__dict__.update(
        __builtins__=builtins, __annotations__={}, __spec__=spec, __cached__=None,
        __file__=code.co_filename, __package__=spec.parent if spec is not None else None,
        __loader__=spec.loader if spec else SourceFileLoader("__main__", code.co_filename),
    )  # fmt: skip
    sys.modules["__main__"] = main_module
    exec(code, main_module.__dict__)


def _archive(path: str) -> tuple[ModuleSpec, CodeType]:
    """Find what Python runs of a folder or an archive."""
    sys.path.insert(0, path)
    spec = PathFinder.find_spec("__main__", [path])
    code = _code(spec) if spec is not None else None
    if spec is None or code is None:
        raise SystemExit(f"{sys.executable}: can't find '__main__' module in {path!r}")
    return spec, code


def _see_first(folder: str) -> None:
    if not os.environ.get("PYTHONSAFEPATH"):
        sys.path.insert(0, folder)


def _is_archive(path: str) -> bool:
    import zipfile

    return zipfile.is_zipfile(path)


def _compiled(path: str) -> CodeType:
    with io.open_code(path) as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def _module(name: str) -> tuple[ModuleSpec, CodeType]:
    """Find what ``python -m`` runs, and complain in its words."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name = f"{name}.__main__"
            spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        found = f"{type(error).__name__}: {error}"
        words = f"Error while finding module specification for {name!r} ({found})"
        raise SystemExit(f"{sys.executable}: {words}") from None
    code = _code(spec) if spec is not None else None
    if spec is None or code is None:
        raise SystemExit(f"{sys.executable}: No module named {name}")
    return spec, code


def _code(spec: ModuleSpec) -> CodeType | None:
    loader: Any = spec.loader
    code: CodeType | None = loader.get_code(spec.name) if hasattr(loader, "get_code") else None
    return code


# Tracebacks as they would have been


def _print_without_our_frames() -> None:
    """Have what Python prints of the error that ends it show the script's frames alone."""
    show = sys.excepthook

    def show_cleaned(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        _clean(error)
        show(kind, error, error.__traceback__)

    sys.excepthook = show_cleaned


def _clean(error: BaseException) -> None:
    """Take our frames out of an error and those that led to it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        if (one := waiting.pop()) is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _cleaned(one.__traceback__)
        waiting += [one.__cause__, one.__context__]


def _cleaned(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the script's first frame up to the first call of ours."""
    kept: list[TracebackType] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(_OURS):
            if kept and not _is_passing(code):
                break
        elif not code.co_filename.startswith(_PYTHONS_OWN) and (kept or not _is_start(trace)):
            kept.append(trace)
        trace = trace.tb_next
    for one, following in itertools.pairwise([*kept, None]):
        if one is not None:
            one.tb_next = following
    return kept[0] if kept else None


def _is_start(trace: TracebackType) -> bool:
    return trace.tb_frame.f_globals.get("main") is main


def _is_passing(code: CodeType) -> bool:
    return code.co_name == torch_hooks.PASSING and code.co_filename == torch_hooks.__file__
