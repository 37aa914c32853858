"""What the loop printed: its last lines, and those before by scrolling."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from rich.segment import Segment
from textual import events
from textual.strip import Strip

from tui_trainer.tui.widgets.cells import cut
from tui_trainer.tui.widgets.framed import Framed, Part
from tui_trainer.tui.widgets.row_table import Move


class OutputPane(Framed):
    """Lines of text, never markup; without scrolling the newest are in view."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._printed: Sequence[str] = deque[str]()
        self._unfinished = ""
        self._above = 0  # lines between the last one in view and the newest

    def put(self, lines: Sequence[str], unfinished: str) -> None:
        """Show lines, and one that is not ended, as far as there are any."""
        self._printed, self._unfinished = lines, unfinished
        self._draw()

    def move(self, move: Move) -> None:
        """Scroll."""
        page = self._page
        by = {"up": 1, "down": -1, "page_up": page, "page_down": -page}
        if move in by:
            self._above += by[move]
        else:
            self._above = len(self._printed) if move == "first" else 0
        self._draw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._above += 3
        self._draw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._above -= 3
        self._draw()

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 2)

    @property
    def _count(self) -> int:
        return len(self._printed) + bool(self._unfinished)

    def _draw(self) -> None:
        if (room := self._room()) is None:
            return
        width, height = room
        title: tuple[Part, ...] = (("Output", "title"),)
        if not self._count:
            self._box(self._message("nothing printed under a screen", width, height), title, ())
            return
        self._above = max(0, min(self._above, self._count - height))
        last = self._count - self._above
        first = max(0, last - height)
        lines = list(islice(self._printed, first, min(last, len(self._printed))))
        if self._unfinished and last == self._count:
            lines.append(self._unfinished)
        lines += [""] * (height - len(lines))
        strips = [Strip([Segment(cut(line, width))]).adjust_cell_length(width) for line in lines]
        some = height < self._count
        shown = f"{first + 1:,} to {last:,} of {self._count:,}"
        note: tuple[Part, ...] = ((shown, "note"),) if some else ()
        self._box([self._boxed(list(strip)) for strip in strips], title, note)
