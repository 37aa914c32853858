"""Charts as data, and what they look like once drawn in cells."""

from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.scales import Scale

Values: TypeAlias = NDArray[np.floating]


ROLES = tuple(Role)
BRAILLE_DOT = "braille"  # a marker eight times finer than a cell


class Dash(Enum):
    """How curves differ besides their colour: dots drawn, and the length of the period.

    A dashed curve over a solid one cuts it beside its dashes, so that both are seen: ``━━╸╺╸━━``.
    """

    SOLID = (1, 1)
    DASHED = (5, 8)
    DOTTED = (1, 3)
    SPARSE = (1, 2)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Curve:
    """A line through ``(x, low..high)``; NaN leaves a gap. `ascii` draws it without Unicode."""

    role: Role
    x: Values
    low: Values
    high: Values
    dash: Dash = Dash.SOLID
    ascii: str = "*"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Scatter:
    """Points, one character each; braille dots may be `tall`, two of them on each other."""

    role: Role
    x: Values
    y: Values
    marker: str
    ascii: str
    tall: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Vertical bars from `low` to `high` at `x`; NaN draws none."""

    role: Role
    x: Values
    low: Values
    high: Values
    ascii: str = "|"


@dataclass(frozen=True, slots=True)
class VerticalLine:
    """A line over the full height."""

    role: Role
    x: float
    marker: str
    ascii: str


Layer: TypeAlias = Curve | Scatter | Bars | VerticalLine


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Two axes and the layers over them, later ones on top; what lies beside `x` is not shown.

    `whole` is the x axis with all data, of which `x` may be a part; None: it is all there is to
    show. Data reach over `extent` in x, and have nothing new within `grain` of x. `highest` is a
    value that lies above the plot, which is cut there so that it does not flatten the rest; `cut`
    says whether that or anything else is, and shows in a view that is not clipped. `x_name` is
    written beside the labels of the x axis, where there is room.
    """

    x: Scale
    y: Scale
    layers: tuple[Layer, ...]
    whole: Scale | None = None
    extent: tuple[float, float] | None = None
    grain: float = 0.0
    highest: float | None = None
    cut: bool = False
    x_name: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the whole x axis, in its own numbers."""
        whole = self.whole or self.x
        return whole.low, whole.high

    def with_cursor(self, x: float) -> "Chart":
        """Return the chart with a thin line at `x`, below everything else."""
        return replace(self, layers=(VerticalLine(Role.CURSOR, x, "│", "|"), *self.layers))


@dataclass(frozen=True, slots=True)
class Span:
    """Adjacent cells with the same role."""

    text: str
    role: Role


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A plot in cells: code points and indices into `ROLES`.

    Both are of shape (height, width), the top row first.
    """

    characters: NDArray[np.uint32]
    roles: NDArray[np.uint8]

    @property
    def width(self) -> int:
        """In cells."""
        return int(self.characters.shape[1])

    @property
    def height(self) -> int:
        """In cells."""
        return len(self.characters)

    @property
    def rows(self) -> tuple[tuple[Span, ...], ...]:
        """From top to bottom."""
        return tuple(self.row(y) for y in range(self.height))

    @property
    def text(self) -> str:
        """The characters, a line per row."""
        return "\n".join(self._row_text(y) for y in range(self.height))

    def row(self, y: int) -> tuple[Span, ...]:
        """Return a row as spans, each as long as its role lasts."""
        text, roles = self._row_text(y), self.roles[y]
        edges = [0, *(np.flatnonzero(np.diff(roles)) + 1).tolist(), len(text)]
        return tuple(Span(text[a:b], ROLES[roles[a]]) for a, b in pairwise(edges) if b > a)

    def rows_changed_from(self, other: "Drawing | None") -> list[int]:
        """Return the indices of rows that differ; all of them if the sizes do."""
        if other is None or other.characters.shape != self.characters.shape:
            return list(range(self.height))
        same = (self.characters == other.characters) & (self.roles == other.roles)
        changed: list[int] = np.flatnonzero(~same.all(axis=1)).tolist()
        return changed

    def _row_text(self, y: int) -> str:
        text: str = self.characters[y].astype("<u4").tobytes().decode("utf-32-le")
        return text
