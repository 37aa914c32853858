"""Functions of people's own that build networks: how presets name them, and which may run.

A builder is code. It runs only where a preset of one's own names it with the same arguments: a
config out of a run's folder may be anybody's.
"""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tui_trainer.config.validation import InvalidSettingsError, shortened

_FILE = ".py"
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_EXPECTED = "expected 'file.py:function' or 'package.module:function'"
_named: set[tuple[str, bytes]] = set()


def require_builder(builder: str) -> None:
    """Refuse what names no function.

    Raises:
        ValueError: with what is expected.
    """
    place, _, function = builder.rpartition(":")
    module = place.endswith(_FILE) or _FUNCTION.fullmatch(place)
    if not module or not _FUNCTION.fullmatch(function):
        raise ValueError(f"builder: {_EXPECTED}, got {shortened(builder)}")


def absolute_builder(builder: str, folder: Path) -> str:
    """Name a builder's file by its absolute path; a relative one is relative to `folder`."""
    place, colon, function = builder.rpartition(":")
    if not place.endswith(_FILE):
        return builder
    path = Path(place)
    with contextlib.suppress(RuntimeError):  # there is no such user
        path = path.expanduser()
    return f"{(folder / path).resolve()}{colon}{function}"


def short_builder(builder: str) -> str:
    """Name a builder's file without its folders: ``net.py:resnet``."""
    place, colon, function = builder.rpartition(":")
    return f"{Path(place).name if place.endswith(_FILE) else place}{colon}{function}"


def allow_builder(builder: str, arguments: Mapping[str, Any]) -> None:
    """Let a builder run from now on: a preset of one's own names it."""
    _named.add((builder, _written(arguments)))


def allowed_builder(builder: str, arguments: Mapping[str, Any]) -> str:
    """Return a builder that presets name: this one, or the one of its name in another folder.

    Raises:
        InvalidSettingsError: what to do, if they name neither.
    """
    written, short = _written(arguments), short_builder(builder)
    if (builder, written) in _named:
        return builder
    same = [b for b, w in sorted(_named) if short_builder(b) == short and w == written]
    if len(same) == 1:
        return same[0]
    asked = f'builder = "{builder}"'
    if arguments:
        asked += f" and arguments = {shortened(dict(arguments))}"
    raise InvalidSettingsError(
        f"builder {short} is code, and runs only if a preset of your own names it: "
        f"once you trust it, put {asked} into an architecture.toml of yours"
    )


def _written(arguments: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(arguments, order="sorted")
