"""What a config holds, what it refuses, and how it is put in words."""

import math
from typing import get_args

import msgspec
import pytest
from reference_loop import PRESETS, make

from tui_trainer.config.overrides import parse_number
from tui_trainer.config.presets import make_config
from tui_trainer.config.settings import (
    Architecture,
    Dataset,
    Init,
    Regularizer,
    RunConfig,
    describe_regularizer,
    network_names,
    upgraded,
)
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
    Stopping,
    describe_stopping,
)
from tui_trainer.config.validation import InvalidSettingsError, convert


@pytest.mark.parametrize("name", ["lr", "seed", "architecture", "device"])
def test_a_config_is_frozen(name):
    with pytest.raises(AttributeError):
        setattr(make("kaiming"), name, None)


@pytest.mark.parametrize("part", [Dataset, Architecture, Init, Regularizer, *get_args(Stopping)])
def test_its_parts_are_frozen_too(part):
    assert part.__struct_config__.frozen


def test_equal_settings_make_equal_configs():
    assert make("dropout") == make("dropout")
    assert make("dropout") != make("dropout", seed=1)


@pytest.mark.parametrize("recipe", PRESETS.names("recipe"))
def test_a_config_survives_being_written_and_read(recipe):
    config = make(recipe)
    assert msgspec.json.decode(msgspec.json.encode(config), type=RunConfig) == config


def test_defaults_are_the_classic_ones():
    assert (PatientAverage().window, Patience().patience, Patience().min_delta) == (50, 200, 0)
    dataset = Dataset(name="wave", function="wave")
    assert (dataset.train_points, dataset.validation_points) == (200, 200)
    config = RunConfig(
        dataset=dataset,
        architecture=Architecture(name="line", network="mlp"),
        init=Init(name="zeros", layer="LinearZeros"),
        regularizer=Regularizer(name="none"),
    )
    assert (config.lr, config.steps, config.seed, config.data_seed) == (0.01, 5000, 0, 0)
    assert config.device == "cpu"
    assert config.architecture.hidden == ()


@pytest.mark.parametrize(
    ("lr", "expected"),
    [(math.inf, "a finite number"), (-math.inf, "a finite number"), (math.nan, "a number > 0")],
)
def test_a_learning_rate_is_finite(lr, expected):
    with pytest.raises(InvalidSettingsError, match=f"^lr: expected {expected}, got"):
        make_config(PRESETS, "kaiming", lr=lr)


@pytest.mark.parametrize("key", ["l1_weight", "weight_decay"])
def test_a_strength_is_finite(key):
    with pytest.raises(InvalidSettingsError, match=f"^{key}: expected a finite number, got inf$"):
        convert({"name": "x", key: math.inf}, Regularizer)


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_a_device_may_be_any_that_training_knows(device):
    assert make_config(PRESETS, "kaiming", device=device).device == device


@pytest.mark.parametrize("device", ["", "CPU", "gpu", "cuda:", "cuda:x", "cuda:0 ", "cpu:0", "tpu"])
def test_a_device_that_training_does_not_know_is_refused(device):
    with pytest.raises(InvalidSettingsError, match=r"^device: expected cpu, cuda, cuda:N or mps"):
        make_config(PRESETS, "kaiming", device=device)


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="unknown network 'mpl'; did you mean 'mlp'"):
        Architecture(name="x", network="mpl")


def test_networks_are_found_by_their_files():
    assert network_names() == tuple(sorted(network_names()))
    assert "mlp" in network_names()


@pytest.mark.parametrize(
    ("key", "text", "number"),
    [
        ("lr", "0.1", 0.1),
        ("lr", " 1e-3 ", 0.001),
        ("lr", "1", 1.0),
        ("steps", "5000", 5000),
        ("steps", "1000000000", 1_000_000_000),
        ("seed", "0", 0),
        ("data_seed", "9223372036854775807", 2**63 - 1),
    ],
)
def test_a_number_that_a_person_typed_is_read(key, text, number):
    found = parse_number(key, text)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("lr", "", "expected a number"),
        ("lr", "fast", "expected a number"),
        ("lr", "0,1", "expected a point: 0.1"),
        ("lr", "0", "expected a number > 0"),
        ("lr", "-1", "expected a number > 0"),
        ("lr", "nan", "expected a number > 0"),
        ("lr", "inf", "expected a finite number"),
        ("steps", "1.5", "expected a whole number"),
        ("steps", "0", "expected a whole number >= 1"),
        ("steps", "1000000001", "expected a whole number <= 1000000000"),
        ("seed", "-1", "expected a whole number >= 0"),
        ("data_seed", "9223372036854775808", "expected a whole number <= 9223372036854775807"),
    ],
)
def test_what_is_no_such_number_is_refused_with_what_was_expected(key, text, words):
    with pytest.raises(InvalidSettingsError) as refused:
        parse_number(key, text)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("stopping", "words"),
    [
        (FirstIncrease(), "stops when validation rises at all"),
        (
            PatientAverage(window=7, restore_best=True),
            "stops when validation exceeds its mean over 7 steps, restores the best",
        ),
        (Patience(patience=9), "stops after 9 steps without a new best"),
        (
            Patience(patience=9, min_delta=0.5, restore_best=True),
            "stops after 9 steps without improving by 0.5, restores the best",
        ),
        (
            GeneralizationLoss(alpha=2.5),
            "stops when validation rises 2.5 % above its lowest",
        ),
        (
            ProgressQuotient(restore_best=True),
            (
                "stops when validation's rise over its lowest exceeds 0.5 × the training "
                "progress of 5 steps, restores the best"
            ),
        ),
    ],
)
def test_a_rule_is_put_in_words(stopping, words):
    assert describe_stopping(stopping) == words


def test_a_regularizer_is_put_in_words():
    nothing = Regularizer(name="x")
    assert describe_regularizer(nothing) == "no regularization"
    everything = Regularizer(
        name="x", stopping=FirstIncrease(), l1_weight=2, dropout=0.05, weight_decay=0.1
    )
    assert describe_regularizer(everything).split("; ") == [
        "stops when validation rises at all",
        "adds 2 × mean |p| of each tensor to the loss",
        "drops 0.05 of the inputs of every layer",
        "shrinks every p by lr × 0.1 × p per step",
    ]


def test_a_run_of_before_named_its_optimiser_by_a_string():
    config = make_config(PRESETS, "kaiming")
    table = msgspec.to_builtins(config)
    old = {key: value for key, value in table.items() if key != "schedule"} | {"optimizer": "sgd"}
    del old["architecture"]["activation"]
    assert convert(upgraded(old), RunConfig) == config
    assert upgraded(table) == table
