"""A sweep folded from its events."""

import math

import numpy as np
import pytest
from scripted_sweep import advanced, ended, finished, plan, started

from tui_trainer.sweeps.events import CandidatesRestarted, SweepEnded, SweepNoted
from tui_trainer.sweeps.result import SweepResult, objective_loss
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.progress import Best
from tui_trainer.training.state import State


def test_a_candidate_collects_its_losses_and_its_best_step():
    results = SweepResult(plan("lr=0.1,0.2"))
    results.apply(advanced([1, 0], 1, [[3, 9], [2, 8]]))
    results.apply(advanced([1], 3, [[2.5], [1.5], [4]], counts=[2], seconds=3.0))
    first, second = results.candidates
    assert second.history.losses("val").tolist() == [3, 2, 2.5, 1.5]
    assert second.history.losses("train").tolist() == [1.5, 1, 1.25, 0.75]
    assert (second.step, second.best) == (4, Best(4, 1.5))
    assert (first.step, first.val_loss, first.best.step) == (2, 8, 2)
    assert (results.steps, results.seconds) == (6, 3.0)


def test_without_history_the_figures_stay():
    results = SweepResult(plan("lr=0.1,0.2"), keep_history=False)
    results.apply(advanced([0], 1, [[3], [2], [5]]))
    assert results.candidates[0].history.steps == 0
    assert (results.candidates[0].best.step, results.candidates[0].val_loss) == (2, 5)


def test_a_loss_that_is_not_finite_is_never_the_best():
    results = SweepResult(plan("lr=0.1,0.2"))
    results.apply(advanced([0], 1, [[3], [math.nan]]))
    results.apply(ended(0, StopReason.DIVERGED))
    candidate = results.candidates[0]
    assert candidate.best == Best(1, 3)
    assert math.isnan(candidate.val_loss)
    assert candidate.diverged
    assert objective_loss(candidate, "best") == objective_loss(candidate, "final") == math.inf


def test_a_point_follows_every_kind_of_news_of_its_candidates():
    results = SweepResult(plan("lr=0.1,0.2", seeds=2))
    untouched = results.point(1)
    for news, steps, ends in (
        (advanced([0, 1], 1, [[3, 4]]), 1, 0),
        (ended(0), 1, 1),
        (CandidatesRestarted((0, 1)), 0, 0),
    ):
        results.apply(news)
        point = results.point(0)
        assert (point.steps.median, point.ended) == (steps, ends)
        assert results.point(0) is point  # until there is news
    assert results.point(1) is untouched


def test_a_sweep_goes_through_the_states():
    sweep = plan("lr=0.1,0.2")
    results = SweepResult(sweep)
    seen = [results.state]
    end = SweepEnded(StopReason.STOPPED, "by hand", 0, 0.0)
    for event in (started(sweep), advanced([0], 1, [[3]]), end):
        results.apply(event)
        seen.append(results.state)
    assert seen == [State.STARTING, State.RUNNING, State.RUNNING, State.STOPPED]


def test_restarted_candidates_start_from_nothing():
    results = SweepResult(plan("lr=0.1,0.2"))
    results.apply(advanced([0, 1], 1, [[3, 4]]))
    results.apply(ended(0))
    results.apply(CandidatesRestarted((0,)))
    candidate = results.candidates[0]
    assert (candidate.step, candidate.val_loss, candidate.best, candidate.ended) == (
        0,
        None,
        None,
        None,
    )
    assert results.steps == 1
    results.apply(advanced([0], 1, [[7]]))
    assert candidate.history.losses("val").tolist() == [7]
    assert results.candidates[1].step == 1


def test_points_are_medians_over_seeds_with_the_range_of_the_finite_ones():
    sweep = plan("lr=0.1,0.2", seeds=3)
    results = finished(sweep, [1, 5, 2, 9, 9, 9], diverged=[1, 4, 5])
    good, bad = results.points()
    assert good.best.median == 2
    assert (good.best.low, good.best.high) == (1, 2)
    assert good.diverged_share == pytest.approx(1 / 3)
    assert good.losses == (1, math.inf, 2)
    assert bad.best.median == math.inf
    assert (bad.best.low, bad.best.high) == (9, 9)
    assert good.done


def test_before_the_first_step_there_is_no_loss():
    results = SweepResult(plan("lr=0.1,0.2"))
    results.apply(started(results.sweep))
    point = results.points()[0]
    assert math.isnan(point.best.median)
    assert not point.done
    assert results.progress == 0


def test_ranked_puts_the_lowest_objective_first_and_the_unknown_last():
    sweep = plan("lr=0.1,0.2,0.3,0.4", objective="final")
    results = SweepResult(sweep)
    results.apply(advanced([0, 1, 2], 1, [[5, 1, 4], [2, 3, 4]]))
    results.apply(ended(2, StopReason.DIVERGED))
    assert [result.point.index for result in results.ranked()] == [0, 1, 2, 3]
    assert [r.objective.median for r in results.ranked()[:2]] == [2, 3]


def test_the_final_loss_of_restored_weights_is_the_best_one():
    results = SweepResult(plan("lr=0.1,0.2"))
    results.apply(advanced([0], 1, [[3], [2], [5]]))
    assert objective_loss(results.candidates[0], "final") == 5
    results.apply(ended(0, StopReason.EARLY_STOPPING, restored=True))
    assert objective_loss(results.candidates[0], "final") == 2
    assert results.candidates[0].stopped_early


def test_progress_counts_the_steps_of_those_that_have_ended_as_done():
    results = SweepResult(plan("lr=0.1,0.2", steps=10))
    results.apply(advanced([0, 1], 1, np.ones((4, 2))))
    assert results.progress == pytest.approx(0.4)
    results.apply(ended(0, StopReason.EARLY_STOPPING))
    assert results.progress == pytest.approx(0.7)
    assert results.finished == 1


def test_notes_are_kept():
    results = SweepResult(plan("lr=0.1,0.2"))
    results.apply(SweepNoted("a worker was lost"))
    assert results.notes == ["a worker was lost"]
