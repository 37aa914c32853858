"""The screen of a loop: plots of its metrics, all of them in a list, what it printed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.monitor.result import LoopResult
from tui_trainer.training.state import State
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context
from tui_trainer.tui.monitor.filter_field import FilterField
from tui_trainer.tui.monitor.grouping import Plot
from tui_trainer.tui.monitor.loop_screen import LoopScreen
from tui_trainer.tui.monitor.metric_list import MetricList
from tui_trainer.tui.monitor.metric_pane import PIN, Look, MetricPane
from tui_trainer.tui.monitor.output_pane import OutputPane
from tui_trainer.tui.monitor.paging import Paging
from tui_trainer.tui.monitor.parts import OpenParts, Part
from tui_trainer.tui.monitor.plot_grid import PlotGrid
from tui_trainer.tui.monitor.reasons import loop_reasons
from tui_trainer.tui.monitor.wording import list_title, machine_text, no_plots_text, shown_text
from tui_trainer.tui.panes.health_pane import HealthPane
from tui_trainer.tui.widgets.lines import StatusLine
from tui_trainer.tui.widgets.plot_pane import PlotCommand, PlotPane
from tui_trainer.tui.widgets.row_table import Move, RowTable

_PLOTS_AT_FIRST = 4
_LIST_WIDTH, _MOST_LIST_WIDTH = "40%", 56  # where the list is beside the plots


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
        self._parts = OpenParts()
        self._paging = Paging(self._room)
        self._look = Look()

    def follow(self, folder: Path) -> None:
        """Show the loop of a folder; of the one before only the filter and open parts stay."""
        if folder != self._folder:
            self._paging = Paging(self._room, self._paging.pattern)
            self._look = Look()
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

    def _room(self, plots: int) -> int:
        """Return how many of so many plots are wanted and have room."""
        room = self.grid.most(min(self._wanted, plots))
        return min(room, 1) if self._one_pane else room

    @property
    def plot_pane(self) -> MetricPane | None:
        """The plot that keys are about: the focused one, else the first."""
        shown = self.grid.shown if self.grid.display else []
        return next((pane for pane in shown if pane.has_focus), next(iter(shown), None))

    def action_plots(self, count: int) -> None:
        self._wanted = count
        self._paging.zoom(None)
        self.draw_all()
        if (room := self.grid.most(count)) < min(count, len(self._paging.found)):
            self.say(f"There is room for {room} here.")

    def action_page(self, direction: Literal[-1, 1]) -> None:
        """Show the next plots, after the last ones the first ones."""
        self._paging.turn(direction)
        self.draw_all()

    def action_zoom(self) -> None:
        """Give the focused plot, or the first one, all the room; then the next; then none."""
        if self._one_pane:
            self._paging.turn(1)
        elif self._paging.is_zoomed:
            self._paging.zoom_next(1)
        elif page := self._paging.page:
            pane = self.plot_pane
            focused = pane.shown if pane is not None and pane.has_focus else None
            self._paging.zoom(focused or page[0])
        self.draw_all()

    def action_pin_plot(self) -> None:
        """Pin the plot of the metric under the list's cursor, or of the focused pane."""
        plot = self.metrics.plot if self._shows("metrics") else None
        if plot is None and (pane := self.plot_pane) is not None:
            plot = pane.shown
        if plot is not None:
            pinned = self._paging.pin(plot)
            self.say(f"{plot.title} stays in front." if pinned else f"{plot.title} is unpinned.")
            self.draw_all()

    # The list, the output and the filter

    def _shows(self, part: Part) -> bool:
        return part in self._parts and self.query_one(f"#{part}").display

    def _toggle(self, part: Part) -> None:
        """Open a part, or close it; one that another covers comes on top."""
        if self._shows(part):
            self._parts.close(part)
        else:
            self._parts.open(part)
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
            self._paging.zoom(plot)
            if not self.has_class("-wide"):
                self._parts.close("metrics")
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
        self._paging.filter(self.filter.pattern)
        self.draw_all()

    # Leaving

    def action_leave(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        """Leave the cursor, the field, the zoom, the filter, a part, a note; else the screen."""
        if self.withdraw() or self._drop_cursor():
            return
        if self.focused is not None and not self.typing:
            self.set_focus(None)
        elif self._paging.is_zoomed and not self.typing:
            self._paging.zoom(None)
        elif self.filter.display:
            self.filter.close()
            self.set_focus(None)
        elif (top := self._parts.top) is not None:
            self._parts.close(top)
        elif self.hide_note():
            pass
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
        if self._look.cursor is None:
            return False
        self._look.cursor = None
        self.draw_all()
        return True

    def action_smooth(self) -> None:
        self._look.smooth = not self._look.smooth
        self.draw_all()

    def action_log(self) -> None:
        """Toggle the log axis of the focused plot, or of all that are shown."""
        focused = [pane for pane in self.grid.shown if pane.has_focus]
        for pane in focused or self.grid.shown:
            if pane.shown is not None:
                pane.toggle_log()
                self._look.log_axes[pane.shown.key] = pane.log_axis
        self.draw_all()

    def action_next_view(self) -> None:
        """Focus the next plot; in a small terminal, show it."""
        if self._one_pane:
            self.action_page(1)
        else:
            self.focus_next(PlotPane)

    # Drawing

    def _lay_out(self) -> None:
        """Show the parts that are open and have room."""
        beside = self.has_class("-wide") and not self._one_pane
        below = self.has_class("-tall") and not self._one_pane
        layout = self._parts.layout(beside=beside, below=below)
        self.metrics.display = layout.metrics
        self.output.display = layout.output
        self.health.display = layout.health
        self.grid.display = layout.plots
        self.query_one("#above").display = layout.metrics or not layout.covered
        shares_width = beside and not layout.covered
        self.metrics.styles.width = _LIST_WIDTH if shares_width else "1fr"
        self.metrics.styles.max_width = _MOST_LIST_WIDTH if shares_width else None
        self.output.styles.height = "30%" if below and not layout.covered else "1fr"
        self.machine_line.display = not self._one_pane

    def draw_panes(self) -> None:
        self._lay_out()
        result = self.result
        if result is None:
            return
        self._paging.learn(result.metrics)
        if self.output.display:
            self.output.put(result.output, result.unfinished)
        if self.metrics.display:
            self._draw_list(result)
        if self.health.display:
            self.health.put_health(result.health, "no layers were measured")
        if self.grid.display:
            self._draw_plots(result)

    def _draw_list(self, result: LoopResult) -> None:
        found = self._paging.found
        counts = (sum(len(plot.members) for plot in plots) for plots in (found, self._paging.all))
        self.metrics.put_metrics(result, found, self._paging.pinned, list_title(*counts))

    def _draw_plots(self, result: LoopResult) -> None:
        page = self._paging.page
        self.grid.lay_out(max(1, len(page)))
        for pane, plot in zip(self.grid.panes, page, strict=False):
            title = f"{plot.title} {self._place(plot)}".rstrip()
            title = f"{PIN} {title}" if plot.key in self._paging.pinned else title
            pane.put(plot, result, self._look, title)
        if page:
            self._has_drawn.set()
        else:
            self.grid.panes[0].forget(no_plots_text(result))

    def _place(self, plot: Plot) -> str:
        """Say which of the plots one is, where one shows at a time."""
        found = self._paging.found
        return f"{found.index(plot) + 1}/{len(found)}" if self._one_pane and found[1:] else ""

    def draw_lines(self) -> None:
        super().draw_lines()
        summary = self.result.summary if self.result is not None else None
        found = self._paging.found
        page = self._paging.page if self.grid.display else []
        first = found.index(page[0]) if page else 0
        right = shown_text(first, len(page), len(found), self.filter.text, self.keys)
        room = max(0, self.size.width - len(right) - 4)
        left = machine_text(summary.machine if summary is not None else None, room)
        self.machine_line.put(f" {left:<{room}}  {right}")

    def key_labels(self) -> dict[str, str]:
        pane = self.plot_pane
        shown = pane.shown if pane is not None else None
        pinned = shown is not None and shown.key in self._paging.pinned
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
        if len(self._paging.page) >= len(self._paging.found):
            reasons |= dict.fromkeys(("page_next", "page_previous"), "All plots are shown.")
        return reasons
