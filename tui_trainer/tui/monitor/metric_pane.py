"""A plot of a metric: what it was in training, in validation and in the test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

from tui_trainer.formatting import value_text
from tui_trainer.monitor.events import bound_name
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.plotting.view import ALL, View
from tui_trainer.training.state import State
from tui_trainer.tui.monitor.grouping import Member, Plot
from tui_trainer.tui.widgets.plot_edges import Named
from tui_trainer.tui.widgets.plot_pane import PlotPane
from tui_trainer.tui.wording import NARROW, progress_bar

if TYPE_CHECKING:  # all need numpy, which the first frame does not
    from tui_trainer.monitor.result import LoopResult
    from tui_trainer.monitor.series import Metric
    from tui_trainer.plotting.chart import Chart
    from tui_trainer.plotting.metric_chart import Line
    from tui_trainer.training.marks import LossMarks

PIN = "▸"


@dataclass
class Look:
    """How plots of a loop are looked at: all of them over the same steps, with one cursor.

    Only the log axes are each plot's own, by the plots' keys.
    """

    view: View = ALL
    cursor: float | None = None
    smooth: bool = False
    log_axes: dict[str, bool | None] = field(default_factory=dict)


class MetricPane(PlotPane):
    """One of the plots of the grid, which shows now this metric and now that."""

    @dataclass
    class Looked(Message):
        """The mouse moved the cursor or changed what part is shown."""

        pane: "MetricPane"

    def __init__(self, charset: Charset, *, id: str) -> None:
        super().__init__(charset, id=id)
        self.shown: Plot | None = None
        self._best_is_highest = False

    def put(self, plot: Plot, result: "LoopResult", look: Look, title: str) -> None:
        """Show a plot's metrics, as far as the loop has come, under a title."""
        if plot != self.shown:
            self.shown, self._chart, self._drawing = plot, None, None
        self.view, self.cursor = look.view, look.cursor
        self.log_axis = look.log_axes.get(plot.key)
        metrics = {m: result.metrics[m.name] for m in plot.members if m.name in result.metrics}
        if not metrics:
            self.blank("nothing logged yet", title)
            return
        from tui_trainer.plotting.metric_chart import metric_chart, metric_reader

        self._best_is_highest = all(metric.higher_is_better for metric in metrics.values())
        lines = [*self._curves(metrics), *_bounds(metrics, result)]
        marks = _marks(metrics, result)

        def make_chart(width: int, height: int) -> "Chart":
            return metric_chart(
                lines,
                marks,
                result.step,
                width,
                height,
                log=self.axis_kind,
                smooth=look.smooth,
                view=self.view,
            )

        judged = any(line.role is Role.BOUND for line in lines)
        notes = self._notes_on(metrics, result if judged else None)
        self.plot(make_chart, title, self._legend(lines, marks), notes, metric_reader(lines, marks))

    def forget(self, words: str) -> None:
        """Show words instead of a plot."""
        self.shown = None
        self.blank(words, "Metrics")

    @property
    def axis_kind(self) -> bool | None:
        """Whether the axis is a log one: shares of 1 are read on a linear one."""
        kind = super().axis_kind
        return False if kind is None and self._best_is_highest else kind

    def _tell_log(self, chart: "Chart") -> None:
        """Say nothing: of nine plots that would be nine messages, and the edge says it."""

    def _curves(self, metrics: "dict[Member, Metric]") -> "Iterator[Line]":
        from tui_trainer.plotting.metric_chart import Line

        small = self.size.width < NARROW
        for member, metric in metrics.items():
            yield Line("val" if small and member.label == "validation" else member.label,
                       member.role, metric)  # fmt: skip

    @staticmethod
    def _legend(lines: "list[Line]", marks: "LossMarks") -> Named:
        parts = [(line.role, line.label) for line in lines] if len(lines) > 1 else []
        parts.sort(key=lambda part: part[0] is Role.BOUND)
        if marks.best_step is not None:
            parts.append((Role.BEST, "best"))
        if marks.stop_step is not None:
            parts.append((Role.STOP, f"stop at {marks.stop_step:,}"))
        if marks.lr_changes:
            parts.append((Role.LR, "lr changed"))
        return parts

    @staticmethod
    def _notes_on(metrics: "dict[Member, Metric]", judged: "LoopResult | None") -> tuple[str, ...]:
        """Write the newest values and, where there is room, how near a rule is, or the best one."""
        alone = len(metrics) == 1
        newest = [
            value_text(metric.last) if alone else f"{member.label} {value_text(metric.last)}"
            for member, metric in metrics.items()
            if metric.last is not None
        ]
        now, shortest = " · ".join(newest), newest[-1:]
        gauge = judged.summary.gauge if judged is not None and judged.summary is not None else None
        if gauge is not None:
            bar = f" {progress_bar(gauge.nearness, 8)}" if gauge.armed else ""
            return f"{now} · {gauge.words}{bar}", f"{now}{bar}", now, *shortest
        if (best := _judged(metrics).best) is None:
            return now, *shortest
        words = f"best {value_text(best.value)}"
        return f"{now} · {words} at {best.step:,}", f"{now} · {words}", now, *shortest

    def _point_at_mouse(self, event: events.MouseEvent) -> bool:
        pointed = super()._point_at_mouse(event)
        self.post_message(self.Looked(self))
        return pointed

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        super()._wheel(event, direction)
        self.post_message(self.Looked(self))


def _judged(metrics: "dict[Member, Metric]") -> "Metric":
    """Return the metric whose best value counts: that of validation, if there is one."""
    ordered = sorted(metrics, key=lambda member: member.role is not Role.VALIDATION)
    return metrics[ordered[0]]


def _marks(metrics: "dict[Member, Metric]", result: "LoopResult") -> "LossMarks":
    from tui_trainer.training.marks import LossMarks

    best = _judged(metrics).best
    stopped = result.ended if result.state is State.STOPPED_EARLY else None
    return LossMarks(
        best_step=best.step if best is not None else None,
        best_val_loss=best.value if best is not None else None,
        stop_step=stopped.steps if stopped is not None else None,
        lr_changes=tuple(result.lr_changes),
        planned_steps=result.total or None,
    )


def _bounds(metrics: "dict[Member, Metric]", result: "LoopResult") -> "Iterator[Line]":
    """Yield what the stopping rule holds one of the metrics against."""
    from tui_trainer.plotting.metric_chart import Line

    for member in metrics:
        if (bound := result.metrics.get(bound_name(member.name))) is not None:
            yield Line("bound", Role.BOUND, bound)
