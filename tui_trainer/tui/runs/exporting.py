"""What a run can be exported as, and the files for that."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tui_trainer.runs.client import RemoteControl
from tui_trainer.runs.export import repeatable, train_line, write_history
from tui_trainer.runs.plain_script.script import to_script
from tui_trainer.training.events import StepsCompleted
from tui_trainer.training.result import RunResult
from tui_trainer.tui.background import SavedWork
from tui_trainer.tui.choices import Choice
from tui_trainer.tui.live_screen import Context
from tui_trainer.tui.runs.listed import ListedRun

SCRIPT, COMMAND, CSV, SVG = "script", "command", "csv", "svg"
CHOICES = (
    Choice(SCRIPT, "plain PyTorch without this program: equal bit for bit"),
    Choice(COMMAND, "the tui-trainer line that repeats it, to the clipboard"),
    Choice(CSV, "step, train_loss, val_loss"),
    Choice(SVG, "a picture of the cockpit with this run"),
)


def export(run: ListedRun, what: str, context: Context) -> tuple[str, str]:
    """Export a run into the current folder; return what came of it, and what to copy, if anything.

    `what` is one of `CHOICES`, but for the picture. A saved run is read first: it takes a while.
    """
    try:
        if run.is_branch and what != CSV:
            raise ValueError(
                "a branch goes on from another run's state, which no script or flags repeat: "
                f"'tui-trainer replay {run.name}' does"
            )
        result = _result_of(run, context.work.saved)
        if what == COMMAND:
            line = train_line(repeatable(result), context.presets, None, run.name)
            return line, line
        write = _write_script if what == SCRIPT else _write_losses
        file = write(result, run.file_name, Path.cwd())
        return f"written: {file.name}, in {file.parent}", ""
    except OSError as error:
        return f"⚠ {error.filename}: {error.strerror}", ""
    except ValueError as error:
        return f"⚠ {error}", ""


def _result_of(run: ListedRun, work: SavedWork | None) -> RunResult:
    """Return what is known of a run; a saved one is read."""
    if run.folder is None or work is None or (run.run is not None and not run.run.is_read):
        assert run.run is not None
        return run.run.result
    result, control = RunResult(run.own_config), RemoteControl(run.folder, lambda _: None)
    for event in work.events(run.folder, run.own_config, control):
        result.apply(event)
        if run.is_elsewhere and isinstance(event, StepsCompleted):
            break  # it is exported as it is now
    control.leave()
    return result


def _write_script(result: RunResult, name: str, folder: Path) -> Path:
    text = to_script(repeatable(result), name)
    file = new_file(folder, name, ".py")
    file.write_text(text, encoding="utf-8")
    return file


def _write_losses(result: RunResult, name: str, folder: Path) -> Path:
    file = new_file(folder, name, ".csv")
    write_history(result.history, file)
    return file


def new_file(folder: Path, name: str, suffix: str) -> Path:
    """Return a file that is not there yet: ``NAME.py``, ``NAME-2.py``."""
    return next(file for file in _files(folder, name, suffix) if not file.exists())


def _files(folder: Path, name: str, suffix: str) -> Iterator[Path]:
    yield folder / f"{name}{suffix}"
    yield from (folder / f"{name}-{number}{suffix}" for number in count(2))
