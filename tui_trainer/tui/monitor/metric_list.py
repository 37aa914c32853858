"""The list of all metrics: the newest and the best value of each, and how it came there."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tui_trainer.formatting import printable, value_text
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.tui.monitor.grouping import Plot
from tui_trainer.tui.monitor.metric_pane import PIN
from tui_trainer.tui.widgets.row_table import Column, Move, Row, RowTable, moved
from tui_trainer.tui.widgets.sparkline import blocks_of

if TYPE_CHECKING:
    from tui_trainer.monitor.result import LoopResult
    from tui_trainer.monitor.series import Metric

_EDGES = 4  # columns for the frame and the cursor's sign
_COURSE = 12  # columns of a sparkline


class MetricList(RowTable):
    """A row for each metric of some plots; the cursor stays on its metric."""

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(id=id)
        self._blocks = blocks_of(charset)
        self._names: list[str] = []
        self._plots: list[Plot] = []
        self._selected = ""
        self._result: LoopResult | None = None
        self._pinned: Collection[str] = ()

    @property
    def plot(self) -> Plot | None:
        """The plot of the metric under the cursor."""
        if self._selected not in self._names:
            return None
        return self._plots[self._names.index(self._selected)]

    def put_metrics(
        self, result: "LoopResult", plots: Sequence[Plot], pinned: Collection[str], title: str
    ) -> None:
        """Show the metrics of some plots, in their order."""
        self._result, self._pinned = result, pinned
        pairs = [(member.name, plot) for plot in plots for member in plot.members]
        self._names, self._plots = [name for name, _ in pairs], [plot for _, plot in pairs]
        if not self._names:
            self.blank("no metric has such a name" if result.metrics else "nothing logged yet",
                       title)  # fmt: skip
            return
        if self._selected not in self._names:
            self._selected = self._names[0]
        rows = range(len(self._names))
        self.put(title, self._columns_for(), rows, self._row_of, self._names.index(self._selected))

    def choose(self, row: int) -> None:
        """Put the cursor on a row."""
        if row < len(self._names):
            self._selected = self._names[row]

    def move(self, move: Move) -> None:
        if self._names:
            place = self._names.index(self._selected)
            self._selected = self._names[moved(place, move, len(self._names), self.page)]

    def _columns_for(self) -> list[Column]:
        """Return the columns that there is room for; the name takes what the others leave."""
        sizes = [("", 1), ("last", 9), ("best", 9), ("course", _COURSE)]
        while len(sizes) > 2 and self._rest(sizes) < 16:
            sizes.pop()
        columns = [Column(title, size, title in ("last", "best")) for title, size in sizes]
        return [columns[0], Column("metric", max(8, self._rest(sizes))), *columns[1:]]

    def _rest(self, sizes: Sequence[tuple[str, int]]) -> int:
        return self.size.width - _EDGES - sum(size + self.gap for _, size in sizes) - self.gap

    def _row_of(self, row: int) -> Row:
        assert self._result is not None
        name, plot = self._names[row], self._plots[row]
        metric = self._result.metrics[name]
        role = next(member.role for member in plot.members if member.name == name)
        best = value_text(metric.best.value) if metric.best is not None else "–"
        return (
            (PIN if plot.key in self._pinned else "", "key"),
            (printable(name), "row"),
            (value_text(metric.last) if metric.last is not None else "–", "row"),
            (best, Role.BEST if metric.best is not None else "note"),
            (course_text(metric, self._result.step, self._blocks), role),
        )


def course_text(metric: "Metric", steps: int, blocks: str) -> str:
    """Draw a metric's whole course in a line, blank where it has no finite value."""
    import numpy as np

    found = metric.buckets(1, max(1, steps), _COURSE)
    means = found.mean[np.isfinite(found.mean)]
    places = ((found.step - 1) * _COURSE / max(1, steps)).astype(int)
    cells = [" "] * _COURSE
    if len(means):
        low, high = float(means.min()), float(means.max())
        for place, mean in zip(places.tolist(), found.mean.tolist(), strict=True):
            if np.isfinite(mean):
                share = (mean - low) / (high - low) if high > low else 0.5
                cells[min(place, _COURSE - 1)] = blocks[round(share * (len(blocks) - 1))]
    return "".join(cells).rstrip()
