"""What every test starts from: no colours switched off, no presets of the person who runs them."""

import contextlib
import fcntl
import gc
import inspect
import itertools
import os
import signal
import sys

# Textual reads these when it is imported.
for variable in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_FPS"):
    os.environ.pop(variable, None)
# A terminal's size: pytest imports readline, which sets these, and its workers inherit them.
for variable in ("COLUMNS", "LINES"):
    os.environ.pop(variable, None)

# Whoever switched bytecode off would have every process compile the program, and every worker all
# tests: together a minute.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# As for a command in a shell's foreground: nohup and "&" leave these ignored, in children too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

import pytest  # noqa: E402 - after the variables above are gone


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Let the collector pass over what all tests share: it takes a fifth of their time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(50_000, 20, 100)


def pytest_collection_modifyitems(items):
    """Begin with the files of apps and processes: no worker is left with a long test at the end."""
    long = {item.path for item in items if _is_long(item)}
    items.sort(key=lambda item: item.path not in long)


def _is_long(item):
    asynchronous = inspect.iscoroutinefunction(item.function)
    return asynchronous or not {"open_terminal", "forks"}.isdisjoint(item.fixturenames)


@pytest.fixture(scope="session")
def own_folders(tmp_path_factory):
    """Folders without end, one a test: pytest's own would look through all that are there."""
    root = tmp_path_factory.mktemp("own")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_config_folder(own_folders, monkeypatch):
    """Let presets and keymaps of the person who runs the tests change nothing."""
    own = next(own_folders)
    own.mkdir(mode=0o700)
    for name in ("config", "state", "cache"):
        folder = own / name
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(folder))
    return own / "config"


@pytest.fixture(autouse=True)
def no_compiler_unasked(monkeypatch):
    """Let nothing compile for a test that does not ask for it: this one never does."""
    monkeypatch.setenv("CXX", "false")


@pytest.fixture(autouse=True)
def no_watchdog(monkeypatch):
    """Let an app that ends slowly, as on a busy machine, not end the tests' own process."""
    monkeypatch.setattr("tui_trainer.cli.headless._GRACE", 3600.0)


@pytest.fixture
def open_terminal():
    """Open terminals with programs in them, and end what still runs there."""
    from pexpect.exceptions import ExceptionPexpect
    from terminals import Terminal

    opened = []

    def opens(*arguments, **options):
        opened.append(Terminal(*arguments, **options))
        return opened[-1]

    yield opens
    for terminal in opened:
        with contextlib.suppress(OSError, ExceptionPexpect):
            if terminal.child.isalive():  # close() would give it a tenth of a second
                os.kill(terminal.child.pid, signal.SIGKILL)
            terminal.child.close(force=True)


@pytest.fixture(scope="session")
def forks():
    """Start the program as a process of its own, and spare it importing torch."""
    from forks import Forks

    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def compiled_cache(tmp_path_factory, request):
    """A cache folder with every step of `compiled_steps`; pytest keeps them, as they take 20 s."""
    from compiled_steps import compile_all

    kept = request.config.cache.mkdir("compiled-steps")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        folder = tmp_path_factory.mktemp("compiled")
        compile_all(folder, kept)
        return folder
    shared = tmp_path_factory.getbasetemp().parent  # by all workers: the first one compiles
    folder, done = shared / "compiled", shared / "compiled.done"
    with (shared / "compiled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir(exist_ok=True)
            compile_all(folder, kept)
            done.touch()
    return folder


@pytest.fixture
def compiled_steps_cached(compiled_cache, own_config_folder, no_compiler_unasked, monkeypatch):
    """Let this test find the compiled steps in its cache; returns their folder."""
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("XDG_CACHE_HOME", str(compiled_cache))
    return compiled_cache / "tui-trainer" / "steps"
