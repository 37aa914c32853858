"""People's own code: loaded fresh where it has changed, ended where it hangs, with its own lines.

A mistake in it is one line that names its file and line. What it sets in torch for everybody is
undone, so that it changes nobody else's numbers.
"""

import contextlib
import dis
import hashlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from torch import Generator

import tui_trainer
from tui_trainer.config.validation import InvalidSettingsError, one_of
from tui_trainer.task.interrupting import (
    POLL_SECONDS,
    Interrupted,
    interruptibly,
    is_stopped,
    why_interrupted,
)
from tui_trainer.task.passes import UserCodeError, undoing_settings
from tui_trainer.task.randomness import lending_globally

T = TypeVar("T")

_SHORTEST_PART = 200  # characters of somebody else's message
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_PROGRAM = Path(tui_trainer.__file__).parent

_loading = threading.RLock()
_loaded: dict[str, "_Code"] = {}
_folders: set[Path] = set()


@dataclass(slots=True)
class _Code:
    """A module of somebody's, with those that it imports from its own folder or package."""

    module: ModuleType
    folder: Path | None
    digests: dict[str, str] = field(default_factory=dict)  # of contents, by file
    names: set[str] = field(default_factory=set)

    def take_in(self, before: set[str]) -> None:
        """Take in its modules that have been imported since."""
        for name in sys.modules.keys() - before:
            file = getattr(sys.modules[name], "__file__", None)
            if self.folder is not None and file is not None and _is_in(Path(file), self.folder):
                self.names.add(name)
                self.digests.setdefault(file, _digest(file))

    @property
    def has_changed(self) -> bool:
        return any(_digest(file) != digest for file, digest in self.digests.items())

    @property
    def digest(self) -> str:
        """That of all its files, wherever they lie."""
        root = self.folder or Path()
        parts = sorted(
            f"{Path(file).relative_to(root) if self.folder else Path(file).name} {digest}"
            for file, digest in self.digests.items()
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def forget(self) -> None:
        """Have all of it imported anew."""
        for name in self.names:
            sys.modules.pop(name, None)


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function of somebody's; `name` is that of its module and its own, in short."""

    call: Callable[..., Any]
    name: str
    _code: _Code

    def run(self, work: Callable[[], T]) -> tuple[T, str]:
        """Do what calls it; return the result, and the digest of all code that took part.

        Raises:
            InvalidSettingsError: one line, if it fails or hangs.
        """
        before = set(sys.modules)
        with _importing_from(self._code.folder):
            result = run_guarded(work, self.name)
        self._code.take_in(before)
        return result, self._code.digest


def load_function(place: str, function: str, name: str) -> UserFunction:
    """Load a function of a module, or of a file if `place` ends with ``.py``.

    Raises:
        InvalidSettingsError: one line, if there is none, or a mistake in it.
    """
    while not _loading.acquire(timeout=POLL_SECONDS):
        if is_stopped():
            raise UserCodeError(f"{name}: stopped before it was loaded")
    try:
        code = _loaded.get(place)
        if code is None or code.has_changed:
            if code is not None:
                code.forget()
            _loaded.pop(place, None)
            code = _loaded[place] = _load(place, name)
        found: Any = code.module
        for part in function.split("."):
            if not hasattr(found, part):
                public = [key for key in vars(code.module) if callable(getattr(code.module, key))]
                raise UserCodeError(
                    f"{_short(place)} has no function '{function}'; {one_of(function, public)}"
                )
            found = getattr(found, part)
    finally:
        _loading.release()
    if not callable(found):
        raise UserCodeError(
            f"{name} is no function that builds a network, but of type {type(found).__name__}"
        )
    return UserFunction(found, name, code)


def _load(place: str, name: str) -> _Code:
    before = set(sys.modules)
    importlib.invalidate_caches()
    is_file = place.endswith(".py")
    package = place.partition(".")[0]
    folder = Path(place).parent if is_file else None
    if folder is not None:
        _folders.add(folder)
    source = _read(place) if is_file else b""
    work = partial(_execute, place, source) if is_file else partial(importlib.import_module, place)
    try:
        # A module that draws numbers gets the same ones each time.
        with _importing_from(folder), lending_globally(Generator().manual_seed(0)):
            module = run_guarded(work, name)
    except InvalidSettingsError:
        half = _Code(ModuleType(name), folder)
        half.take_in(before)
        half.forget()
        raise
    file = str(getattr(module, "__file__", None) or place)
    if not is_file and package not in before:
        root = sys.modules[package].__file__
        folder = Path(root).parent if root is not None else Path(file).parent
        _folders.add(folder)
    code = _Code(module, folder, {file: hashlib.sha256(source).hexdigest()} if is_file else {})
    code.names.add(module.__name__)
    if not is_file:
        code.digests[file] = _digest(file)
    code.take_in(before)
    return code


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UserCodeError(f"{file}: {error.strerror}") from None


def _execute(file: str, source: bytes) -> ModuleType:
    """Run a file as a module that no import finds by accident."""
    module = ModuleType(f"tui_trainer_user_{Path(file).stem}")
    module.__file__ = file
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    exec(compile(source, file, "exec", dont_inherit=True), vars(module))
    return module


@contextlib.contextmanager
def _importing_from(folder: Path | None) -> Iterator[None]:
    """Find modules in a folder as well, and leave nothing there."""
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    path = str(folder)
    if folder is not None:
        sys.path.append(path)
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        if folder is not None and path in sys.path:
            sys.path.remove(path)


# Mistakes


def line_of(error: BaseException) -> str:
    """Name the line of somebody's own that an exception came through last: ``net.py line 3``."""
    if isinstance(error, SyntaxError) and error.filename and _is_users(error.filename):
        return f"{Path(error.filename).name} line {error.lineno}"
    found, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if _is_users(file):
            found = f"{Path(file).name} line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def raised_by_users(error: BaseException) -> bool:
    """Say whether a raise statement of somebody's own raised an exception: Ctrl-C takes none."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not _is_users(trace.tb_frame.f_code.co_filename):
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def told(error: BaseException, name: str) -> str:
    """Say in one line what is wrong in somebody's code, which is called `name`."""
    where = line_of(error) or name
    if isinstance(error, SystemExit):
        return f"{where}: calls sys.exit({error.code if error.code is not None else ''})"
    text = str(error.msg if isinstance(error, SyntaxError) else error).strip()
    first = (text.splitlines() or [""])[0][:_SHORTEST_PART]
    return f"{where}: {type(error).__name__}{': ' * bool(first)}{first}"


def run_guarded(work: Callable[[], T], name: str) -> T:
    """Do something that runs somebody's code, called `name`, for as long as nobody stops it.

    Raises:
        InvalidSettingsError: one line, if it fails or hangs.
    """
    try:
        with undoing_settings():
            return interruptibly(work)
    except InvalidSettingsError:
        raise
    except Interrupted as error:
        raise UserCodeError(f"{line_of(error) or name}: {why_interrupted()}") from None
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt) and not raised_by_users(error):
            raise
        raise UserCodeError(told(error, name)) from None


def _is_users(file: str) -> bool:
    return any(_is_in(Path(file), folder) for folder in tuple(_folders))


def _is_in(file: Path, folder: Path) -> bool:
    """Say whether a file is of a folder's own: neither installed below it nor the program's."""
    if not file.is_relative_to(folder) or file.is_relative_to(_PROGRAM):
        return False
    return _INSTALLED.isdisjoint(file.relative_to(folder).parts)


def _digest(file: str) -> str:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return ""


def _short(place: str) -> str:
    return Path(place).name if place.endswith(".py") else place
