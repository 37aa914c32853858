"""Real compiled steps for the tests, each compiled once a session, all at the same time."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import seam_files
from reference_loop import make

from tui_trainer.config.settings import Architecture, Regularizer
from tui_trainer.training.engines.compilation import Compilation
from tui_trainer.training.engines.compiled import CompiledEngine
from tui_trainer.training.engines.step import step_spec
from tui_trainer.training.engines.step_cache import find_step
from tui_trainer.training.setup import Setup

# The fixtures that compile take a minute, in the first test that needs one.
COMPILE_TIMEOUT = 600

_SMALL = Architecture(name="small", network="mlp", hidden=(6,))


def _small(**regularizer):
    replaced = {
        "architecture": _SMALL,
        "regularizer": Regularizer(name="own", **regularizer),
        "engine": "compiled",
    }
    return msgspec.structs.replace(make("kaiming", lr=0.003), **replaced)


CONFIGS = {
    "classic": make("kaiming", lr=0.003, engine="compiled"),
    "regularized": _small(dropout=0.1, l1_weight=0.5, weight_decay=0.1),
}


def spec_of(config):
    return step_spec(config, Setup(config).parameter_count, 1)


def compile_all(folder):
    """Compile every config's step into a cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        seam_files.install(patch)
        configs = [*CONFIGS.values(), seam_files.config_of()]
        with ThreadPoolExecutor(len(configs)) as pool:
            list(pool.map(_compile, configs))


def _compile(config):
    compilation = Compilation(spec_of(config))
    assert compilation.finished(COMPILE_TIMEOUT)
    compilation.result()


def make_compiled(config):
    """Make a config's compiled engine, from a cache that has its step."""
    spec = spec_of(config)
    return CompiledEngine(Setup(config).engine.state, spec, find_step(spec))
