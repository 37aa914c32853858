"""The screen of a loop: plots of its metrics, all of them in a list, what it printed."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.monitor.events import bound_name
from tui_trainer.training.state import State
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context
from tui_trainer.tui.monitor.filter_field import FilterField
from tui_trainer.tui.monitor.grouping import Plot, chosen_plots, plots_of
from tui_trainer.tui.monitor.loop_screen import LoopScreen
from tui_trainer.tui.monitor.metric_list import MetricList
from tui_trainer.tui.monitor.metric_pane import PIN, Look, MetricPane
from tui_trainer.tui.monitor.output_pane import OutputPane
from tui_trainer.tui.monitor.plot_grid import PlotGrid
from tui_trainer.tui.monitor.reasons import loop_reasons
from tui_trainer.tui.monitor.wording import (
    banner_text,
    machine_text,
    place_text,
    shown_text,
    status_text,
    title_text,
)
from tui_trainer.tui.panes.health_pane import HealthPane
from tui_trainer.tui.widgets.lines import StatusLine
from tui_trainer.tui.widgets.plot_pane import PlotCommand, PlotPane
from tui_trainer.tui.widgets.row_table import Move, RowTable

_PLOTS_AT_FIRST = 4
_LIST_WIDTH, _MOST_LIST_WIDTH = "40%", 56  # where the list is beside the plots
Part = Literal["metrics", "output", "health"]


class MonitorScreen(LoopScreen):
    """Plots of metrics, some at a time, all over the same steps; a list and the output on request.

    Only what is shown is drawn, and costs anything.
    """

    screen_name = "monitor"
    BINDINGS = [
        *bindings("monitor"),
        Binding("ctrl+c", "interrupt", "interrupt the loop", show=False),
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
    ]

    grid = query_one("#plots", PlotGrid)
    metrics = query_one("#metrics", MetricList)
    health = query_one("#health", HealthPane)
    output = query_one("#output", OutputPane)
    filter = query_one("#filter", FilterField)
    machine_line = query_one("#machine", StatusLine)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._wanted = _PLOTS_AT_FIRST
        self._open: list[Part] = []  # the last one on top
        self._laid_out: tuple[bool, ...] = ()
        self._forget()
        self.add_class(f"-{State.STARTING.value}")  # a change of state styles all parts anew

    @property
    def state(self) -> State:
        """What the loop is doing, or that it is about to be read."""
        return self.feed.result.state if self.feed is not None else State.STARTING

    def _forget(self) -> None:
        """Forget what is about one loop alone."""
        self._plots: list[Plot] = []
        self._known = 0  # metrics that are in the plots
        self._pinned: dict[str, None] = {}  # keys of plots
        self._log_axes: dict[str, bool | None] = {}  # by the plots' keys
        self._look = Look()
        self._first = 0  # the place of the first plot that is shown
        self._zoomed = ""  # the key of the plot that has all the room

    def follow(self, folder: Path) -> None:
        if folder != self._folder:
            self._forget()
        super().follow(folder)

    def make_panes(self) -> Iterator[Widget]:
        charset = self.context.charset
        with Horizontal(id="above"):
            yield MetricList(charset, id="metrics")
            yield PlotGrid(charset, id="plots")
            yield HealthPane(charset, id="health")
        yield OutputPane(id="output")
        yield FilterField(id="filter")
        yield StatusLine(id="machine")

    # Which plots are shown

    @property
    def plots(self) -> list[Plot]:
        """The plots that the filter finds, the pinned ones in front."""
        return chosen_plots(self._plots, self.filter.pattern, self._pinned)

    @property
    def page(self) -> list[Plot]:
        """The plots that are shown."""
        plots = self.plots
        if zoomed := [plot for plot in plots if plot.key == self._zoomed]:
            return zoomed
        count = self.grid.most(min(self._wanted, len(plots))) if plots else 0
        if self._one_pane:
            count = min(count, 1)
        self._first = max(0, min(self._first, len(plots) - count))
        return plots[self._first : self._first + count]

    @property
    def plot_pane(self) -> PlotPane | None:
        """The plot that keys are about: the focused one, else the first."""
        shown = self.grid.shown if self.grid.display else []
        return next((pane for pane in shown if pane.has_focus), next(iter(shown), None))

    def _learn_names(self) -> None:
        """Put metrics that are new into plots; bounds are drawn with what they are for."""
        assert self.result is not None
        if self._known != len(self.result.metrics):
            names = list(self.result.metrics)
            self._known = len(names)
            bounds = {bound_name(name) for name in names}
            self._plots = plots_of([name for name in names if name not in bounds])

    @on(PlotGrid.Resized)
    def _take_room(self) -> None:
        self.draw_all()

    def action_plots(self, count: int) -> None:
        self._wanted, self._zoomed = count, ""
        self.draw_all()
        if (room := self.grid.most(count)) < min(count, len(self.plots)):
            self.say(f"There is room for {room} here.")

    def action_page(self, direction: Literal[-1, 1]) -> None:
        """Show the next plots, after the last ones the first ones."""
        count, shown = len(self.plots), len(self.page)
        if self._zoomed:
            self._zoom_by(direction)
        elif direction > 0:
            self._first = self._first + shown if self._first + shown < count else 0
        else:
            self._first = self._first - shown if self._first else count
        self.draw_all()

    def action_zoom(self) -> None:
        """Give the focused plot, or the first one, all the room; then the next; then none."""
        page = self.page
        if self._one_pane:
            self.action_page(1)
        elif self._zoomed:
            self._zoom_by(1)
        elif page:
            pane = self.plot_pane
            focused = isinstance(pane, MetricPane) and pane.has_focus and pane.shown
            self._zoomed = (focused or page[0]).key
        self.draw_all()

    def _zoom_by(self, places: int) -> None:
        keys = [plot.key for plot in self.plots]
        place = keys.index(self._zoomed) + places if self._zoomed in keys else len(keys)
        self._zoomed = keys[place] if 0 <= place < len(keys) else ""

    def action_pin_plot(self) -> None:
        """Pin the plot of the metric under the list's cursor, or of the focused pane."""
        plot = self.metrics.plot if self._shows("metrics") else None
        if plot is None and isinstance(pane := self.plot_pane, MetricPane):
            plot = pane.shown
        if plot is None:
            return
        if plot.key in self._pinned:
            del self._pinned[plot.key]
            self.say(f"{plot.title} is unpinned.")
        else:
            self._pinned[plot.key] = None
            self._first = 0
            self.say(f"{plot.title} stays in front.")
        self.draw_all()

    # The list, the output and the filter

    def _shows(self, part: Part) -> bool:
        return part in self._open and self.query_one(f"#{part}").display

    def _toggle(self, part: Part) -> None:
        """Open a part, or close it; one that another covers comes on top."""
        shown = self._shows(part)
        self._open = [other for other in self._open if other != part]
        if not shown:
            self._open.append(part)
        self.draw_all()

    def action_metrics(self) -> None:
        self._toggle("metrics")

    def action_output(self) -> None:
        self._toggle("output")

    def action_health(self) -> None:
        self._toggle("health")

    def action_open_metric(self) -> None:
        """Zoom the plot of the metric under the list's cursor."""
        if (plot := self.metrics.plot) is not None:
            self._zoomed = plot.key
            if not self.has_class("-wide"):
                self._open = [part for part in self._open if part != "metrics"]
            self.draw_all()

    def action_scroll(self, move: Move) -> None:
        """Move in the list, or else in the output."""
        if self._shows("metrics") and not self.output.has_focus:
            self.metrics.move(move)
            self.draw_all()
        elif self._shows("output"):
            self.output.move(move)

    @on(RowTable.Chosen)
    def _take_row(self, event: RowTable.Chosen) -> None:
        self.metrics.choose(event.key)
        self.draw_all()

    def action_filter(self) -> None:
        self.filter.open()

    @on(FilterField.Changed)
    def _take_filter(self) -> None:
        self._first, self._zoomed = 0, ""
        self.draw_all()

    # Leaving

    def action_leave(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        """Leave the cursor, the field, the zoom, the filter, what is open; else the screen."""
        if self.withdraw() or self._drop_cursor():
            return
        if self.focused is not None and not self.typing:
            self.set_focus(None)
        elif self._zoomed and not self.typing:
            self._zoomed = ""
        elif self.filter.display:
            self.filter.close()
            self.set_focus(None)
        elif self._open:
            self._open.pop()
        elif len(self.app.screen_stack) > 1 and not self.is_first:
            self.app.pop_screen()
            return
        else:
            self.say(f"{self.key('quit')} leaves, {self.key('runs')} lists all runs.")
            return
        self.draw_all()

    is_first = False  # whether there is nothing to go back to

    # Cursor, zoom and pan along the steps: one for all plots

    def action_plot(self, command: PlotCommand, amount: int) -> None:
        pane = self.plot_pane
        words = pane.obey(command, amount) if pane is not None else ""
        if pane is not None:
            self._share(pane)
        if words:
            self.say(words)

    @on(MetricPane.Looked)
    def _take_look(self, message: MetricPane.Looked) -> None:
        self._share(message.pane)

    def _share(self, pane: PlotPane) -> None:
        """Give all plots the cursor and the part of one."""
        self._look.view, self._look.cursor = pane.view, pane.cursor
        self.draw_all()

    def _drop_cursor(self) -> bool:
        dropped = self._look.cursor is not None
        if dropped:
            self._look.cursor = None
            self.draw_all()
        return dropped

    def action_smooth(self) -> None:
        self._look.smooth = not self._look.smooth
        self.draw_all()

    def action_log(self) -> None:
        """Toggle the log axis of the focused plot, or of all that are shown."""
        focused = [pane for pane in self.grid.shown if pane.has_focus]
        for pane in focused or self.grid.shown:
            if pane.shown is not None:
                pane.toggle_log()
                self._log_axes[pane.shown.key] = pane.log_axis
        self.draw_all()

    def action_next_view(self) -> None:
        """Focus the next plot; in a small terminal, show it."""
        if self._one_pane:
            self.action_page(1)
        else:
            self.focus_next(PlotPane)

    # Drawing

    def _lay_out(self) -> None:
        """Show the parts that are open and have room: where there is little, the last one."""
        beside = self.has_class("-wide") and not self._one_pane
        below = self.has_class("-tall") and not self._one_pane
        top = self._open[-1] if self._open else None
        listed = "metrics" in self._open and (beside or top == "metrics")
        printed = "output" in self._open and (below or top == "output")
        covered = (listed and not beside) or (printed and not below)
        self.metrics.display = listed
        self.output.display = printed
        inside = "health" in self._open and not covered  # in the place of the plots
        self.health.display = inside
        self.grid.display = not (covered or inside)
        self.query_one("#above").display = listed or not covered
        self.metrics.styles.width = _LIST_WIDTH if beside and not covered else "1fr"
        self.metrics.styles.max_width = _MOST_LIST_WIDTH if beside and not covered else None
        self.output.styles.height = "30%" if below and not covered else "1fr"
        self.machine_line.display = not self._one_pane
        laid_out = (listed, printed, covered, inside, beside, below)
        if laid_out != self._laid_out:
            self._laid_out = laid_out
            self.call_after_refresh(self.draw_all)  # once the parts have their sizes

    def draw_panes(self) -> None:
        self._lay_out()
        result = self.result
        if result is None:
            return
        self._learn_names()
        if self.output.display:
            self.output.put(result.output, result.unfinished)
        if self.metrics.display:
            self.metrics.put_metrics(result, self.plots, self._pinned, self._list_title)
        if self.health.display:
            self.health.put_health(result.health, "no layers were measured")
        if self.grid.display:
            self._draw_plots()

    def _draw_plots(self) -> None:
        assert self.result is not None
        page = self.page
        self.grid.lay_out(max(1, len(page)))
        for pane, plot in zip(self.grid.panes, page, strict=False):
            pane.log_axis = self._log_axes.get(plot.key)
            title = f"{plot.title} {self._place(plot)}".rstrip()
            title = f"{PIN} {title}" if plot.key in self._pinned else title
            pane.put(plot, self.result, self._look, title)
        if not page:
            self.grid.panes[0].forget(self._nothing_text)

    def _place(self, plot: Plot) -> str:
        """Say which of the plots one is, where one shows at a time."""
        plots = self.plots
        return f"{plots.index(plot) + 1}/{len(plots)}" if self._one_pane and plots[1:] else ""

    @property
    def _nothing_text(self) -> str:
        assert self.result is not None
        if self.result.metrics:
            return "no metric has such a name"
        ended = "nothing was logged" if self.result.ended is not None else "nothing logged yet"
        return ended if self.result.started is not None else "reading…"

    @property
    def _list_title(self) -> str:
        count, known = (sum(len(p.members) for p in plots) for plots in (self.plots, self._plots))
        return f"Metrics · {count:,}" + (f" of {known:,}" if count < known else "")

    def header_texts(self) -> tuple[str, str]:
        if self.result is None:
            return "", ""
        return title_text(self.result), place_text(self.result, socket.gethostname())

    def banner_text(self) -> str:
        return banner_text(self.result, self.size.width, self.keys) if self.result else ""

    def status_text(self) -> str:
        return status_text(self.result, self.size.width) if self.result else ""

    def draw_lines(self) -> None:
        super().draw_lines()
        summary = self.result.summary if self.result is not None else None
        plots = self.plots
        page = self.page if self.grid.display else []
        first = plots.index(page[0]) if page else 0
        right = shown_text(first, len(page), len(plots), self.filter.text, self.keys)
        room = max(0, self.size.width - len(right) - 4)
        left = machine_text(summary.machine if summary is not None else None, room)
        self.machine_line.put(f" {left:<{room}}  {right}")

    def key_labels(self) -> dict[str, str]:
        pane = self.plot_pane
        pinned = isinstance(pane, MetricPane) and pane.shown and pane.shown.key in self._pinned
        return {
            "setup": "pane",
            "pause": "resume" if self.state is State.PAUSED else "pause",
            "health": "plots" if self._shows("health") else "health",
            "pin_plot": "unpin" if pinned else "pin",
            "back": "" if self.is_first else "back",
        }

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now."""
        reasons = loop_reasons(self.result)
        if not self._shows("metrics"):
            reasons["open_metric"] = f"{self.key('metrics')} lists the metrics first."
        if len(self.page) >= len(self.plots):
            reasons |= dict.fromkeys(("page_next", "page_previous"), "All plots are shown.")
        return reasons
