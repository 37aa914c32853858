"""Which engine a run gets: what was requested, what `auto` picks, and what stands in the way."""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from comparing import assert_identical, losses_of
from compiled_steps import COMPILE_TIMEOUT, CONFIGS, key_of
from reference_loop import make
from strangers import NO_FILES, give_away, lock

from tui_trainer.training import trainer
from tui_trainer.training.control import Control
from tui_trainer.training.course import Course
from tui_trainer.training.engines import compilation, executor, step_cache
from tui_trainer.training.engines.step import StepSpec
from tui_trainer.training.engines.step_cache import (
    find_step,
    make_build_folder,
    steps_folder,
    store_step,
)
from tui_trainer.training.events import (
    Compiled,
    Compiling,
    EngineChanged,
    EngineKept,
    LrChanged,
    Paused,
    Resumed,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.trainer import train

DEADLINE_SECONDS = 60
FAKE = Path(__file__).with_name("fake_compiler.sh")
CLASSIC = CONFIGS["classic"]
AUTO = msgspec.structs.replace(CLASSIC, engine="auto")
needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """A compiler that waits until this file exists, and then fails."""
    gate = tmp_path / "gate"
    monkeypatch.setenv("CXX", str(FAKE))
    monkeypatch.setenv("FAKE_GATE", str(gate))
    return gate


@pytest.fixture
def processes_left(monkeypatch):
    """Return a function that lists the compilers of this test that are still at work."""
    started = []
    start = compilation.Compilation._start

    def kept(self, *command):
        started.append(start(self, *command))
        return started[-1]

    monkeypatch.setattr(compilation.Compilation, "_start", kept)
    return lambda: [process for process in started if process.poll() is None]


@pytest.fixture
def fake_step(compiled_cache, gate, monkeypatch):
    """Let the compiler succeed, with a step that was compiled before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(compiled_cache))
        patch.delenv("CXX")
        monkeypatch.setenv("FAKE_STEP", str(find_step(key_of(CLASSIC))))


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)


@pytest.fixture
def eager_to_auto(monkeypatch):
    """Let `auto` call the compiler for any run."""
    monkeypatch.setattr(executor, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(trainer, "MEASURED_SECONDS", 0.0)


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


class Threaded:
    """A run in a thread of its own."""

    def __init__(self, config):
        self.control, self.events = Control(), []
        self.thread = threading.Thread(target=self._train, args=[config], daemon=True)
        self.thread.start()

    def _train(self, config):
        for event in train(config, self.control):
            self.events.append(event)

    def wait_for(self, kind):
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not of(kind, self.events):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def finish(self):
        self.thread.join(DEADLINE_SECONDS)
        assert not self.thread.is_alive()
        return self.events


# What was requested


def test_eager_is_eager_and_says_so():
    started, *_, end = train(make("kaiming", steps=5))
    assert (started.engine, started.engine_reason, started.threads) == ("eager", "as requested", 1)
    assert end.steps == 5


@pytest.mark.usefixtures("compiled_steps_cached")
def test_a_compiled_run_says_which_kind_of_step_it_takes():
    started, *_ = train(msgspec.structs.replace(CLASSIC, steps=5))
    assert (started.engine, started.engine_reason) == ("compiled", "as requested: a fused step")


@needs_no_gpu
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"engine": "cuda-graph"}, "engine cuda-graph needs device cuda or cuda:N, got cpu"),
        ({"engine": "compiled", "device": "cuda"}, "engine compiled needs device cpu, got cuda"),
        ({"engine": "cuda-graph", "device": "cuda"}, "device cuda is not available"),
    ],
)
def test_an_engine_the_device_lacks_fails_in_one_line(settings, words):
    (end,) = train(make("kaiming", **settings))
    assert end.reason.value == "failed"
    assert end.detail.startswith(words)
    assert "\n" not in end.detail


# Waiting for the compiler


@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_compiled_waits_and_all_its_steps_come_from_one_engine(fake_step, gate):
    run = Threaded(msgspec.structs.replace(CLASSIC, steps=60))
    run.wait_for(Compiling)
    assert not of(StepsCompleted, run.events)
    gate.touch()
    events = run.finish()
    assert events[0].engine == "compiled"
    assert len(of(Compiled, events)) == 1
    assert not of(EngineChanged, events)
    assert events[-1].steps == 60
    assert events[-1].seconds < of(Compiled, events)[0].seconds
    again = list(train(msgspec.structs.replace(CLASSIC, steps=60)))
    assert not of(Compiled, again)
    assert_identical(losses_of(again), losses_of(events))


@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_pause_and_another_lr_are_taken_up_while_waiting(fake_step, gate):
    run = Threaded(msgspec.structs.replace(CLASSIC, steps=60))
    run.wait_for(Compiling)
    run.control.pause()
    run.wait_for(Paused)
    run.control.set_lr(0.001)
    run.wait_for(LrChanged)
    gate.touch()
    run.wait_for(Compiled)
    assert not of(StepsCompleted, run.events)
    run.control.resume()
    events = run.finish()
    assert of(LrChanged, events) == [LrChanged(1, 0.001)]
    assert of(Paused, events) == [Paused(0)]
    assert of(Resumed, events) == [Resumed(0)]
    assert events[-1].steps == 60


def test_stop_ends_the_wait_and_the_compiler(gate, processes_left):
    run = Threaded(CLASSIC)
    run.wait_for(Compiling)
    assert processes_left()
    run.control.stop()
    assert run.finish()[-1].reason.value == "stopped"
    assert run.events[-1].steps == 0
    assert not processes_left()
    assert not list(steps_folder().iterdir())


def test_a_run_that_nobody_reads_any_more_ends_its_compiler(gate, processes_left):
    events = train(CLASSIC)
    while not isinstance(next(events), Compiling):
        pass
    events.close()
    assert not processes_left()


@pytest.mark.parametrize("engine", ["compiled", "auto"])
def test_without_a_compiler_a_run_stays_eager_and_says_so_once(no_compiler, eager_to_auto, engine):
    config = make("stop-patient", engine=engine)
    events = list(train(config))
    reasons = [e.engine_reason for e in of(RunStarted, events)]
    reasons += [e.reason for e in of(EngineKept, events)]
    assert sum("no C++ compiler was found: staying eager" in r for r in reasons) == 1
    assert not of(EngineChanged, events)
    expected = reference_loop.run(config)
    assert_identical(losses_of(events), expected.losses)


def test_a_compiler_that_fails_leaves_the_run_eager(gate):
    gate.touch()
    config = make("stop-patient", engine="compiled")
    events = list(train(config))
    (change,) = of(EngineChanged, events)
    assert (change.step, change.engine) == (1, "eager")
    assert change.reason == (
        "the compiler failed (step.cpp:7:1: error: the fake compiler gives up): staying eager"
    )
    assert not list(steps_folder().iterdir())
    assert_identical(losses_of(events), reference_loop.run(config).losses)


def test_a_compiler_that_takes_too_long_is_ended(gate, monkeypatch, processes_left):
    monkeypatch.setattr(compilation, "LIMIT_SECONDS", 0.1)
    events = list(train(make("kaiming", steps=3, engine="compiled")))
    (change,) = of(EngineChanged, events)
    assert change.reason == "the compiler took longer than 0.1 s: staying eager"
    assert not processes_left()
    assert not list(steps_folder().iterdir())


def test_many_steps_are_compiled_a_few_at_a_time_each_with_a_limit_of_its_own(
    gate, tmp_path, monkeypatch, processes_left
):
    (tmp_path / "step").write_text("a step")
    monkeypatch.setenv("FAKE_STEP", str(tmp_path / "step"))
    monkeypatch.setattr(compilation, "processors", lambda: 3)
    specs = [StepSpec((1, width, 1), (False, False), "sgd") for width in range(1, 8)]
    alive = []
    polled = lambda: bool(alive.append(len(processes_left())))  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(compilation, "LIMIT_SECONDS", 0.1)
        found = compilation.compile_steps(specs, polled)
    assert {str(error) for error in found.values()} == {"the compiler took longer than 0.1 s"}
    assert len(found) == 7
    assert max(alive) <= 3
    gate.touch()
    found = compilation.compile_steps(specs, polled)
    assert len({file.read_text() and file for file in found.values()}) == 7
    assert 0 < max(alive) <= 3


@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_a_step_that_would_end_the_program_is_never_kept(fake_step, gate, tmp_path, monkeypatch):
    step = Path(os.environ["FAKE_STEP"]).read_bytes()
    (tmp_path / "cut").write_bytes(step[:9000])
    monkeypatch.setenv("FAKE_STEP", str(tmp_path / "cut"))
    gate.touch()
    (change,) = of(EngineChanged, train(msgspec.structs.replace(CLASSIC, steps=3)))
    assert change.reason == "the compiler failed (its step does not run): staying eager"
    assert not list(steps_folder().iterdir())


def test_a_compiler_that_does_not_answer_is_asked_once_and_leaves_nothing_behind(
    tmp_path, monkeypatch
):
    script, asked = tmp_path / "c++", tmp_path / "asked"
    script.write_text(f"#!/bin/sh\nsleep 100 &\necho $! >> {asked}\nwait\n")
    script.chmod(0o700)
    monkeypatch.setattr("tui_trainer.training.engines.step._ANSWER_SECONDS", 1.0)
    monkeypatch.setenv("CXX", str(script))
    for _ in range(2):
        assert_eager(make("kaiming", steps=5, engine="auto"), f"{script} does not say its version")
    (child,) = asked.read_text().split()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_compiler_that_fails_on_a_full_disk_says_so(gate, monkeypatch):
    full = SimpleNamespace(free=4096)
    monkeypatch.setattr(compilation.shutil, "disk_usage", lambda _: full)
    gate.touch()
    (change,) = of(EngineChanged, train(make("kaiming", steps=3, engine="compiled")))
    assert change.reason == (
        f"the compiler failed (no space is left for {steps_folder()}): staying eager"
    )


def test_a_full_disk_leaves_a_run_eager(gate, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "step").write_text("a step")
    monkeypatch.setenv("FAKE_STEP", str(tmp_path / "step"))
    gate.touch()
    config = make("kaiming", steps=3, engine="compiled")
    with monkeypatch.context() as patch:
        patch.setattr(compilation, "store_step", full)
        (change,) = of(EngineChanged, train(config))
        assert "can't be kept: [Errno 28] No space left on device" in change.reason
    with monkeypatch.context() as patch:
        patch.setattr(compilation, "make_build_folder", full)
        assert_eager(config, "can't be started: [Errno 28] No space left on device")
    assert not list(steps_folder().iterdir())


def test_a_step_for_a_processor_that_can_do_more_is_never_loaded(gate, monkeypatch):
    config = make("kaiming", steps=3, engine="compiled")
    with monkeypatch.context() as patch:
        patch.setattr(step_cache, "processor", lambda: ("flags: avx1024",))
        other = planted(config)
    monkeypatch.setattr(executor, "CompiledEngine", lambda *_: pytest.fail("loaded"))
    gate.touch()
    (change,) = of(EngineChanged, train(config))
    assert "gives up" in change.reason
    assert other.exists()


@pytest.mark.parametrize("engine", ["compiled", "auto"])
def test_a_step_that_cannot_be_loaded_here_is_kept_and_not_compiled_again(
    gate, tmp_path, monkeypatch, engine
):
    (tmp_path / "nonsense").write_text("no library")
    monkeypatch.setenv("FAKE_STEP", str(tmp_path / "nonsense"))
    gate.touch()
    events = list(train(make("kaiming", steps=3, engine="compiled")))
    (change,) = of(EngineChanged, events)
    assert "can't be loaded" in change.reason
    assert events[-1].steps == 3
    (kept,) = steps_folder().glob("*.so")
    monkeypatch.setattr(executor, "Compilation", lambda _: pytest.fail("compiled again"))
    started, *_, end = train(make("kaiming", steps=3, engine=engine))
    assert "can't be loaded" in started.engine_reason
    assert (started.engine, end.steps) == ("eager", 3)
    assert list(steps_folder().glob("*.so")) == [kept]


# Caches that can't be used


def planted(config):
    """Put a file where the config's compiled step would be."""
    built = make_build_folder() / "step.so"
    built.write_text("no library")
    file = store_step(key_of(config), built)
    built.parent.rmdir()
    return file


@pytest.fixture
def nothing_loaded(gate, monkeypatch):
    monkeypatch.setattr(executor, "CompiledEngine", lambda *_: pytest.fail("loaded"))
    monkeypatch.setattr(executor, "Compilation", lambda _: pytest.fail("compiled"))


def assert_eager(config, *words):
    """Expect a run's own losses from the eager engine, and these words in its reason."""
    events = list(train(config))
    assert events[0].engine == "eager"
    assert all(word in events[0].engine_reason for word in words), events[0].engine_reason
    assert "\n" not in events[0].engine_reason
    assert events[0].engine_reason.endswith(": staying eager")
    assert_identical(losses_of(events), reference_loop.run(config).losses)


every_engine = pytest.mark.parametrize("engine", ["compiled", "auto"])


@every_engine
@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_leaves_a_run_eager(engine, kind):
    config = make("kaiming", steps=5, engine=engine)
    file = planted(config)
    file.unlink()
    NO_FILES[kind](file)
    assert_eager(config, str(file), "is not a regular file")


@every_engine
@pytest.mark.usefixtures("nothing_loaded")
def test_a_cache_that_is_locked_leaves_a_run_eager(engine, monkeypatch):
    config = make("kaiming", steps=5, engine=engine)
    folder = planted(config).parent
    lock(folder, monkeypatch)
    assert_eager(config, "the step cache can't be used")


@every_engine
@pytest.mark.usefixtures("nothing_loaded")
def test_a_damaged_step_that_cannot_be_removed_leaves_a_run_eager(engine, monkeypatch):
    def read_only(file, missing_ok=False):
        raise PermissionError(f"{file}: read-only")

    config = make("kaiming", steps=5, engine=engine)
    planted(config).write_text("damaged")
    monkeypatch.setattr("pathlib.Path.unlink", read_only)
    assert_eager(config, "read-only")


@every_engine
@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize("whose", ["everything", "folders", "step"])
def test_a_strangers_step_in_a_shared_folder_is_never_loaded(engine, whose, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))
    config = make("kaiming", steps=5, engine=engine)
    step = planted(config)
    folders = [step.parent, step.parent.parent]
    for place in {"everything": [step, *folders], "folders": folders, "step": [step]}[whose]:
        give_away(place, monkeypatch)
    assert_eager(config, "belongs to user")
    assert step.exists()


@every_engine
@pytest.mark.usefixtures("nothing_loaded")
def test_a_folder_that_others_may_write_to_is_named(engine):
    config = make("kaiming", steps=5, engine=engine)
    folder = planted(config).parent
    folder.chmod(0o1777)
    assert_eager(config, f"others may write to {folder}: chmod go-w")


def test_a_compiler_has_no_place_in_a_strangers_folder(gate, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    (tmp_path / "shared" / "tui-trainer").mkdir(parents=True)
    give_away(tmp_path / "shared" / "tui-trainer", monkeypatch)
    assert_eager(make("kaiming", steps=5, engine="compiled"), "belongs to user")
    assert not steps_folder().exists()


@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_a_step_is_loaded_without_a_temporary_folder(compiled_steps_cached, monkeypatch):
    before = sorted(compiled_steps_cached.iterdir())
    monkeypatch.setenv("TMPDIR", "/dev/null/missing")
    started, *_ = train(msgspec.structs.replace(AUTO, steps=5))
    assert started.engine == "compiled"
    assert sorted(compiled_steps_cached.iterdir()) == before


# What auto picks


def test_auto_does_not_call_the_compiler_for_a_short_run(gate):
    config = make("kaiming", steps=30, engine="auto")
    events = list(train(config))
    assert events[0].engine == "eager"
    assert not of(EngineKept, events)
    assert not steps_folder().exists()
    assert_identical(losses_of(events), reference_loop.run(config).losses)


@pytest.mark.usefixtures("compiled_steps_cached")
@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_auto_takes_a_step_from_the_cache_before_the_first_step():
    events = list(train(msgspec.structs.replace(AUTO, steps=50)))
    assert events[0].engine == "compiled"
    assert "cache" in events[0].engine_reason
    assert_identical(
        losses_of(events), losses_of(list(train(msgspec.structs.replace(CLASSIC, steps=50))))
    )


@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_autos_switch_is_told_and_a_replay_repeats_it(fake_step, gate, eager_to_auto):
    run = Threaded(msgspec.structs.replace(AUTO, steps=1_000_000))
    run.wait_for(EngineKept)
    run.wait_for(StepsCompleted)
    gate.touch()
    run.wait_for(EngineChanged)
    run.control.stop()
    events = run.finish()
    (change,) = of(EngineChanged, events)
    assert events[0].engine == "eager"
    assert change.engine == "compiled"
    assert change.reason == "auto: its fused step is ready"
    steps = events[-1].steps
    assert 1 < change.step <= steps
    eager = reference_loop.run(CLASSIC, steps=change.step - 1)
    assert_identical([part[: change.step - 1] for part in losses_of(events)], eager.losses)
    switches = {1: "eager", change.step: "compiled"}
    replayed = list(
        train(
            msgspec.structs.replace(AUTO, steps=steps),
            course=Course(switches=switches, repeats_to=steps),
        )
    )
    assert [(e.step, e.engine) for e in of(EngineChanged, replayed)] == [(change.step, "compiled")]
    assert_identical(losses_of(replayed), losses_of(events))
    assert (replayed[-1].best_step, replayed[-1].best_val_loss) == (
        events[-1].best_step,
        events[-1].best_val_loss,
    )


@pytest.mark.usefixtures("compiled_steps_cached")
@pytest.mark.timeout(COMPILE_TIMEOUT)
@pytest.mark.parametrize("switch", [20, 60])
def test_the_best_weights_come_from_the_engine_that_made_them(switch, monkeypatch):
    made = []
    setup = trainer.Setup
    monkeypatch.setattr(trainer, "Setup", lambda *a, **k: made.append(setup(*a, **k)) or made[-1])
    switches = {1: "eager", switch: "compiled"}
    config = make("stop-first-increase", lr=0.003, regularizer="stop-patience", steps=70)
    config = msgspec.structs.replace(config, engine="auto")
    events = list(train(config, course=Course(switches=switches, repeats_to=70)))
    best = events[-1].best_step
    # The same run, cut off at its best step, holds the weights in question.
    short = list(
        train(
            msgspec.structs.replace(config, steps=best),
            course=Course(switches=switches, repeats_to=best),
        )
    )
    assert short[-1].val_loss == events[-1].best_val_loss
    (best_fit,) = [e for e in events if getattr(e, "weights", None) == "best"]
    last_fit = [e for e in short if getattr(e, "weights", None) == "last"][-1]
    assert np.array_equal(best_fit.prediction, last_fit.prediction)


def test_auto_ends_its_compiler_with_the_run(gate, eager_to_auto, processes_left):
    run = Threaded(msgspec.structs.replace(AUTO, steps=10**9))
    run.wait_for(EngineKept)
    assert processes_left()
    run.control.stop()
    run.finish()
    assert not processes_left()
