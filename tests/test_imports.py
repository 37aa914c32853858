"""What importing a module brings along: torch takes seconds, and a screen may not be there."""

import json
import subprocess
import sys

# Each of them imports neither torch nor textual nor Ray.
LIGHT = [
    "cli",
    "config.settings",
    "console",
    "training.history",
    "config.presets",
    "training.control",
    "training.early_stopping",
    "training.events",
    "sweeps.cluster.sweeping",
    "sweeps.cluster.driver",
]
TELLS = """
import importlib, json, sys
for module in sys.argv[1:]:
    importlib.import_module(f"tui_trainer.{module}")
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def output_of(code, *arguments):
    """Return the lines that a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_torch_textual_and_ray_wait_until_they_are_needed():
    *light, trainer = map(json.loads, output_of(TELLS, *LIGHT, "training.trainer"))
    for module, found in zip(LIGHT, light, strict=True):  # each with those before it
        assert "tui_trainer" in found
        assert {"torch", "textual", "ray"}.intersection(found) == set(), module
    assert "torch" in trainer
    assert {"textual", "ray"}.isdisjoint(trainer)


MAKES_THE_APP = """
import sys
from pathlib import Path
from tui_trainer.cli.app import make_app
from tui_trainer.config.user_settings import UserSettings
from tui_trainer.plotting.roles import Charset
settings = {"recipe": None, "presets_folder": None, "data": sys.argv[1], "target": "y"}
make_app(settings, UserSettings(), Charset.UNICODE, 0.05, "", Path("runs"), remembers=False)
print(*sys.modules, sep="\\n")
"""


def test_the_first_frame_waits_for_no_sweeps_no_numpy_and_no_data(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("x,y\n1,2\n2,3\n")
    found = output_of(MAKES_THE_APP, file)  # as it is made for a terminal, with saved runs
    assert {"tui_trainer.tui.run.screen", "textual"} <= set(found)
    assert not [name for name in found if name.startswith("tui_trainer.sweeps")]
    assert not {"numpy", "pyarrow", "psutil", "torch"} & set(found)
