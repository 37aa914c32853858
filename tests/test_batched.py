"""Candidates in a batch against their own runs with the eager engine.

Tolerance: both compute in float32, in another order of sums. From the same state a step's losses
agree to a few units in the last place (1.2e-7 each, relative); 1e-5 leaves room for other
processors, and so every one of the first 20 steps is compared, and later ones. Along a run the
difference grows: now and then a ReLU's input is so near 0 that rounding decides whether a point
passes, which moves the next losses by up to 1e-5, and training amplifies that, the more so the
higher the lr. So of whole runs the first 10 steps are compared to 1e-5 and 20 steps to 2e-2. A
penalty, a seed or a mask that is wrong is off by more than that from the first steps on.

Against each other batches are compared bit for bit: a network's numbers do not depend on its
company.
"""

import sys
from itertools import pairwise, product
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from comparing import losses_of
from reference_loop import PRESETS, make
from sweeping import run
from torch import Generator, nn

from tui_trainer import models
from tui_trainer.config import settings as config_module
from tui_trainer.config.settings import Architecture, Regularizer
from tui_trainer.config.stopping import FirstIncrease, Patience, PatientAverage, ProgressQuotient
from tui_trainer.models import mlp
from tui_trainer.sweeps import sweeper
from tui_trainer.sweeps.batched_group import BatchedGroup
from tui_trainer.sweeps.grouping import make_groups
from tui_trainer.sweeps.plan import Candidate
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.batched import BatchedSteps
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.engines.layers import Layer, find_layers, flatten
from tui_trainer.training.engines.stack import Stack
from tui_trainer.training.events import FitSampled
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

RTOL = 1e-5


def regularized(config, **settings):
    regularizer = Regularizer(name="custom", **settings)
    return msgspec.structs.replace(config, regularizer=regularizer)


def eager_losses(config, steps):
    return Setup(config).engine.advance(steps)


def assert_close(found, expected, rtol=RTOL):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=rtol)


def assert_same(one, other):
    """Hold two candidates against each other bit for bit, their ends included."""
    assert np.array_equal(one.train, other.train, equal_nan=True)
    assert np.array_equal(one.val, other.val, equal_nan=True)
    for name in ("reason", "detail", "steps", "best_step", "best_val_loss", "restored_best"):
        assert getattr(one.ended, name) == getattr(other.ended, name)
    assert (one.fit is None) == (other.fit is None)
    if one.fit is not None:
        assert (one.fit.step, one.fit.weights) == (other.fit.step, other.fit.weights)
        assert np.array_equal(one.fit.prediction, other.fit.prediction)


def assert_follows_its_own_run(found, config):
    """Hold the first 20 steps of a candidate against the eager engine's, as far as it went."""
    count = len(found.train)
    assert count == config.steps or config.regularizer.stopping or not np.isfinite(found.val[-1])
    expected = [losses[:count] for losses in eager_losses(config, min(20, config.steps))]
    assert_close((found.train[:10], found.val[:10]), [losses[:10] for losses in expected])
    assert_close((found.train[:20], found.val[:20]), expected, rtol=2e-2)


def candidates_of(configs):
    return [Candidate(index, index, config) for index, config in enumerate(configs)]


class Batch:
    """Configs of one group as a stack, its engine and its streams of random numbers."""

    def __init__(self, configs):
        setups = [Setup(config) for config in configs]
        self.eager = [setup.engine for setup in setups]
        layers = find_layers(self.eager[0].model, configs[0].regularizer.dropout)
        self.engine = BatchedSteps(layers, setups[0].data, setups[0].state.task.optimizer)
        self.done, self.streams = 0, {}
        for row, engine in enumerate(self.eager):
            self.streams[row] = Generator()
            self.streams[row].set_state(engine.state.generator.get_state())
        regularizers = [config.regularizer for config in configs]

        def column(values):
            return torch.tensor(list(values), dtype=torch.float32)[:, None]

        parameters = torch.stack([flatten(engine.state.parameters) for engine in self.eager])
        self.stack = Stack(
            parameters,
            self.eager[0].state.task.optimizer.init([parameters]),
            column(config.lr for config in configs),
            column(r.l1_weight for r in regularizers),
            column(r.weight_decay for r in regularizers),
            column(r.dropout or 0 for r in regularizers),
            tuple(self.streams),
            tuple(engine.state.task.factor for engine in self.eager),
        )

    def advance(self, steps):
        losses = self.engine.advance(self.stack, self.streams, steps, self.done)
        self.done += steps
        return tuple(part.numpy() for part in losses)

    def eager_step(self):
        """Return the losses of the next step by the eager engines, of shape (2, networks)."""
        steps = [self._bring(row).advance(1) for row in range(len(self.eager))]
        return np.concatenate(steps, axis=-1)

    def _bring(self, row):
        """Bring a row's eager engine to where the row stands."""
        engine = self.eager[row]
        sizes = [parameter.numel() for parameter in engine.state.parameters]
        tensors = [
            part.view_as(parameter)
            for flat in (self.stack.parameters, *(slot[0] for slot in self.stack.slots))
            for part, parameter in zip(
                torch.split(flat[row].clone(), sizes), engine.state.parameters, strict=True
            )
        ]
        state = self.streams[self.stack.streams[row]].get_state()
        engine.state.restore(Snapshot(tensors, state, engine.state.lr, self.done))
        return engine


# The same losses as in a run of its own


def _some_of(names, row):
    """Return two of the names, others for each row: over the rows each comes several times."""
    return names[row % len(names)], names[(row + 2) % len(names)]


EVERY = {
    "recipes": [make(recipe) for recipe in PRESETS.names("recipe")],
    "regularizers and inits": [
        # N(0, 1) explodes at more.
        make("kaiming", regularizer=regularizer, init=init, lr=1e-5 if init == "normal" else 0.003)
        for row, regularizer in enumerate(PRESETS.names("regularizer"))
        for init in _some_of(PRESETS.names("init"), row)
    ],
    "architectures and data": [
        # wide-1x400 is at the edge of stability from 0.003 on.
        make("kaiming", architecture=architecture, dataset=dataset, data_seed=data_seed, lr=0.001)
        for architecture in PRESETS.names("architecture")
        for dataset, data_seed in (("wave", 4), ("wave-40", 0))
    ],
    "penalties": [
        make("kaiming", lr=lr, l1_weight=l1_weight, weight_decay=weight_decay, seed=seed)
        for lr, seed in ((0.0001, 1), (0.004, 2))
        for l1_weight in (0, 0.1, 5)
        for weight_decay in (0, 0.1, 2)
    ],
    "optimisers, schedules and activations": [
        make("kaiming", optimizer=optimizer, schedule=schedule, lr=lr, steps=steps, **settings)
        for optimizer, settings in (
            ("momentum", {"activation": "tanh", "l1_weight": 0.1}),
            ("nesterov", {"activation": "silu"}),
            ("adam", {"activation": "gelu", "dropout": 0.1, "weight_decay": 0.1}),
            ("adamw", {"activation": "silu", "dropout": 0.3}),
            ("sgd", {"activation": "tanh", "dropout": 0.2}),
        )
        for schedule, lr, steps in (("one-cycle", 0.004, 20), ("constant", 0.001, 70))
    ],
    "dropout": [
        make("dropout", dropout=dropout, architecture=architecture, lr=0.001, seed=seed)
        for dropout in (0, 0.3, 0.9)
        for architecture, seed in (("linear", 0), ("mlp-2x64", 1), ("deep-10x8", 2**63 - 1))
    ],
}
every_config = pytest.mark.parametrize("configs", EVERY.values(), ids=EVERY)


@every_config
def test_each_of_the_first_20_steps_is_eagers_within_float32_rounding(configs):
    for group in make_groups(candidates_of(configs)):
        batch = Batch([member.config for member in group.members])
        alive = np.full(len(group.members), True)
        for _ in range(20):
            expected = batch.eager_step()
            found = np.concatenate(batch.advance(1))
            assert np.array_equal(np.isfinite(found)[:, alive], np.isfinite(expected)[:, alive])
            alive &= np.isfinite(expected).all(0)
            np.testing.assert_allclose(found[:, alive], expected[:, alive], rtol=RTOL)


@every_config
def test_a_sweep_over_all_of_them_follows_their_own_runs(monkeypatch, configs):
    sweep_with(monkeypatch, 1, sweeper.CHUNK_SECONDS)
    configs = [msgspec.structs.replace(config, steps=20) for config in configs]
    for found, config in zip(run(configs), configs, strict=True):
        assert_follows_its_own_run(found, config)


MIXED = [
    make("kaiming", lr=lr, init=init, seed=seed, **settings)
    for lr in (0.003, 0.01)
    for init, seed in (("kaiming", 100), ("he", 3))
    for settings in ({}, {"l1_weight": 1.0}, {"weight_decay": 0.01})
]
DROPPING = [
    make("kaiming", lr=0.003 * scale, init=init, seed=seed, dropout=dropout, l1_weight=l1_weight)
    for init, seed, scale in (("kaiming", 100, 1), ("he", 100, 1), ("normal", 7, 0.003))
    for dropout, l1_weight in ((0.01, 0), (0.2, 0), (0.5, 1), (0, 0))
]
mixtures = pytest.mark.parametrize("configs", [MIXED, DROPPING], ids=["plain", "dropping"])


@mixtures
def test_a_later_step_is_eagers_within_float32_rounding(configs):
    batch = Batch(configs)
    for steps in (80, 100):
        batch.advance(steps)
        expected = batch.eager_step()
        np.testing.assert_allclose(np.concatenate(batch.advance(1)), expected, rtol=RTOL)
        for parameters, engine in zip(batch.stack.parameters, batch.eager, strict=True):
            np.testing.assert_allclose(
                parameters, flatten(engine.state.parameters), rtol=1e-4, atol=1e-5
            )


def test_recipes_with_a_rule_stop_at_the_step_at_which_their_own_losses_make_it_fire():
    recipes = ("stop-first-increase", "stop-patient")
    configs = [make(recipe, seed=seed) for recipe in recipes for seed in (0, 1, 7, 100)]
    company = [make("kaiming", lr=0.002, steps=steps) for steps in (20, 160)]
    for found, config in zip(run([*configs, *company]), configs, strict=False):
        assert found.ended.reason is StopReason.EARLY_STOPPING
        fired = [
            reference_loop.fires(
                config.regularizer.stopping, found.train[:step].tolist(), found.val[:step].tolist()
            )
            for step in range(1, len(found.val) + 1)
        ]
        assert fired == [False] * (found.ended.steps - 1) + [True]
        assert found.ended.best_step == found.val.argmin() + 1


DIVERGING = [
    make("exploding-normal"),
    make("exploding-normal", seed=3),
    make("exploding-normal", init="kaiming", lr=2.0),
    make("exploding-normal", init="he", lr=0.5),
    make("exploding-normal", lr=100.0),
    make("exploding-normal", lr=3e38),
    make("linear", lr=1.0),
    make("tamed-normal", weight_decay=1e8),
    make("tamed-normal", l1_weight=3e38, lr=1.0),
]


def test_what_diverges_does_so_at_the_step_of_its_own_run():
    calm = [make("kaiming", lr=0.001, steps=40, seed=seed) for seed in range(3)]
    *found, first, second, third = run([*DIVERGING, *calm])
    for one, config in zip(found, DIVERGING, strict=True):
        end = list(train(config))[-1]
        assert one.ended.reason is end.reason is StopReason.DIVERGED
        assert one.ended.steps == end.steps
        assert one.ended.best_step == end.best_step
        assert one.fit is None
    for one, config in zip((first, second, third), calm, strict=True):
        assert one.ended.reason is StopReason.COMPLETED
        assert_follows_its_own_run(one, config)


# Random numbers


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_dropout_draws_the_stream_of_its_own_run(steps):
    batch = Batch(DROPPING)
    batch.advance(steps)
    for row, engine in enumerate(batch.eager):
        engine.advance(steps)
        state = batch.streams[row].get_state()
        assert torch.equal(state, engine.state.generator.get_state())


def test_several_seeds_and_inits_each_have_the_masks_of_their_own_run():
    configs = [
        make("dropout", seed=seed, init=init, dropout=dropout, steps=20)
        for dropout in (0.01, 0.3)
        for init in ("kaiming", "zeros")
        for seed in (0, 1, 2**63 - 1)
    ]
    found = run(configs)
    for one, config in zip(found, configs, strict=True):
        assert_follows_its_own_run(one, config)
    firsts = {one.train[0] for one, config in zip(found, configs, strict=True)}
    assert len(firsts) >= 6  # all but those of zeros


def test_candidates_that_draw_alike_share_a_stream_and_not_its_place():
    short, long = make("dropout", steps=5), make("dropout", steps=50)
    found = run([short, long, make("dropout", steps=50, lr=0.001)])
    assert np.array_equal(found[0].train, found[1].train[:5])
    assert_follows_its_own_run(found[1], long)


def test_training_leaves_torchs_own_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    run([make("dropout", steps=3, seed=seed) for seed in range(3)])
    assert torch.equal(torch.random.get_rng_state(), before)


# Neighbours


@mixtures
@pytest.mark.parametrize("bad", [float("nan"), float("-inf"), 1e30])
@pytest.mark.parametrize("place", [0, 7])
def test_a_number_that_is_not_finite_stays_in_its_network(configs, bad, place):
    whole, without = Batch(configs[:12]), Batch(configs[:place] + configs[place + 1 : 12])
    whole.stack.parameters[place, 30:33] = bad
    whole.stack.parameters[place, -1] = bad
    rows = [row for row in range(12) if row != place]
    for _ in range(2):
        found, expected = whole.advance(10), without.advance(10)
        for one, other in zip(found, expected, strict=True):
            assert not np.isfinite(one[:, place]).all()
            assert np.array_equal(one[:, rows], other, equal_nan=True)
    parameters = whole.stack.parameters[rows].numpy(), without.stack.parameters.numpy()
    assert np.array_equal(*parameters, equal_nan=True)


def test_a_diverging_candidate_changes_no_bit_of_its_neighbours():
    calm = [make("kaiming", lr=0.003, steps=60, seed=seed) for seed in range(5)]
    alone = run(calm)
    together = run([calm[0], DIVERGING[0], *calm[1:3], *DIVERGING[2:6], *calm[3:]])
    for one, other in zip(alone, [together[0], *together[2:4], *together[8:]], strict=True):
        assert_same(one, other)


def test_a_candidates_numbers_do_not_depend_on_its_company():
    config = make("kaiming", lr=0.003, steps=60)
    alone = run([config])[0]
    for count in (1, 2, 5, 30):
        others = [make("kaiming", lr=0.001, l1_weight=1.0, seed=seed) for seed in range(count)]
        others = [msgspec.structs.replace(other, steps=60) for other in others]
        assert_same(alone, run([*others, config])[-1])


def test_candidates_that_end_drop_out_and_the_others_go_on_bit_for_bit():
    lasting = [make("kaiming", lr=0.003, steps=150, seed=seed) for seed in (100, 1, 2)]
    ending = [make("stop-first-increase", seed=seed) for seed in range(8)]
    ending += [make("kaiming", steps=steps) for steps in (1, 7, 20, 33, 34)]
    alone = run(lasting)
    together = run([*ending[:4], lasting[0], *ending[4:], *lasting[1:]])
    assert {one.ended.steps for one in together} >= {1, 7, 20, 33, 34, 150}
    for one, other in zip(alone, [together[4], *together[-2:]], strict=True):
        assert_same(one, other)


def sweep_with(monkeypatch, workers, chunk_seconds):
    monkeypatch.setattr(sweeper, "_worker_count", lambda _: workers)
    monkeypatch.setattr(sweeper, "CHUNK_SECONDS", chunk_seconds)


MANY = [
    *(make("stop-first-increase", seed=seed, steps=200) for seed in range(6)),
    *(make("kaiming", lr=0.003, steps=25, seed=seed, l1_weight=seed % 3) for seed in range(12)),
    *(make("dropout", steps=25, seed=seed % 3, dropout=0.01 * seed) for seed in range(6)),
    *DIVERGING,
]


def test_numbers_depend_neither_on_the_number_of_workers_nor_on_the_size_of_chunks(monkeypatch):
    sweep_with(monkeypatch, 1, sweeper.CHUNK_SECONDS)
    expected = run(MANY)
    for workers, seconds in ((1, 0.0), (2, 1e9), (16, 0.02)):
        sweep_with(monkeypatch, workers, seconds)
        for one, other in zip(run(MANY), expected, strict=True):
            assert_same(one, other)


# Fits


def own_run(config):
    """Return a config's own losses, their end and the fit of the weights that it ended with."""
    *events, end = train(config)
    fits = [event for event in events if isinstance(event, FitSampled)]
    weights = "best" if end.restored_best else "last"
    return losses_of(events), end, [fit for fit in fits if fit.weights == weights][-1]


@pytest.mark.parametrize(
    "stopping",
    [
        FirstIncrease(restore_best=True),
        FirstIncrease(),
        PatientAverage(window=5, restore_best=True),
        ProgressQuotient(alpha=0.1, strip=4),
        None,
    ],
)
def test_the_fit_at_the_end_is_that_of_the_weights_it_ended_with(monkeypatch, stopping):
    configs = [
        regularized(make("kaiming", lr=lr, seed=seed, steps=70), stopping=stopping, dropout=dropout)
        for lr, seed in ((0.003, 100), (0.001, 1))
        for dropout in (None, 0.01)
    ]
    own = [own_run(config) for config in configs]
    for workers, seconds in ((1, 0.0), (2, 1e9)):
        sweep_with(monkeypatch, workers, seconds)
        for found, (_, end, fit) in zip(run(configs), own, strict=True):
            for name in ("reason", "steps", "best_step", "restored_best"):
                assert getattr(found.ended, name) == getattr(end, name)
            assert (found.fit.step, found.fit.weights) == (fit.step, fit.weights)
            assert np.array_equal(found.fit.x, fit.x)
            np.testing.assert_allclose(found.fit.prediction, fit.prediction, atol=2e-3)
            assert found.fit.metrics["val_r2"] == pytest.approx(fit.metrics["val_r2"], abs=1e-3)


def test_restored_weights_have_the_best_loss_itself(monkeypatch):
    stopping = Patience(patience=8, restore_best=True)
    configs = [
        regularized(
            make("kaiming", lr=0.01, seed=seed, steps=200), stopping=stopping, dropout=dropout
        )
        for seed in range(3)
        for dropout in (None, 0.05)
    ]
    for workers, seconds in ((1, 0.0), (2, 1e9)):
        sweep_with(monkeypatch, workers, seconds)
        for found, config in zip(run(configs), configs, strict=True):
            assert found.ended.restored_best
            assert found.fit.step == found.ended.best_step < found.ended.steps
            labels = Setup(config).data.val_y
            loss = (1 - found.fit.metrics["val_r2"]) * float(labels.var(correction=0))
            assert loss == pytest.approx(found.ended.best_val_loss, rel=1e-5)


# Groups


def test_candidates_of_an_architecture_on_the_same_data_are_one_group():
    together = [
        make("kaiming", lr=lr, init=init, seed=seed, l1_weight=l1, regularizer=regularizer, steps=n)
        for n, (lr, init, seed, l1, regularizer) in enumerate(
            [(0.1, "he", 0, 0, "none"), (0.2, "zeros", 1, 2, "stop-patient")], 5
        )
    ]
    assert len(make_groups(candidates_of(together))) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"data_seed": 1},
        {"dataset": "wave-40"},
        {"architecture": "linear"},
        {"dropout": 0.1},
        {"dropout": 0.0},
    ],
)
def test_another_network_or_other_data_are_another_group(settings):
    groups = make_groups(candidates_of([make("kaiming"), make("kaiming", **settings)] * 2))
    assert [[member.index for member in group.members] for group in groups] == [[0, 2], [1, 3]]
    assert all(isinstance(group, BatchedGroup) for group in groups)


def test_blocks_hold_every_row_once_and_leave_no_worker_idle():
    for count in (1, 2, 15, 16, 33, 100):
        group = make_groups(candidates_of([make("linear", lr=0.001 * n) for n in range(1, 101)]))[0]
        group.members = group.members[:count]
        for workers in (1, 2, 7, 64):
            blocks = group.blocks(workers)
            rows = [row for block in blocks for row in range(block.start, block.stop)]
            assert rows == list(range(count))
            assert len(blocks) >= min(workers, count) // 2


# Networks


def test_every_preset_is_read_as_layers():
    names = PRESETS.names("architecture"), PRESETS.names("init")
    for architecture, init, dropout in product(*names, (None, 0.0, 0.1)):
        hidden = PRESETS.architecture[architecture].settings.hidden
        make_linear = getattr(models, PRESETS.init[init].settings.layer)
        network = mlp.build(1, 1, hidden, make_linear, dropout)
        widths = [1, *hidden, 1]
        assert find_layers(network, dropout) == tuple(
            Layer(inputs, outputs, "relu" if number < len(hidden) else "", dropout is not None)
            for number, (inputs, outputs) in enumerate(pairwise(widths))
        ), (architecture, init, dropout)


class Scaled(models.LinearKaiming):
    def forward(self, x):
        return 2 * super().forward(x)


class Biased(models.LinearKaiming):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.more = nn.Parameter(torch.zeros(1))


class Own(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + x


def shared():
    layer = models.LinearKaiming(1, 1)
    return nn.Sequential(layer, nn.ReLU(), layer)


def a(inputs=1, outputs=1):
    return models.LinearKaiming(inputs, outputs)


NOT_PLAIN = {
    "nothing": nn.Sequential(),
    "a layer that is no Sequential": a(),
    "a Sequential of one's own": Own(a()),
    "nested": nn.Sequential(nn.Sequential(a()), nn.ReLU(), a()),
    "torch's layers": nn.Sequential(nn.Linear(1, 1)),
    "another activation": nn.Sequential(a(1, 4), nn.Sigmoid(), a(4, 1)),
    "another GELU": nn.Sequential(a(1, 4), nn.GELU("tanh"), a(4, 1)),
    "activations of two kinds": nn.Sequential(a(1, 4), nn.Tanh(), a(4, 4), nn.SiLU(), a(4, 1)),
    "a normalization": nn.Sequential(a(1, 4), nn.LayerNorm(4), nn.ReLU(), a(4, 1)),
    "no activation": nn.Sequential(a(1, 4), a(4, 1)),
    "two activations": nn.Sequential(a(1, 4), nn.ReLU(), nn.ReLU(), a(4, 1)),
    "an activation first": nn.Sequential(nn.ReLU(), a()),
    "an activation last": nn.Sequential(a(), nn.ReLU()),
    "torch's dropout": nn.Sequential(nn.Dropout(0.1), a()),
    "dropout last": nn.Sequential(a(), models.Dropout(0.1)),
    "dropout before the activation": nn.Sequential(
        a(1, 4), models.Dropout(0.1), nn.ReLU(), a(4, 1)
    ),
    "dropout twice": nn.Sequential(models.Dropout(0.1), models.Dropout(0.1), a()),
    "dropout of another rate": nn.Sequential(
        models.Dropout(0.1), a(1, 4), nn.ReLU(), models.Dropout(0.2), a(4, 1)
    ),
    "two outputs": nn.Sequential(a(1, 2)),
    "a layer with a forward of its own": nn.Sequential(Scaled(1, 1)),
    "a layer with more parameters": nn.Sequential(Biased(1, 1)),
    "a layer at two places": shared(),
}


@pytest.mark.parametrize("network", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_a_network_of_anything_else_is_not_read_as_layers(network):
    assert find_layers(network, 0.1) is None


def test_dropout_that_was_not_asked_for_is_not_read_as_layers():
    network = nn.Sequential(models.Dropout(0.1), a())
    assert find_layers(network, 0.1) is not None
    assert find_layers(network, None) is None


class Residual(nn.Module):
    def __init__(self, layer, dropout):
        super().__init__()
        self.layer, self.dropout = layer, dropout

    def forward(self, x):
        return x + torch.tanh(self.layer(self.dropout(x)))


def build_residual(inputs, outputs, hidden, make_linear, dropout=None, generator=None):
    def drop():
        return nn.Identity() if dropout is None else models.Dropout(dropout, generator)

    layers = [make_linear(inputs, hidden[0], generator)]
    layers += [Residual(make_linear(width, width, generator), drop()) for width in hidden]
    return nn.Sequential(*layers, make_linear(hidden[-1], outputs, generator))


@pytest.fixture
def residual(monkeypatch):
    """An architecture of a network that can't be batched."""
    network = SimpleNamespace(build=build_residual)
    monkeypatch.setitem(sys.modules, "tui_trainer.models.residual", network)
    monkeypatch.setattr(config_module, "network_names", lambda: ("mlp", "residual"))
    return Architecture(name="residual-2x8", network="residual", hidden=(8, 8))


def test_a_network_that_is_not_plain_trains_one_by_one_as_in_its_own_run(residual, monkeypatch):
    configs = [
        msgspec.structs.replace(make("kaiming", engine="auto", **settings), architecture=residual)
        for settings in (
            {"lr": 0.003, "steps": 30},
            {"lr": 0.01, "steps": 40, "seed": 3},
            {"lr": 0.003, "steps": 40, "dropout": 0.05, "l1_weight": 1.0},
            {"lr": 0.003, "steps": 30, "dropout": 0.05, "seed": 4, "weight_decay": 0.1},
            {"lr": 0.003, "regularizer": "stop-first-increase"},
            {"lr": 10.0},
        )
    ]
    stopping = Patience(patience=3, restore_best=True)
    configs += [regularized(configs[0], stopping=stopping), regularized(configs[1], dropout=0.2)]
    assert {group.kind for group in make_groups(candidates_of(configs))} == {"eager"}
    own = [own_run(msgspec.structs.replace(config, engine="eager")) for config in configs]
    for workers, seconds in ((1, 0.0), (2, 1e9)):
        sweep_with(monkeypatch, workers, seconds)
        for found, (losses, end, fit) in zip(run(configs), own, strict=True):
            assert_its_own_run(found, losses, end, fit)
    assert {end.reason for _, end, _ in own} == {
        StopReason.COMPLETED,
        StopReason.EARLY_STOPPING,
        StopReason.DIVERGED,
    }


def assert_its_own_run(found, losses, end, fit):
    for own, expected in zip((found.train, found.val), losses, strict=True):
        assert np.array_equal(own, expected, equal_nan=True)
    for name in ("reason", "steps", "best_step", "best_val_loss", "restored_best"):
        assert getattr(found.ended, name) == getattr(end, name)
    if end.reason is StopReason.DIVERGED:
        assert found.fit is None
    else:
        assert (found.fit.step, found.fit.weights, found.fit.metrics["val_r2"]) == (
            fit.step,
            fit.weights,
            fit.metrics["val_r2"],
        )
        assert np.array_equal(found.fit.prediction, fit.prediction)


def test_a_sweep_over_both_kinds_of_network_trains_both(residual):
    plain = make("kaiming", lr=0.003, steps=30)
    other = msgspec.structs.replace(plain, architecture=residual)
    found = run([other, plain])
    assert_follows_its_own_run(found[1], plain)
    assert np.array_equal(found[0].train, eager_losses(other, 30)[0])
