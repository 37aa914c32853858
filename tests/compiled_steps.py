"""Real compiled steps for the tests, each compiled again only when something in its key changes."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import seam_files
from reference_loop import make

from tui_trainer.config.settings import Architecture, Regularizer
from tui_trainer.training.engines import compilation
from tui_trainer.training.engines.compilation import Compilation
from tui_trainer.training.engines.compiled import CompiledEngine
from tui_trainer.training.engines.private_files import make_private_folder
from tui_trainer.training.engines.step import find_compiler, step_spec
from tui_trainer.training.engines.step_cache import find_step, step_key, steps_folder
from tui_trainer.training.setup import Setup

# Compiling takes some seconds, in the first test that needs it; a busy machine many.
COMPILE_TIMEOUT = 600


def _own(recipe="kaiming", hidden=(), regularizer=None, activation="relu", **settings):
    """Make a config of a network of these widths, to be trained by its compiled step."""
    config = make(recipe, **{"lr": 0.003, "engine": "compiled", **settings})
    architecture = Architecture(name="own", network="mlp", hidden=hidden, activation=activation)
    replaced = {"architecture": architecture}
    if regularizer is not None:
        replaced["regularizer"] = Regularizer(name="own", **regularizer)
    return msgspec.structs.replace(config, **replaced)


ALL_AT_ONCE = {"dropout": 0.1, "l1_weight": 0.5, "weight_decay": 0.1}
CONFIGS = {
    "classic": make("kaiming", lr=0.003, engine="compiled"),
    "dropout": make("dropout", engine="compiled"),
    "wide": _own(hidden=(400,), lr=0.0003, regularizer=ALL_AT_ONCE),
    "tanh": _own(hidden=(9, 5), activation="tanh", optimizer="momentum", schedule="one-cycle"),
    "gelu": _own(
        hidden=(12,),
        activation="gelu",
        optimizer="adam",
        schedule="cosine",
        regularizer={"dropout": 0.1},
    ),
    "silu": _own(hidden=(6,), activation="silu", optimizer="adamw", regularizer={"l1_weight": 0.1}),
    "odd": _own(
        hidden=(33, 7, 1, 3),
        init="xavier",
        optimizer="nesterov",
        schedule="step",
        regularizer={"weight_decay": 0.1},
    ),
}


def key_of(config):
    return step_key(step_spec(Setup(config).state.model, config.optimizer), find_compiler())


def compile_all(folder, kept):
    """Fill a cache folder with every config's step, new where an earlier session `kept` none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv("CXX", raising=False)
        # A busy machine would starve the tests.
        patch.setattr(compilation, "_SCRIPT", compilation._SCRIPT.replace("nice -n 19", ""))
        seam_files.install(patch)
        configs = [*CONFIGS.values(), seam_files.config_of(optimizer="sgd")]
        make_private_folder(steps_folder())
        keys = {key_of(config): config for config in configs}
        for file in kept.glob("*.so"):
            if file.name.partition("-")[0] in keys:
                shutil.copy2(file, steps_folder())
            else:
                file.unlink()
        with ThreadPoolExecutor(2) as pool:
            missing = [config for key, config in keys.items() if find_step(key) is None]
            for file in pool.map(_compile, missing):
                shutil.copy2(file, kept)


def _compile(config):
    compilation = Compilation(step_spec(Setup(config).state.model, config.optimizer))
    compilation.finished(COMPILE_TIMEOUT)
    return compilation.result()


def make_compiled(config):
    """Make a config's compiled engine, from a cache that has its step."""
    state = Setup(config).state
    spec = step_spec(state.model, config.optimizer)
    file = find_step(step_key(spec, find_compiler()))
    return CompiledEngine(state, spec, config.optimizer, file)
