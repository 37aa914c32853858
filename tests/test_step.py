"""Which step a network needs, who compiles it, and the draws of dropout ahead of a step."""

import pytest
import seam_files
import torch
from compiled_steps import CONFIGS
from reference_loop import PRESETS, make
from torch import nn

from tui_trainer import models
from tui_trainer.config.optimization import Optimizer
from tui_trainer.task.randomness import drawing_from
from tui_trainer.training.engines.dropout_draws import (
    draw_count,
    draw_shapes,
    split_draws,
)
from tui_trainer.training.engines.engine import EngineError
from tui_trainer.training.engines.step import StepSpec, find_compiler, step_spec
from tui_trainer.training.setup import Setup


def spec_of(config):
    return step_spec(Setup(config).state.model, config.optimizer)


def test_a_step_is_compiled_for_the_widths_dropout_and_the_optimiser():
    assert spec_of(make("kaiming")) == StepSpec((1, 20, 20, 20, 20, 1), (False,) * 5, "sgd")
    assert spec_of(make("linear")) == StepSpec((1, 1), (False,), "sgd")
    assert spec_of(make("dropout")).drops == (True,) * 5
    assert spec_of(CONFIGS["odd"]).optimizer == "nesterov"
    assert spec_of(CONFIGS["gelu"]) == StepSpec((1, 12, 1), (True,) * 2, "adam", "gelu")
    assert StepSpec((3, 6, 1), (False, True), "sgd").defines == (
        "-DWIDTHS=3,6,1",
        "-DDROPS=0,1",
        "-DOPTIMIZER=sgd",
        "-DACTIVATION=relu",
    )


def test_everything_else_of_a_config_shares_its_step():
    expected = spec_of(make("kaiming"))
    changes = {"lr": 0.5, "seed": 7, "data_seed": 9, "init": "he", "dataset": "wave-40"}
    for name in PRESETS.names("regularizer"):
        if PRESETS.regularizer[name].settings.dropout is None:
            assert spec_of(make("kaiming", regularizer=name, **changes)) == expected


def test_a_network_of_anything_else_and_other_optimisers_have_no_step(monkeypatch):
    with pytest.raises(EngineError, match="more than a row of linear layers and one activation"):
        step_spec(
            nn.Sequential(models.LinearHe(1, 1), nn.Sigmoid(), models.LinearHe(1, 1)),
            Optimizer(name="sgd"),
        )
    seam_files.install(monkeypatch)
    with pytest.raises(EngineError, match="optimiser momentum has no fused step"):
        spec_of(seam_files.config_of())


def test_the_compiler_is_the_one_that_cxx_names_or_else_one_that_is_there(tmp_path, monkeypatch):
    for name in ("clang++", "mine"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} 7\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "missing")
    assert find_compiler().path == str(tmp_path / "clang++")
    assert "clang++ 7" in find_compiler().version
    monkeypatch.setenv("CXX", "mine")
    assert find_compiler().path == str(tmp_path / "mine")
    (tmp_path / "mine").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(EngineError, match="mine does not say its version"):
        find_compiler()


def test_draws_in_one_go_are_the_draws_layer_by_layer():
    setup = Setup(make("dropout"))
    model, x = setup.engine.model, setup.data.train_x
    shapes = draw_shapes(model, x)
    assert [tuple(shape) for shape in shapes] == [(200, 1), *[(200, 20)] * 4]
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    flat = torch.zeros(2, draw_count(shapes)).uniform_(generator=one)
    for row in flat:
        source = split_draws(row, shapes)
        for shape in shapes:
            assert torch.equal(source(torch.empty(shape)), torch.rand(shape, generator=other))
    assert torch.equal(one.get_state(), other.get_state())


def test_a_source_is_borrowed_for_a_while():
    dropout = models.Dropout(0.5)
    own = dropout.source
    with drawing_from(dropout, torch.ones_like):
        assert torch.equal(dropout(torch.ones(3)), torch.ones(3))
    assert dropout.source is own


def test_a_state_takes_over_values():
    state = Setup(make("kaiming")).state
    state.set_tensors([torch.full_like(p, 2) for p in state.tensors])
    assert all(bool((p == 2).all()) for p in state.parameters)
