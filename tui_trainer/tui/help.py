"""The help: a page over the screen, with a filter."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from textwrap import wrap

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui_trainer.tui.help_page import LABELS, Now, Row, filtered, sections
from tui_trainer.tui.widgets.entry import Entry
from tui_trainer.tui.wording import NARROW

_WIDTH = 108  # of the page at most, as in app.tcss
_SIDES, _NARROW_SIDES = 8, 5  # columns for border, padding and scrollbar
_INDENT, _IDS_AT = 14, 64  # columns of leads, and where ids begin


class _Filter(Entry):
    """The filter's text; the key that opened the help closes it, and types nothing."""

    def __init__(self, help_keys: Sequence[str]) -> None:
        super().__init__(placeholder="filter", compact=True)
        self._help_keys = help_keys

    async def _on_key(self, event: events.Key) -> None:
        closes = event.key in self._help_keys and not (event.character or "").isalnum()
        if closes or (event.character == "/" and not self.value):
            event.stop()
            event.prevent_default()
            if closes:
                self.screen.dismiss()
        else:
            await super()._on_key(event)


class HelpScreen(ModalScreen[None]):
    """A page that explains everything: first what can be pressed on the screen below, now."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-roomy")]
    BINDINGS = [
        Binding("escape,enter", "dismiss", "close"),
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
    ]

    def __init__(self, now: Now, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._sections = sections(now, keymap)
        self._help_keys = keymap.get("help", "question_mark").split(",")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog help") as page:
            page.border_title = "Help"
            yield _Filter(self._help_keys)
            with VerticalScroll(can_focus=False):
                yield Static()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the lines to the page, whose size depends on the screen's."""
        words = "↑ ↓ scroll · esc closes"
        page = self.query_one(".dialog")
        page.border_subtitle = words if event.size.width < NARROW else f"type to filter · {words}"
        self._draw(event.size.width)

    @on(Input.Changed)
    def _filter(self) -> None:
        self._draw(self.size.width)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    @on(Input.Submitted)
    def _close(self) -> None:
        self.dismiss()

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)

    def _draw(self, width: int) -> None:
        room = width - _NARROW_SIDES if width < NARROW else min(_WIDTH, width * 9 // 10) - _SIDES
        text = self.query_one(Input).value.strip()
        self.query_one(Static).update(Content("\n").join(self._lines(text, max(8, room))))

    def _lines(self, text: str, room: int) -> Iterator[Content]:
        found = filtered(self._sections, text)
        for section in found:
            yield Content.styled(section.title, "bold")
            for row in section.rows:
                yield from _row_lines(row, room)
            yield Content("")
        words = "Keys can be rebound by their ids: see the README."
        for line in wrap(words if found else "Nothing in the help has this text.", room):
            yield Content.styled(line, "$foreground 60%")


def _row_lines(row: Row, room: int) -> Iterator[Content]:
    """Write a row in columns, its words wrapped, its ids where there is room."""
    roomy = room >= 60
    lead = Content.styled(row.lead, "bold $text-accent" if row.is_key else "")
    indent = _INDENT if roomy else 8
    label = ""
    if row.label is not None and roomy:
        label = f"{row.label:<{LABELS}}"
        indent += LABELS
    words = f"{row.label}: {row.words}" if row.label and not roomy else row.words
    before = max(indent - len(label), lead.cell_length + 2)
    shows_ids = bool(row.ids) and room >= _IDS_AT + 36
    words_end = _IDS_AT - 2 if shows_ids else room
    lines = wrap(" " * (before - indent) + words, max(8, words_end - indent)) or [""]
    ids = wrap(row.ids, room - _IDS_AT) if shows_ids else []
    gap = " " * (before - lead.cell_length - 1)
    for number, (line, name) in enumerate(zip_longest(lines, ids, fillvalue="")):
        start = (" ", lead, gap, (label, "bold")) if number == 0 else (" " * indent,)
        rest = line.lstrip() if number == 0 else line
        pad = " " * (_IDS_AT - indent - len(line)) if name else ""
        yield Content.assemble(*start, rest, (f"{pad}{name}", "$foreground 40%"))
