"""Writes the same cells to the terminal with fewer bytes, and counts them.

Textual writes every colour in full before each stretch of characters, with a reset behind it: over
SSH that costs more than the characters.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from textual.driver import Driver

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
# Sequences that show nothing themselves: what colour the pen has does not matter to them.
_MOVES = re.compile(r"(?:\x1b\[\d+;\d+H|[\r\n])*")


def thrifty_driver(driver: type[Driver], count_bytes: Callable[[int], None]) -> type[Driver]:
    """Derive a driver that writes fewer bytes for the same screen, and reports how many."""

    class ThriftyDriver(driver):  # type: ignore[misc, valid-type]
        def write(self, data: str) -> None:
            thrifty = thrift(data)
            count_bytes(len(thrifty.encode("utf-8", "replace")))
            super().write(thrifty)

    return ThriftyDriver


@dataclass(frozen=True, slots=True)
class _Pen:
    """The terminal's current style as SGR codes; "" is the default colour."""

    foreground: str = ""
    background: str = ""
    attributes: frozenset[str] = frozenset()

    def change_to(self, other: "_Pen") -> str:
        """Return the shortest known sequence from this style to the other."""
        if self == other:
            return ""
        if self.attributes - other.attributes:
            parts = ["0", *other.attributes, other.foreground, other.background]
        else:
            parts = [*(other.attributes - self.attributes)]
            if other.foreground != self.foreground:
                parts.append(other.foreground or "39")
            if other.background != self.background:
                parts.append(other.background or "49")
        return f"\x1b[{';'.join(part for part in parts if part)}m"


_PLAIN = _Pen()
_ATTRIBUTES = frozenset("123456789")
_COLORS = frozenset(str(n) for n in (*range(30, 38), 39, *range(40, 48), 49, *range(90, 108)))


def thrift(data: str) -> str:
    """Rewrite a text with colour sequences so that each colour is set once; the cells are the same.

    Starts and ends with the plain pen, as Textual's own writes do. A text with unknown sequences
    comes back unchanged.
    """
    pieces = _SGR.split(data)
    if len(pieces) == 1:
        return data
    written: list[str] = [pieces[0]]
    pen = wanted = _PLAIN
    for codes, text in zip(pieces[1::2], pieces[2::2], strict=True):
        found = _apply(wanted, codes)
        if found is None:
            return data
        wanted = found
        if text and not _MOVES.fullmatch(text):
            # A blank has no foreground.
            use = replace(wanted, foreground=pen.foreground) if text.isspace() else wanted
            if use.attributes:
                use = wanted
            written.append(pen.change_to(use))
            pen = use
        written.append(text)
    if wanted != _PLAIN:
        return data
    written.append(pen.change_to(_PLAIN) and "\x1b[0m")
    return "".join(written)


@lru_cache(maxsize=4096)
def _apply(pen: _Pen, codes: str) -> _Pen | None:
    """Return the pen after a sequence of SGR codes; None if one of them is unknown."""
    rest = codes.split(";") if codes else ["0"]
    while rest:
        code = rest.pop(0)
        if code in ("0", ""):
            pen = _PLAIN
        elif code in ("38", "48") and rest[:1] in (["2"], ["5"]):
            count = 4 if rest[0] == "2" else 2
            color = ";".join([code, *rest[:count]])
            rest = rest[count:]
            pen = _colored(pen, code, color)
        elif code in _COLORS:
            pen = _colored(pen, code, "" if code in ("39", "49") else code)
        elif code in _ATTRIBUTES:
            pen = replace(pen, attributes=pen.attributes | {code})
        else:
            return None
    return pen


def _colored(pen: _Pen, code: str, color: str) -> _Pen:
    if code[0] == "4" or len(code) == 3:  # 40 to 49, 100 to 107
        return replace(pen, background=color)
    return replace(pen, foreground=color)
