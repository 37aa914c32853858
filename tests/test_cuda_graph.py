"""The CUDA graph engine against the eager one on the same GPU.

Tolerance: as in `test_compiled.py`. The update rounds twice where eager's rounds once, so from the
same state losses agree to a few units in the last place; 1e-5 leaves room. Whole runs are compared
over 30 steps, before training has amplified the difference. TF32 is off, as torch has it.
"""

import os
import re
import subprocess
import sys
import threading
import warnings

import msgspec
import numpy as np
import pytest
import reference_loop
import seam_files
import torch
from comparing import assert_identical, losses_of, parameters_of
from reference_loop import make

from tui_trainer.config.settings import Regularizer
from tui_trainer.training.engines.cuda_graph import UNROLLED, CudaGraphEngine
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.events import RunStarted
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
RTOL = 1e-5
SETTINGS = {
    "plain": {},
    "dropout": {"dropout": 0.05},
    "l1": {"l1_weight": 1.0},
    "decay": {"weight_decay": 0.1},
    "all": {"dropout": 0.05, "l1_weight": 0.5, "weight_decay": 0.1},
    # Dropout of two rates is for autograd's steps, not for those of a row of layers.
    "by autograd": {"dropout": 0.05, "l1_weight": 0.5},
}
every_setting = pytest.mark.parametrize("name", SETTINGS)


def config_of(name, **settings):
    config = make("kaiming", lr=0.003, device="cuda", **settings)
    return msgspec.structs.replace(
        config, regularizer=Regularizer(name="own", **SETTINGS[name]), engine="cuda-graph"
    )


def make_state(name):
    state = Setup(config_of(name)).state
    if name == "by autograd":
        state.model[0].rate = 0.02
    return state


def make_engine(name):
    return CudaGraphEngine(make_state(name))


def assert_close(found, expected, **tolerance):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **{"rtol": RTOL, **tolerance})


@every_setting
def test_capturing_changes_neither_parameters_nor_random_numbers(name):
    eager = EagerEngine(make_state(name))
    before = parameters_of(eager)
    state = eager.state.generator.get_state()
    CudaGraphEngine(eager.state)
    assert_identical(parameters_of(eager), before)
    assert torch.equal(eager.state.generator.get_state(), state)


@every_setting
def test_its_losses_are_eagers_within_float32_rounding(name):
    eager, graph = EagerEngine(make_state(name)), make_engine(name)
    assert_close(graph.advance(30), eager.advance(30))
    assert_close(parameters_of(graph), parameters_of(eager), rtol=1e-4, atol=1e-5)
    found, expected = (e.state.generator.get_state() for e in (graph, eager))
    assert torch.equal(found, expected)


@every_setting
@pytest.mark.parametrize("before", [1, 300])
def test_from_any_state_a_step_is_eagers_within_float32_rounding(name, before):
    graph = make_engine(name)
    eager = EagerEngine(graph.state)
    graph.advance(before)
    start = graph.state.snapshot()
    found, parameters = graph.advance(1), parameters_of(graph)
    eager.state.restore(start)
    assert_close(found, eager.advance(1))
    assert_close(parameters, parameters_of(eager), atol=1e-6)


@every_setting
@pytest.mark.parametrize("sizes", [[1] * 47, [UNROLLED, 7, 30], [9, 11, 27], [40, 7]])
def test_how_steps_are_grouped_changes_no_bit(name, sizes):
    whole, parts = make_engine(name), make_engine(name)
    expected = whole.advance(47)
    found = [parts.advance(size) for size in sizes]
    assert_identical([np.concatenate(split) for split in zip(*found, strict=True)], expected)
    assert_identical(parameters_of(parts), parameters_of(whole))


@every_setting
def test_a_restored_engine_repeats_its_steps_exactly(name):
    engine = make_engine(name)
    engine.advance(13)
    start = engine.state.snapshot()
    losses, parameters = engine.advance(125), parameters_of(engine)
    engine.state.restore(start)
    again = [engine.advance(8), engine.advance(117)]
    assert_identical([np.concatenate(split) for split in zip(*again, strict=True)], losses)
    assert_identical(parameters_of(engine), parameters)


@pytest.mark.parametrize("name", ["plain", "dropout"])
def test_another_learning_rate_counts_from_the_next_step(name):
    engines = [make_engine(name), Setup(config_of(name)).engine]
    for engine in engines:
        engine.advance(13)
        engine.state.lr = 0.0007
    assert_close(*(engine.advance(15) for engine in engines))


def test_losses_are_read_only_float32():
    for losses in make_engine("plain").advance(13):
        assert losses.shape == (13,)
        assert losses.dtype == np.float32
        assert not losses.flags.writeable


def test_looking_at_the_network_between_steps_changes_nothing():
    watched, alone = make_engine("dropout"), make_engine("dropout")
    expected = alone.advance(20)
    found = []
    for _ in range(20):
        watched.model.eval()
        with torch.no_grad():
            watched.model(watched.state.task.data.val_x)
        found.append(watched.advance(1))
    assert_identical([np.concatenate(split) for split in zip(*found, strict=True)], expected)


@pytest.mark.parametrize("recipe", ["stop-first-increase", "stop-patient"])
def test_a_rule_fires_at_the_step_at_which_the_runs_own_losses_make_it(recipe):
    config = make(recipe, device="cuda", engine="cuda-graph")
    events = list(train(config))
    assert events[0].engine == "cuda-graph"
    assert events[-1].reason.value == "early_stopping"
    train_loss, val = losses_of(events)
    fired = [
        reference_loop.fires(
            config.regularizer.stopping, train_loss[:step].tolist(), val[:step].tolist()
        )
        for step in range(1, len(val) + 1)
    ]
    assert fired == [False] * (len(val) - 1) + [True]


def test_a_run_is_the_same_bit_for_bit_however_it_is_cut():
    config = config_of("dropout", steps=500)
    runs = [losses_of(train(config)) for _ in range(2)]
    assert_identical(*runs)


def test_an_optimiser_that_remembers_and_several_features_are_captured_too(monkeypatch):
    seam_files.install(monkeypatch)
    config = seam_files.config_of(device="cuda")
    graph = CudaGraphEngine(Setup(config).state)
    graph.advance(7)
    start = graph.state.snapshot()
    found, parameters = graph.advance(25), parameters_of(graph)
    eager = EagerEngine(graph.state)
    eager.state.restore(start)
    assert_close(found, eager.advance(25))
    assert_close(parameters, parameters_of(eager), rtol=1e-4, atol=1e-5)
    graph.state.restore(start)
    assert_identical(graph.advance(25), found)


def test_auto_takes_the_graph_on_a_gpu():
    started, *_ = train(make("kaiming", device="cuda", engine="auto", steps=20))
    assert isinstance(started, RunStarted)
    assert started.engine == "cuda-graph"
    assert started.engine_reason.startswith("auto: ")


def test_where_capturing_fails_the_run_stays_eager_and_says_why(monkeypatch):
    def fail(*_):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr("tui_trainer.training.engines.cuda_graph.CudaGraphEngine._do", fail)
    started, *_, ended = train(make("kaiming", device="cuda", engine="auto", steps=20))
    assert (started.engine, ended.steps) == ("eager", 20)
    assert "not permitted when stream is capturing: staying eager" in started.engine_reason


def test_capturing_and_other_threads_leave_each_other_alone():
    stop = threading.Event()
    failed = []

    def work():
        try:
            with torch.cuda.stream(torch.cuda.Stream()):
                while not stop.is_set():
                    tensor = torch.empty(5_000_000, device="cuda").fill_(1.0)
                    assert float(tensor[0]) == 1.0
                    del tensor
        except Exception as error:
            failed.append(error)

    other = threading.Thread(target=work)
    other.start()
    try:
        expected = make_engine("plain").advance(20)
        for _ in range(10):
            assert_identical(make_engine("plain").advance(20), expected)
    finally:
        stop.set()
        other.join()
    assert failed == []


def test_products_are_of_float32_whatever_the_environment_says():
    program = (
        "from reference_loop import make; from tui_trainer.training.setup import Setup; "
        "print(Setup(make('kaiming', device='cuda')).engine.advance(3)[0].tolist())"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": allowed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for allowed in "01"
    ]
    assert found[0] == found[1] != ""


def test_out_of_memory_says_how_much_was_asked_for_and_the_next_run_trains():
    config = make("kaiming", device="cuda", steps=5)
    huge = msgspec.structs.replace(config.architecture, hidden=(2_048,) * 4)
    many = msgspec.structs.replace(config.dataset, train_points=12_000_000)
    for engine in ("eager", "auto"):
        ended = list(
            train(msgspec.structs.replace(config, architecture=huge, dataset=many, engine=engine))
        )[-1]
        assert ended.reason.value == "failed"
        assert re.fullmatch(r"out of memory \(asked for [\d.]+ GiB\)", ended.detail)
    assert list(train(config))[-1].steps == 5


def test_eager_does_not_wait_for_the_gpu_between_steps():
    engine = Setup(msgspec.structs.replace(config_of("all"), engine="eager")).engine
    engine.advance(3)
    with warnings.catch_warnings(action="ignore"):  # it is a prototype, and says so
        torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            engine._update(engine.state.lr, None)
            engine._validate()
    finally:
        torch.cuda.set_sync_debug_mode("default")
