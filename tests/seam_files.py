"""Has the program find the files in tests/seams/."""

from pathlib import Path

import msgspec
import pytest
from reference_loop import make

from tui_trainer.config.optimization import Optimizer
from tui_trainer.config.settings import Dataset
from tui_trainer.task import datasets, optimizers

_FOLDER = str(Path(__file__).with_name("seams"))


def install(patch: pytest.MonkeyPatch) -> None:
    for package in (datasets, optimizers):
        patch.setattr(package, "__path__", [*package.__path__, _FOLDER])
        patch.setattr(package.__spec__, "submodule_search_locations", package.__path__)


def config_of(*, optimizer="momentum", **settings):
    """Three features, in a small network."""
    dataset = Dataset(
        name="plane", function="plane", features=3, train_points=60, validation_points=50
    )
    made = make("kaiming", **{"lr": 0.003, "architecture": "linear", **settings})
    architecture = msgspec.structs.replace(made.architecture, hidden=(6,))
    replaced = {
        "dataset": dataset,
        "architecture": architecture,
        "optimizer": Optimizer(name=optimizer, method=optimizer),
    }
    return msgspec.structs.replace(made, **replaced)
