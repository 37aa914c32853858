"""Each value at its own best number: how it is chosen, what follows, and how sure it says it is."""

import csv
import json
import math
import random
import re
import statistics
from dataclasses import dataclass

from reference_loop import PRESETS
from scripted_sweep import advanced, ended, finished, started
from test_cli import invoke

from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import convert
from tui_trainer.runs.sweep_recorder import record_sweep
from tui_trainer.sweeps.axes import parse_axis
from tui_trainer.sweeps.comparison import Verdict
from tui_trainer.sweeps.events import CandidateEnded, SweepEnded, SweepStarted
from tui_trainer.sweeps.plan import Edge, Sweep
from tui_trainer.sweeps.reasons import why_none
from tui_trainer.sweeps.recommendation import recommend
from tui_trainer.sweeps.result import PointResult, Spread, SweepResult, rank
from tui_trainer.sweeps.significance import SIGNIFICANT, least_seeds
from tui_trainer.sweeps.tuned_plan import parse_tuned, plan_tuned, tuned_text
from tui_trainer.sweeps.tuning import in_stages, race_of
from tui_trainer.training.early_stopping import StopReason


def tuning(axis, tuned, *, seeds, **settings):
    axes = [parse_axis(axis, PRESETS)]
    return plan_tuned(
        PRESETS, "kaiming", axes, parse_tuned(tuned, PRESETS), seeds=seeds, **settings
    )


def rows_of(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def test_each_value_gets_its_lowest_number_among_those_that_diverged_least():
    plan = tuning("init=he,kaiming,normal,zeros", "lr=0.001:1:log:4", seeds=2, seed=5)
    losses = [
        *(9, 9, 2, 2, 3, 3, 1, 1),  # the lowest diverged at a seed
        *(4, 4, 3, 3, 2, 2, 1, 1),  # the highest
        *(5, 5, 5, 5, 5, 5, 5, 5),  # none
        *(1, 3, 2, 2, 2, 2, 3, 3),  # equal medians
    ]
    race = race_of(finished(plan, losses, diverged=[6, *range(16, 24)]))
    assert [point.values for point in race.points] == [
        ("he", 0.01), ("kaiming", 1.0), ("normal", 0.001), ("zeros", 0.001),
    ]  # fmt: skip
    he, kaiming, normal, zeros = (point.tuned for point in race.points)
    assert (he.edge, he.diverged, he.median) == (None, 0, 2)
    assert (kaiming.edge, zeros.edge) == (Edge.HIGHEST, Edge.LOWEST)
    assert normal.diverged_everywhere
    for candidate in race.candidates:
        config = candidate.config
        assert (config.init.name, config.lr) == race.points[candidate.point].values
    assert {c.config.seed for c in race.candidates} == {5, 6}
    assert {c.config.seed for c in plan.candidates} == {7, 8}
    assert tuned_text(race).endswith("from 0.001 to 1 on seeds 7 to 8; judged on seeds 5 to 6")
    found = recommend(finished(race, [2, 2, 1, 1, 9, 9, 3, 3], diverged=[4, 5]))
    assert (found.point.values, found.config.lr) == (("kaiming", 1.0), 1.0)
    assert "kaiming got the highest lr tried, 1: widen the range." in found.reason
    assert "zeros got the lowest lr tried, 0.001: widen the range." in found.reason
    assert "normal diverged at every lr tried, down to 0.001." in found.reason
    verdicts = {c.point.values[0]: c.verdict for c in found.comparisons}
    assert verdicts["normal"] is Verdict.DIVERGED_EVERYWHERE
    assert verdicts["he"] is Verdict.TOO_FEW_SEEDS


def test_a_weight_of_nothing_is_no_edge():
    plan = tuning("init=he,kaiming", "l1_weight=0,1,2", seeds=1)
    race = race_of(finished(plan, [1, 2, 3, 3, 2, 1]))
    assert [point.tuned.edge for point in race.points] == [None, Edge.HIGHEST]


def scripted(plan, reason=StopReason.COMPLETED):
    yield started(plan)
    for candidate in plan.candidates:
        yield advanced([candidate.index], 1, [[1.0 + candidate.index]])
        yield ended(candidate.index, reason)
    yield SweepEnded(reason, "done", len(plan.candidates), 2.0)


def test_a_race_follows_only_a_tuning_that_finished_and_one_end_tells_of_both(tmp_path):
    plan = tuning("init=he,kaiming", "lr=0.01,0.1,1", seeds=2)
    events = list(record_sweep(plan, lambda: in_stages(plan, scripted), tmp_path))
    stages = [event.sweep for event in events if isinstance(event, SweepStarted)]
    assert [stage.tunes for stage in stages] == [True, False]
    *_, last = events
    assert [e for e in events if isinstance(e, SweepEnded)] == [last]
    assert (last.reason, last.steps, last.seconds) == (StopReason.COMPLETED, 12 + 4, 4.0)
    (folder,) = tmp_path.iterdir()
    rows = rows_of(folder / "candidates.csv")
    assert [row["stage"] for row in rows] == ["tuning"] * 12 + ["race"] * 4
    assert [(row["init"], row["lr"]) for row in rows[-4::2]] == [
        ("he", "0.01"),
        ("kaiming", "0.01"),
    ]

    for reason in (StopReason.STOPPED, StopReason.FAILED):

        def ends(stage, reason=reason):
            return scripted(stage, reason)

        *_, last = events = list(in_stages(plan, ends))
        assert sum(isinstance(event, SweepStarted) for event in events) == 1
        assert (last.reason, last.steps) == (reason, 12)
    results = SweepResult(plan)
    for event in events:
        results = results.followed_by(event)
    assert recommend(results) is None
    assert why_none(results) == "lr was still being tuned, before the race"

    def breaks(stage):
        if not stage.tunes:
            raise ValueError("the cluster is gone")
        return scripted(stage)

    *between, last = in_stages(plan, breaks)
    assert (last.reason, last.detail) == (StopReason.FAILED, "the cluster is gone")
    assert sum(isinstance(event, CandidateEnded) for event in between) == 12


@dataclass
class Losses:
    """A sweep's result, as far as choosing and judging need one."""

    sweep: Sweep
    losses: list[list[float]]  # by point and seed
    unfinished = ()

    def point(self, index):
        point, losses = self.sweep.points[index], tuple(self.losses[index])
        spread = Spread(statistics.median(losses), min(losses), max(losses))
        return PointResult(point, spread, spread, spread, len(losses), len(losses), 0, 0, losses,
                           spread)  # fmt: skip

    def points(self):
        return [self.point(index) for index in range(len(self.sweep.points))]

    def ranked(self):
        return sorted(self.points(), key=rank)


def test_among_equal_values_something_is_called_worse_once_in_twenty_races_at_most():
    """Each value has the same losses by lr, and luck of its own with every lr and seed.

    The lrs differ so much, against that luck, that wrong ones are chosen now and then and many
    seeds show it: there this does the most harm. Uncorrected it is one in twelve.
    """
    values, seeds, races, steepness = 4, 24, 300, 0.5
    plan = tuning(f"l1_weight=0:1:lin:{values}", "lr=1e-4:1:log:5", seeds=seeds)
    draw = random.Random(3)

    def losses(expected):
        return [[loss + draw.gauss(0, 1) for _ in range(seeds)] for loss in expected]

    called = 0
    for _ in range(races):
        best = 2 + draw.uniform(-0.5, 0.5)
        by_lr = [steepness * (lr - best) ** 2 for lr in range(5)]
        race = race_of(Losses(plan, losses(by_lr * values)))
        lrs = [plan.axes[-1].values.index(point.values[-1]) for point in race.points]
        found = recommend(Losses(race, losses(by_lr[lr] for lr in lrs)))
        called += Verdict.WORSE in [held.verdict for held in found.comparisons]
    assert called / races <= SIGNIFICANT


def test_a_clear_difference_is_called_worse_with_the_fewest_seeds_that_can_tell():
    for values in (2, 5):
        seeds = least_seeds(values, tuned=True)
        for count, verdict in ((seeds, Verdict.WORSE), (seeds - 1, Verdict.TOO_FEW_SEEDS)):
            plan = tuning(f"l1_weight=0:1:lin:{values}", "lr=0.1,1", seeds=count)
            race = race_of(Losses(plan, [[1.0] * count] * len(plan.points)))
            raced = Losses(
                race, [[value + s / 100 for s in range(count)] for value in range(values)]
            )
            found = recommend(raced)
            assert {held.verdict for held in found.comparisons} == {verdict}
            assert math.isclose(found.comparisons[0].p, 3 * values * (values - 1) / 2**count)


def test_one_command_tunes_and_races_and_its_winner_trains_with_its_lr(tmp_path):
    table, told = tmp_path / "candidates.csv", tmp_path / "sweep.json"
    arguments = ("--over", "init=kaiming,normal", "--tune", "lr=1e-5,0.003,1", "--seeds", 2,
                 "--recipe", "kaiming", "--steps", 60)  # fmt: skip
    result = invoke("sweep", *arguments, "--csv", table, "--json", "--plot")
    assert result.exit_code == 0, result.output
    budget = "2 values × 3 of lr × 2 seeds = 12 candidates to tune, then 4 to race: up to about"
    assert budget in result.stderr
    assert "tuning lr: 12 candidates" in result.stderr
    assert "race: 4 candidates" in result.stderr
    assert "Best validation loss by init, each at its best lr, 2 seeds" in result.stderr
    found = json.loads(result.stdout)
    assert found["recommended"]["values"] == {"init": "kaiming", "lr": 0.003}
    chosen = {one["values"]["init"]: one for one in found["tuning"]["chosen"]}
    assert (chosen["kaiming"]["values"]["lr"], chosen["kaiming"]["edge"]) == (0.003, None)
    assert (chosen["normal"]["values"]["lr"], chosen["normal"]["edge"]) == (0.00001, "lowest")
    assert {c["seed"] for c in found["candidates"]} == {0, 1}
    assert (found["tuning"]["first_seed"], len(found["tuning"]["points"])) == (2, 6)
    stages = [row["stage"] for row in rows_of(table)]
    assert stages == ["tuning"] * 12 + ["race"] * 4
    told.write_text(result.stdout)
    trained = invoke("train", "--from-sweep", told, "--engine", "eager", "--steps", 5, "--json")
    config = convert(json.loads(trained.stdout)["config"], RunConfig)
    assert (config.init.name, config.lr, config.seed) == ("kaiming", 0.003, 0)
    text = invoke("sweep", *arguments).stdout
    assert re.search(r"^kaiming +0\.003 .* recommended$", text, re.MULTILINE)
    assert re.search(r"^normal +0\.00001 \(lowest tried\) ", text, re.MULTILINE)
    assert re.search(
        r"^lr +the lowest median of 3 from 0\.00001 to 1 on seeds 2 to 3", text, re.MULTILINE
    )


def test_what_can_not_be_tuned_is_refused_in_one_line():
    for arguments, words in (
        (("init=all", "init=all"), "--tune init: expected a number to tune"),
        (("init=all", "seed=1,2"), "--tune seed: expected a number to tune"),
        (("init=all", "lr=1"), "--tune lr: one value leaves nothing to choose from"),
        (("lr=0.1,1", "lr"), "lr: both raced and tuned; leave one of them out"),
        (("seed=1,2", "lr"), "seed: a race has seeds of its own; use --seeds"),
        (("init=all", "lr", "--lr", "0.1"), "lr: both fixed and swept over"),
    ):
        over, tuned, *more = arguments
        result = invoke("sweep", "--over", over, "--tune", tuned, *more)
        assert result.exit_code == 2
        assert result.stderr.strip().splitlines()[-1].startswith(f"Error: {words}")
