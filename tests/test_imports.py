"""What importing a module brings along: torch takes seconds, and a screen may not be there."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = [
    "cli",
    "config.settings",
    "console",
    "training.history",
    "config.presets",
    "training.control",
    "training.early_stopping",
    "training.events",
    "tui.app",
]
WITHOUT_TEXTUAL = [
    "cli",
    "config.settings",
    "console",
    "training.history",
    "config.presets",
    "training.control",
    "training.early_stopping",
    "training.events",
    "training.trainer",
]


def imported_by(module):
    """Return the names of all modules that a fresh interpreter has after an import."""
    done = subprocess.run(
        [sys.executable, "-c", f"import tui_trainer.{module}, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_torch_waits_until_a_run_needs_it(module):
    found = imported_by(module)
    assert "tui_trainer" in found
    assert "torch" not in found


@pytest.mark.parametrize("module", WITHOUT_TEXTUAL)
def test_textual_stays_with_the_screen(module):
    assert "textual" not in imported_by(module)


def test_what_trains_does_import_torch_and_what_draws_does_import_textual():
    assert "torch" in imported_by("training.trainer")
    assert "textual" in imported_by("tui.app")


MAKES_THE_APP = """
import sys
from pathlib import Path
from tui_trainer.cli.app import make_app
from tui_trainer.config.user_settings import UserSettings
from tui_trainer.plotting.roles import Charset
settings = {"recipe": None, "presets_folder": None, "data": sys.argv[1], "target": "y"}
make_app(settings, UserSettings(), Charset.UNICODE, 0.05, "", Path("runs"), remembers=False)
print(*sys.modules)
"""


def test_the_first_frame_waits_for_no_sweeps_no_numpy_and_no_data(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("x,y\n1,2\n2,3\n")
    # As it is made for a terminal, with saved runs.
    command = [sys.executable, "-c", MAKES_THE_APP, str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "tui_trainer.tui.run.screen" in found
    assert not [name for name in found if name.startswith("tui_trainer.sweeps")]
    assert not {"numpy", "pyarrow", "psutil", "torch"} & set(found)
