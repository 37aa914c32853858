"""Why keys do nothing for a run of the list."""

from tui_trainer.training.state import State
from tui_trainer.tui.runs.listed import ListedRun

_UNSAVED = "This run is not saved."
_SWEEP = "A sweep is kept as a table, candidates.csv in its folder."
_LOOP = "A loop belongs to its script, which alone can train it again."


def reasons_of(run: ListedRun) -> dict[str, str]:
    """Return why keys do nothing for a run, by their ids; the others do something."""
    if run.sweep:
        return dict.fromkeys(("open_run", "pin", "go_on", "branch", "export"), _SWEEP)
    if run.loop:
        reasons = dict.fromkeys(("pin", "go_on", "branch", "export"), _LOOP)
    else:
        reasons = {"go_on": why_no_resume(run)}
    if run.folder is None:
        reasons |= dict.fromkeys(("branch", "delete"), _UNSAVED)
    elif run.is_active:
        reasons["delete"] = "This run is not finished: stop it first."
    return {key: words for key, words in reasons.items() if words}


def why_no_resume(run: ListedRun) -> str:
    """Say why a run can't be resumed, "" if it can."""
    if run.is_active:
        return "This run trains elsewhere." if run.is_elsewhere else "This run is training."
    if run.folder is None:
        return _UNSAVED
    match run.state:
        case State.FINISHED:
            return f"This run has finished its {run.steps:,} steps."
        case State.DIVERGED:
            return "This run diverged: branch off before that."
        case State.STOPPED_EARLY:
            return "Its stopping rule ended this run: branch off with another one."
    return ""
