"""What a plot shows, in words that need no numpy: the first frame waits for none."""

from enum import Enum, auto


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
    ENGINE = auto()
    TRAIN_POINT = auto()
    VALIDATION_POINT = auto()
    MODEL = auto()
    MEDIAN = auto()
    SPREAD = auto()
    DIVERGED = auto()
    CURSOR = auto()


class Charset(Enum):
    """What the terminal can show."""

    UNICODE = auto()
    ASCII = auto()
