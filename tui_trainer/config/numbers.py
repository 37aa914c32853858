"""The types of numbers in settings: what is allowed of each."""

from typing import Annotated, TypeAlias

from msgspec import Meta

PositiveInt: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000_000)]
MOST_COUNT = 2**53  # up to which a float is exact, and other programs' JSON with it
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
Seed: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# float32 ends at 3.4e38: torch refuses larger numbers.
LearningRate: TypeAlias = Annotated[float, Meta(gt=0, le=3e38)]
NonNegative: TypeAlias = Annotated[float, Meta(ge=0, le=3e38)]
Share: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]
Factor: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
DropoutRate: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
# How much of what was is kept at each step: of all of it nothing new would ever come in.
Decay: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
# What others are divided by.
Divisor: TypeAlias = Annotated[float, Meta(ge=1, le=3e38)]
# One step alone makes no progress.
StripLength: TypeAlias = Annotated[int, Meta(ge=2, le=1_000_000_000)]
