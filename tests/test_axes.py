"""The axes of a sweep as a person types them: values, spacing, and every mistake in one line."""

import math
from itertools import pairwise, product

import pytest
from reference_loop import PRESETS

from tui_trainer.config.overrides import WHOLE_NUMBERS
from tui_trainer.config.presets import CHOICES
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps.axes import (
    AXIS_KEYS,
    MOST_VALUES,
    Spacing,
    make_axis,
    parse_axis,
    value_text,
)

KEYS = "lr, l1_weight, dropout, weight_decay, momentum, beta1, beta2, eps, decoupled_weight_decay, "
KEYS += "dataset, architecture, init, regularizer, optimizer, schedule, activation, steps, seed, "
KEYS += "data_seed, batch_size, validate_every"
INITS = "zeros, normal, kaiming, he, xavier, own, all"


def parse(text):
    return parse_axis(text, PRESETS)


def refusal(text):
    with pytest.raises(InvalidSettingsError) as refused:
        parse(text)
    line = str(refused.value)
    assert "\n" not in line
    return line


# Ranges


def test_a_log_range_multiplies_by_the_same_from_value_to_value():
    for text, values in {
        "lr=1e-4:1:log:5": (0.0001, 0.001, 0.01, 0.1, 1),
        "lr=0.001:0.1:log:5": (0.001, 0.00316, 0.01, 0.0316, 0.1),
        "l1_weight=0.5:2:log:3": (0.5, 1, 2),
        "lr=0.03:0.07:log:2": (0.03, 0.07),
        "weight_decay=1e-9:1e-7:log:3": (1e-9, 1e-8, 1e-7),
    }.items():
        axis = parse(text)
        assert (axis.values, axis.spacing) == (values, Spacing.LOG)


def test_a_linear_range_adds_the_same_from_value_to_value():
    for text, values in {
        "l1_weight=0:1:lin:11": (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
        "dropout=0:0.6:lin:4": (0, 0.2, 0.4, 0.6),
        "lr=0.01:0.03:lin:3": (0.01, 0.02, 0.03),
        "weight_decay=0:1:lin:4": (0, 0.333333333333, 0.666666666667, 1),
    }.items():
        axis = parse(text)
        assert (axis.values, axis.spacing) == (values, Spacing.LINEAR)


def test_a_range_is_even_and_rises_and_its_ends_are_those_typed():
    ranges = ("1e-5:1", "0.0123456789:0.3", "1:3e38", "1.000001:1.001")
    for ends, spacing, count in product(ranges, ("log", "lin"), (2, 3, 32, 1000, MOST_VALUES)):
        values = parse(f"lr={ends}:{spacing}:{count}").values
        assert len(values) == count
        assert [values[0], values[-1]] == [float(end) for end in ends.split(":")]
        assert all(a < b for a, b in pairwise(values))
        assert_even(values, spacing)


def assert_even(values, spacing):
    """Allow for rounding: to three digits where they are distinct so, else to a part of a gap."""
    position = math.log if spacing == "log" else float
    gap = (position(values[-1]) - position(values[0])) / (len(values) - 1)
    for index, value in enumerate(values):
        expected = position(values[0]) + gap * index
        coarsest = 0.005 if spacing == "log" else 1e-11 * value
        room = max(1e-12 * abs(expected), min(coarsest, gap))
        assert abs(position(value) - expected) <= room, (spacing, index, value)


def test_a_range_of_a_whole_number_has_whole_numbers():
    for text, values in {
        "steps=10:1000:log:3": (10, 100, 1000),
        "steps=1:5:lin:5": (1, 2, 3, 4, 5),
        "steps=1:10:lin:4": (1, 4, 7, 10),
        "seed=0:9:lin:10": tuple(range(10)),
        "seed=1:2:log:2": (1, 2),
        f"seed=0:{2**63 - 1}:lin:2": (0, 2**63 - 1),
        "data-seed=3:5:lin:3": (3, 4, 5),
    }.items():
        found = parse(text).values
        assert found == values
        assert all(type(value) is int for value in found)


# Lists and names


def test_a_list_keeps_its_values_and_their_order():
    for text, key, values in (
        ("l1_weight=0,0.1,1", "l1_weight", (0, 0.1, 1)),
        ("lr=0.1", "lr", (0.1,)),
        ("lr=0.1,1e-5,0.01", "lr", (0.1, 0.00001, 0.01)),
        ("steps=1e3,50", "steps", (1000, 50)),
        ("seed=7", "seed", (7,)),
        ("data_seed=0,1", "data_seed", (0, 1)),
        ("batch-size=16,64", "batch_size", (16, 64)),
        ("dropout=0,0.999", "dropout", (0, 0.999)),
        ("weight-decay=0,3e38", "weight_decay", (0, 3e38)),
    ):
        axis = parse(text)
        assert (axis.key, axis.values, axis.spacing) == (key, values, Spacing.LIST)


def test_names_of_presets_are_in_the_order_typed():
    for text, values in (
        ("init=normal,kaiming", ("normal", "kaiming")),
        ("init=xavier", ("xavier",)),
        ("regularizer=l1+patient,none", ("l1+patient", "none")),
        ("dataset=wave-40,wave", ("wave-40", "wave")),
        ("architecture=mlp-2x64,linear", ("mlp-2x64", "linear")),
    ):
        axis = parse(text)
        assert (axis.values, axis.spacing) == (values, Spacing.NAMES)


def test_all_is_every_preset_of_a_part_in_its_files_order():
    for part in CHOICES:
        assert parse(f"{part}=all").values == tuple(PRESETS.names(part))


def test_spaces_dashes_and_a_comma_too_many_change_nothing():
    for spaced, tight in (
        (" lr = 0.1 , 0.2 ", "lr=0.1,0.2"),
        ("lr= 1e-4 : 1 : log : 5", "lr=1e-4:1:log:5"),
        ("init = normal , he ,", "init=normal,he"),
        ("l1_weight=0,,1", "l1_weight=0,1"),
        ("l1-weight=0,1", "l1_weight=0,1"),
    ):
        assert parse(spaced) == parse(tight)


def test_every_key_makes_an_axis_and_refuses_an_empty_text():
    for key in AXIS_KEYS:
        text = "all" if key in CHOICES else "1" if key in WHOLE_NUMBERS else "0.5"
        assert make_axis(key, text, PRESETS).key == key
        with pytest.raises(InvalidSettingsError, match=r"^no values; write for example "):
            make_axis(key, " ", PRESETS)


def test_the_examples_of_a_refusal_are_values_themselves():
    for key in ("lr", *CHOICES):
        example = refusal(f"{key}=").partition("for example ")[2]
        for text in example.split(" or "):
            assert len(parse(f"{key}={text}").values) > 1


# Mistakes

MISTAKES = [
    ("", "nothing: expected an axis such as lr=1e-4:1:log:16"),
    ("  ", "nothing: expected an axis such as lr=1e-4:1:log:16"),
    ("lr", "lr: expected an axis such as lr=1e-4:1:log:16"),
    ("=", "=: expected an axis such as lr=1e-4:1:log:16"),
    ("=1", "=1: expected an axis such as lr=1e-4:1:log:16"),
    ("0.1:1:log:3", "0.1:1:log:3: expected an axis such as lr=1e-4:1:log:16"),
    ("lr=", "lr: no values; write for example 1e-4:1:log:16 or 0.01,0.1,1"),
    ("init=", "init: no values; write for example normal,kaiming"),
    ("lr=,", "lr: no values"),
    ("init= , ", "init: no values"),
    ("dropuot=1", f"dropuot: no such axis; did you mean 'dropout'? allowed: {KEYS}"),
    ("device=cpu", f"device: no such axis; allowed: {KEYS}"),
    ("lr=1:1:log:3", "lr: the range 1 to 1 is empty"),
    ("lr=1:1.0:lin:3", "lr: the range 1 to 1.0 is empty"),
    ("lr=1:0.1:log:3", "lr: the range ends below where it starts; write 0.1:1:log:3"),
    ("l1_weight=1:0:lin:3", "l1_weight: the range ends below where it starts; write 0:1:lin:3"),
    (
        "l1_weight=0:1:log:3",
        "l1_weight: a log range can't start at 0; start above 0, or list 0 with its values: 0,1",
    ),
    (
        "seed=0:9:log:3",
        "seed: a log range can't start at 0; start above 0, or list 0 with its values: 0,9",
    ),
    ("l1_weight=-1:1:log:3", "l1_weight: expected a number >= 0, got '-1'"),
    ("lr=0:1:log:3", "lr: expected a number > 0, got '0'"),
    ("lr=0.1:inf:log:3", "lr: expected a finite number, got 'inf'"),
    ("lr=1:2:log:1", "lr: expected 2 to 10,000 values, got '1'"),
    ("lr=1:2:log:0", "lr: expected 2 to 10,000 values, got '0'"),
    ("lr=1:2:log:-3", "lr: expected 2 to 10,000 values, got '-3'"),
    ("lr=1:2:log:2.5", "lr: expected 2 to 10,000 values, got '2.5'"),
    ("lr=1:2:log:many", "lr: expected 2 to 10,000 values, got 'many'"),
    ("lr=1:2:log:", "lr: expected 2 to 10,000 values, got ''"),
    ("lr=1:2:log:10001", "lr: expected 2 to 10,000 values, got '10001'"),
    (f"lr=1:2:log:{'9' * 5000}", f"lr: expected 2 to 10,000 values, got '{'9' * 27}...{'9' * 28}'"),
    ("lr=1:2", "lr: expected lo:hi:log:n or lo:hi:lin:n, got '1:2'"),
    ("lr=1:2:log", "lr: expected lo:hi:log:n or lo:hi:lin:n, got '1:2:log'"),
    ("lr=1:2:cubic:3", "lr: expected lo:hi:log:n or lo:hi:lin:n, got '1:2:cubic:3'"),
    ("lr=1:2:3:log", "lr: expected lo:hi:log:n or lo:hi:lin:n, got '1:2:3:log'"),
    ("lr=1:2:log:3:4", "lr: expected lo:hi:log:n or lo:hi:lin:n, got '1:2:log:3:4'"),
    ("lr=1:2:names:3", "lr: expected lo:hi:log:n or lo:hi:lin:n, got '1:2:names:3'"),
    ("lr=a:1:log:3", "lr: expected a number, got 'a'"),
    ("lr=0.1,x", "lr: expected a number, got 'x'"),
    ("lr=kaiming", "lr: expected a number, got 'kaiming'"),
    ("lr=nan", "lr: expected a number > 0, got 'nan'"),
    ("lr=inf", "lr: expected a finite number, got 'inf'"),
    ("lr=1e39", "lr: expected a number <= 3e+38, got '1e39'"),
    ("lr=0", "lr: expected a number > 0, got '0'"),
    ("lr=0.1,-0.1", "lr: expected a number > 0, got '-0.1'"),
    ("dropout=1", "dropout: expected a number < 1, got '1'"),
    ("dropout=0:1:lin:3", "dropout: expected a number < 1, got '1'"),
    ("dropout=-0.1", "dropout: expected a number >= 0, got '-0.1'"),
    ("weight_decay=-1", "weight_decay: expected a number >= 0, got '-1'"),
    ("steps=0", "steps: expected a whole number >= 1, got '0'"),
    ("steps=1.5", "steps: expected a whole number, got '1.5'"),
    ("seed=-1", "seed: expected a whole number >= 0, got '-1'"),
    ("steps=1:3:lin:9", "steps: no 9 whole numbers have this spacing from 1 to 3"),
    ("steps=1:10:log:9", "steps: no 9 whole numbers have this spacing from 1 to 10"),
    ("lr=0.1,0.2,0.1", "lr: 0.1 is listed twice"),
    ("lr=0.00001,1e-5", "lr: 0.00001 is listed twice"),
    ("steps=10,1e1", "steps: 10 is listed twice"),
    ("init=he,zeros,he", "init: he is listed twice"),
    ("init=kaimin", f"init: unknown init 'kaimin'; did you mean 'kaiming'? allowed: {INITS}"),
    ("init=0.1", f"init: unknown init '0.1'; allowed: {INITS}"),
    ("init=0.1:1:log:3", f"init: unknown init '0.1:1:log:3'; allowed: {INITS}"),
    ("init=he,all", "init: all is every init; omit the others"),
    ("init=all,all", "init: all is every init; omit the others"),
]


def test_a_mistake_is_one_line_that_says_what_would_be_right():
    for text, line in MISTAKES:
        assert refusal(text) == line


def test_a_range_between_neighbouring_numbers_has_none_in_between():
    assert refusal("lr=1:1.0000000000000002:lin:3") == (
        "lr: no 3 numbers fit from 1.0 to 1.0000000000000002"
    )


def test_a_list_may_not_be_longer_than_a_range():
    values = [str(number) for number in range(MOST_VALUES + 1)]
    assert len(parse(f"seed={','.join(values[:-1])}").values) == MOST_VALUES
    line = refusal(f"seed={','.join(values)}")
    assert line == "seed: expected at most 10,000 values, got 10,001"


def test_a_value_is_written_as_a_person_would():
    for value, text in (
        (0.1, "0.1"),
        (1.0, "1"),
        (0.00001, "0.00001"),
        (5000, "5000"),
        ("l1+patient", "l1+patient"),
    ):
        assert value_text(value) == text


def test_an_optimiser_s_numbers_may_be_named_with_a_dot():
    for dotted, key in (
        ("optimizer.lr", "lr"),
        ("optimizer.momentum", "momentum"),
        ("optimizer.beta2", "beta2"),
        ("optimizer.eps", "eps"),
        ("optimizer.weight_decay", "decoupled_weight_decay"),
    ):
        assert parse(f"{dotted}=0.1,0.2") == parse(f"{key}=0.1,0.2")
    assert refusal("optimizer.gamma=1").startswith("gamma: no such axis; allowed: lr")
