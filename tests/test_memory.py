"""What a config takes, and that it is refused before it takes more than there is."""

import resource

import msgspec
import psutil
import pytest
import torch
from reference_loop import make

from tui_trainer.config.settings import Dataset
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.task import memory
from tui_trainer.task.memory import PREVIEW_COPIES, host_bytes, training_copies
from tui_trainer.task.optimizers import make_optimizer
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.setup import preview
from tui_trainer.training.trainer import train

replace = msgspec.structs.replace


def of_file(features, points):
    """A data set out of a file, four fifths of its rows to train on."""
    found = Dataset(name="x", file="x.csv", target="y", features=features, digest="0")
    return replace(found, train_points=points * 4 // 5, validation_points=points // 5)


def sized(*, hidden=(20, 20, 20, 20), points=200, **settings):
    config = make("kaiming", **settings)
    architecture = replace(config.architecture, name="sized", hidden=hidden)
    dataset = replace(config.dataset, train_points=points, validation_points=points)
    return replace(config, architecture=architecture, dataset=dataset)


# Peaks measured on Linux with torch 2.x, over what is there before: a preview, four steps.
@pytest.mark.parametrize(
    ("config", "previewed", "trained"),
    [
        (sized(points=1_000_000), 540e6, 588e6),
        (sized(hidden=(4000, 4000)), 184e6, 349e6),
        (sized(hidden=(1024,) * 4, points=20_000), 513e6, 539e6),
        (sized(hidden=(), points=5_000_000), 320e6, 480e6),
        (sized(points=300_000, dropout=0.1), 463e6, 605e6),
        (sized(hidden=(4000, 4000), weight_decay=0.1), 173e6, 376e6),
        (sized(hidden=(4000, 4000), l1_weight=0.1), 175e6, 447e6),
        (replace(make("kaiming"), dataset=of_file(20, 1_000_000)), 516e6, 820e6),
    ],
)
def test_the_estimate_is_near_what_was_measured(config, previewed, trained):
    assert 0.7 < host_bytes(config, PREVIEW_COPIES) / previewed < 1.5
    assert 0.7 < host_bytes(config, training_copies(config)) / trained < 1.5


def test_an_optimiser_s_slots_count_in_each_snapshot_too():
    plain = training_copies(make("kaiming"))
    for name, slots in (("momentum", 1), ("nesterov", 1), ("adam", 2), ("adamw", 2)):
        config = make("kaiming", optimizer=name)
        assert len(make_optimizer(config.optimizer).init([torch.zeros(3)])) == slots
        assert training_copies(config) - plain == 5 * slots


def test_for_a_gpu_the_host_draws_and_no_more():
    config = sized(hidden=(4000, 4000), points=1_000_000)
    assert host_bytes(replace(config, device="cuda:1"), 5) < host_bytes(config, 5) / 10


def test_a_preview_needs_less_than_the_run_that_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 5 * 10**6)
    config = sized(hidden=(600, 600), points=10)
    assert preview(config).parameter_count == 362_401
    (ended,) = train(config)
    assert (ended.reason, ended.steps) == (StopReason.FAILED, 0)
    assert ended.detail == (
        "needs about 10.2 MB of memory, and 5 MB are available: use fewer points or a smaller "
        "network"
    )
    with pytest.raises(InvalidSettingsError, match=r"^needs about 5\.9\d MB of memory, and 5 MB"):
        preview(sized(hidden=(600, 800), points=10))


def test_what_would_not_fit_is_refused_under_a_limit_of_the_process():
    used = psutil.Process().memory_info().vms
    before = resource.getrlimit(resource.RLIMIT_AS)
    lines = []
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * 10**9, before[1]))
    try:
        for config in (sized(points=10**9), sized(hidden=(40_000, 40_000))):
            with pytest.raises(InvalidSettingsError) as refusal:
                preview(config)
            lines.append(str(refusal.value))
            lines += [event.detail for event in train(config)]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert [line.split(" of memory, and ")[0] for line in lines] == [
        "needs about 548 GB",
        "needs about 548 GB",
        "needs about 19.3 GB",
        "needs about 44.9 GB",
    ]
    assert all(line.endswith("use fewer points or a smaller network") for line in lines), lines
