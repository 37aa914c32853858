"""What a run can be exported as, and the files for that."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tui_trainer.runs.export import repeatable, write_history
from tui_trainer.runs.plain_script.script import to_script
from tui_trainer.training.result import RunResult
from tui_trainer.tui.choices import Choice

SCRIPT, COMMAND, CSV, SVG = "script", "command", "csv", "svg"
CHOICES = (
    Choice(SCRIPT, "plain PyTorch without this program: equal bit for bit"),
    Choice(COMMAND, "the tui-trainer line that repeats it, to the clipboard"),
    Choice(CSV, "step, train_loss, val_loss"),
    Choice(SVG, "a picture of the cockpit with this run"),
)


def write_script(result: RunResult, name: str, folder: Path) -> Path:
    """Write a run's script into a new file.

    Raises:
        ValueError: one line, if it can't be written in plain PyTorch.
        OSError: if the file can't be written.
    """
    text = to_script(repeatable(result), name)
    file = new_file(folder, name, ".py")
    file.write_text(text, encoding="utf-8")
    return file


def write_losses(result: RunResult, name: str, folder: Path) -> Path:
    """Write a run's losses into a new file.

    Raises:
        OSError: if the file can't be written.
    """
    file = new_file(folder, name, ".csv")
    write_history(result.history, file)
    return file


def new_file(folder: Path, name: str, suffix: str) -> Path:
    """Return a file that is not there yet: ``NAME.py``, ``NAME-2.py``."""
    return next(file for file in _files(folder, name, suffix) if not file.exists())


def _files(folder: Path, name: str, suffix: str) -> Iterator[Path]:
    yield folder / f"{name}{suffix}"
    yield from (folder / f"{name}-{number}{suffix}" for number in count(2))
