"""How the layers fare: gradients, updates, dead units, and what to make of them, a row a layer."""

import math
import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from tui_trainer.formatting import loss_text, printable
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.events import LayerHealth
from tui_trainer.training.health import Health, Verdict, exponent_text, judge
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.row_table import Column, Row, RowTable
from tui_trainer.tui.widgets.sparkline import blocks_of, sparkline
from tui_trainer.tui.wording import NARROW

_EDGES = 4  # columns for the frame and the sign before a row
_WIDTHS = {"gradient": 8, "course": 12, "update": 7, "short": 15}
_LONGEST_NAME = 24
_DECADE = 1.0  # a gradient's course is flat that moves by less than a factor of 10


class HealthPane(RowTable):
    """A row for each layer, from input to output; those with something to say come first where
    there is no room for all."""

    def __init__(self, charset: Charset, *, id: str, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._blocks = blocks_of(charset)
        self._health = Health()
        self._shown: list[str] = []
        self._fields: tuple[str, ...] = ()
        self._verdicts: dict[str, Verdict] = {}

    def put_health(self, health: Health | None, missing: str) -> None:
        """Show what was measured, or say what is `missing`."""
        if health is None or not health.layers:
            self.blank(missing, "Health")
            return
        self._health = health
        self._verdicts = {name: judge(layer) for name, layer in health.layers.items()}
        self._shown = list(health.layers)
        self._fields = self._fields_for()
        notes = self._notes_below() if self._fields[-1] == "dead" else []
        if notes and len(self._shown) + 1 + len(notes) > self.page:  # no room below the rows
            self._fields, notes = ("layer", "update", "short"), []
        if len(self._shown) > self.page:
            self._shown.sort(key=self._urgency)
        columns = [self._column(field) for field in self._fields]
        self.put(self._title_text(), columns, range(len(self._shown)), self._row_of, None,
                 notes=notes)  # fmt: skip

    def _urgency(self, name: str) -> int:
        verdict = self._verdicts[name]
        return 0 if verdict.is_bad else 1 if verdict.words else 2

    def _title_text(self) -> str:
        health = self._health
        words = ["Health", f"step {health.step:,}"]
        words.append(f"measuring costs {max(health.share, 0.001):.1%}")
        room = self.size.width - 6
        return next((t for n in (3, 2) if len(t := " · ".join(words[:n])) <= room), words[0])

    def _fields_for(self) -> tuple[str, ...]:
        """Return what a row has: the verdict is the last to go below the rows."""
        rows: list[tuple[str, ...]] = [
            ("layer", "gradient", "course", "update", "dead", "words"),
            ("layer", "gradient", "update", "dead", "words"),
            ("layer", "gradient", "course", "update", "dead"),
        ]
        rest = next((row for row in rows if self._rest(row) >= 0), None)
        return rest or ("layer", "gradient", "update", "dead")

    def _rest(self, fields: Sequence[str]) -> int:
        widths = (self._width(field) + self.gap for field in fields)
        return self.size.width - _EDGES - sum(widths) + self.gap

    def _width(self, field: str) -> int:
        if field == "layer":
            longest = max(cell_len(printable(name)) for name in self._health.layers)
            return min(max(longest, 5), _LONGEST_NAME if self.size.width >= NARROW else 10)
        if field == "words":
            return max(len(verdict.words) for verdict in self._verdicts.values()) + 2
        if field == "dead":
            return max(len("dead"), *(len(_share(layer)) for layer in self._health.layers.values()))
        return _WIDTHS[field]

    def _column(self, field: str) -> Column:
        width = self._width(field)
        if field in ("words", "short"):
            return Column("", max(1, width + self._rest(self._fields)))
        title = "" if field == "course" else field
        return Column(title, width, field in ("gradient", "update", "dead"))

    def _notes_below(self) -> list[str]:
        """Write the verdicts in lines."""
        room = max(8, self.size.width - _EDGES)
        return [line for words in self._health.verdicts
                for line in textwrap.wrap(printable(words), room)]  # fmt: skip

    def _row_of(self, row: int) -> Row:
        name = self._shown[row]
        return [self._cell(field, name) for field in self._fields]

    def _cell(self, field: str, name: str) -> Part:
        layer, verdict = self._health.layers[name], self._verdicts[name]
        match field:
            case "layer":
                return printable(name), "row"
            case "gradient":
                return loss_text(layer.gradient), "row"
            case "course":
                course = self._health.gradients[name].values
                return sparkline(course, _WIDTHS["course"], self._blocks, _DECADE), Role.TRAIN
            case "update":
                return _exponent(layer), "row"
            case "dead":
                return _share(layer), "row" if layer.dead else "note"
            case _:
                words = verdict.words if field == "words" else verdict.short
                return (f"⚠ {words}", Role.STOP) if verdict.is_bad else (words, "row")


def _share(layer: LayerHealth) -> str:
    return f"{layer.dead}/{layer.units}" if layer.units else "–"


def _exponent(layer: LayerHealth) -> str:
    """Write the update over the weights as a power of 10."""
    ratio = layer.ratio
    if ratio is None or not math.isfinite(ratio) or ratio <= 0:
        return "–"
    return f"10^{exponent_text(ratio)}"
