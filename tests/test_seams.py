"""An optimiser is one file, a data set of several features is one file: every engine takes both."""

import math

import msgspec
import numpy as np
import pytest
import reference_loop
import seam_files
import sweeping
import torch
from comparing import assert_identical, losses_of
from compiled_steps import COMPILE_TIMEOUT, make_compiled
from torch import nn

from tui_trainer.config.optimization import Optimizer
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError, convert
from tui_trainer.lr_search.range_test import find_lr_range
from tui_trainer.plotting.fit_chart import fit_chart
from tui_trainer.task.data import make_data
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import FitSampled, RunStarted
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    seam_files.install(monkeypatch)


def reference(config, steps):
    """Train as a script would, with torch's own optimiser."""
    data = make_data(config.dataset, config.data_seed)
    torch.manual_seed(config.seed)
    layers = [reference_loop.Layer(3, 6, "LinearKaiming"), nn.ReLU()]
    model = nn.Sequential(*layers, reference_loop.Layer(6, 1, "LinearKaiming"))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=0.9, foreach=False)
    train, val = [], []
    for _ in range(steps):
        loss = reference_loop.mse(model(data.train_x), data.train_y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            val.append(reference_loop.mse(model(data.val_x), data.val_y).item())
        train.append(loss.item())
    return np.array(train, np.float32), np.array(val, np.float32)


def test_a_run_equals_the_loop_bit_for_bit():
    config = seam_files.config_of(steps=200)
    events = list(train(config))
    assert_identical(losses_of(events), reference(config, 200))
    assert events[0].parameter_count == 3 * 6 + 6 + 6 + 1


def test_a_snapshot_holds_what_the_optimiser_remembers():
    engine = Setup(seam_files.config_of()).engine
    engine.advance(10)
    start = engine.state.snapshot()
    expected = engine.advance(20)
    engine.state.restore(start)
    assert_identical(engine.advance(20), expected)


@pytest.mark.usefixtures("compiled_steps_cached")
@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_the_compiled_step_takes_several_features():
    for batches in ({}, {"batch_size": 17, "validate_every": 3}):
        config = seam_files.config_of(optimizer="sgd", **batches)
        compiled, eager = make_compiled(config), Setup(config).engine
        for found, expected in zip(compiled.advance(47), eager.advance(47), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_optimiser_without_a_fused_step_leaves_a_run_eager():
    config = seam_files.config_of(engine="compiled", steps=40)
    events = list(train(config))
    assert events[0].engine_reason == "optimiser momentum has no fused step: staying eager"
    assert_identical(losses_of(events), reference(config, 40))


def test_candidates_of_a_sweep_follow_their_own_runs_and_stop_as_exactly():
    lrs = (0.001, 0.003, 0.01)
    configs = [seam_files.config_of(steps=60, lr=lr, seed=seed) for lr in lrs for seed in (1, 2)]
    configs.append(seam_files.config_of(regularizer="stop-patience", lr=0.03))
    plain = msgspec.structs.replace(configs[0], optimizer=Optimizer(name="sgd"))
    *found, restored, other = sweeping.run([*configs, plain])
    for one, config in zip(found, configs, strict=False):
        for losses, expected in zip((one.train, one.val), reference(config, 60), strict=True):
            np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert not np.array_equal(other.train, found[0].train)
    # The replayed weights are those of the best step, momentum and all.
    assert restored.ended.reason is StopReason.EARLY_STOPPING
    labels = make_data(configs[-1].dataset, 0).val_y
    loss = (1 - restored.fit.metrics["val_r2"]) * float(labels.var(correction=0))
    assert loss == pytest.approx(restored.ended.best_val_loss, rel=1e-4)


def test_the_range_test_walks_with_it():
    *_, ended = find_lr_range(seam_files.config_of())
    assert ended.reason in (StopReason.COMPLETED, StopReason.DIVERGED)
    assert ended.suggestion.lr is not None


def test_a_fit_over_several_features_is_predictions_over_labels():
    started, *events = train(seam_files.config_of(steps=300))
    assert isinstance(started, RunStarted)
    assert started.points.features == 3
    assert np.array_equal(started.points.val_x, started.points.val_y)
    fit = [event for event in events if isinstance(event, FitSampled)][-1]
    assert np.array_equal(fit.x, np.sort(started.points.val_y))
    spread = ((fit.x - fit.x.mean()) ** 2).sum()
    r2 = 1 - ((fit.prediction - fit.x) ** 2).sum() / spread
    assert fit.metrics["val_r2"] == pytest.approx(float(r2), abs=1e-5)
    assert fit_chart(started.points, fit, 60, 20).layers


def test_the_preset_has_to_say_how_many_features_there_are():
    config = seam_files.config_of()
    dataset = msgspec.structs.replace(config.dataset, features=2)
    (end,) = train(msgspec.structs.replace(config, dataset=dataset))
    assert end.detail == (
        "data set 'plane': function plane makes points of 3 features, and the preset says "
        "features = 2"
    )
    assert math.isclose(end.seconds, 0.0)


def test_an_optimiser_without_a_file_is_refused():
    table = msgspec.to_builtins(seam_files.config_of())
    table["optimizer"] |= {"method": "momentun"}
    with pytest.raises(InvalidSettingsError, match="did you mean 'momentum'"):
        convert(table, RunConfig)
