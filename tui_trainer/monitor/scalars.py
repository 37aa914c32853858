"""Numbers out of whatever a loop logs: Python's, numpy's, and tensors, of a GPU without waiting."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tui_trainer.config.validation import shortened


def to_scalar(name: Any, value: Any) -> Any:
    """Return a value as a float, or as a tensor to be read later where that has to wait for a GPU.

    None stays None: there is no value.

    Raises:
        TypeError: one line that names the metric, if it is no single number.
    """
    if value is None:
        return None
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _of_tensor(name, value)
    is_complex = getattr(getattr(value, "dtype", None), "kind", "") == "c"  # float() would cut it
    if is_complex or isinstance(value, str | bytes | complex):
        raise _refusal(name, f"{type(value).__name__} {shortened(value)}")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    except (TypeError, ValueError):
        pass
    if getattr(value, "size", None) == 1 and hasattr(value, "item"):  # an array of one element
        return to_scalar(name, value.item())
    shape = getattr(value, "shape", None)
    what = f"{type(value).__name__}" + (f" of shape {tuple(shape)}" if shape is not None else "")
    raise _refusal(name, what)


def _of_tensor(name: Any, tensor: Any) -> Any:
    if tensor.numel() != 1:
        raise _refusal(name, f"a tensor of shape {tuple(tensor.shape)}")
    if tensor.is_complex():
        raise _refusal(name, "a complex tensor")
    if tensor.is_cpu:
        return float(tensor.item())
    if tensor.device.type == "meta":
        raise _refusal(name, "a tensor without data, on the device meta")
    # A loss out of a graph is nobody's to change; a running total may be, before it is read.
    return tensor.detach() if tensor.grad_fn is not None else tensor.detach().clone()


def _refusal(name: Any, what: str) -> TypeError:
    return TypeError(f"{name}: expected a number or a tensor with one element, got {what}")


def read_tensors(rows: Iterable[tuple[int, dict[Any, Any]]]) -> list[tuple[int, dict[Any, Any]]]:
    """Read the tensors among logged values, with one wait a device; leave out what is None."""
    rows = list(rows)
    waiting: dict[Any, list[tuple[dict[Any, Any], Any]]] = {}
    others = [
        (values, name, value)
        for _, values in rows
        for name, value in values.items()
        if type(value) is not float
    ]
    for values, name, value in others:
        if value is None:
            del values[name]
        else:
            waiting.setdefault(value.device, []).append((values, name))
    for places in waiting.values():
        _read(places)
    return rows


def _read(places: list[tuple[dict[Any, Any], Any]]) -> None:
    torch: Any = sys.modules["torch"]  # whose tensors they are
    tensors = [values[name].reshape(()).to(torch.float32) for values, name in places]
    for (values, name), number in zip(places, torch.stack(tensors).tolist(), strict=True):
        values[name] = number
