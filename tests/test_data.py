"""The points of a data set: what they are, and what they depend on."""

import math

import pytest
import reference_loop
import torch
from reference_loop import PRESETS, make

from tui_trainer.task.data import make_data


def tensors(data):
    return [data.train_x, data.train_y, data.val_x, data.val_y]


@pytest.mark.parametrize("name", PRESETS.names("dataset"))
@pytest.mark.parametrize("data_seed", [0, 1, 2**63 - 1])
def test_points_are_drawn_as_the_specification_says(name, data_seed):
    config = make("kaiming", dataset=name, data_seed=data_seed)
    data = make_data(config.dataset, config.data_seed)
    for found, expected in zip(tensors(data), reference_loop.make_data(config), strict=True):
        assert found.dtype == torch.float32
        assert torch.equal(found, expected)


@pytest.mark.parametrize(("name", "train_points"), [("wave", 200), ("wave-40", 40)])
def test_inputs_and_labels_have_one_column(name, train_points):
    data = make_data(PRESETS.dataset[name].settings, 0)
    assert [t.shape for t in tensors(data)] == [(train_points, 1)] * 2 + [(200, 1)] * 2


def test_the_ripple_of_the_validation_points_is_turned_over():
    data = make_data(PRESETS.dataset["wave"].settings, 0)
    for x, y, sign in [(data.train_x, data.train_y, 1), (data.val_x, data.val_y, -1)]:
        assert -5 <= x.min() < -4.8 < 4.8 < x.max() < 5
        expected = [v * v / 2 + sign * math.sin(5 * v) - 5 for v in x.flatten().tolist()]
        assert y.flatten().tolist() == pytest.approx(expected, abs=1e-4)


def test_other_data_seeds_give_other_points_and_the_same_seed_the_same():
    dataset = PRESETS.dataset["wave"].settings
    first, again, other = (make_data(dataset, seed) for seed in (0, 0, 1))
    assert torch.equal(first.train_x, again.train_x)
    assert torch.equal(first.val_y, again.val_y)
    assert not torch.equal(first.train_x, other.train_x)


def test_drawing_leaves_torchs_own_random_numbers_alone():
    state = torch.random.get_rng_state()
    make_data(PRESETS.dataset["wave"].settings, 0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_data_moves_to_a_device():
    data = make_data(PRESETS.dataset["wave"].settings, 0).to(torch.device("meta"))
    assert {t.device.type for t in tensors(data)} == {"meta"}
