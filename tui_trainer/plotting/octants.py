"""Octants: characters of 2 × 4 blocks, as fine as braille and without its gaps (Unicode 16)."""

import numpy as np

# Patterns that older characters show: bit n - 1 is block n, counted from left to right, then down.
_OLDER = {
    0b00000000: " ", 0b00000001: "\U0001cea8", 0b00000010: "\U0001ceab", 0b01000000: "\U0001cea3",
    0b10000000: "\U0001cea0", 0b00000011: "\U0001fb82", 0b11000000: "▂", 0b00111111: "\U0001fb85",
    0b11111100: "▆", 0b00010100: "\U0001fbe6", 0b00101000: "\U0001fbe7",
    0b00000101: "▘", 0b00001010: "▝", 0b01010000: "▖", 0b10100000: "▗", 0b00001111: "▀",
    0b11110000: "▄", 0b01010101: "▌", 0b10101010: "▐", 0b01011010: "▞", 0b10100101: "▚",
    0b01011111: "▛", 0b10101111: "▜", 0b11110101: "▙", 0b11111010: "▟", 0b11111111: "█",
}  # fmt: skip
_FIRST = 0x1CD00  # BLOCK OCTANT-3; the other patterns follow in the order of their bits


def _characters() -> list[str]:
    new = iter(range(_FIRST, _FIRST + 256 - len(_OLDER)))
    return [_OLDER[bits] if bits in _OLDER else chr(next(new)) for bits in range(256)]


OCTANTS = np.array([ord(character) for character in _characters()], np.uint32)
"""The code point of each pattern of blocks, shape (256,); bit n - 1 is block n, row by row."""
