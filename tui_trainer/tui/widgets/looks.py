"""The colours of what panes show, as the theme's variables.

As component classes, Textual would look up thirty of them for each pane at each change of a state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from rich.style import Style
from textual.color import Color

from tui_trainer.plotting.roles import Role

# What is no role of a plot. The last two are component classes: states and terminals change them.
Name: TypeAlias = Literal[
    "title",
    "note",
    "key",
    "head",
    "row",
    "success",
    "warning",
    "error",
    "accent",
    "frame",
    "chosen",
]

Shown: TypeAlias = Name | Role


@dataclass(frozen=True, slots=True)
class Look:
    """A variable of the theme, and how much of it shows over the background."""

    variable: str
    share: float = 1.0
    is_bold: bool = False

    def style(self, variables: Mapping[str, str], background: Color) -> Style:
        """Return the style in a theme of these variables."""
        color = Color.parse(variables[self.variable]).multiply_alpha(self.share)
        return Style(color=(background + color).rich_color, bold=self.is_bold or None)


LOOKS: Final[Mapping[Shown, Look]] = {
    "title": Look("foreground", is_bold=True),
    "note": Look("foreground", 0.7),
    "key": Look("text-accent", is_bold=True),
    "head": Look("foreground", 0.6),
    "row": Look("foreground"),
    "success": Look("text-success"),
    "warning": Look("text-warning"),
    "error": Look("text-error"),
    "accent": Look("text-accent"),
    Role.AXIS: Look("foreground", 0.55),
    Role.TRAIN: Look("text-primary"),
    Role.VALIDATION: Look("text-warning"),
    Role.TEST: Look("text-success"),
    Role.TRAIN_RAW: Look("text-primary", 0.4),
    Role.VALIDATION_RAW: Look("text-warning", 0.4),
    Role.TEST_RAW: Look("text-success", 0.4),
    Role.BOUND: Look("foreground", 0.6),
    Role.BEST: Look("text-success", is_bold=True),
    Role.STOP: Look("text-error"),
    Role.LR: Look("text-accent"),
    Role.ENGINE: Look("text-accent"),
    Role.TRAIN_POINT: Look("text-primary"),
    Role.VALIDATION_POINT: Look("text-warning", 0.75),
    Role.MODEL: Look("text-success"),
    Role.MEDIAN: Look("text-warning"),
    Role.SPREAD: Look("foreground", 0.45),
    Role.DIVERGED: Look("text-error"),
    Role.CURSOR: Look("foreground", 0.8),
    Role.OVERLAY_1: Look("text-warning", 0.5),
    Role.OVERLAY_2: Look("text-success", 0.5),
    Role.OVERLAY_3: Look("text-secondary", 0.6),
    Role.OVERLAY_4: Look("foreground", 0.5),
    Role.OVERLAY_5: Look("text-error", 0.5),
    Role.OVERLAY_6: Look("text-primary", 0.5),
}
