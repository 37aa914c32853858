"""Takes one step of zeros with a compiled step: a program of its own, which dies if that is broken.

``python -S step_trial.py step.so 1,20,20,1``, with the network's widths. A file that can't be
loaded at all is no broken one: whoever loads it next is told so.
"""

import contextlib
import ctypes
import sys
from itertools import pairwise

_INT, _FLOAT, _ARRAY = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
NUMBERS = 4  # of an optimiser, at most


class Call(ctypes.Structure):
    """The struct of this name in `step.cpp`, which says what the fields are."""

    _fields_ = (
        ("steps", _INT),
        ("done", _INT),
        ("updates", _INT),
        ("parameters", _ARRAY),
        ("slots", _ARRAY),
        ("lrs", _ARRAY),
        ("numbers", _FLOAT * NUMBERS),
        ("l1_weight", _FLOAT),
        ("weight_decay", _FLOAT),
        ("rate", _FLOAT),
        ("draws", _ARRAY),
        ("batch", _INT),
        ("order", _ARRAY),
        ("validate_every", _INT),
        ("validation", _FLOAT),
        ("train_points", _INT),
        ("train_x", _ARRAY),
        ("train_y", _ARRAY),
        ("val_points", _INT),
        ("val_x", _ARRAY),
        ("val_y", _ARRAY),
        ("train_losses", _ARRAY),
        ("val_losses", _ARRAY),
    )


def _take_step(file: str, widths: list[int]) -> None:
    def zeros(size: int) -> int:
        arrays.append((ctypes.c_double * size)())
        return ctypes.addressof(arrays[-1])

    arrays: list[ctypes.Array[ctypes.c_double]] = []
    step = ctypes.CDLL(file).advance
    size = sum((n + 1) * m for n, m in pairwise(widths))
    call = Call(steps=1, validate_every=1, train_points=1, val_points=1)
    call.parameters, call.slots, call.draws = zeros(size), zeros(2 * size), zeros(sum(widths))
    call.train_x = call.val_x = zeros(widths[0])
    call.lrs = call.train_y = call.val_y = zeros(1)
    call.train_losses, call.val_losses = zeros(1), zeros(1)
    step(ctypes.byref(call))


if __name__ == "__main__":
    with contextlib.suppress(OSError, AttributeError):
        _take_step(f"./{sys.argv[1]}", [int(width) for width in sys.argv[2].split(",")])
