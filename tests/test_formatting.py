"""Numbers in words."""

import math
import random

import pytest

from tui_trainer.formatting import (
    apart,
    duration_text,
    loss_text,
    losses_apart,
    metric_text,
    number_text,
    printable,
    short_text,
)


@pytest.mark.parametrize(
    "number", [0.5, -999.9, -1e30, 3.4e38, 1 / 3, 0.1 + 0.2, 1e-300, 123456789]
)
def test_what_is_only_looked_at_is_never_long(number):
    assert len(metric_text(number)) <= 10
    assert len(short_text(number)) <= 12
    assert float(metric_text(number)) == pytest.approx(number, rel=0.01, abs=0.001)
    assert float(short_text(number)) == pytest.approx(number, rel=1e-3)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (5.4203, "5.42"),
        (0.01234, "0.0123"),
        (0.6204, "0.620"),
        (0.001, "0.00100"),
        (0.0, "0.000"),
        (1.0, "1.00"),
        (99.99, "99.99"),
        (100.4, "100"),
        (12_345.6, "12,346"),
        (1.21e27, "1.21e+27"),
        (100_000.0, "1.00e+05"),
        (0.00012, "1.20e-04"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (None, "–"),
    ],
)
def test_a_loss_is_short(loss, text):
    assert loss_text(loss) == text


def test_a_loss_fits_eight_cells_at_any_size():
    assert max(len(loss_text(10.0**n * 9.876)) for n in range(-40, 39)) == 8


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        (7.874, 6.762, ("7.87", "6.76")),
        (2.0, 2.0, ("2.00", "2.00")),
        (1.23452, 1.23454, ("1.23452", "1.23454")),
        (1.0, 1.0000001, ("1.0000000", "1.0000001")),
        (0.1, math.nan, ("0.100", "nan")),
    ],
)
def test_two_numbers_have_the_digits_that_tell_them_apart(one, other, texts):
    assert apart(one, other) == texts


def test_any_two_neighbours_are_told_apart():
    draw = random.Random(0)
    for _ in range(500):
        one = draw.uniform(0.5, 2) * 10.0 ** draw.randint(-30, 30)
        texts = apart(one, math.nextafter(one, math.inf))
        assert texts[0] != texts[1]
        assert float(texts[0]) < float(texts[1])


def test_two_losses_that_differ_are_never_written_the_same():
    assert losses_apart(4.48, 5.1) == ("4.48", "5.10")
    assert losses_apart(4.48, 4.48) == ("4.48", "4.48")
    assert losses_apart(4.4791, 4.4823) == ("4.479", "4.482")
    draw = random.Random(1)
    for _ in range(500):
        one = draw.uniform(1, 10) * 10.0 ** draw.randint(-9, 9)
        other = one * (1 + 10.0 ** -draw.randint(1, 12))
        texts = losses_apart(one, other)
        assert texts[0] != texts[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (7.4, "0:07"),
        (59.6, "1:00"),
        (754, "12:34"),
        (3599.7, "1:00:00"),
        (3723, "1:02:03"),
        (360_000, "100:00:00"),
        (math.inf, "–"),
        (math.nan, "–"),
    ],
)
def test_a_duration_is_read_like_a_clock(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.00001, "0.00001"),
        (5000, "5000"),
        (5000.0, "5000"),
        (0.003, "0.003"),
        (1e-9, "1e-09"),
        (0, "0"),
        (0.0, "0"),
        (1.0, "1"),
        (2**63 - 1, "9223372036854775807"),
    ],
)
def test_a_setting_is_written_as_a_person_would(number, text):
    assert number_text(number) == text


def test_any_setting_reads_back_as_the_same_number():
    draw = random.Random(0)
    for _ in range(500):
        number = draw.uniform(0.1, 10) * 10.0 ** draw.randint(-300, 300)
        assert float(number_text(number)) == number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größer · √d — 日本 \\x1b [b]", "größer · √d — 日本 \\x1b [b]"),
        ("no\u00a0break", "no\u00a0break"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb\tc\x7f", r"a\r\nb\tc\x7f"),
        ("\x9b2J \u202e \u2066 \u2028 \udc80", r"\x9b2J \u202e \u2066 \u2028 \udc80"),
    ],
)
def test_what_a_terminal_would_obey_is_written_as_an_escape(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown
