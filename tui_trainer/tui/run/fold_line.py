"""A dim line in place of the form's rows that are as they mostly are."""

from collections.abc import Mapping, Sequence

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui_trainer.config.overrides import Value
from tui_trainer.formatting import printable

# What folds while it is as it mostly is, in the order of the line.
USUAL: Mapping[str, Value | None] = {
    "optimizer": "sgd",
    "schedule": "constant",
    "activation": "relu",
    "batch_size": None,
    "validate_every": 1,
}
_NUMBERS = {"batch_size": "full batch", "validate_every": "every step validates"}
_FOLD = "▾ fold what is at its default"


class FoldLine(Static, can_focus=True):
    """Names what is folded, with keys: ``u sgd · c constant``; enter and a click unfold it."""

    DEFAULT_CSS = """
    FoldLine {
        height: auto;
        color: $foreground 60%;
        &:focus { background: $boost; }
        &:hover { background: $boost; }
    }
    """
    BINDINGS = [Binding("enter,right", "turn", "unfold", show=False)]

    class Turned(Message):
        """What is folded was asked for, or is to be folded again."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: tuple[tuple[str, str, bool], ...] = ()
        self._unfolded = False

    def put(self, settings: Sequence[tuple[str, str, bool]], *, unfolded: bool) -> None:
        """Show the key, the value and whether it is marked of each setting that is folded."""
        shown = tuple(settings)
        self.display = unfolded or bool(shown)
        if (shown, unfolded) != (self._shown, self._unfolded):
            self._shown, self._unfolded = shown, unfolded
            self._write()

    def on_resize(self, event: events.Resize) -> None:
        self._write()

    def action_turn(self) -> None:
        self.post_message(self.Turned())

    def on_click(self) -> None:
        self.action_turn()

    def _write(self) -> None:
        if self._unfolded:
            self.update(Content(_FOLD))
            return
        lines: list[list[Content]] = [[]]
        used = 0
        for key, value, marked in self._shown:
            part = Content.assemble(
                (key, "bold $text-accent"), " ",
                ("›" if marked else "", "bold $text-warning"), printable(value),
            )  # fmt: skip
            width = part.cell_length + 3
            if used and used + width - 3 > self.size.width:
                lines.append([])
                used = 0
            lines[-1].append(part)
            used += width
        self.update(Content("\n").join(Content(" · ").join(line) for line in lines))


def folded_text(setting: str) -> str:
    """Write a setting that is as usual."""
    return _NUMBERS.get(setting) or str(USUAL[setting])
