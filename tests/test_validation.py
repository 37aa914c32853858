"""What is wrong with a table, in one line: where, what, and what is allowed instead."""

import msgspec
import pytest
from reference_loop import make

from tui_trainer.config.numbers import NonNegative, PositiveInt
from tui_trainer.config.settings import (
    Architecture,
    Init,
    Regularizer,
    RunConfig,
)
from tui_trainer.config.validation import InvalidSettingsError, convert, convert_text, one_of

LAYERS = "LinearHe, LinearKaiming, LinearNormal, LinearTorch, LinearXavier, LinearZeros"
RULES = "first-increase, patient-average, patience, generalization-loss, progress-quotient"
KEYS = "name, stopping, l1_weight, dropout, weight_decay"


def refusal(table, kind):
    with pytest.raises(InvalidSettingsError) as refused:
        convert(table, kind)
    return str(refused.value)


def test_a_right_table_becomes_settings():
    table = {"name": "a", "stopping": {"rule": "patience", "patience": 3}, "l1_weight": 1}
    settings = convert(table, Regularizer)
    assert (settings.stopping.patience, settings.l1_weight) == (3, 1.0)
    assert type(settings.l1_weight) is float


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"l2": 1}, f"l2: unknown key; allowed: {KEYS}"),
        ({"l1_wieght": 1}, f"l1_wieght: unknown key; did you mean 'l1_weight'? allowed: {KEYS}"),
        ({"l1_weight": "much"}, "l1_weight: expected a number, got 'much'"),
        ({"l1_weight": -1}, "l1_weight: expected a number >= 0, got -1"),
        ({"l1_weight": True}, "l1_weight: expected a number, got True"),
        ({"l1_weight": float("nan")}, "l1_weight: expected a number >= 0, got nan"),
        ({"l1_weight": float("inf")}, "l1_weight: expected a finite number, got inf"),
        ({"dropout": 1}, "dropout: expected a number < 1, got 1"),
        ({"dropout": float("nan")}, "dropout: expected a number >= 0, got nan"),
        ({"stopping": "patience"}, "stopping: expected a table, got 'patience'"),
        ({"stopping": {}}, f"stopping.rule: missing; allowed: {RULES}"),
        (
            {"stopping": {"rule": "patient"}},
            f"stopping.rule: unknown value 'patient'; did you mean 'patience'? allowed: {RULES}",
        ),
        ({"stopping": {"rule": 3}}, f"stopping.rule: unknown value 3; allowed: {RULES}"),
        (
            {"stopping": {"rule": "first-increase", "window": 5}},
            "stopping.window: unknown key; allowed: restore_best",
        ),
        (
            {"stopping": {"rule": "patience", "patients": 5}},
            (
                "stopping.patients: unknown key; did you mean 'patience'? "
                "allowed: patience, min_delta, restore_best"
            ),
        ),
        (
            {"stopping": {"rule": "patient-average", "window": 0}},
            "stopping.window: expected a whole number >= 1, got 0",
        ),
        (
            {"stopping": {"rule": "patience", "restore_best": "yes"}},
            "stopping.restore_best: expected true or false, got 'yes'",
        ),
    ],
)
def test_a_wrong_regularizer_is_explained(table, line):
    assert refusal({"name": "a", **table}, Regularizer) == line


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({}, "network: missing, or a builder; allowed: mlp"),
        ({"network": 3}, "network: expected a string, got 3"),
        ({"network": "resnet"}, "network: unknown network 'resnet'; allowed: mlp"),
        ({"network": "mlp", "hidden": 20}, "hidden: expected a list, got 20"),
        (
            {"network": "mlp", "hidden": [20, 0]},
            "hidden.1: expected a whole number >= 1, got 0",
        ),
        (
            {"network": "mlp", "hidden": [20, "x"]},
            "hidden.1: expected a whole number, got 'x'",
        ),
    ],
)
def test_a_wrong_architecture_is_explained(table, line):
    assert refusal({"name": "a", **table}, Architecture) == line


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({}, f"layer: missing; allowed: {LAYERS}"),
        (
            {"layer": "LinearHeh"},
            f"layer: unknown value 'LinearHeh'; did you mean 'LinearHe'? allowed: {LAYERS}",
        ),
        ({"layer": 1}, f"layer: unknown value 1; allowed: {LAYERS}"),
    ],
)
def test_a_wrong_init_is_explained(table, line):
    assert refusal({"name": "a", **table}, Init) == line


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (["lr"], 0, "lr: expected a number > 0, got 0"),
        (["seed"], -1, "seed: expected a whole number >= 0, got -1"),
        (["device"], None, "device: expected a string, got None"),
        (["init", "layer"], "x", f"init.layer: unknown value 'x'; allowed: {LAYERS}"),
        (
            ["regularizer", "stopping", "window"],
            "x",
            "regularizer.stopping.window: expected a whole number, got 'x'",
        ),
        (
            ["architecture", "hidden"],
            [1, 2, None],
            "architecture.hidden.2: expected a whole number, got None",
        ),
    ],
)
def test_a_mistake_deep_in_a_table_is_found_by_its_path(path, value, line):
    table = msgspec.to_builtins(make("stop-patient"))
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert refusal(table, RunConfig) == line


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"layer": "a\nb"}, Init),
        ({"a\nb": 1}, Init),
        ({"network": "a\nb"}, Architecture),
        ({"stopping": {"rule": "a\nb"}}, Regularizer),
    ],
)
def test_a_mistake_is_one_line_whatever_was_written(table, kind):
    assert len(refusal({"name": "x", **table}, kind).splitlines()) == 1


@pytest.mark.parametrize(
    ("table", "kind", "message"),
    [
        ({"name": "a", "l2": 1}, Regularizer, "Object contains unknown field `l2`"),
        ({"l1_weight": 1.0}, Regularizer, "Object missing required field `name`"),
        (
            {"name": "a", "l1_weight": "x"},
            Regularizer,
            "Expected `float`, got `str` - at `$.l1_weight`",
        ),
        (
            {"name": "a", "l1_weight": -1.0},
            Regularizer,
            "Expected `float` >= 0.0 - at `$.l1_weight`",
        ),
        (
            {"name": "a", "stopping": {"rule": "x"}},
            Regularizer,
            "Invalid value 'x' - at `$.stopping.rule`",
        ),
        (
            {"name": "a", "stopping": 1},
            Regularizer,
            "Expected `object | null`, got `int` - at `$.stopping`",
        ),
        (
            {"name": "a", "network": "mlp", "hidden": [1, 0]},
            Architecture,
            "Expected `int` >= 1 - at `$.hidden[1]`",
        ),
    ],
)
def test_msgspec_still_words_a_mistake_as_it_is_read(table, kind, message):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(table, kind)
    assert str(refused.value) == message, (
        "msgspec's wording moved: see tui_trainer/config/validation.py"
    )


@pytest.mark.parametrize(
    "words",
    [
        "`much` is no float (in $.l1_weight)",
        "Expected `float`, got `str` (in $.l1_weight)",
        "The field `l2` is not known",
    ],
)
def test_a_mistake_in_words_not_known_here_is_passed_on(words, monkeypatch):
    def refuse(table, kind):
        raise msgspec.ValidationError(words)

    monkeypatch.setattr(msgspec, "convert", refuse)
    assert refusal({"name": "a", "l1_weight": "much"}, Regularizer) == words


def test_the_cause_is_not_shown_to_the_person_who_made_the_mistake():
    with pytest.raises(InvalidSettingsError) as refused:
        convert({"name": "a"}, Init)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(("text", "number"), [("0.5", 0.5), (" 2 ", 2.0), ("1e-3", 0.001)])
def test_a_typed_number_is_read(text, number):
    assert convert_text(text, NonNegative) == number


@pytest.mark.parametrize("text", ["5,000,000", "5_000_000", " 5 000 000 "])
def test_a_whole_number_is_read_as_it_is_shown(text):
    assert convert_text(text, PositiveInt) == 5_000_000


@pytest.mark.parametrize(
    "text", ["5,00", "5,0000", "5,000_000", "0,500", "1,2,3", "5000,000", ",500", "5,000.5", "5 0"]
)
def test_groups_are_of_three_digits_with_one_separator(text):
    with pytest.raises(InvalidSettingsError, match="expected a whole number"):
        convert_text(text, PositiveInt)


def test_a_decimal_comma_is_answered_with_the_point():
    for text, words in (
        ("0,01", "expected a point: 0.01"),
        ("-1,5E-3", "expected a point: -1.5E-3"),
        ("1,000", "expected a number"),  # either of two numbers
        ("0,1,2", "expected a number"),
    ):
        with pytest.raises(InvalidSettingsError) as refused:
            convert_text(text, NonNegative)
        assert str(refused.value) == words


@pytest.mark.parametrize(
    ("text", "words"), [("x", "expected a number"), ("-1", "expected a number >= 0")]
)
def test_a_typed_text_that_is_no_number_is_refused(text, words):
    with pytest.raises(InvalidSettingsError) as refused:
        convert_text(text, NonNegative)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("name", "allowed", "words"),
    [
        ("kaimin", ["zeros", "kaiming"], "did you mean 'kaiming'? allowed: zeros, kaiming"),
        ("xyz", ["zeros", "kaiming"], "allowed: zeros, kaiming"),
        ("xyz", [], "allowed: none"),
    ],
)
def test_the_nearest_name_comes_first(name, allowed, words):
    assert one_of(name, iter(allowed)) == words
