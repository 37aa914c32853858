"""Sweeps on the CPU with fused steps: a candidate equals its own compiled run bit for bit."""

import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from comparing import losses_of
from compiled_steps import COMPILE_TIMEOUT, CONFIGS
from reference_loop import PRESETS, make
from sweeping import drive, plan_of, run

from tui_trainer.config.settings import Regularizer
from tui_trainer.config.stopping import Patience
from tui_trainer.sweeps import grouping, sweeper
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import SweepNoted, SweepStarted
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.compilation import compile_steps
from tui_trainer.training.engines.step import step_spec
from tui_trainer.training.engines.step_cache import steps_folder
from tui_trainer.training.events import FitSampled
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

pytestmark = pytest.mark.timeout(COMPILE_TIMEOUT)
DEADLINE_SECONDS = 60
PATIENT = Patience(patience=15, restore_best=True)
VARIED = [
    *(
        make("kaiming", lr=lr, seed=seed, steps=60)
        for lr in (0.001, 0.01)
        for seed in (0, 2**63 - 1)
    ),
    make("stop-first-increase"),
    make("stop-patient", seed=7),
    make("exploding-normal"),
    make("exploding-normal", init="kaiming", lr=2.0, seed=3),
    make("dead-zeros", steps=40),
    make("kaiming", lr=0.003, steps=50, l1_weight=1.0, weight_decay=0.1),
    make("dropout", steps=50, dropout=0.2),
    make("dropout", steps=50, seed=4),
    make("stop-patience", steps=200, batch_size=64, validate_every=3),
    make("dropout", steps=50, batch_size=30),
    *(
        msgspec.structs.replace(
            make("kaiming", lr=0.01, seed=seed),
            regularizer=Regularizer(name="own", stopping=PATIENT, dropout=dropout),
        )
        for seed, dropout in ((0, None), (1, 0.05))
    ),
    *(msgspec.structs.replace(CONFIGS[name], steps=30) for name in ("odd", "wide", "gelu", "tanh")),
]


@pytest.mark.usefixtures("compiled_steps_cached")
def test_a_candidate_equals_its_own_run_whatever_its_company_workers_and_chunks(monkeypatch):
    own = [list(train(msgspec.structs.replace(c, engine="compiled"))) for c in VARIED]
    assert {events[-1].reason for events in own} == {
        StopReason.COMPLETED,
        StopReason.EARLY_STOPPING,
        StopReason.DIVERGED,
    }
    for workers, seconds, configs in ((1, 1e9, VARIED), (3, 0.002, VARIED), (2, 0.05, VARIED[:5])):
        monkeypatch.setattr(sweeper, "_worker_count", lambda _, workers=workers: workers)
        monkeypatch.setattr(sweeper, "CHUNK_SECONDS", seconds)
        for found, events in zip(run(configs), own, strict=False):
            assert_its_own(found, events)


def assert_its_own(found, events):
    end = events[-1]
    for losses, expected in zip((found.train, found.val), losses_of(events), strict=True):
        assert np.array_equal(losses, expected, equal_nan=True)
    for name in ("reason", "steps", "best_step", "best_val_loss", "restored_best"):
        assert getattr(found.ended, name) == getattr(end, name)
    if end.reason is StopReason.DIVERGED:
        assert found.fit is None
    else:
        weights = "best" if end.restored_best else "last"
        fit = [e for e in events if isinstance(e, FitSampled) and e.weights == weights][-1]
        assert (found.fit.step, found.fit.weights) == (fit.step, fit.weights)
        assert np.array_equal(found.fit.prediction, fit.prediction)


def started_of(events):
    return next(event for event in events if isinstance(event, SweepStarted))


def test_on_a_cold_cache_a_sweep_waits_for_its_steps(monkeypatch):
    monkeypatch.delenv("CXX")
    waited = []

    def timed(*arguments):
        began = time.perf_counter()
        steps = compile_steps(*arguments)
        waited.append(time.perf_counter() - began)
        return steps

    monkeypatch.setattr(grouping, "compile_steps", timed)
    configs = [make("linear", steps=20, architecture=a) for a in ("linear", "mlp-2x64")]
    began = time.perf_counter()
    events = drive(plan_of(configs * 2))
    assert events[-1].seconds <= time.perf_counter() - began - sum(waited)
    assert started_of(events).how.startswith("fused, 2 groups, cpu, ")
    assert len(list(steps_folder().glob("*.so"))) == 2
    assert not list(steps_folder().glob("build-*"))
    assert not [event for event in events if isinstance(event, SweepNoted)]


def test_without_a_step_candidates_train_as_a_batch_and_one_line_says_why(tmp_path, monkeypatch):
    fake = Path(__file__).with_name("fake_compiler.sh")
    (tmp_path / "gate").touch()
    monkeypatch.setenv("FAKE_GATE", str(tmp_path / "gate"))
    missing, failing = str(tmp_path / "nowhere"), str(fake)
    monkeypatch.setenv("PATH", str(tmp_path))
    for compiler, words in [(missing, "no C++ compiler was found"), (failing, "the fake compiler")]:
        monkeypatch.setenv("CXX", compiler)
        with monkeypatch.context() as patch:
            if compiler == failing:
                patch.setenv("PATH", "/usr/bin:/bin")
            events = drive(plan_of([make("kaiming", steps=20, seed=seed) for seed in range(4)]))
        assert started_of(events).how.startswith("batched, one group, cpu, ")
        (note,) = [event for event in events if isinstance(event, SweepNoted)]
        assert words in note.words
        assert note.words.endswith(": candidates train as a batch")
        assert events[-1].steps == 80


def test_a_step_that_cannot_be_loaded_costs_its_group_the_step_alone(tmp_path, monkeypatch):
    (tmp_path / "nonsense").write_text("no library")
    (tmp_path / "gate").touch()
    monkeypatch.setenv("CXX", str(Path(__file__).with_name("fake_compiler.sh")))
    monkeypatch.setenv("FAKE_GATE", str(tmp_path / "gate"))
    monkeypatch.setenv("FAKE_STEP", str(tmp_path / "nonsense"))
    events = drive(plan_of([make("kaiming", steps=20, seed=seed) for seed in range(4)]))
    assert started_of(events).how.startswith("batched, one group, cpu, ")
    (note,) = [event for event in events if isinstance(event, SweepNoted)]
    assert "can't be loaded" in note.words
    assert events[-1].steps == 80


def test_a_stop_ends_the_wait_for_the_compiler(monkeypatch):
    monkeypatch.setenv("CXX", str(Path(__file__).with_name("fake_compiler.sh")))
    monkeypatch.setenv("FAKE_GATE", "/nowhere")
    control, events = SweepControl(), []
    plan = plan_of([make("kaiming", steps=10**6, seed=seed) for seed in range(3)])
    thread = threading.Thread(target=lambda: events.extend(sweeper.sweep(plan, control)))
    thread.start()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not list(steps_folder().glob("build-*/log")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    control.stop()
    thread.join(DEADLINE_SECONDS)
    assert events[-1].reason is StopReason.STOPPED
    assert events[-1].steps == 0
    assert not [event for event in events if isinstance(event, SweepNoted)]
    assert not list(steps_folder().iterdir())


def test_every_preset_network_has_a_fused_step():
    for architecture in PRESETS.names("architecture"):
        for regularizer in PRESETS.names("regularizer"):
            config = make("kaiming", architecture=architecture, regularizer=regularizer)
            assert step_spec(Setup(config).state.model, config.optimizer)
