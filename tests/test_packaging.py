"""What gets installed: the wheel alone, in an empty folder, has the networks and the presets."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PLACES = {
    "tui_trainer": "tui_trainer",
    "models": "tui_trainer/models",
    "presets": "tui_trainer/presets",
}

# Runs where the wheel is the only tui_trainer that may be imported; argv[1] is its folder.
USE_THE_WHEEL = """
import sys
from pathlib import Path

import torch

from tui_trainer.config.presets import DEFAULT_RECIPE, load_presets, make_config
from tui_trainer.task.network import build_network

presets = load_presets()
for category in ("dataset", "architecture", "init", "regularizer", "recipe"):
    assert presets.names(category), f"no preset of {category}"
for architecture in presets.architecture:
    for init in presets.init:
        config = make_config(presets, DEFAULT_RECIPE, architecture=architecture, init=init)
        network = build_network(config, torch.Generator())
        assert list(network.parameters()), f"{architecture} with {init} is empty"

# An editable install in this interpreter would fill in for whatever the wheel lacks.
for name, module in sys.modules.items():
    if name.partition(".")[0] == "tui_trainer":
        assert Path(module.__file__).is_relative_to(sys.argv[1]), f"{name}: {module.__file__}"
"""


pytestmark = pytest.mark.xdist_group("packaging")  # what is shared is made once


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel made from the sdist, as an installer without a wheel to download makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    # A build leaves files beside its sources, and would pack those that an earlier one left.
    source = folder / "source"
    for name in PLACES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run("-m", "build", "--no-isolation", "--outdir", folder / "dist", cwd=source)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def run(*arguments: str | Path, cwd: Path, **environment: str) -> None:
    done = subprocess.run(
        # -P: the folder it runs in is not searched for modules
        [sys.executable, "-P", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        pytest.fail(done.stdout, pytrace=False)


def test_wheel_holds_one_top_level_package(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tui_trainer"}


def test_wheel_holds_every_file_of_the_source(wheel: Path) -> None:
    expected = {
        f"{place}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, place in PLACES.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }
    assert expected <= set(ZipFile(wheel).namelist())


def test_wheel_alone_reads_every_preset_and_builds_every_network(
    wheel: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "installed"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ZipFile(wheel).extractall(folder)  # all that an installer does with a wheel of plain Python
    run(
        *("-c", USE_THE_WHEEL, folder),
        cwd=elsewhere,
        PYTHONPATH=str(folder),
        XDG_CONFIG_HOME=str(elsewhere),  # without the presets of whoever runs the tests
    )
