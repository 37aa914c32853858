"""How many threads a run takes: one without a question where it is small, measured where not."""

import msgspec
import pytest
import torch
from reference_loop import PRESETS, make
from strangers import NO_FILES, lock

from tui_trainer.config.settings import Architecture
from tui_trainer.training.engines import threads
from tui_trainer.training.engines.step_cache import steps_folder
from tui_trainer.training.engines.threads import choose_threads
from tui_trainer.training.setup import Setup


@pytest.fixture(autouse=True)
def one_thread_again():
    yield
    torch.set_num_threads(1)


@pytest.fixture
def measured(monkeypatch):
    """Two processors, every network large; the seconds of a step by threads, and who asked."""
    seconds, asked = {1: 1.0, 2: 0.5}, []
    monkeypatch.setattr(threads, "MEASURE_FROM", 0)
    monkeypatch.setattr(threads, "processors", lambda: 2)
    monkeypatch.setattr(
        threads, "_step_seconds", lambda _, count: asked.append(count) or seconds[count]
    )
    return seconds, asked


def choose(config):
    return choose_threads(config, 1321, lambda: Setup(config).engine)


@pytest.mark.parametrize("architecture", PRESETS.names("architecture"))
def test_every_preset_takes_one_thread_unmeasured(architecture):
    config = make("kaiming", architecture=architecture)
    count = Setup(config).parameter_count
    assert choose_threads(config, count, lambda: pytest.fail("measured")) == 1


@pytest.mark.parametrize(("together", "expected"), [(0.5, 2), (0.86, 2), (0.88, 1), (2.0, 1)])
def test_more_threads_have_to_win_clearly(measured, together, expected):
    measured[0][2] = together
    assert choose(make("kaiming")) == expected


def test_a_machine_gives_the_same_answer_again(measured):
    assert choose(make("kaiming")) == 2
    measured[0][2] = 9.0
    assert choose(make("kaiming", seed=3, lr=0.5, steps=7)) == 2
    assert measured[1] == [1, 2]
    other = Architecture(name="other", network="mlp", hidden=(7,))
    assert choose(msgspec.structs.replace(make("kaiming"), architecture=other)) == 1


@pytest.mark.parametrize("kind", NO_FILES)
def test_an_answer_that_is_no_file_is_measured_again(measured, kind):
    choose(make("kaiming"))
    (answer,) = steps_folder().iterdir()
    answer.unlink()
    NO_FILES[kind](answer)
    assert choose(make("kaiming")) == 2
    assert measured[1] == [1, 2, 1, 2]


def test_a_cache_that_cannot_be_used_keeps_no_answer(measured, monkeypatch):
    choose(make("kaiming"))
    lock(steps_folder(), monkeypatch)
    assert choose(make("kaiming")) == 2
    assert measured[1] == [1, 2, 1, 2]


def test_measuring_takes_real_steps_of_another_network(monkeypatch):
    monkeypatch.setattr(threads, "MEASURE_FROM", 0)
    monkeypatch.setattr(threads, "processors", lambda: 2)
    setup = Setup(make("dropout"))
    before = setup.engine.state.snapshot()
    assert choose(make("dropout")) in (1, 2)
    after = setup.engine.state.snapshot()
    assert torch.equal(before.generator_state, after.generator_state)
    assert all(map(torch.equal, before.tensors, after.tensors))
