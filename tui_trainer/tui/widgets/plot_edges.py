"""What is in the edges of a plot's frame: its name and legend above, below what a cursor reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from tui_trainer.formatting import loss_text
from tui_trainer.plotting.legend import names_that_fit, sign
from tui_trainer.plotting.overlay import OVERLAY_ROLES, Overlay
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.tui.widgets.framed import Part

if TYPE_CHECKING:  # both need numpy, which the first frame does not
    from tui_trainer.plotting.chart import Chart
    from tui_trainer.plotting.readings import Reader, Reading

Named: TypeAlias = Sequence[tuple[Role, str]]

_SMALL = 60  # columns, below which less is between the words
_CORNERS = 6


def title_parts(
    chart: "Chart",
    name: str,
    legend: Named,
    reader: "Reader | None",
    charset: Charset,
    width: int,
) -> tuple[Part, ...]:
    """Return the name, what is unlike a plain plot of everything, and the legend."""
    space = " " if width < _SMALL else "  "
    words = []
    if legend and chart.y.log:
        words.append("log y")
    if reader is not None and (chart.x.low, chart.x.high) != chart.ends:
        words.append(reader.range_text(chart.x.foot, chart.x.top))
    if chart.highest is not None:
        words.append(f"▲ up to {loss_text(chart.highest)}")
    signs = [(f"{sign(role, charset)} {label}{space}", role) for role, label in legend]
    texts = [name, *(f" · {word}" for word in words)]
    texts[-1] += "  "
    return (*((text, "title") for text in texts), *signs)


def reading_parts(readings: "Sequence[Reading]", width: int) -> tuple[Part, ...]:
    """Return what a cursor reads, a part for each value; the last are the first to go."""
    small, gap = width < _SMALL, _gap(width)
    texts = [reading.text for reading in readings]
    if small or len(gap.join(texts)) > width - _CORNERS:
        texts = [reading.short or reading.text for reading in readings]
    roles = [reading.role for reading in readings]
    return _words_apart(list(zip(texts, roles, strict=True)), width)


def overlay_parts(overlays: Sequence[Overlay], charset: Charset, width: int) -> tuple[Part, ...]:
    """Return the overlays' signs and names, shortened to what fits."""
    gap = _gap(width)
    names = tuple(overlay.name for overlay in overlays)
    shorter = tuple(overlay.short or overlay.name for overlay in overlays)
    texts, rest = names_that_fit((names, shorter), width - _CORNERS, 2, len(gap))
    named = [
        (f"{sign(overlay.role, charset)} {text}", overlay.role)
        for overlay, text in zip(overlays, texts, strict=False)
    ]
    parts = _words_apart(named, width)
    return (*parts, (f"{gap}{rest}", "note")) if rest else parts


def note_parts(notes: Sequence[str], beside: tuple[Part, ...], width: int) -> tuple[Part, ...]:
    """Return the first note that fits beside what is on the left of the lower edge."""
    used = sum(len(text) for text, _ in beside)
    room = width - _CORNERS - (used + 3 if used else 0)
    note = next((note for note in notes if len(note) <= room), "")
    return ((note, "note"),) if note else ()


def _words_apart(words: Sequence[tuple[str, Role | None]], width: int) -> tuple[Part, ...]:
    """Write words as far as they fit; an overlay has its faint colour on its sign alone."""
    gap = _gap(width)
    parts: list[Part] = []
    for count, (text, role) in enumerate(words, 1):
        if len(gap.join(text for text, _ in words[:count])) > width - _CORNERS:
            break
        before = gap if count > 1 else ""
        if role in OVERLAY_ROLES:
            parts += [(before, "note"), (text[0], role), (text[1:], "note")]
        else:
            parts.append((f"{before}{text}", role or "title"))
    return tuple(parts)


def _gap(width: int) -> str:
    return "  " if width < _SMALL else " · "
