"""What a finished sweep recommends, and how sure it says it is."""

import json

import pytest
from scripted_sweep import advanced, ended, finished, plan, started

from tui_trainer.console.sweep import summary, to_json
from tui_trainer.sweeps.comparison import Verdict
from tui_trainer.sweeps.events import SweepEnded
from tui_trainer.sweeps.plan import values_text
from tui_trainer.sweeps.reasons import why_none
from tui_trainer.sweeps.recommendation import recommend, verdict_of
from tui_trainer.sweeps.result import SweepResult
from tui_trainer.training.early_stopping import StopReason


def test_the_lowest_median_wins_with_the_config_of_the_first_seed():
    sweep = plan("lr=0.1,0.2,0.3", seeds=3, seed=7)
    found = recommend(finished(sweep, [5, 5, 5, 1, 2, 9, 4, 4, 4]))
    assert found.point.values == (0.2,)
    assert (found.config.lr, found.config.seed) == (0.2, 7)
    assert "lowest median best validation loss 2.00 (1.00 to 9.00 over 3 seeds)" in found.reason


def test_where_all_diverged_nothing_is_recommended():
    sweep = plan("lr=0.1,0.2")
    results = finished(sweep, [1, 2], diverged=[0, 1])
    assert recommend(results) is None
    assert why_none(results) == "every candidate diverged; try an lr below 0.1"
    assert [verdict_of(point, None) for point in results.points()] == [Verdict.DIVERGED] * 2
    for swept, advice in (
        ("l1_weight=1e37,1e38", "try smaller values of l1_weight"),
        ("weight_decay=1e37,1e38", "try smaller values of weight_decay"),
        ("l1_weight=0,1e38", "try an lr below 0.5"),
        ("init=he,kaiming", "try an lr below 0.5"),
    ):
        results = finished(plan(swept, lr=0.5), [1, 2], diverged=[0, 1])
        assert why_none(results) == f"every candidate diverged; {advice}"


def test_where_half_diverged_everywhere_or_nothing_ran_it_says_so():
    half = finished(plan("lr=0.1,0.2", seeds=2), [1, 2, 1, 2], diverged=[0, 3])
    assert recommend(half) is None
    assert why_none(half).startswith("at every value half of the seeds or more diverged")
    assert [verdict_of(point, None) for point in half.points()] == [None, None]
    assert why_none(SweepResult(plan("lr=0.1,0.2"))) == "no step was run"


def test_seeds_at_which_both_diverged_tell_nothing():
    sweep = plan("init=he,kaiming", seeds=8)
    losses = [1 + s for s in range(8)] + [2 + s for s in range(8)]
    for both, verdict in ((2, Verdict.WORSE), (3, Verdict.TOO_FEW_SEEDS)):
        diverged = [*range(both), *range(8, 8 + both)]
        (held,) = recommend(finished(sweep, losses, diverged=diverged)).comparisons
        assert (held.verdict, held.wins, held.seeds) == (verdict, 8 - both, 8 - both)


def test_one_seed_says_that_it_can_not_tell():
    found = recommend(finished(plan("lr=0.1,0.2"), [1, 2]))
    assert "One seed is too few to tell them apart: it takes 6 or more." in found.reason
    assert [c.verdict for c in found.comparisons] == [Verdict.TOO_FEW_SEEDS]


def test_too_few_seeds_say_how_many_could_and_which_values_overlap():
    sweep = plan("lr=0.1,0.2,0.3,0.4", seeds=3)
    losses = [1, 2, 3, 2.5, 4, 5, 2.6, 5, 5, 8, 8, 8]
    found = recommend(finished(sweep, losses))
    assert "3 seeds are too few to tell them apart: it takes 8 or more. " in found.reason
    assert "lr 0.2 and lr 0.3 overlap with it." in found.reason
    assert {c.verdict for c in found.comparisons} == {Verdict.TOO_FEW_SEEDS}
    one = recommend(finished(sweep, [*losses[:6], *losses[9:], *losses[9:]])).reason
    assert " lr 0.2 overlaps with it." in one
    several = plan("lr=0.1,0.2", "init=he,kaiming", seeds=3)
    words = recommend(finished(several, losses)).reason
    assert " lr 0.1, init kaiming; and lr 0.2, init he overlap with it." in words


def test_winning_on_all_of_the_seeds_that_it_takes_is_enough_and_one_fewer_is_not():
    for seeds, verdict in ((8, Verdict.WORSE), (7, Verdict.TOO_FEW_SEEDS)):
        losses = [value + seed / 100 for value in range(4) for seed in range(seeds)]
        found = recommend(finished(plan("lr=1,2,3,4", seeds=seeds), losses))
        assert [c.verdict for c in found.comparisons] == [verdict] * 3
        assert [c.wins for c in found.comparisons] == [seeds] * 3


def test_a_difference_in_every_seed_is_larger_than_noise():
    sweep = plan("init=kaiming,normal", seeds=8)
    found = recommend(finished(sweep, [1 + s / 10 for s in range(8)] + [2 + s for s in range(8)]))
    assert [c.verdict for c in found.comparisons] == [Verdict.WORSE]
    assert found.comparisons[0].wins == 8
    assert "Every other value is worse by more than luck with the seeds explains." in found.reason


def test_a_difference_that_changes_sides_is_within_noise():
    ours = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]
    theirs = [1.1, 1.0, 1.3, 1.2, 1.6, 1.4, 1.7, 1.8]
    found = recommend(finished(plan("init=kaiming,normal", seeds=8), ours + theirs))
    assert [c.verdict for c in found.comparisons] == [Verdict.WITHIN_NOISE]
    assert "Too close to call with these seeds: normal (1.35 against 1.35)" in found.reason


def test_both_medians_are_written_alike():
    ours = [2595.0 + s for s in range(8)]
    theirs = [loss + (-30.0 if s % 2 else 40.0) for s, loss in enumerate(ours)]
    reason = recommend(finished(plan("init=kaiming,normal", seeds=8), ours + theirs)).reason
    assert "median best validation loss 2,598" in reason
    assert "normal (2,604 against 2,598)" in reason


def test_the_pairs_are_those_of_one_seed():
    """Both medians are far apart less than the seeds are, and yet every pair says the same."""
    ours = [1, 10, 100, 1000, 5, 50, 500, 5000]
    theirs = [loss * 1.01 for loss in ours]
    found = recommend(finished(plan("init=kaiming,normal", seeds=8), ours + theirs))
    assert found.comparisons[0].verdict is Verdict.WORSE


def test_a_winner_that_diverged_often_beats_no_value_that_never_did():
    """The median favours the one, the signed ranks the other."""
    seeds = 27
    losses = [1.0 + s / 100 for s in range(seeds)] + [2.0 + s / 50 for s in range(seeds)]
    found = recommend(finished(plan("lr=0.1,0.2", seeds=seeds), losses, diverged=range(13)))
    assert found.point.values == (0.1,)
    (comparison,) = found.comparisons
    assert (comparison.wins, comparison.verdict) == (14, Verdict.WITHIN_NOISE)
    assert comparison.p > 0.5
    assert "worse" not in found.reason


def test_a_value_that_always_diverged_says_so_however_few_the_seeds():
    results = finished(plan("lr=0.1,0.2", seeds=2), [1, 2, 1, 2], diverged=[2, 3])
    found = recommend(results)
    assert "Every other value diverged." in found.reason
    verdicts = [verdict_of(result, found) for result in results.points()]
    assert verdicts == [None, Verdict.DIVERGED]
    assert verdict_of(results.point(1), None) is Verdict.DIVERGED


def test_nothing_is_recommended_unless_all_candidates_are_done():
    """A large lr leads early: it would be called better by more than luck."""
    sweep = plan("lr=0.1,0.2", seeds=8, steps=5000)
    whole = finished(sweep, [float(1 + s) for s in range(16)])
    for done in (0, 8, 15):
        results = SweepResult(sweep)
        results.apply(started(sweep))
        results.candidates[:done] = whole.candidates[:done]
        rest = range(done, 16)
        results.apply(advanced(rest, 1, [[100.0 - s for s in rest]] * 105))
        for index in rest:
            results.apply(ended(index, StopReason.STOPPED))
        results.apply(SweepEnded(StopReason.STOPPED, "stopped by hand", 105 * len(rest), 2.0))
        assert recommend(results) is None
        why = "candidates were left at step 105 of 5,000, and a lead before the end may not last"
        assert why_none(results) == why
        assert verdict_of(results.point(0), None) is None
        told = json.loads(to_json(results))
        assert (told["recommended"], told["why_none"]) == (None, why)
        said = summary(results)
        assert f"none: {why}" in said
        assert f"{done} of 16 candidates had finished" in said
    assert recommend(whole) is not None
    assert json.loads(to_json(whole))["why_none"] is None


@pytest.mark.parametrize(("losses", "words"), [([1, 2, 3], "lowest lr"), ([3, 2, 1], "highest lr")])
def test_a_winner_at_the_end_of_its_range_is_told(losses, words):
    found = recommend(finished(plan("lr=0.01:1:log:3"), losses))
    assert f"It is the {words} tried" in found.reason


def test_a_winner_in_the_middle_or_in_a_list_is_not_at_an_edge():
    assert "tried" not in recommend(finished(plan("lr=0.01:1:log:3"), [2, 1, 3])).reason
    assert "tried" not in recommend(finished(plan("lr=0.01,0.1,1"), [1, 2, 3])).reason


def test_a_share_that_diverged_is_told():
    sweep = plan("lr=0.1,0.2", seeds=3)
    found = recommend(finished(sweep, [1, 1, 1, 5, 5, 5], diverged=[0]))
    assert "33% of its candidates diverged" in found.reason


def test_a_point_is_written_with_its_axes():
    sweep = plan("lr=0.00001,0.2", "init=he,zeros")
    assert values_text(sweep, sweep.points[0]) == "lr 0.00001, init he"
