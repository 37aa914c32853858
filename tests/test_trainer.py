"""Runs as their readers see them: events, control, stops; every loss against the reference loop."""

import itertools
import math
import re
import threading
import time
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from reference_loop import PRESETS, make

from tui_trainer.config.settings import Architecture, Dataset, Init, Regularizer
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
)
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.training import clock, fit_sampler, trainer
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.events import (
    FitSampled,
    LrChanged,
    NotLearning,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.failure import describe_failure
from tui_trainer.training.setup import Setup
from tui_trainer.training.trainer import train

DEADLINE_SECONDS = 30
needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")


@pytest.fixture
def engines(monkeypatch):
    """Every engine that runs of this test make, in order."""
    made = []

    class Kept(Setup):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self.engine)

    monkeypatch.setattr(trainer, "Setup", Kept)
    return made


@pytest.fixture
def every_step_tells(monkeypatch):
    """Chunks of one step, and an event of each."""
    monkeypatch.setattr(fit_sampler, "FIT_SHARE", math.inf)
    monkeypatch.setattr(fit_sampler, "FIT_SECONDS", 0.0)
    for name in ("CHUNK_SECONDS", "EVENT_SECONDS"):
        monkeypatch.setattr(trainer, name, 0.0)


def regularized(config, **settings):
    regularizer = Regularizer(name="custom", **settings)
    return msgspec.structs.replace(config, regularizer=regularizer)


def drive(config, on_event=None):
    """Run to the end in this thread; `on_event` may ask something of the run at each event."""
    control, events = Control(), []
    for event in train(config, control):
        events.append(event)
        if on_event is not None:
            on_event(event, control)
    return events


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def losses_of(events):
    """Join the losses of all events, none lost and none twice."""
    parts = of(StepsCompleted, events)
    assert [part.first_step for part in parts[1:]] == [part.last_step + 1 for part in parts[:-1]]
    assert not parts or parts[0].first_step == 1
    nothing = np.empty(0, np.float32)
    train_loss = np.concatenate([nothing, *(part.train_loss for part in parts)])
    val_loss = np.concatenate([nothing, *(part.val_loss for part in parts)])
    assert len(train_loss) == len(val_loss) == events[-1].steps
    return train_loss, val_loss


def assert_equals(events, expected):
    """Hold a run's events against the reference loop, bit for bit."""
    for found, other in zip(losses_of(events), expected.losses, strict=True):
        assert found.dtype == np.float32
        assert np.array_equal(found, other, equal_nan=True)
    end = events[-1]
    assert end.reason.value == expected.ended
    assert end.steps == expected.steps
    assert end.best_step == expected.best_step
    assert end.best_val_loss == (expected.best_val if expected.best_step else None)
    assert np.array_equal(
        [end.train_loss, end.val_loss], [expected.train[-1], expected.val[-1]], equal_nan=True
    )


def assert_equals_so_far(events, lrs=None):
    """Hold a run that ended on the way against as many steps of the reference loop."""
    expected = reference_loop.run(events[0].config, steps=events[-1].steps, lrs=lrs)
    expected.ended = events[-1].reason.value
    assert_equals(events, expected)


def assert_same_parameters(engine, expected):
    found = [p.detach().numpy() for p in engine.model.parameters()]
    for parameter, other in zip(found, expected.parameters, strict=True):
        assert np.array_equal(parameter, other.numpy(), equal_nan=True)


class Threaded:
    """A run in a thread of its own, as in the app."""

    def __init__(self, config, *, paused=False):
        self.control = Control(paused=paused)
        self.events = []
        self._thread = threading.Thread(target=self._train, args=[config], daemon=True)
        self._thread.start()

    def _train(self, config):
        for event in train(config, self.control):
            self.events.append(event)

    def wait_for(self, kind, count=1):
        poll(lambda: len(of(kind, self.events)) >= count)
        return of(kind, self.events)[count - 1]

    def wait_for_more_steps(self):
        self.wait_for(StepsCompleted, len(of(StepsCompleted, self.events)) + 1)

    def finish(self):
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()
        return self.events


def poll(condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# The same numbers as the reference loop


@pytest.mark.parametrize("recipe", PRESETS.names("recipe"))
def test_every_recipe_equals_the_reference_loop(engines, recipe):
    config = make(recipe, steps=80)
    expected = reference_loop.run(config)
    assert_equals(drive(config), expected)
    assert_same_parameters(engines[0], expected)


@pytest.mark.parametrize("row", range(len(PRESETS.names("regularizer"))))
def test_every_regularizer_and_init_equals_the_reference_loop(engines, row):
    regularizer, inits = PRESETS.names("regularizer")[row], PRESETS.names("init")
    for init in (inits[row % len(inits)], inits[(row + 3) % len(inits)]):  # over the rows, each
        config = make("kaiming", regularizer=regularizer, init=init, steps=60, seed=5, lr=0.003)
        expected = reference_loop.run(config)
        assert_equals(drive(config), expected)
        assert_same_parameters(engines[-1], expected)


@pytest.mark.parametrize(
    ("recipe", "step", "train_loss", "val_loss", "words"),
    [
        ("stop-first-increase", 33, 7.150, 7.874, "the step before; best "),
        ("stop-patient", 146, 3.546, 5.420, "the mean of its last 50 steps; best "),
    ],
)
def test_stopping_recipes_stop_where_the_specification_says_and_say_what_rose_over_what(
    recipe, step, train_loss, val_loss, words
):
    events = drive(make(recipe))
    end = events[-1]
    assert end.reason is StopReason.EARLY_STOPPING
    assert end.steps == step
    assert [end.train_loss, end.val_loss] == pytest.approx([train_loss, val_loss], rel=1e-2)
    assert end.detail.startswith(f"stopped early at step {end.steps}: validation ")
    assert f"{end.val_loss:.2f} exceeded " in end.detail
    assert words in end.detail
    # The bound is what each loss was held against.
    bound = np.concatenate([part.bound for part in of(StepsCompleted, events)])
    val, window = losses_of(events)[1], 50 if recipe == "stop-patient" else 1
    expected = [val[t - window : t].mean(dtype=np.float64) for t in range(window, len(val))]
    assert np.isnan(bound[:window]).all()
    np.testing.assert_allclose(bound[window:], expected, rtol=1e-6)
    assert (val > bound).tolist() == [False] * (len(val) - 1) + [True]
    assert of(StepsCompleted, events)[-1].gauge.nearness == 1


def test_a_long_run_equals_the_reference_loop_overfits_and_tells_no_oftener_than_it_may():
    config = make("kaiming", steps=1000)
    events = drive(config)
    assert_equals(events, reference_loop.run(config))  # early events, too: nothing changed them
    end, fits = events[-1], of(FitSampled, events)
    assert end.steps == 1000
    assert end.best_step < 800
    assert end.val_loss > 1.1 * end.best_val_loss
    assert end.train_loss < end.val_loss
    # Between two events without a fit, and between two fits, so much training time has to pass.
    assert len(of(StepsCompleted, events)) <= end.seconds / trainer.EVENT_SECONDS + len(fits)
    assert len(fits) <= end.seconds / fit_sampler.FIT_SECONDS + 4


@pytest.mark.parametrize("recipe", ["dropout", "exploding-normal"])
def test_the_size_of_chunks_changes_no_bit(monkeypatch, engines, recipe):
    config = make(recipe, steps=100)
    expected = reference_loop.run(config)
    for chunk_seconds in (0.0, 0.001, 1e9):
        monkeypatch.setattr(trainer, "CHUNK_SECONDS", chunk_seconds)
        assert_equals(drive(config), expected)
        assert_same_parameters(engines[-1], expected)


STOPPING = [
    (FirstIncrease(restore_best=True), 0.01),
    (FirstIncrease(), None),
    (PatientAverage(window=5, restore_best=True), None),
    (PatientAverage(window=30), 0.01),
    (Patience(patience=15, restore_best=True), 0.01),
    (Patience(patience=20, min_delta=0.1, restore_best=True), None),
    (Patience(patience=10, min_delta=0.5), 0.01),
    (GeneralizationLoss(alpha=30), None),
    (ProgressQuotient(alpha=0.5, strip=7, restore_best=True), 0.01),
]


@pytest.mark.parametrize(("stopping", "dropout"), STOPPING)
def test_a_stop_leaves_the_last_weights_or_the_best(monkeypatch, engines, stopping, dropout):
    config = regularized(make("kaiming", steps=200), stopping=stopping, dropout=dropout)
    expected = reference_loop.run(config)
    assert expected.ended == "early_stopping"
    for chunk_seconds in (0.0, 0.02, 1e9):
        monkeypatch.setattr(trainer, "CHUNK_SECONDS", chunk_seconds)
        events = drive(config)
        assert_equals(events, expected)
        assert_same_parameters(engines[-1], expected)
        assert events[-1].restored_best == stopping.restore_best
        if stopping.restore_best:
            assert events[-1].detail.endswith(f"at step {expected.best_step}, its weights restored")


def test_the_best_is_restored_with_the_learning_rate_that_it_had(every_step_tells, engines):
    stopping = Patience(patience=20, restore_best=True)
    config = regularized(make("kaiming", steps=400), stopping=stopping)
    lrs = {21: 0.012, 81: 0.001}

    def change(event, control):
        if isinstance(event, StepsCompleted) and event.last_step + 1 in lrs:
            control.set_lr(lrs[event.last_step + 1])

    events = drive(config, change)
    expected = reference_loop.run(config, lrs=lrs)
    assert 21 < expected.best_step < 81 < expected.steps
    assert_equals(events, expected)
    assert_same_parameters(engines[0], expected)


def test_a_run_that_completes_keeps_its_last_weights(engines):
    stopping = Patience(patience=500, restore_best=True)
    config = regularized(make("kaiming", steps=100), stopping=stopping)
    expected = reference_loop.run(config)
    assert expected.best_step < expected.steps == 100
    events = drive(config)
    assert_equals(events, expected)
    assert_same_parameters(engines[0], expected)
    assert not events[-1].restored_best


# Independent of what else happens


def test_other_runs_before_change_no_bit():
    config = make("dropout", steps=40)
    expected = reference_loop.run(config)
    drive(make("dropout", steps=20, seed=3))
    drive(make("tamed-normal", steps=20))
    assert_equals(drive(config), expected)


def test_a_thread_that_draws_and_trains_beside_changes_no_bit():
    config = make("dropout", steps=150)
    expected = reference_loop.run(config)
    turns, done = itertools.count(), threading.Event()
    turned = [0]

    def make_noise():
        while not done.is_set():
            torch.manual_seed(next(turns))
            torch.rand(100)
            drive(make("dropout", steps=3, seed=turned[0]))
            turned[0] += 1

    noise = threading.Thread(target=make_noise, daemon=True)
    noise.start()
    try:
        poll(lambda: turned[0] > 0)
        before = turned[0]
        events = drive(config)
        assert turned[0] > before
    finally:
        done.set()
        noise.join(DEADLINE_SECONDS)
    assert_equals(events, expected)


def test_pauses_and_single_steps_change_no_bit(every_step_tells):
    config = make("dropout", steps=60)

    def interrupt(event, control):
        match event:
            case StepsCompleted(first_step=step) if step % 20 == 5:
                control.pause()
            case Paused(step=step) if step % 20 < 9:
                control.step()
            case Paused():
                control.resume()

    events = drive(config, interrupt)
    assert len(of(Paused, events)) == 3 * 5
    assert len(of(Resumed, events)) == 3
    assert_equals(events, reference_loop.run(config))


def test_watching_the_best_fit_changes_no_bit(every_step_tells):
    config = make("dropout", steps=30)
    events = drive(config, lambda _event, control: control.show_best_fit(True))
    assert len([fit for fit in of(FitSampled, events) if fit.weights == "best"]) > 5
    assert_equals(events, reference_loop.run(config))


def test_a_learning_rate_changed_on_the_way_equals_the_reference_loop(every_step_tells, engines):
    config = make("dropout", steps=60)
    lrs = {11: 0.001, 31: 0.02, 32: 0.0005}

    def change(event, control):
        if isinstance(event, StepsCompleted) and event.last_step + 1 in lrs:
            control.set_lr(lrs[event.last_step + 1])

    events = drive(config, change)
    assert of(LrChanged, events) == [LrChanged(step, lr) for step, lr in lrs.items()]
    expected = reference_loop.run(config, lrs=lrs)
    assert_equals(events, expected)
    assert_same_parameters(engines[0], expected)


def test_a_learning_rate_changed_from_another_thread_equals_the_reference_loop():
    config = make("dropout", steps=1_000_000)
    run = Threaded(config)
    for count, lr in enumerate([0.002, 0.0005], 1):
        run.wait_for_more_steps()
        run.control.set_lr(lr)
        run.wait_for(LrChanged, count)
    run.wait_for_more_steps()
    run.control.stop()
    events = run.finish()
    lrs = {event.step: event.lr for event in of(LrChanged, events)}
    assert list(lrs.values()) == [0.002, 0.0005]
    assert_equals_so_far(events, lrs)


def test_the_same_learning_rate_again_is_no_change(every_step_tells):
    events = drive(make("kaiming", steps=5), lambda _event, control: control.set_lr(0.01))
    assert not of(LrChanged, events)


# What the user asks for


def test_a_paused_run_takes_no_step_until_it_goes_on():
    run = Threaded(make("kaiming", steps=1_000_000))
    run.wait_for(StepsCompleted)
    run.control.pause()
    step = run.wait_for(Paused).step
    assert of(StepsCompleted, run.events)[-1].last_step == step
    run.control.step()
    assert run.wait_for(Paused, 2).step == step + 1
    run.control.resume()
    assert run.wait_for(Resumed).step == step + 1
    run.wait_for_more_steps()
    run.control.stop()
    assert run.finish()[-1].reason is StopReason.STOPPED
    assert_equals_so_far(run.events)


def test_single_steps_asked_for_at_once_are_all_taken():
    run = Threaded(make("kaiming", steps=1_000_000), paused=True)
    assert run.wait_for(Paused).step == 0
    for _ in range(3):
        run.control.step()
    poll(lambda: of(Paused, run.events)[-1].step == 3)
    run.control.stop()
    assert run.finish()[-1].steps == 3


def test_a_single_step_takes_one_step_and_pauses_a_running_run(every_step_tells):
    def step(event, control):
        if isinstance(event, StepsCompleted) and event.last_step == 4:
            control.step()
        elif isinstance(event, Paused):
            control.stop()

    events = drive(make("kaiming", steps=50), step)
    assert of(Paused, events) == [Paused(5)]
    assert events[-1].steps == 5


def test_a_stop_takes_effect_while_running():
    run = Threaded(make("kaiming", steps=1_000_000))
    run.wait_for(StepsCompleted)
    run.control.stop()
    end = run.finish()[-1]
    assert end.reason is StopReason.STOPPED
    assert end.detail.startswith(f"stopped by hand at step {end.steps:,}; best ")
    assert_equals_so_far(run.events)


def test_a_stop_takes_effect_while_paused():
    run = Threaded(make("kaiming", steps=1_000_000))
    run.wait_for(StepsCompleted)
    run.control.pause()
    step = run.wait_for(Paused).step
    run.control.stop()
    end = run.finish()[-1]
    assert (end.reason, end.steps) == (StopReason.STOPPED, step)
    assert_equals_so_far(run.events)


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_before_the_start_takes_no_step(paused):
    control = Control(paused=paused)
    control.stop()
    events = list(train(make("kaiming"), control))
    assert {type(event) for event in events} == {RunStarted, FitSampled, RunEnded}
    detail = "stopped by hand at step 0"
    assert events[-1] == RunEnded(StopReason.STOPPED, detail, 0, seconds=events[-1].seconds)


def test_a_learning_rate_changed_while_paused_is_told_at_once():
    run = Threaded(make("kaiming", steps=50), paused=True)
    run.wait_for(Paused)
    run.control.set_lr(0.5)
    assert run.wait_for(LrChanged) == LrChanged(1, 0.5)
    run.control.stop()
    assert run.finish()[-1].steps == 0


def test_the_best_fit_asked_for_while_paused_comes_at_once():
    run = Threaded(make("kaiming", steps=1_000_000))
    run.wait_for(StepsCompleted)
    run.control.pause()
    run.wait_for(Paused)
    run.control.show_best_fit(True)
    poll(lambda: any(fit.weights == "best" for fit in of(FitSampled, run.events)))
    run.control.stop()
    run.finish()


# Why it ended


def test_a_completed_run_says_so():
    end = drive(make("kaiming", steps=20))[-1]
    assert end.detail.startswith("finished 20 steps; best ")


def walk(model, x):
    """Yield each layer's output of a reference network."""
    outputs = []
    with torch.no_grad():
        for module in model:
            x = module(x)
            if isinstance(module, reference_loop.Layer):
                outputs.append(x)
    return outputs


def first_bad_by_hand(config, step):
    """Look for the first tensor that is not finite in the last step of the reference loop."""
    train_x, _, val_x, _ = reference_loop.make_data(config)
    before = reference_loop.run(config, steps=step - 1).model
    after = reference_loop.run(config, steps=step).model
    named = [
        *((f"layer {n} output", output) for n, output in enumerate(walk(before, train_x), 1)),
        *(
            (f"layer {n} {name}", parameter.detach())
            for n, layer in enumerate((m for m in after if isinstance(m, reference_loop.Layer)), 1)
            for name, parameter in layer.named_parameters()
        ),
        *((f"layer {n} output", output) for n, output in enumerate(walk(after, val_x), 1)),
    ]
    for name, tensor in named:
        if not tensor.isfinite().all():
            return name
    return "the squared error"


@pytest.mark.parametrize("chunk_seconds", [0.0, 1e9])
@pytest.mark.parametrize(
    ("recipe", "settings", "tensor"),
    [
        ("exploding-normal", {}, "layer 2 output"),
        ("exploding-normal", {"seed": 1}, "the squared error"),
        ("exploding-normal", {"lr": 1e20}, "layer 2 output"),
        ("linear", {"lr": 1.0}, "the squared error"),
        ("linear", {"lr": 1e38}, "layer 1 output"),
        ("linear", {"lr": 2e38}, "layer 1 weights"),
    ],
)
def test_a_diverged_run_names_the_step_and_the_first_bad_tensor(
    monkeypatch, recipe, settings, tensor, chunk_seconds
):
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", chunk_seconds)
    config = make(recipe, **settings)
    expected = reference_loop.run(config)
    assert expected.ended == "diverged"
    events = drive(config)
    assert_equals(events, expected)
    assert first_bad_by_hand(config, expected.steps) == tensor
    where = f"the validation loss is not finite at step {expected.steps}"
    words = f"{where}; first bad tensor: {tensor}"
    assert events[-1].detail.startswith(words)


@pytest.mark.parametrize(
    ("layers", "validation_points"),
    [(28, 200), pytest.param(27, 1, id="while the validation loss is still finite")],
)
def test_a_training_loss_that_overflows_first_is_named_first(layers, validation_points):
    config = msgspec.structs.replace(
        make("kaiming", seed=0, lr=1e-38),
        dataset=Dataset(name="few", function="wave", validation_points=validation_points),
        architecture=Architecture(name="deep", network="mlp", hidden=(50,) * layers),
        init=Init(name="normal", layer="LinearNormal"),
    )
    end = drive(config)[-1]
    assert math.isfinite(end.val_loss) == (validation_points == 1)
    words = "the training loss is not finite at step 1; first bad tensor: the squared error, of "
    assert re.match(words + r"predictions up to \d\.\de\+\d\d", end.detail)


def test_a_rule_never_takes_a_loss_that_is_not_finite_for_an_increase():
    config = make("exploding-normal", regularizer="stop-first-increase", seed=1)
    end = drive(config)[-1]
    assert (end.reason, end.steps) == (StopReason.DIVERGED, 1)


def test_zeros_are_said_not_to_learn_before_the_first_step():
    events = drive(make("dead-zeros", steps=5))
    kinds = [type(event) for event in events]
    assert kinds.count(NotLearning) == 1
    assert kinds.index(NotLearning) < kinds.index(StepsCompleted)
    (dead,) = of(NotLearning, events)
    assert dead.words == "no gradient reaches layers 1 to 4: all weights are zero"


@pytest.mark.parametrize("recipe", ["linear", "kaiming", "exploding-normal", "dropout"])
def test_a_network_that_learns_is_not_said_not_to(recipe):
    assert not of(NotLearning, drive(make(recipe, steps=5)))


@needs_no_gpu
def test_a_device_that_is_not_there_is_a_failed_run():
    (end,) = drive(msgspec.structs.replace(make("kaiming"), device="cuda"))
    assert (end.reason, end.steps) == (StopReason.FAILED, 0)
    assert end.detail == "device cuda is not available: torch sees none; cpu always works"


def fail_at(monkeypatch, step, error):
    """Make the engine raise once it is to take a certain step."""
    update, taken = EagerEngine._update, itertools.count(1)

    def failing(self, *args):
        if next(taken) == step:
            raise error
        return update(self, *args)

    monkeypatch.setattr(EagerEngine, "_update", failing)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (RuntimeError("no more\nsecond line"), "RuntimeError: no more"),
        (MemoryError(), "out of memory"),
        (ZeroDivisionError(), "ZeroDivisionError: no message"),
    ],
)
def test_an_exception_on_the_way_is_a_failed_run(monkeypatch, every_step_tells, error, detail):
    fail_at(monkeypatch, 13, error)
    events = drive(make("dropout", steps=50))
    end = events[-1]
    assert (end.reason, end.detail, end.steps) == (StopReason.FAILED, detail, 12)
    assert_equals_so_far(events)


def test_steps_not_yet_told_are_told_when_a_run_fails(monkeypatch):
    monkeypatch.setattr(trainer, "EVENT_SECONDS", math.inf)
    monkeypatch.setattr(fit_sampler, "FIT_SECONDS", math.inf)
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 0.0)
    fail_at(monkeypatch, 13, RuntimeError("no more"))
    events = drive(make("kaiming", steps=50))
    assert len(losses_of(events)[0]) == 12


def test_a_failure_is_one_line_and_says_how_much_memory_was_asked_for():
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has\n…")
    assert describe_failure(error) == "out of memory (asked for 2.00 GiB)"
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert describe_failure(caught.value) == f"out of memory (asked for {2**62} bytes)"


def test_a_learning_rate_that_float32_cannot_hold_is_refused():
    with pytest.raises(InvalidSettingsError, match=r"^lr: expected a"):
        make("linear", lr=1e39)
    assert drive(make("linear", lr=3e38))[-1].reason is StopReason.DIVERGED


# The events themselves


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (make("kaiming", steps=30), "completed"),
        (make("kaiming", steps=1), "completed"),
        (make("stop-first-increase"), "early_stopping"),
        (make("exploding-normal"), "diverged"),
        pytest.param(
            msgspec.structs.replace(make("kaiming"), device="cuda"), "failed", marks=needs_no_gpu
        ),
        pytest.param(
            msgspec.structs.replace(make("kaiming"), device="mps"),
            "failed",
            marks=pytest.mark.skipif(torch.backends.mps.is_available(), reason="needs no MPS"),
        ),
    ],
)
def test_every_run_ends_with_exactly_one_end(config, reason):
    events = drive(config)
    assert [type(event) for event in events].count(RunEnded) == 1
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason.value == reason
    if reason != "failed":
        assert isinstance(events[0], RunStarted)
        assert [type(event) for event in events].count(RunStarted) == 1


def test_a_run_tells_its_config_its_device_and_its_points():
    config = make("kaiming", steps=3)
    started = drive(config)[0]
    assert started.config == config
    assert (started.engine, started.device, started.parameter_count) == ("eager", "cpu", 1321)
    drawn = reference_loop.make_data(config)
    points = started.points
    for found, tensor in zip(
        [points.train_x, points.train_y, points.val_x, points.val_y], drawn, strict=True
    ):
        assert np.array_equal(found, tensor.flatten().numpy())


def values_in(event):
    for field in fields(event):
        value = getattr(event, field.name)
        yield value
        if is_dataclass(value):
            yield from values_in(value)


def test_events_are_frozen_and_carry_read_only_arrays_and_no_tensor(every_step_tells):
    def ask(event, control):
        if isinstance(event, StepsCompleted) and event.last_step == 3:
            control.set_lr(0.1)
            control.pause()
        elif isinstance(event, Paused):
            control.resume()

    events = drive(make("stop-first-increase", steps=10), ask) + drive(make("dead-zeros", steps=1))
    assert {type(event) for event in events} == {
        *(RunStarted, NotLearning, FitSampled, StepsCompleted, LrChanged, Paused, Resumed),
        RunEnded,
    }
    for event in events:
        with pytest.raises(AttributeError):
            setattr(event, fields(event)[0].name, None)
        for value in values_in(event):
            assert not isinstance(value, torch.Tensor)
            if isinstance(value, np.ndarray):
                assert value.dtype == np.float32
                assert not value.flags.writeable


def test_all_steps_come_in_one_event_where_events_may_be_as_rare(monkeypatch):
    monkeypatch.setattr(trainer, "EVENT_SECONDS", math.inf)
    monkeypatch.setattr(fit_sampler, "FIT_SECONDS", math.inf)
    (part,) = of(StepsCompleted, drive(make("kaiming", steps=123)))
    assert (part.first_step, part.last_step) == (1, 123)


def test_each_event_tells_the_best_so_far(every_step_tells):
    val = reference_loop.run(make("kaiming"), steps=60).losses[1]
    for part in of(StepsCompleted, drive(make("kaiming", steps=60))):
        best = int(val[: part.last_step].argmin())
        assert part.best_step == best + 1
        assert part.best_val_loss == val[best]


def test_without_a_rule_there_is_no_bound_and_no_gauge():
    parts = of(StepsCompleted, drive(make("kaiming", steps=5)))
    assert {(part.bound, part.gauge) for part in parts} == {(None, None)}


def test_the_first_fit_is_of_the_untrained_network_and_the_last_two_of_last_and_best():
    fits = of(FitSampled, drive(make("kaiming", steps=100)))
    assert (fits[0].step, fits[0].weights) == (0, "untrained")
    expected = reference_loop.run(make("kaiming", steps=100))
    assert [(fit.step, fit.weights) for fit in fits[-2:]] == [
        (100, "last"),
        (expected.best_step, "best"),
    ]


def prediction_after(config, step, grid):
    model = reference_loop.run(config, steps=step, judge=False).model.eval()
    with torch.no_grad():
        return model(torch.tensor(grid)[:, None]).flatten().numpy()


def test_every_fit_is_the_prediction_of_the_weights_after_its_step(every_step_tells):
    config = make("dropout", steps=12)
    events = drive(config, lambda _event, control: control.show_best_fit(True))
    for fit in of(FitSampled, events):
        assert np.array_equal(fit.prediction, prediction_after(config, fit.step, fit.x))


def test_the_last_fit_of_a_restored_run_is_the_prediction_after_its_step():
    config = regularized(make("kaiming"), stopping=Patience(patience=20, restore_best=True))
    for fit in of(FitSampled, drive(config)):
        assert np.array_equal(fit.prediction, prediction_after(config, fit.step, fit.x))


def test_pauses_do_not_count_as_time_trained(monkeypatch, every_step_tells):
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def wait(event, control):
        if isinstance(event, StepsCompleted):
            now[0] += 1
            control.pause()
        elif isinstance(event, Paused):
            now[0] += 1000
            control.resume()

    events = drive(make("kaiming", steps=5), wait)
    assert [part.seconds for part in of(StepsCompleted, events)] == [0, 1, 2, 3, 4]
    assert events[-1].seconds == 5
