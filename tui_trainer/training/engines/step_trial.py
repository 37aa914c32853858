"""Takes one step of zeros with a compiled step: a program of its own, which dies if that is broken.

``python -S step_trial.py step.so 1,20,20,1``, with the network's widths. A file that can't be
loaded at all is no broken one: whoever loads it next is told so.
"""

import contextlib
import ctypes
import sys
from itertools import pairwise

_INT, _FLOAT, _ARRAY = ctypes.c_long, ctypes.c_float, ctypes.c_void_p
ARGUMENTS = (
    *(_INT, _ARRAY, _FLOAT, _FLOAT, _FLOAT, _FLOAT, _ARRAY),
    *(_INT, _ARRAY, _ARRAY, _INT, _ARRAY, _ARRAY, _ARRAY, _ARRAY),
)


def _take_step(file: str, widths: list[int]) -> None:
    step = ctypes.CDLL(file).advance
    step.argtypes = ARGUMENTS
    parameters, draws, features, one = (
        (ctypes.c_float * size)()
        for size in (sum((n + 1) * m for n, m in pairwise(widths)), sum(widths), widths[0], 1)
    )
    losses = [(ctypes.c_float * 1)() for _ in range(2)]
    points = 1, features, one
    step(1, parameters, 0.1, 0.1, 0.1, 0.1, draws, *points, *points, *losses)


if __name__ == "__main__":
    with contextlib.suppress(OSError, AttributeError):
        _take_step(f"./{sys.argv[1]}", [int(width) for width in sys.argv[2].split(",")])
