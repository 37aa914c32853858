"""What came of repeating a saved run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Comparison:
    """How a repeated run compares with that of `steps` steps which is recorded in `folder`.

    `compared` is the last step compared so far, `states` counts the kept states. `differing_step`
    is the first whose losses are not the same bits; `differing_tensor` the first tensor, from input
    to output, that is another in the first kept state that differs, the one after `tensor_step`.
    """

    folder: Path
    steps: int
    compared: int = 0
    states: int = 0
    differing_step: int | None = None
    differing_tensor: str | None = None
    tensor_step: int | None = None

    @property
    def matches(self) -> bool:
        """Whether all of it is the same bits."""
        return self.differing_step is None and self.differing_tensor is None
