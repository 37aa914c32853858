"""A candidate on its way: what counts as its best, and where it stands when it ends."""

import numpy as np
import pytest
from reference_loop import make

from tui_trainer.sweeps.plan import Candidate
from tui_trainer.sweeps.track import Track
from tui_trainer.training.early_stopping import StopReason

NAN, INF = float("nan"), float("inf")


def track(recipe="kaiming", **settings):
    return Track(Candidate(0, 0, make(recipe, **settings)))


def observe(track, *val):
    losses = np.array(val, np.float32)
    return track.observe(losses + 1, losses)


@pytest.mark.parametrize("parts", [[[3, 2, 2, 2]], [[3, 2], [2, 2]], [[3], [2], [2], [2]]])
def test_of_equal_losses_the_first_is_the_best(parts):
    candidate = track(steps=9)
    assert [observe(candidate, *part) for part in parts] == [len(part) for part in parts]
    assert (candidate.step, candidate.steps_left, candidate.best) == (4, 5, (2, 2.0))


@pytest.mark.parametrize(("val", "best"), [((3, 2, NAN), (2, 2.0)), ((INF,), None), ((NAN,), None)])
def test_a_loss_that_is_not_finite_ends_it_and_is_no_best(val, best):
    candidate = track()
    assert observe(candidate, *val, 1, 1) == len(val)
    end = candidate.ended(0.0)
    assert (end.reason, end.steps) == (StopReason.DIVERGED, len(val))
    assert candidate.best == best


def test_steps_past_a_stop_do_not_count():
    candidate = track("stop-first-increase")
    assert observe(candidate, 5, 4, 4.5, 1) == 3
    end = candidate.ended(2.5)
    assert (end.reason, end.steps, end.best_step) == (StopReason.EARLY_STOPPING, 3, 2)
    assert (end.train_loss, end.val_loss, end.best_val_loss) == (5.5, 4.5, 4.0)
    assert end.seconds == 2.5


def test_a_stop_by_hand_before_the_first_step_has_no_losses():
    candidate = track()
    candidate.stop()
    end = candidate.ended(0.0)
    assert (end.reason, end.detail) == (StopReason.STOPPED, "stopped by hand at step 0")
    assert (end.train_loss, end.val_loss, end.best_step, end.best_val_loss) == (None,) * 4
