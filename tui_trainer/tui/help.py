"""The help: keys, plot symbols and states."""

from itertools import groupby

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_trainer.tui.keys import KEYS, Key, key_text
from tui_trainer.tui.wording import BADGES

_GROUPS = {
    "run": "Training",
    "presets": "Settings",
    "search": "Search",
    "sweep": "Sweep and lr finder",
    "view": "View",
    "app": "App",
}
_SIGNS = (
    ("━━ ╺╸", "training loss (solid) and validation loss (dashed)"),
    ("◆", "the lowest validation loss so far"),
    ("┄", "the stopping rule's bound: a validation loss above it ends the run"),
    ("┃ ╎ ▲", "where the run stopped early, the lr changed, the engine changed"),
    ("⠢ ∘ ━━", "training data, validation data, the network's prediction"),
    ("● ⡇ ✕", "a sweep's medians, their spread over the seeds, diverged seeds"),
)


class HelpScreen(ModalScreen[None]):
    """A page that explains everything on the other screens."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "close")]

    def __init__(self, keymap: dict[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help") as page:
            page.border_title = "Help"
            page.border_subtitle = "escape closes · arrows scroll"
            yield Static(Content("\n").join(self._lines()))

    def _lines(self) -> list[Content]:
        lines: list[Content] = []
        for group, keys in groupby(KEYS, key=lambda key: key.group):
            lines += [Content.styled(_GROUPS[group], "bold"), *self._rows(list(keys)), Content("")]
        lines += [
            Content.styled("In the form", "bold"),
            Content("  ↑ ↓ move between fields, ← → change a preset, enter accepts, escape leaves"),
            Content(""),
            Content.styled("Signs", "bold"),
            *(Content(f"  {sign:<9}{meaning}") for sign, meaning in _SIGNS),
            Content(""),
            Content.styled("States", "bold"),
            Content(
                "  " + "   ".join(f"{sign} {label.lower()}" for sign, label in BADGES.values())
            ),
            Content(""),
            Content.styled(
                "Keys can be rebound by their ids, in the right column: see the README.",
                "$foreground 60%",
            ),
        ]
        return lines

    def _rows(self, keys: list[Key]) -> list[Content]:
        """Write a row for each key, and one for a pair of next and previous."""
        rows = []
        for key in keys:
            if key.id.endswith("_previous"):
                continue
            pair = [key, *(k for k in keys if k.id == key.id.replace("_next", "_previous"))]
            both = len({k.id for k in pair}) == 2
            pressed = " ".join(key_text(self._keymap.get(k.id, k.key)) for k in pair[: 1 + both])
            words = key.help.replace("next", "next or previous") if both else key.help
            ids = ", ".join(k.id for k in pair[: 1 + both])
            rows.append(
                Content.assemble(
                    (f"  {pressed:<9}", "bold $text-accent"),
                    (f"{words:<46} ", ""),
                    (ids, "$foreground 40%"),
                )
            )
        return rows
