"""The optimisers and activations against torch's own, bit for bit and from a snapshot on."""

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from comparing import assert_identical
from reference_loop import PRESETS, make

from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError, convert
from tui_trainer.training.setup import Setup

CONFIGS = [
    make("l1", optimizer="momentum", activation="tanh"),
    make("dropout", optimizer="nesterov", weight_decay=0.01, momentum=0.5),
    make("kaiming", optimizer="adam", lr=0.003, activation="gelu", beta1=0.8, eps=1e-3),
    make("dropout", optimizer="adam", lr=0.01, l1_weight=0.3, weight_decay=0.1, beta2=0.9),
    make("l1", optimizer="adamw", lr=0.02, activation="silu", decoupled_weight_decay=0.1),
    make("dropout", optimizer="adamw", schedule="one-cycle", lr=0.03, steps=150, weight_decay=0.1),
    make("linear", optimizer="momentum", schedule="step", steps=90),
    make("l1", optimizer="adam", schedule="warmup-cosine", lr=0.01, steps=100),
    make("kaiming", schedule="cosine", activation="tanh", steps=160),
]
STEPS = 120


def words(config):
    return f"{config.optimizer.name}-{config.schedule.name}-{config.regularizer.name}"


@pytest.mark.parametrize("config", CONFIGS, ids=words)
def test_many_steps_are_torchs_and_a_changed_lr_scales_the_schedule(config):
    changes = {41: config.lr / 2, 81: config.lr * 1.5}
    expected = reference_loop.run(config, steps=STEPS, lrs=changes, judge=False)
    engine = Setup(config).engine
    parts = [engine.advance(33), engine.advance(7)]
    engine.state.lr = changes[41]
    parts.append(engine.advance(40))
    engine.state.lr = changes[81]
    start = engine.state.snapshot()
    parts.append(engine.advance(STEPS - 80))
    losses = [np.concatenate(split) for split in zip(*parts, strict=True)]
    assert_identical(losses, expected.losses)
    assert all(map(torch.equal, engine.state.parameters, expected.parameters))
    assert np.isfinite(losses).all()
    engine.advance(5)
    engine.state.restore(start)
    assert_identical(engine.advance(STEPS - 80), parts[-1])


def test_the_presets_have_torchs_defaults():
    for name, kind, given in (
        ("sgd", torch.optim.SGD, {}),
        ("momentum", torch.optim.SGD, {"momentum": 0.9}),
        ("nesterov", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        ("adam", torch.optim.Adam, {}),
        ("adamw", torch.optim.AdamW, {}),
    ):
        theirs = kind([torch.zeros(1)], **given).defaults
        mine = PRESETS.optimizer[name].settings
        for key in ("momentum", "nesterov", "eps", "weight_decay"):
            assert getattr(mine, key) == theirs.get(key, getattr(mine, key)), (name, key)
        assert theirs.get("betas", (mine.beta1, mine.beta2)) == (mine.beta1, mine.beta2)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"optimizer": {"method": "adm"}}, "unknown method 'adm'; did you mean 'adam'?"),
        (
            {"optimizer": {"method": "adam", "momentum": 0.9}},
            "momentum: not of adam, which takes beta1, beta2",
        ),
        ({"optimizer": {"nesterov": True}}, "nesterov: needs a momentum above 0"),
        ({"optimizer": {"momentum": 1}}, "optimizer.momentum: expected a number < 1, got 1"),
        ({"schedule": {"method": "step", "gamma": 2}}, "schedule.gamma: expected a number <= 1"),
        (
            {"schedule": {"method": "cosine", "gamma": 0.5}},
            "gamma: not of cosine, which takes floor",
        ),
        ({"architecture": {"activation": "tahn"}}, "did you mean 'tanh'? allowed: gelu, relu"),
    ],
)
def test_a_mistake_is_one_line(settings, line):
    table = msgspec.to_builtins(make("kaiming"))
    for part, changed in settings.items():
        table[part] |= changed
    with pytest.raises(InvalidSettingsError) as caught:
        convert(table, RunConfig)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
