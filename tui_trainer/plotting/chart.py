"""What a plot consists of, before it has a size in cells."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.scales import Axis

Values: TypeAlias = NDArray[np.floating]


class Role(Enum):
    """What a cell of a plot shows; whoever draws gives each its colour."""

    AXIS = auto()
    TRAIN = auto()
    VALIDATION = auto()
    TRAIN_RAW = auto()
    VALIDATION_RAW = auto()
    BOUND = auto()
    BEST = auto()
    STOP = auto()
    LR = auto()
    TRAIN_POINT = auto()
    VALIDATION_POINT = auto()
    MODEL = auto()


BRAILLE_DOT = "braille"  # a marker eight times finer than a cell


class Dash(Enum):
    """How a curve is broken up, so that curves differ by more than colour: dots on, dots in all."""

    SOLID = (1, 1)
    DASHED = (4, 6)
    DOTTED = (1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line through ``(x, low..high)``; NaN leaves a gap. `ascii` draws it without Unicode."""

    role: Role
    x: Values
    low: Values
    high: Values
    dash: Dash = Dash.SOLID
    ascii: str = "*"


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Separate points, a character each."""

    role: Role
    x: Values
    y: Values
    marker: str
    ascii: str


@dataclass(frozen=True, slots=True)
class VerticalLine:
    """A line from bottom to top at `x`."""

    role: Role
    x: float
    marker: str
    ascii: str


Layer: TypeAlias = Curve | Scatter | VerticalLine


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Two axes and what stands over them, later layers over earlier ones."""

    x: Axis
    y: Axis
    layers: tuple[Layer, ...]


class Charset(Enum):
    """What the terminal can show."""

    UNICODE = auto()
    ASCII = auto()


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring cells of one role."""

    text: str
    role: Role


Row: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot in cells, rows from top to bottom, each `width` cells wide."""

    width: int
    height: int
    rows: tuple[Row, ...]

    @property
    def text(self) -> str:
        """The plot without its roles."""
        return "\n".join("".join(run.text for run in row) for row in self.rows)
