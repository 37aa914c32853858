"""Finds saved runs."""

from pathlib import Path

from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.runs.folder import DESCRIPTION


def find_run(root: Path, text: str) -> Path:
    """Find a run by its folder, by a unique piece of its name, or as ``last``.

    Raises:
        InvalidSettingsError: one line, if there is none, or there are several.
    """
    if (Path(text) / DESCRIPTION).is_file():
        return Path(text)
    names = sorted(file.parent.name for file in root.glob(f"*/{DESCRIPTION}"))
    found = names[-1:] if text == "last" else [name for name in names if text in name]
    if len(found) == 1:
        return root / found[0]
    what = "no run is" if not found else f"{len(found)} runs are"
    raise InvalidSettingsError(f"{what} named {shortened(text)} in {root}")
