"""A sweep before it runs: points in the grid's order, seeds, and what this machine has room for."""

import math
import re
import tracemalloc

import msgspec
import pytest
from reference_loop import PRESETS

from tui_trainer.config.presets import make_config
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps import plan as plan_module
from tui_trainer.sweeps.axes import parse_axis
from tui_trainer.sweeps.plan import MOST_CANDIDATES, needed_bytes, plan_sweep
from tui_trainer.task import memory as memory_module
from tui_trainer.training.setup import Setup


def plan(*axes, recipe="kaiming", **settings):
    return plan_sweep(PRESETS, recipe, [parse_axis(axis, PRESETS) for axis in axes], **settings)


def refusal(*axes, **settings):
    with pytest.raises(InvalidSettingsError) as refused:
        plan(*axes, **settings)
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.fixture
def memory(monkeypatch):
    """Let the machine have as many bytes as a test says; eight gigabytes at first."""

    def have(count):
        monkeypatch.setattr(plan_module, "available_bytes", lambda: count)

    have(8 * 10**9)
    return have


# Points and candidates


def test_the_last_axis_changes_fastest():
    sweep = plan("lr=0.1,0.01", "init=he,zeros,normal")
    assert [axis.key for axis in sweep.axes] == ["lr", "init"]
    assert [point.values for point in sweep.points] == [
        (0.1, "he"),
        (0.1, "zeros"),
        (0.1, "normal"),
        (0.01, "he"),
        (0.01, "zeros"),
        (0.01, "normal"),
    ]
    assert [point.index for point in sweep.points] == list(range(6))
    for point, candidate in zip(sweep.points, sweep.candidates, strict=True):
        assert (candidate.config.lr, candidate.config.init.name) == point.values


def test_every_point_has_the_same_seeds_and_its_candidates_stand_together():
    sweep = plan("l1_weight=0,1,2", seeds=4, seed=10)
    assert (sweep.seeds, len(sweep.points), len(sweep.candidates)) == (4, 3, 12)
    assert [candidate.index for candidate in sweep.candidates] == list(range(12))
    for point in sweep.points:
        candidates = sweep.of_point(point.index)
        assert [c.point for c in candidates] == [point.index] * 4
        assert [c.config.seed for c in candidates] == [10, 11, 12, 13]
        assert {c.config.regularizer.l1_weight for c in candidates} == set(point.values)


def test_seeds_start_at_the_recipes_own():
    assert [c.config.seed for c in plan("lr=0.1", seeds=2).candidates] == [0, 1]


def test_an_axis_of_seeds_is_one_candidate_a_seed():
    sweep = plan("seed=5,3", "lr=0.1,0.2")
    assert [(c.config.seed, c.config.lr) for c in sweep.candidates] == [
        (5, 0.1),
        (5, 0.2),
        (3, 0.1),
        (3, 0.2),
    ]


@pytest.mark.parametrize("recipe", PRESETS.names("recipe"))
def test_a_candidate_is_the_config_of_a_run_of_its_own(recipe):
    sweep = plan("lr=0.1,0.2", "l1_weight=0,3", recipe=recipe, seeds=2, steps=7, data_seed=3)
    for candidate in sweep.candidates:
        lr, l1_weight = sweep.points[candidate.point].values
        seed = candidate.index % 2
        settings = {"lr": lr, "l1_weight": l1_weight, "seed": seed, "steps": 7, "data_seed": 3}
        assert candidate.config == make_config(PRESETS, recipe, **settings)
    assert sweep.base == make_config(PRESETS, recipe, steps=7, data_seed=3)


@pytest.mark.parametrize(
    ("axis", "read"),
    [
        ("lr=0.1,0.2", lambda c: c.lr),
        ("steps=3,4", lambda c: c.steps),
        ("data_seed=3,4", lambda c: c.data_seed),
        ("l1_weight=0,4", lambda c: c.regularizer.l1_weight),
        ("dropout=0,0.5", lambda c: c.regularizer.dropout),
        ("weight_decay=0,0.5", lambda c: c.regularizer.weight_decay),
        ("dataset=wave,wave-40", lambda c: c.dataset.name),
        ("architecture=linear,mlp-2x64", lambda c: c.architecture.name),
        ("init=he,zeros", lambda c: c.init.name),
        ("regularizer=none,l1", lambda c: c.regularizer.name),
    ],
)
def test_any_setting_can_be_swept_and_no_other_changes(axis, read):
    sweep = plan(axis)
    assert [read(c.config) for c in sweep.candidates] == list(sweep.axes[0].values)
    key = sweep.axes[0].key
    for candidate, value in zip(sweep.candidates, sweep.axes[0].values, strict=True):
        assert candidate.config == make_config(PRESETS, "kaiming", **{key: value})


def test_a_swept_number_goes_over_each_swept_regularizers_own():
    sweep = plan("regularizer=none,l1,stop-patient", "l1_weight=0,5")
    found = [(c.config.regularizer.name, c.config.regularizer.l1_weight) for c in sweep.candidates]
    assert found == [(name, w) for name in ("none", "l1", "stop-patient") for w in (0, 5)]
    assert sweep.candidates[-1].config.regularizer.stopping is not None


def test_a_dropout_of_nothing_still_draws():
    dropouts = [c.config.regularizer.dropout for c in plan("dropout=0,0.1").candidates]
    assert dropouts == [0, 0.1]
    assert plan("lr=0.1").candidates[0].config.regularizer.dropout is None


def test_the_objective_is_the_best_loss_unless_told():
    assert plan("lr=0.1").objective == "best"
    assert plan("lr=0.1", objective="final").objective == "final"


# Mistakes


@pytest.mark.parametrize(
    ("axes", "settings", "line"),
    [
        ([], {}, "nothing to sweep over; give an axis such as lr=1e-4:1:log:16"),
        (["lr=1", "lr=2"], {}, "lr: two axes of the same setting; join their values"),
        (["lr=1"], {"lr": 0.5}, "lr: both fixed and swept over; leave one of them out"),
        (["init=he"], {"init": "he"}, "init: both fixed and swept over; leave one of them out"),
        (["dropout=0"], {"dropout": 0.0}, "dropout: both fixed and swept over; leave one of"),
        (["seed=1,2"], {"seed": 0}, "seed: both fixed and swept over; leave one of them out"),
        (["seed=1,2"], {"seeds": 2}, "seed: an axis and several seeds; leave one of them out"),
        (["lr=1"], {"seeds": 0}, "seeds: expected a whole number >= 1, got 0"),
        (["lr=1"], {"dropout": 1.0}, "regularizer.dropout: expected a number < 1, got 1.0"),
        (["lr=1"], {"init": "hee"}, "unknown init 'hee'; did you mean 'he'? allowed: zeros, "),
        (["lr=1"], {"recipe": "kaimin"}, "unknown recipe 'kaimin'; did you mean 'kaiming'? "),
        (
            ["lr=1"],
            {"seed": 2**63 - 2, "seeds": 3},
            f"seed: expected a whole number <= {2**63 - 1}",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(axes, settings, line):
    assert refusal(*axes, **settings).startswith(line)


def test_a_fixed_setting_of_none_counts_as_not_given():
    assert [c.config.lr for c in plan("lr=0.1,0.2", lr=None).candidates] == [0.1, 0.2]


# Size


def test_a_candidate_needs_room_for_its_parameters_and_losses():
    for recipe in ("kaiming", "linear"):
        config = make_config(PRESETS, recipe, steps=1000)
        parameters = Setup(config).parameter_count
        assert needed_bytes(config, 1) == 16 * parameters + 8 * 1000
        assert needed_bytes(config, 7) == 7 * needed_bytes(config, 1)
        for optimizer, slots in (("momentum", 1), ("adamw", 2)):
            other = make_config(PRESETS, recipe, steps=1000, optimizer=optimizer)
            more = needed_bytes(other, 1) - needed_bytes(config, 1)
            assert more == 12 * slots * parameters


def test_a_million_candidates_are_refused_at_once_and_told_how_to_split(memory):
    tracemalloc.start()
    line = refusal("lr=1e-4:1:log:1000", "l1_weight=0:1:lin:1000")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line == (
        "1,000,000 candidates need about 61.1 GB of memory, and at most 65,427 of them go at once "
        "here: split it into 16 sweeps over parts of lr, or take fewer values or seeds"
    )
    assert peak < 5_000_000  # no point of the grid was made


def counting(key, count):
    return f"{key}={','.join(map(str, range(count)))}"


@pytest.mark.parametrize(("values", "others"), [(7, 3), (11, 1), (33, 1), (9, 4), (3, 2)])
def test_the_parts_it_is_told_to_split_into_fit_and_are_the_fewest(memory, values, others):
    memory(2 * needed_bytes(make_config(PRESETS, "kaiming"), 5))
    weights = counting("l1_weight", others)
    line = refusal(counting("seed", values), weights)
    parts = int(re.search(r"split it into (\d+) sweeps over parts of seed", line)[1])
    assert plan(counting("seed", -(-values // parts)), weights).candidates
    assert refusal(counting("seed", -(-values // (parts - 1))), weights)


def test_where_no_part_of_an_axis_fits_it_asks_for_fewer_seeds(memory):
    assert refusal("lr=0.1,0.2", seeds=1_000_000, steps=10) == (
        "2,000,000 candidates need about 42.4 GB of memory, and at most 100,000 of them go at once "
        "here: take fewer values or seeds"
    )


def test_where_not_even_one_candidate_fits_it_asks_for_fewer_steps(memory):
    assert refusal("lr=0.1,0.2", steps=10**9) == (
        "a candidate needs about 8 GB of memory, which is more than this machine has to spare: "
        "take fewer steps or a smaller network"
    )


def test_there_is_a_limit_whatever_the_memory(memory):
    memory(10**15)
    line = refusal("architecture=linear", seeds=MOST_CANDIDATES + 1, steps=1)
    assert line.startswith("100,001 candidates need about ")
    assert "at most 100,000 of them go at once here" in line


def test_half_of_the_memory_is_the_most(memory):
    memory(2 * needed_bytes(make_config(PRESETS, "kaiming"), 6))
    assert len(plan("lr=0.1,0.2", seeds=3).candidates) == 6
    assert refusal("seed=0:6:lin:7").startswith("7 candidates need about 428 kB of memory")


def test_swept_steps_count_in_the_place_of_the_recipes(memory):
    memory(2 * needed_bytes(make_config(PRESETS, "kaiming", steps=20), 4))
    assert len(plan("steps=10,20", seeds=2).candidates) == 4
    assert "4 candidates need" in refusal("steps=10,21", seeds=2)


def test_the_largest_of_swept_networks_counts(memory):
    large = msgspec.structs.replace(
        make_config(PRESETS, "linear"), architecture=PRESETS.architecture["mlp-2x64"].settings
    )
    memory(2 * needed_bytes(large, 2) - 2)
    axis = "architecture=linear,mlp-2x64"
    assert "2 candidates need" in refusal(axis, recipe="linear")
    memory(2 * needed_bytes(large, 2))
    assert len(plan(axis, recipe="linear").candidates) == 2


@pytest.mark.parametrize("axes", [["architecture=linear,mlp-2x64"], ["data_seed=0:9:lin:10"]])
def test_data_and_steps_of_every_group_count_beside_the_candidates(monkeypatch, axes):
    config = make_config(PRESETS, "linear", steps=1)
    candidates = math.prod(len(parse_axis(axis, PRESETS).values) for axis in axes)
    few = 3 * needed_bytes(config, candidates)
    monkeypatch.setattr(memory_module, "available_bytes", lambda: few)
    assert refusal(*axes, recipe="linear", steps=1).endswith(
        " are available: use fewer points or a smaller network"
    )
    monkeypatch.undo()
    assert plan(*axes, recipe="linear", steps=1)
