"""Every private part of Textual that the program uses; without them it works, and sends more bytes.

Textual sends a changed span from the left edge of its widget on, and renders every widget between
the first and the last that changed: over SSH the one costs more than the characters, and in the
UI's thread the other costs more than the change.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.control import Control
from textual import screen
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip

_compositor: Any
try:
    from textual import _compositor
except ImportError:
    _compositor = None

_PARTS = {
    "ChopsUpdate": ("chops", "spans", "chop_ends", "render_segments"),
    "Compositor": ("_dirty_regions", "_get_renders", "render_partial_update", "visible_widgets"),
}
_SVG_CELL = 12.2  # the width that Rich gives a cell


class CroppedUpdate(getattr(_compositor, "ChopsUpdate", object)):  # type: ignore[misc]
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


class ThriftyCompositor(getattr(_compositor, "Compositor", object)):  # type: ignore[misc]
    """Renders the widgets that changed, and not all that lie between the first and the last."""

    _changed: list[Region] | None = None

    def render_partial_update(self) -> Any:
        """Note what changed: rendering forgets it."""
        self._changed = list(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = None

    def _get_renders(
        self, crop: Region | None = None
    ) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if self._changed is None:
            renders: Iterable[tuple[Region, Region, list[Strip]]] = super()._get_renders(crop)
            return renders
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


def missing_parts() -> list[str]:
    """Name what `mend_compositor` needs and this version of Textual does not have."""
    missing = [f"_compositor.{name}" for name in _PARTS if not hasattr(_compositor, name)]
    if not hasattr(screen, "Compositor"):
        missing.append("screen.Compositor")
    if missing:
        return missing
    instances = _compositor.ChopsUpdate([], [], []), _compositor.Compositor()
    return [
        f"_compositor.{owner}.{name}"
        for instance, (owner, names) in zip(instances, _PARTS.items(), strict=True)
        for name in names
        if not hasattr(instance, name)
    ]


def mend_compositor() -> None:
    """Have what changed rendered and sent, and nothing else, where Textual has the parts for it."""
    if not missing_parts():
        _compositor.ChopsUpdate = CroppedUpdate
        screen.Compositor = ThriftyCompositor  # type: ignore[attr-defined]


def screen_text(app: App[Any]) -> str:
    """Return what the screen shows, line by line, without colours."""
    render_strips = getattr(getattr(app.screen, "_compositor", None), "render_strips", None)
    if render_strips is None:
        return _svg_text(app.export_screenshot(), app.size.height)
    return "\n".join(strip.text.rstrip() for strip in render_strips(app.size))


def _svg_text(svg: str, height: int) -> str:
    """Read the lines of a screenshot: slower, and public."""
    from xml.etree import ElementTree  # hardly ever needed

    lines = [""] * height
    for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        line = re.search(r"-line-(\d+)", text.get("clip-path", ""))
        if line is not None:
            y, column = int(line[1]), round(float(text.get("x", 0)) / _SVG_CELL)
            lines[y] = lines[y].ljust(column) + (text.text or "").replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in lines)
