"""Why the cockpit's keys do nothing now: most need a run, and numbers have ends."""

from collections.abc import Mapping

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import number_text
from tui_trainer.tui.panes.fit_pane import FitPane
from tui_trainer.tui.run.next_lr import next_lr
from tui_trainer.tui.run.runs import Run, Runs

_NEED_RUN = ("pause", "stop", "best", "log", "smooth", "overlay", "laboratory", "branch")


def run_reasons(runs: Runs, keys: Mapping[str, str], *, kept: bool) -> dict[str, str]:
    """Return why keys do nothing to the run that is shown, by their ids.

    `kept` says whether runs are saved, `keys` how the user's keys are written.
    """
    shown, start = runs.shown, keys["start"]
    if shown is None:  # a single step starts one
        return dict.fromkeys(_NEED_RUN, f"No run yet: {start} starts one.")
    reasons: dict[str, str] = {}
    if not shown.active:
        ended = f"This run has ended: {start} starts the next."
        training = f"{keys['runs']} lists the run that is training."
        words = ended if runs.training is None else training
        reasons |= dict.fromkeys(("pause", "step", "stop"), words)
    elif shown.is_stopping:
        words = f"It stops after the step that it is in; {keys['quit']} quits whatever that does."
        reasons |= dict.fromkeys(("pause", "step", "stop"), words)
    if shown.result.folder is None or not kept:
        reasons["branch"] = "This run is not saved: there is no state to branch off from."
    elif not shown.result.step:
        reasons["branch"] = "This run has no step yet."
    none_yet = f"No former run yet: {start} starts another."
    if reason := none_yet if runs.last is None else runs.why_no_last:
        reasons["overlay"] = reason
    return reasons


def form_reasons(config: RunConfig) -> dict[str, str]:
    """Return why keys do nothing to a form's settings: numbers have ends."""
    reasons: dict[str, str] = {}
    lr, points = config.lr, config.dataset.train_points
    if next_lr(lr, -1) == lr:
        reasons["lr_down"] = f"lr {number_text(lr)} is the lowest there is."
    if next_lr(lr, 1) == lr:
        reasons["lr_up"] = f"lr {number_text(lr)} is the highest there is."
    if config.points_per_step == 1:
        reasons["batch_down"] = "A batch of one point is the smallest there is."
    if config.points_per_step == points:
        reasons["batch_up"] = f"A step takes the whole split already: {points:,} points."
    if config.architecture.builder:
        words = f"The network {config.architecture.name} has activations of its own."
        reasons |= dict.fromkeys(("activation_next", "activation_previous"), words)
    return reasons


def look_reasons(pane: FitPane) -> dict[str, str]:
    """Return why the key for another look at the fit does nothing."""
    return {"look": pane.why_no_other} if pane.why_no_other else {}


def health_reasons(
    shown: Run | None, keys: Mapping[str, str], *, looks_inside: bool
) -> dict[str, str]:
    """Return why the key for the layers' health does nothing, and those of the fit under it."""
    if looks_inside:
        back = f"The fit is hidden: {keys['health']} shows it."
        return dict.fromkeys(("best", "look"), back)
    if shown is None or not shown.is_read:
        return {}
    where = "where that runs" if shown.is_elsewhere else "and only while it trains"
    return {"health": f"Layers are measured by the process that trains, {where}."}
