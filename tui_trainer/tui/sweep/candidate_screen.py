"""One candidate of a sweep: its losses and its fit, live while it trains."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.getters import query_one

from tui_trainer.config.presets import PARTS
from tui_trainer.plotting.roles import Charset
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.training.state import State
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import PanedScreen
from tui_trainer.tui.messages import ValuesTaken
from tui_trainer.tui.run.fit_pane import FitPane
from tui_trainer.tui.run.loss_pane import LossPane
from tui_trainer.tui.run.wording import BADGES, tax_text
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.wording import (
    candidate_banner_text,
    candidate_status_text,
    point_text,
)
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, KeyLine, StatusLine


class CandidateScreen(PanedScreen):
    """The cockpit's panes over a run that a sweep does; its fit is asked for while it is shown."""

    place = "candidate"
    BINDINGS = [*bindings("candidate")]
    VIEWS = ("upper", "lower")

    header = query_one("#header", HeaderLine)
    banner = query_one("#banner", Banner)
    loss_pane = query_one("#loss", LossPane)
    fit_pane = query_one("#fit", FitPane)
    status_line = query_one("#status", StatusLine)
    key_line = query_one("#keys", KeyLine)

    def __init__(
        self,
        view: SweepFeed,
        index: int,
        control: SweepControl,
        keymap: dict[str, str],
        charset: Charset,
        ui_share: float,
    ) -> None:
        super().__init__(keymap, ui_share)
        self.feed: SweepFeed = view
        self._index, self._control = index, control
        self._result = view.result.candidates[index]
        self._charset = charset
        self._log: bool | None = None
        self._smooth = False

    def compose(self) -> ComposeResult:
        """Lay out the panes."""
        yield HeaderLine(id="header")
        yield Banner(id="banner")
        with Horizontal(id="body"), Vertical(id="panes"):
            yield LossPane(self._charset, id="loss", classes="upper")
            yield FitPane(self._charset, id="fit", classes="lower")
        yield StatusLine(id="status")
        yield KeyLine("candidate", self._keymap, id="keys")

    def on_mount(self) -> None:
        """Ask for the fit."""
        self._control.watch(self._index)
        self._redraw_soon()

    def on_unmount(self) -> None:
        """Ask for it no longer."""
        self._control.watch(None)

    @property
    def state(self) -> State:
        """What the candidate is doing."""
        return self.feed.state_of(self._index)

    @property
    def at_stake(self) -> str:
        """Nothing: it is the sweep's."""
        return ""

    def action_log(self) -> None:
        """Change between a log and a linear loss axis."""
        self._log = not (self.loss_pane.is_log if self._log is None else self._log)
        self.draw_all()

    def action_smooth(self) -> None:
        """Smooth the losses, or no longer."""
        self._smooth = not self._smooth
        self.draw_all()

    def action_use(self) -> None:
        """Take the candidate's value and seed into the cockpit's form."""
        sweep = self.feed.sweep
        value = sweep.points[sweep.candidates[self._index].point].values[0]
        seed = self._result.config.seed
        self.post_message(ValuesTaken({sweep.axes[0].key: value, "seed": seed}))

    def draw_all(self) -> None:
        """Draw the newest state."""
        self.draw_lines()
        self.loss_pane.put(self._result, log=self._log, smooth=self._smooth)
        started, fit = self.feed.result.started, self._result.final_fit
        if fit is None:
            words = "no fit yet" if self.active else "no fit: it did not get to its end"
            self.fit_pane.blank(words, (("Fit", "title"),))
        else:
            self.fit_pane.put(started.points if started else None, fit)

    def draw_lines(self) -> None:
        """Draw header, banner, state and keys."""
        self._show_state()
        config = self._result.config
        value = point_text(self.feed, self.feed.sweep.candidates[self._index].point)
        names = " · ".join(getattr(config, part).name for part in PARTS)
        symbol, word = BADGES[self.state]
        words = f"{value} · seed {config.seed} · {names}"
        self.header.put(words, f"{symbol} {word}", config.device)
        self.banner.put(candidate_banner_text(self.state, self._result, self.size.width))
        status = candidate_status_text(self._result, self.size.width)
        self.status_line.put(tax_text(self._budget.tax) if self._show_tax else status)
        if self.size.width < 60:
            self.key_line.relabel(use="use", setup="pane", quit="")
        else:
            self.key_line.relabel(use=f"use {value}, seed {config.seed}", setup="pane")
