"""Has the program find the files in tests/seams/; run as a program, it compiles steps with them."""

import sys
from pathlib import Path

import msgspec
import pytest
from reference_loop import make

from tui_trainer.config.settings import Dataset
from tui_trainer.task import datasets, optimizers
from tui_trainer.training.engines import compilation, compile_step

_FOLDER = str(Path(__file__).with_name("seams"))


def install(patch: pytest.MonkeyPatch) -> None:
    for package in (datasets, optimizers):
        patch.setattr(package, "__path__", [*package.__path__, _FOLDER])
        patch.setattr(package.__spec__, "submodule_search_locations", package.__path__)
    patch.setattr(compilation, "_MODULE", "seam_files")


def config_of(**settings):
    """Momentum on three features, in a small network."""
    dataset = Dataset(
        name="plane", function="plane", features=3, train_points=60, validation_points=50
    )
    made = make("kaiming", **{"lr": 0.003, "architecture": "linear", **settings})
    architecture = msgspec.structs.replace(made.architecture, hidden=(6,))
    replaced = {"dataset": dataset, "architecture": architecture, "optimizer": "momentum"}
    return msgspec.structs.replace(made, **replaced)


if __name__ == "__main__":
    patch = pytest.MonkeyPatch()
    install(patch)
    patch.setattr(compile_step.os, "nice", lambda _: 0)  # a busy machine would starve the tests
    compile_step.main(*sys.argv[1:])
