"""One-line widgets that redraw only where they changed: header, status, keys."""

from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui_trainer.formatting import printable
from tui_trainer.tui.keys import Key, ScreenName, key_text, keys_of
from tui_trainer.tui.widgets.cells import Cells


class StatusLine(Cells):
    """Plain text, cut off at the right edge."""

    DEFAULT_CSS = "StatusLine { height: 1; }"

    def put(self, text: str) -> None:
        """Replace the text."""
        self.show([Strip([Segment(text[: self.size.width])])])


class HeaderLine(Cells):
    """What is trained on the left, the state and the device on the right."""

    COMPONENT_CLASSES = {"header--badge", "header--name", "header--device"}
    DEFAULT_CSS = """
    HeaderLine {
        height: 1;
        & > .header--name { color: $foreground 60%; }
        & > .header--badge { text-style: bold; }
        & > .header--device { color: $foreground 60%; }
    }
    """

    def put(self, setup: str, badge: str, device: str) -> None:
        """Show setup, badge and device; the badge has priority where there is little room."""
        setup, device, width = printable(setup), printable(device), self.size.width
        name = " tui-trainer  " if width >= 100 else " "
        device = f"  {device} " if width >= 100 else " "
        room = max(0, width - len(name) - len(badge) - len(device) - 1)
        if len(setup) > room:
            setup = setup[: max(0, room - 1)] + "…" if room > 1 else ""
        gap = " " * max(1, width - len(name) - len(setup) - len(badge) - len(device))
        parts = [
            Segment(name, self._style("name")),
            Segment(setup),
            Segment(gap),
            Segment(badge, self._style("badge")),
            Segment(device, self._style("device")),
        ]
        self.show([Strip(parts)])

    def _style(self, part: str) -> Style:
        return self.component_style(f"header--{part}")


class Banner(Widget):
    """What happened, in words, until the next run; hidden while there is nothing to say."""

    DEFAULT_CSS = """
    Banner {
        height: auto;
        max-height: 4;
        padding: 0 1;
        text-style: bold;
        display: none;
        &.-shown { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = ""

    def put(self, words: str) -> None:
        words = printable(words)
        if words != self.words:
            self.words = words
            self.set_class(bool(words), "-shown")
            self.refresh(layout=True)

    def render(self) -> Text:
        return Text(self.words)


class KeyLine(Cells):
    """The keys in groups, as many as fit; a click on one presses it."""

    COMPONENT_CLASSES = {"keys--key", "keys--rule"}
    DEFAULT_CSS = """
    KeyLine {
        height: 1;
        color: $foreground 75%;
        & > .keys--key { color: $text-accent; text-style: bold; }
        & > .keys--rule { color: $foreground 30%; }
    }
    """

    def __init__(self, screen: ScreenName, keymap: dict[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self._keys = keys_of(screen)
        self._keymap = keymap
        self._labels: dict[str, str] = {}

    def relabel(self, **labels: str) -> None:
        """Change labels by the keys' ids: ``pause="resume"``; "" omits a key."""
        if labels != self._labels:
            self._labels = labels
            self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._redraw()

    def _redraw(self) -> None:
        if not self.is_mounted:
            return
        key_style = self.component_style("keys--key")
        rule_style = self.component_style("keys--rule")
        segments = [Segment(" ")]
        for gap, key in self._that_fit():
            press = Style.from_meta({"@click": self._click(key)})
            segments.append(Segment(gap, rule_style))
            segments.append(Segment(self._text(key), key_style + press))
            segments.append(Segment(f" {self._label(key)}", press))
        self.show([Strip(segments)])

    def _that_fit(self) -> list[tuple[str, Key]]:
        """Return the keys of the lowest ranks that fit, each with the gap before it."""
        chosen: set[str] = set()
        spaced: list[tuple[str, Key]] = []
        for key in sorted(filter(self._label, self._keys), key=lambda k: k.rank):
            more = self._spaced([k for k in self._keys if k.id in chosen or k is key])
            if sum(len(gap) + self._width(k) for gap, k in more) > self.size.width - 2:
                break
            chosen.add(key.id)
            spaced = more
        return spaced

    @staticmethod
    def _spaced(keys: list[Key]) -> list[tuple[str, Key]]:
        """Put two blanks between keys of a group and a rule between groups."""
        gaps = ["  " if one.group == other.group else " │ " for one, other in pairwise(keys)]
        return list(zip(["", *gaps], keys, strict=True))

    @staticmethod
    def _click(key: Key) -> str:
        return key.action if key.action.startswith("app.") else f"screen.{key.action}"

    def _width(self, key: Key) -> int:
        return len(self._text(key)) + 1 + len(self._label(key))

    def _text(self, key: Key) -> str:
        return key_text(self._keymap.get(key.id, key.key))

    def _label(self, key: Key) -> str:
        return self._labels.get(key.id, key.label)
