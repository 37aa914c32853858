"""What the first frame needs to know of plots, without importing numpy."""

from enum import Enum, auto


class Role(Enum):
    """What a cell of a plot belongs to; the app and the console choose the colours."""

    AXIS = auto()
    TRAIN = auto()
    VALIDATION = auto()
    TEST = auto()
    TRAIN_RAW = auto()
    VALIDATION_RAW = auto()
    TEST_RAW = auto()
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
    OVERLAY_1 = auto()
    OVERLAY_2 = auto()
    OVERLAY_3 = auto()
    OVERLAY_4 = auto()
    OVERLAY_5 = auto()
    OVERLAY_6 = auto()


class Charset(Enum):
    """What the terminal can show; UNICODE draws curves in braille, OCTANT without its gaps."""

    UNICODE = auto()
    OCTANT = auto()
    ASCII = auto()
