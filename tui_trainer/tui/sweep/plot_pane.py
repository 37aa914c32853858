"""The objective over the value swept."""

from tui_trainer.plotting.chart import Chart
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.sweep_chart import sweep_chart
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.wording import leader_text
from tui_trainer.tui.widgets.plot_pane import PlotPane


class SweepPane(PlotPane):
    """Medians with their spread over the seeds, the best point, what diverged."""

    def put(self, feed: SweepFeed, *, cursor: int | None) -> None:
        """Show a sweep; `cursor` is a point."""
        sweep, points, leader = feed.sweep, feed.result.points(), feed.leader()
        axis = sweep.axes[0]
        if not any(candidate.step for candidate in feed.result.candidates):
            ended = feed.result.ended is not None
            self.blank("no step was run" if ended else "starting…", "Sweep")
            return

        def make_chart(width: int, height: int) -> Chart:
            best, log = leader.point.index if leader else None, self.log_axis
            return sweep_chart(axis, points, width, height, leader=best, cursor=cursor, log=log)

        loss = "loss" if self.size.width < 80 else f"{sweep.objective} validation loss"
        legend = [(Role.MEDIAN, "median")]
        if leader is not None:
            legend.append((Role.BEST, "recommended" if feed.recommendation else "lowest so far"))
        if any(point.diverged_share for point in points):
            legend.append((Role.DIVERGED, "diverged"))
        if sweep.seeds > 1:
            legend.append((Role.SPREAD, f"spread over {sweep.seeds} seeds"))
        if cursor is not None:
            legend.append((Role.CURSOR, "cursor"))
        notes = [leader_text(feed)] if feed.recommendation is None else []
        best = f", each at its best {sweep.axes[-1].key}" if sweep.is_tuned else ""
        self.plot(make_chart, f"{loss[0].upper()}{loss[1:]} by {axis.key}{best}", legend, notes)
