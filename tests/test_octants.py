"""Octants: every pattern has its own character, and only terminals known to draw them get any."""

import unicodedata
from itertools import product

import numpy as np

from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.chart import Chart, Curve, Dash
from tui_trainer.plotting.glyphs import glyphs_of
from tui_trainer.plotting.octants import OCTANTS
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.scales import Scale

# Blocks as their names say where they are: rows 1 to 4 from the top, columns left and right.
LEFT, RIGHT = {1, 3, 5, 7}, {2, 4, 6, 8}
UPPER, LOWER = {1, 2, 3, 4}, {5, 6, 7, 8}
NAMED = {
    "SPACE": set(),
    "FULL BLOCK": LEFT | RIGHT,
    "UPPER HALF BLOCK": UPPER,
    "LOWER HALF BLOCK": LOWER,
    "LEFT HALF BLOCK": LEFT,
    "RIGHT HALF BLOCK": RIGHT,
    "LOWER ONE QUARTER BLOCK": {7, 8},
    "LOWER THREE QUARTERS BLOCK": {3, 4, 5, 6, 7, 8},
}
# Unicode 13 and 16, which Python 3.11 has no names for (the Unicode standard's code charts).
NEWER = {
    0x1FB82: "UPPER ONE QUARTER BLOCK", 0x1FB85: "UPPER THREE QUARTERS BLOCK",
    0x1FBE6: "MIDDLE LEFT ONE QUARTER BLOCK", 0x1FBE7: "MIDDLE RIGHT ONE QUARTER BLOCK",
    0x1CEA8: "LEFT HALF UPPER ONE QUARTER BLOCK", 0x1CEAB: "RIGHT HALF UPPER ONE QUARTER BLOCK",
    0x1CEA3: "LEFT HALF LOWER ONE QUARTER BLOCK", 0x1CEA0: "RIGHT HALF LOWER ONE QUARTER BLOCK",
}  # fmt: skip
NEWER_BLOCKS = {
    "UPPER ONE QUARTER BLOCK": {1, 2},
    "UPPER THREE QUARTERS BLOCK": {1, 2, 3, 4, 5, 6},
    "MIDDLE LEFT ONE QUARTER BLOCK": {3, 5},
    "MIDDLE RIGHT ONE QUARTER BLOCK": {4, 6},
    "LEFT HALF UPPER ONE QUARTER BLOCK": {1},
    "RIGHT HALF UPPER ONE QUARTER BLOCK": {2},
    "LEFT HALF LOWER ONE QUARTER BLOCK": {7},
    "RIGHT HALF LOWER ONE QUARTER BLOCK": {8},
}
# Spread over the block, as the code charts have them.
CHARTED = {
    0x1CD00: "3", 0x1CD01: "23", 0x1CD02: "123", 0x1CD03: "4", 0x1CD04: "14", 0x1CD05: "124",
    0x1CD06: "34", 0x1CD07: "134", 0x1CD08: "234", 0x1CD09: "5", 0x1CD0A: "15", 0x1CD0B: "25",
    0x1CD0C: "125", 0x1CD0D: "135", 0x1CD0E: "235", 0x1CD0F: "1235", 0x1CD10: "45",
    0x1CDE5: "2345678",
}  # fmt: skip


def blocks(bits):
    return {n + 1 for n in range(8) if bits >> n & 1}


def named_blocks(code):
    """The blocks of a character that is older than octants, by its Unicode name."""
    name = NEWER.get(code) or unicodedata.name(chr(code))
    if name.startswith("QUADRANT"):
        words = name.removeprefix("QUADRANT ").split(" AND ")
        parts = {"UPPER": UPPER, "LOWER": LOWER, "LEFT": LEFT, "RIGHT": RIGHT}
        return set().union(*(set.intersection(*(parts[w] for w in q.split())) for q in words))
    return (NAMED | NEWER_BLOCKS)[name]


def test_every_pattern_of_blocks_has_a_character_of_its_own():
    assert len(OCTANTS) == len(set(OCTANTS.tolist())) == 256


def test_patterns_with_an_older_character_have_the_one_of_that_name():
    older = [(bits, code) for bits, code in enumerate(OCTANTS) if not 0x1CD00 <= code <= 0x1CDE5]
    assert len(older) == 26
    for bits, code in older:
        assert blocks(bits) == named_blocks(int(code))


def test_the_others_fill_the_octants_in_the_order_of_their_bits():
    new = [(bits, int(code)) for bits, code in enumerate(OCTANTS) if 0x1CD00 <= code <= 0x1CDE5]
    assert [code for _, code in new] == list(range(0x1CD00, 0x1CDE6))
    by_code = {code: "".join(map(str, sorted(blocks(bits)))) for bits, code in new}
    assert {code: by_code[code] for code in CHARTED} == CHARTED


def test_octants_show_the_dots_that_braille_shows():
    y = np.random.default_rng(1).random(70).astype(np.float32)
    unit = Scale(0.0, 1.0, ((0.0, "0"), (1.0, "1")))
    curve = Curve(Role.TRAIN, np.linspace(0, 1, 70), y, y, Dash.SOLID)
    braille, octants = (
        draw(Chart(unit, unit, (curve,)), 40, 12, charset).text
        for charset in (Charset.UNICODE, Charset.OCTANT)
    )
    to_blocks = (1, 3, 5, 2, 4, 6, 7, 8)  # the block of each of braille's dots
    pattern = {int(code): blocks(bits) for bits, code in enumerate(OCTANTS)}
    compared = 0
    for dots, octant in zip(braille, octants, strict=True):
        if 0x2800 <= ord(dots) < 0x2900:
            bits = ord(dots) - 0x2800
            assert pattern[ord(octant)] == {to_blocks[n] for n in range(8) if bits >> n & 1}
            compared += 1
    assert compared > 60


GHOSTTY = {"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty", "TERM_PROGRAM_VERSION": "1.2.0"}
VTE = {"TERM": "xterm-256color", "VTE_VERSION": "7802"}


def test_only_terminals_of_a_known_version_get_octants():
    for environ in (GHOSTTY, GHOSTTY | {"TERM_PROGRAM_VERSION": "1.10.1-dev"}, VTE):
        assert glyphs_of(environ) is Charset.OCTANT
    for environ in (
        {},
        {"TERM": "xterm-256color"},
        {"TERM": "xterm-ghostty"},  # through ssh
        {"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"},
        {"TERM": "foot"},
        GHOSTTY | {"TERM_PROGRAM_VERSION": "1.1.3"},
        GHOSTTY | {"TERM_PROGRAM_VERSION": ""},
        GHOSTTY | {"TERM_PROGRAM_VERSION": "newest"},
        VTE | {"VTE_VERSION": "7799"},
        VTE | {"VTE_VERSION": "x"},
        VTE | {"VTE_VERSION": "²"},
        VTE | {"TERM_PROGRAM": "vscode"},
    ):
        assert glyphs_of(environ) is Charset.UNICODE


def test_terminals_inside_a_known_one_are_not_taken_for_it():
    for environ, inner in product(
        (GHOSTTY, VTE),
        (
            {"TMUX": "/tmp/tmux-1000/default,1,0"},
            {"STY": "1.pts-0.host"},
            {"TERM": "tmux-256color"},
            {"TERM": "screen-256color"},
            {"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"},
            {"TERM": "alacritty"},
            {"XTERM_VERSION": "XTerm(390)"},
        ),
    ):
        assert glyphs_of(environ | inner) is Charset.UNICODE
