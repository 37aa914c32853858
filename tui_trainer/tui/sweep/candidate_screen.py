"""One candidate of a sweep: its losses and its fit, live while it trains."""

from collections.abc import Iterator

from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.config.settings import setup_text
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.plan import values_of, values_text
from tui_trainer.training.state import State
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.messages import ValuesTaken
from tui_trainer.tui.panes.fit_pane import FitPane
from tui_trainer.tui.panes.loss_pane import LossPane
from tui_trainer.tui.run.reasons import look_reasons
from tui_trainer.tui.run.wording import banner_text, status_text
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.wording import MEDIUM


class CandidateScreen(LiveScreen):
    """The cockpit's panes for a run of a sweep, which samples its fit while it is shown."""

    screen_name = "candidate"
    BINDINGS = [*bindings("candidate")]

    loss_pane = query_one("#loss", LossPane)
    fit_pane = query_one("#fit", FitPane)

    def __init__(
        self, context: Context, feed: SweepFeed, index: int, control: SweepControl
    ) -> None:
        super().__init__(context)
        self.feed: SweepFeed = feed
        self._index, self._sweep_control = index, control
        self._stage = feed.result  # which may give way to a race
        self._result = self._stage.candidates[index]
        sweep = self._stage.sweep
        self._point = sweep.points[sweep.candidates[index].point]

    def make_panes(self) -> Iterator[Widget]:
        yield LossPane(self.context.charset, id="loss")
        yield FitPane(self.context.charset, id="fit")

    def on_mount(self) -> None:
        self._sweep_control.watch(self._index)
        self._redraw_soon()

    def on_unmount(self) -> None:
        self._sweep_control.watch(None)

    @property
    def state(self) -> State:
        return self.feed.state_of(self._index, self._stage)

    def action_smooth(self) -> None:
        self.loss_pane.toggle_smooth()
        self.draw_all()

    def action_look(self) -> None:
        """Show the fit in another way."""
        self.fit_pane.turn()
        self.draw_all()

    def action_use(self) -> None:
        """Put the candidate's value and seed into the cockpit's form."""
        values = values_of(self._stage.sweep, self._point)
        self.post_message(ValuesTaken({**values, "seed": self._result.config.seed}))

    def draw_panes(self) -> None:
        self.loss_pane.put(self._result)
        started = self._stage.started
        missing = "no fit yet" if self.active else "no fit: it did not finish"
        points = started.points if started else None
        dataset = self._result.config.dataset
        self.fit_pane.put(points, self._result.final_fit, missing, dataset=dataset)

    def header_texts(self) -> tuple[str, str]:
        config = self._result.config
        names = setup_text(config)
        return (
            f"{values_text(self._stage.sweep, self._point)} · seed {config.seed} · {names}",
            config.device,
        )

    def banner_text(self) -> str:
        return banner_text(self._result, self.size.width, self.keys, advice=False)

    def status_text(self) -> str:
        return status_text(self._result, self._result.config, self.size.width, pace=False)

    def key_labels(self) -> dict[str, str]:
        labels = {"setup": "pane", "look": self.fit_pane.next_look or "residuals"}
        if self.size.width >= MEDIUM:
            value, seed = values_text(self._stage.sweep, self._point), self._result.config.seed
            labels["use"] = f"use {value}, seed {seed}"
        return labels

    def why_not(self) -> dict[str, str]:
        return super().why_not() | look_reasons(self.fit_pane)
