"""Another run in the plot of one: what the first frame may know of it, without numpy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_trainer.plotting.roles import Role

if TYPE_CHECKING:
    from tui_trainer.training.history import History

OVERLAY_ROLES = (
    Role.OVERLAY_1,
    Role.OVERLAY_2,
    Role.OVERLAY_3,
    Role.OVERLAY_4,
    Role.OVERLAY_5,
    Role.OVERLAY_6,
)


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A run's validation losses under those of another; `mark` is which of the signs it has.

    `short` is what tells it from other overlays, where there is no room for the name.
    """

    name: str
    history: "History"
    mark: int
    short: str = ""

    @property
    def role(self) -> Role:
        """The role of its cells."""
        return OVERLAY_ROLES[self.mark]
