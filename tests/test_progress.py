"""A training on its way: what counts as its best, and where it stands when it ends."""

import numpy as np
import pytest
from reference_loop import make

from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.progress import Best, Progress

NAN, INF = float("nan"), float("inf")


def start(recipe="kaiming", **settings):
    return Progress(make(recipe, **settings))


def observe(progress, *val):
    losses = np.array(val, np.float32)
    return progress.observe(losses + 1, losses).count


@pytest.mark.parametrize("parts", [[[3, 2, 2, 2]], [[3, 2], [2, 2]], [[3], [2], [2], [2]]])
def test_of_equal_losses_the_first_is_the_best(parts):
    progress = start(steps=9)
    assert [observe(progress, *part) for part in parts] == [len(part) for part in parts]
    assert (progress.step, progress.steps_left, progress.best) == (4, 5, Best(2, 2.0))


@pytest.mark.parametrize(
    ("val", "best"), [((3, 2, NAN), Best(2, 2.0)), ((INF,), None), ((NAN,), None)]
)
def test_a_loss_that_is_not_finite_ends_it_and_is_no_best(val, best):
    progress = start()
    assert observe(progress, *val, 1, 1) == len(val)
    end = progress.ended(0.0)
    assert (end.reason, end.steps) == (StopReason.DIVERGED, len(val))
    assert progress.best == best


def test_steps_past_a_stop_do_not_count():
    progress = start("stop-first-increase")
    assert observe(progress, 5, 4, 4.5, 1) == 3
    end = progress.ended(2.5)
    assert (end.reason, end.steps, end.best_step) == (StopReason.EARLY_STOPPING, 3, 2)
    assert (end.train_loss, end.val_loss, end.best_val_loss) == (5.5, 4.5, 4.0)
    assert end.seconds == 2.5


def test_a_stop_by_hand_before_the_first_step_has_no_losses():
    progress = start()
    progress.stop()
    end = progress.ended(0.0)
    assert (end.reason, end.detail) == (StopReason.STOPPED, "stopped by hand at step 0")
    assert (end.train_loss, end.val_loss, end.best_step, end.best_val_loss) == (None,) * 4
