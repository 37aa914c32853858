"""The runs of this session, as the list shows them."""

from tui_trainer.tui.run.runs import Run
from tui_trainer.tui.runs.listed import ListedRun


def listed(run: Run) -> ListedRun:
    """Say how a run of this session stands."""
    result = run.result
    folder = result.folder
    return ListedRun(
        name=folder.name if folder is not None else "",
        created=run.created,
        state=result.state,
        config=result.config,
        step=result.step,
        val_loss=result.val_loss,
        best_step=result.best.step if result.best else None,
        best_val_loss=result.best.val_loss if result.best else None,
        lr=result.lr,
        learnt_nothing=result.learnt_nothing,
        is_branch=run.parent is not None,
        folder=folder,
        run=run,
    )
