"""The objective over the value swept."""

from typing import TYPE_CHECKING

from tui_trainer.plotting.roles import Role
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.wording import leader_text
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.widgets.plot_pane import PlotPane

if TYPE_CHECKING:
    from tui_trainer.plotting.chart import Chart


class SweepPane(PlotPane):
    """Medians with their spread over the seeds, the winner, what diverged."""

    def put(self, view: SweepFeed, *, cursor: int | None, log: bool | None) -> None:
        """Show a sweep; `cursor` is a point, `log` None chooses by the losses' range."""
        axis, points, leader = view.sweep.axes[0], view.result.points(), view.leader()
        if not any(candidate.step for candidate in view.result.candidates):
            ended = view.result.ended is not None
            self.blank("no step was taken" if ended else "starting…", (("Sweep", "title"),))
            return

        def make_chart(width: int, height: int) -> "Chart":
            from tui_trainer.plotting.sweep_chart import sweep_chart

            index = leader.point.index if leader else None
            return sweep_chart(axis, points, width, height, leader=index, cursor=cursor, log=log)

        def make_title(chart: "Chart") -> tuple[Part, ...]:
            short = self.size.width < 80
            what = "loss" if short else f"{view.sweep.objective} validation loss"
            return (
                (f"{what[0].upper()}{what[1:]} by {axis.key}{self.scale_note}  ", "title"),
                *legend(),
            )

        def legend() -> tuple[Part, ...]:
            parts = [(Role.MEDIAN, "median")]
            if leader is not None:
                parts.append((Role.BEST, "recommended" if view.recommendation else "lowest so far"))
            if any(point.diverged_share for point in points):
                parts.append((Role.DIVERGED, "diverged"))
            if view.sweep.seeds > 1:
                parts.append((Role.SPREAD, f"spread over {view.sweep.seeds} seeds"))
            if cursor is not None:
                parts.append((Role.CURSOR, "cursor"))
            return self.legend(*parts)

        note = leader_text(view) if view.recommendation is None else ""
        self.plot(make_chart, make_title, ((note, "note"),) if note else ())
