"""The help: keys, plot symbols and states."""

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from textual import events
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
_FORM = (
    ("↑ ↓", "previous or next field"),
    ("← →", "previous or next preset"),
    ("enter", "accept the field"),
    ("esc", "leave the form"),
)
_SYMBOLS = (
    ("━━ ╺╸", "training loss (solid) and validation loss (dashed)"),
    ("◆", "the lowest validation loss so far"),
    ("┄", "the stopping rule's bound: a validation loss above it ends the run"),
    ("┃ ╎ ▲", "where the run stopped early, the lr changed, the engine changed"),
    ("⠢ ⠆ ━━", "training data, validation data, the network's prediction"),
    ("● ⡇ ✕", "a sweep's medians, their spread over the seeds, diverged seeds"),
)
_WIDTH, _SIDES = 108, 8  # of the page: its most columns, and those of border, padding, scrollbar
_INDENT, _IDS_AT = 11, 58  # the columns of words and ids


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
            yield Static()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the lines to the page, whose size depends on the screen's."""
        room = min(_WIDTH, event.size.width * 9 // 10) - _SIDES
        self.query_one(Static).update(Content("\n").join(self._lines(room)))

    def _lines(self, room: int) -> Iterator[Content]:
        for group, keys in groupby(KEYS, key=lambda key: key.group):
            yield Content.styled(_GROUPS[group], "bold")
            for key in keys:
                if not key.id.endswith("_previous"):
                    yield from self._key_lines(key, room)
            yield Content("")
        for title, rows in (("Form", _FORM), ("Symbols", _SYMBOLS), ("States", _states())):
            yield Content.styled(title, "bold")
            for symbol, words in rows:
                yield from _row(Content(symbol), words, room)
            yield Content("")
        for line in wrap("Keys can be rebound by their ids: see the README.", max(8, room)):
            yield Content.styled(line, "$foreground 60%")

    def _key_lines(self, key: Key, room: int) -> Iterator[Content]:
        """Write a key, or a pair of next and previous, with its ids where there is room."""
        previous = key.id.replace("_next", "_previous")
        pair = [k for k in KEYS if k.id in (key.id, previous)]
        pressed = " ".join(key_text(self._keymap.get(k.id, k.key)) for k in pair)
        words = key.help.replace("next", "next or previous", 1) if len(pair) > 1 else key.help
        ids = ", ".join(k.id for k in pair)
        ids = f"{'':{max(1, _IDS_AT - _INDENT - len(words))}}{ids}" if room >= _IDS_AT + 40 else ""
        lines = _row(Content.styled(pressed, "bold $text-accent"), words, room)
        yield Content.assemble(next(lines), (ids, "$foreground 40%"))
        yield from lines


def _states() -> list[tuple[str, str]]:
    return [(symbol, label.lower()) for symbol, label in BADGES.values()]


def _row(lead: Content, words: str, room: int) -> Iterator[Content]:
    """Write a row of two columns, the second one wrapped."""
    first, *others = wrap(words, max(8, room - _INDENT))
    yield Content.assemble("  ", lead, " " * (_INDENT - 2 - lead.cell_length), first)
    for line in others:
        yield Content(" " * _INDENT + line)
