"""What the keys do and what the screen means."""

from itertools import groupby

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_trainer.tui.keys import KEYS, face
from tui_trainer.tui.wording import BADGES

_GROUPS = {"run": "Training", "presets": "Settings", "view": "Looking", "app": "Program"}
_SIGNS = (
    ("━━ ╺╸", "train loss (solid) and validation loss (dashed)"),
    ("◆", "the lowest validation loss so far"),
    ("┄", "the stopping rule's bound: validation above it stops the run"),
    ("┃ ╎", "where early stopping fired; where the lr was changed"),
    ("⠢ ∘ ━━", "train points, validation points, the network's curve"),
)


class HelpScreen(ModalScreen[None]):
    """The keys by group, the signs of the plots, the states."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "close")]

    def __init__(self, keymap: dict[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        with VerticalScroll(classes="dialog help") as page:
            page.border_title = "Help"
            page.border_subtitle = "escape closes · arrows scroll"
            yield Static(Content("\n").join(self._lines()))

    def _lines(self) -> list[Content]:
        lines: list[Content] = []
        for group, keys in groupby(KEYS, key=lambda key: key.group):
            lines += (
                [Content(""), Content.styled(_GROUPS[group], "bold")]
                if lines
                else [Content.styled(_GROUPS[group], "bold")]
            )
            for key in keys:
                pressed = face(self._keymap.get(key.id, key.key))
                lines.append(
                    Content.assemble(
                        (f"  {pressed:<7}", "bold $text-accent"),
                        (key.help, ""),
                        (f"  {key.id}", "$foreground 40%"),
                    )
                )
        lines += [Content(""), Content.styled("In the form", "bold")]
        lines.append(
            Content("  ↑ ↓ between fields, ← → presets, enter takes a number, escape leaves")
        )
        lines += [Content(""), Content.styled("Signs", "bold")]
        lines += [Content(f"  {sign:<7}{meaning}") for sign, meaning in _SIGNS]
        states = "   ".join(f"{symbol} {label.lower()}" for symbol, label in BADGES.values())
        lines += [Content(""), Content.styled("States", "bold"), Content(f"  {states}")]
        lines += [
            Content(""),
            Content.styled(
                "Keys can be changed by their id: see config.toml in the README.", "$foreground 60%"
            ),
        ]
        return lines
