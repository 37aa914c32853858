"""What goes to the terminal: as few bytes as draw the same cells, and how many they were.

Textual sends a changed span from the left edge of its widget on, and writes every colour in full
before each run of characters, with a reset behind it. Over SSH both cost more than the characters.
The only module that knows private names of Textual's compositor.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.console import Console
from rich.control import Control
from textual import _compositor, screen
from textual.driver import Driver
from textual.geometry import Region
from textual.strip import Strip

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
# Sequences that show nothing themselves: what colour the pen has does not matter to them.
_MOVES = re.compile(r"(?:\x1b\[\d+;\d+H|[\r\n])*")


class CroppedUpdate(_compositor.ChopsUpdate):
    """Sends the changed spans of lines, and nothing to the left of them."""

    def render_segments(self, console: Console) -> str:
        """Write the spans as terminal sequences."""
        return "".join(self._sequences(console))

    def _sequences(self, console: Console) -> Iterator[str]:
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                start = max(x, first)
                yield Control.move_to(start, y).segment.text
                yield strip.crop(start - x, min(end, last) - x).render(console)


class ThriftyCompositor(_compositor.Compositor):
    """Renders the widgets that changed, and not all that lie between the first and the last."""

    _changed: list[Region] | None = None

    def render_partial_update(self) -> _compositor.ChopsUpdate | None:
        """Render what changed since the last update."""
        self._changed = list(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = None

    def _get_renders(
        self, crop: Region | None = None
    ) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if self._changed is None:
            return super()._get_renders(crop)
        return self._changed_renders(self._changed)

    def _changed_renders(
        self, wanted: list[Region]
    ) -> Iterator[tuple[Region, Region, list[Strip]]]:
        """Render from front to back until nothing is left to show."""
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            if any(shown.overlaps(part) for part in wanted):
                yield region, clip, widget.render_lines(shown.translate(-region.offset))
                wanted = [part for part in wanted if not shown.contains_region(part)]


def mend_compositor() -> None:
    """Have what changed rendered and sent, and nothing else."""
    _compositor.ChopsUpdate = CroppedUpdate  # type: ignore[misc]
    screen.Compositor = ThriftyCompositor  # type: ignore[attr-defined]


def thrifty_driver(driver: type[Driver]) -> type[Driver]:
    """Make a driver that writes fewer bytes for the same screen, and counts them."""

    class ThriftyDriver(driver):  # type: ignore[misc, valid-type]
        bytes_written = 0

        def write(self, data: str) -> None:
            thrifty = thrift(data)
            self.bytes_written += len(thrifty.encode("utf-8", "replace"))
            super().write(thrifty)

    return ThriftyDriver


@dataclass(frozen=True, slots=True)
class _Pen:
    """What the terminal draws with, as SGR codes; "" is the default colour."""

    foreground: str = ""
    background: str = ""
    attributes: frozenset[str] = frozenset()

    def change_to(self, other: "_Pen") -> str:
        """Return the sequence that makes this pen the other one."""
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
    """Rewrite a text with colour sequences: the same cells, each colour said once.

    Starts and ends with the plain pen, as Textual's own writes do. A text with sequences that are
    not understood comes back as it is.
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
    """Return the pen after a sequence of SGR codes; None for codes that are not known here."""
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
