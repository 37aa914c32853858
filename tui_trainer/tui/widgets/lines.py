"""One-line widgets that redraw only where they changed: header and status; the banner."""

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui_trainer.formatting import printable
from tui_trainer.tui.widgets.cells import Cells, cut
from tui_trainer.tui.wording import with_dots


class StatusLine(Cells):
    """Plain text, cut off at the right edge."""

    DEFAULT_CSS = "StatusLine { height: 1; }"

    def put(self, text: str) -> None:
        """Replace the text."""
        self.show([Strip([Segment(text[: self.size.width])])])


class NoteLine(Cells):
    """A line that is there only while it has something to say."""

    DEFAULT_CSS = """
    NoteLine {
        height: 1;
        color: $text-warning;
        display: none;
        &.-shown { display: block; }
    }
    """

    def put(self, text: str) -> None:
        """Replace the text; "" hides the line."""
        self.set_class(bool(text), "-shown")
        self.show([Strip([Segment(printable(text))])])


class HeaderLine(Cells):
    """What is trained on the left, the state and the device on the right."""

    COMPONENT_CLASSES = {"header--badge", "header--name", "header--device", "header--chip"}
    DEFAULT_CSS = """
    HeaderLine {
        height: 1;
        & > .header--name { color: $foreground 60%; }
        & > .header--badge { text-style: bold; }
        & > .header--device { color: $foreground 60%; }
        & > .header--chip { color: $text-accent; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._texts = "", "", "", ""

    def put(self, setup: str, badge: str, device: str, chip: str = "") -> None:
        """Show setup, badge and device, and what goes on elsewhere as a chip.

        Where there is little room the badge has priority, then the chip.
        """
        self._texts = printable(setup), badge, printable(device), chip
        self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the badge in view also where a panel beside it takes room, and not the terminal."""
        self._redraw()

    def _redraw(self) -> None:
        setup, badge, device, chip = self._texts
        width = self.size.width
        name = " tui-trainer  " if width >= 100 else " "
        device = f"  {device} " if width >= 100 else " "
        taken = len(name) + len(badge) + cell_len(device)
        chip = f"{chip}   " if chip and taken + len(chip) + 3 < width else ""
        taken += len(chip)
        room = width - taken - 1
        setup = cut(setup, room) if room > 1 else ""
        gap = " " * max(1, width - taken - cell_len(setup))
        parts = [
            Segment(name, self._style("name")),
            Segment(setup),
            Segment(gap),
            Segment(chip, self._style("chip")),
            Segment(badge, self._style("badge")),
            Segment(device, self._style("device")),
        ]
        self.show([Strip(parts)])

    def _style(self, part: str) -> Style:
        return self.component_style(f"header--{part}")


class Banner(Widget):
    """What happened, in words, until the next run; hidden while there is nothing to say.

    Folded, it is one line until something else is said.
    """

    DEFAULT_CSS = """
    Banner {
        height: auto;
        max-height: 4;
        padding: 0 1;
        text-style: bold;
        display: none;
        &.-shown { display: block; }
        &.-folded { max-height: 1; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = ""

    def fold(self) -> None:
        """Show one line of the words, or all of them again."""
        self.toggle_class("-folded")
        self.refresh(layout=True)

    def put(self, words: str) -> None:
        words = printable(words)
        if words != self.words:
            self.words = words
            self.remove_class("-folded")
            self.set_class(bool(words), "-shown")
            self.refresh(layout=True)

    def render(self) -> Text:
        if self.has_class("-folded"):
            return Text(with_dots(self.words, self.size.width))
        return Text(self.words)
