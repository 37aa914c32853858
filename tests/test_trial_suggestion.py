"""What both ways to a learning rate come to: the trial to take, and which way to follow."""

import math

import numpy as np

from tui_trainer.formatting import number_text
from tui_trainer.lr_search.events import (
    LrCurve,
    LrRangeEnded,
    LrSuggestion,
    LrTrials,
    LrTrialsEnded,
)
from tui_trainer.lr_search.trial_suggestion import choose_trial, conclude, stopped_by_hand
from tui_trainer.training.early_stopping import StopReason

NAN = math.nan
NO_CURVE = LrCurve(np.empty(0), np.empty(0), np.empty(0))


def trials(best, *, final=None, diverged=(), lrs=None, steps=300):
    best = np.asarray(best, np.float64)
    gone = np.zeros(len(best), bool)
    gone[list(diverged)] = True
    lrs = np.geomspace(1e-4, 1, len(best)) if lrs is None else np.asarray(lrs, np.float64)
    final = best if final is None else np.asarray(final, np.float64)
    return LrTrials(lrs, best, final, np.full(len(best), steps), gone)


def test_the_trial_with_the_lowest_validation_loss_is_chosen():
    found = choose_trial(trials([9, 5, 2, 3, 8], lrs=[1e-3, 1e-2, 0.1, 1, 10]))
    assert found.lr == 0.1
    assert "validation loss 2.00 after 300 steps, the lowest of 5" in found.words
    assert "edge" not in found.words


def test_trials_that_diverged_are_out_however_low_they_were():
    found = choose_trial(trials([9, 5, 2, 1, 0.5], diverged=[3, 4], lrs=[1e-3, 0.01, 0.1, 1, 10]))
    assert found.lr == 0.1
    assert "2 diverged, from 1 on" in found.words


def test_it_is_the_end_that_counts_and_not_the_lucky_low_of_a_spiky_trial():
    found = choose_trial(trials([9, 5, 2, 1], final=[9, 5, 2, 8], lrs=[1e-3, 0.01, 0.1, 1]))
    assert found.lr == 0.1


def test_less_than_half_a_decade_below_divergence_nothing_is_chosen_while_there_are_others():
    for edge, chosen in ((0.99, 0.01), (1.01, 0.1)):
        lrs = [1e-3, 0.01, 0.1, edge * 0.1 * 10**0.5]
        found = choose_trial(trials([9, 5, 2, 1], diverged=[3], lrs=lrs))
        assert found.lr == chosen
        assert f"the lowest of the {3 if chosen == 0.1 else 2} half a decade clear" in found.words
    assert choose_trial(trials([9, 5], diverged=[1], lrs=[0.1, 0.2])).lr == 0.1


def test_a_run_with_a_stopping_rule_gets_a_rate_below_all_spiky_ones():
    seen = trials([9, 5, 2, 1], final=[9, 5, 2.2, 1], lrs=[1e-4, 1e-3, 0.01, 0.1])
    assert choose_trial(seen).lr == 0.1
    found = choose_trial(seen, stops_early=True)
    assert found.lr == 1e-3
    assert "the lowest of the 2 half a decade clear of spikes" in found.words
    all_spiky = trials([2, 1], final=[4, 3])
    assert choose_trial(all_spiky, stops_early=True).lr == choose_trial(all_spiky).lr


def test_of_neighbours_as_low_the_middle_one_is_chosen():
    found = choose_trial(trials([9, 2.001, 2.0005, 2.0, 9, 2.0], lrs=[1, 2, 3, 4, 5, 6]))
    assert found.lr == 3
    assert "the middle of 2 to 4, equally low" in found.words


def test_a_choice_at_the_edge_says_so():
    for best in ([1, 2, 3], [3, 2, 1]):
        assert "edge of the range" in choose_trial(trials(best)).words


def test_where_there_is_nothing_to_choose_the_words_say_why():
    for found, words in (
        (trials([1, 2, 3], diverged=range(3)), "every trial diverged, down to lr 0.0001"),
        (trials([NAN] * 3, steps=0), "no trial took a step"),
        (trials([2, 2, 2.0001]), "all 3 trials are as low"),
    ):
        assert choose_trial(found).lr is None
        assert words in choose_trial(found).words


def found_of(
    of_range, of_trials, tested=StopReason.DIVERGED, tried=StopReason.COMPLETED, best=(1, 2)
):
    of_range, of_trials = LrSuggestion(of_range, "so it fell"), LrSuggestion(of_trials, "so low")
    return conclude(
        LrRangeEnded(tested, of_range, NO_CURVE, 1.0),
        LrTrialsEnded(tried, of_trials, trials(best), 1.0),
    )


def test_the_trials_have_the_last_word_where_they_have_one():
    for of_range, of_trials, recommended, words in (
        (0.01, 0.02, 0.02, "from the trials"),
        (None, 0.02, 0.02, "from the trials"),
        (0.01, None, 0.01, "the range test's answer, since so low"),
        (None, None, None, "range test: so it fell; trials: so low"),
    ):
        found = found_of(of_range, of_trials)
        assert (found.range_suggestion, found.batched_suggestion) == (of_range, of_trials)
        assert found.recommended == recommended
        assert words in found.words


def test_trials_that_were_stopped_come_second():
    for of_range, recommended in ((0.01, 0.01), (None, 0.02)):
        found = found_of(of_range, 0.02, tried=StopReason.STOPPED)
        assert found.recommended == recommended
        assert found.reason is StopReason.STOPPED


def test_a_search_ends_as_its_worse_half():
    for tested, tried, reason in (
        (StopReason.DIVERGED, StopReason.COMPLETED, StopReason.COMPLETED),
        (StopReason.COMPLETED, StopReason.COMPLETED, StopReason.COMPLETED),
        (StopReason.STOPPED, StopReason.STOPPED, StopReason.STOPPED),
        (StopReason.COMPLETED, StopReason.FAILED, StopReason.FAILED),
        (StopReason.FAILED, StopReason.STOPPED, StopReason.FAILED),
    ):
        assert found_of(0.1, 0.1, tested, tried).reason is reason, (tested, tried)


def test_a_factor_above_three_is_a_disagreement_that_names_both():
    for one, other in ((0.01, 0.031), (0.031, 0.01), (1e-6, 10.0)):
        words = found_of(one, other).disagreement
        assert f"the range test says {number_text(one)}" in words
        assert f"the trials say {number_text(other)}" in words
        assert "does one step with each lr" in words
        assert "for 300 steps" in words


def test_up_to_a_factor_of_three_they_agree():
    for one, other in ((0.01, 0.03), (0.03, 0.01), (0.01, 0.01), (None, 1.0), (1.0, None)):
        assert found_of(one, other).disagreement is None


def test_what_was_stopped_by_hand_says_so():
    assert stopped_by_hand(LrSuggestion(0.1, "so low"), 1200) == LrSuggestion(
        0.1, "stopped by hand after 1,200 steps; so low"
    )
