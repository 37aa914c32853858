"""The lr finder: two ways to a learning rate for what the cockpit's form says."""

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.getters import query_one

from tui_trainer.config.presets import PARTS, Presets
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import number_text
from tui_trainer.lr_search.events import LrFound, LrRangeAdvanced, LrTrialsAdvanced
from tui_trainer.lr_search.plan import LrSearch, plan_lr_search
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.roles import Charset
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.tui.background import Background, Work
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import PanedScreen
from tui_trainer.tui.lr.panes import LrAnswers, LrPane
from tui_trainer.tui.lr.wording import lr_banner_text, lr_status_text
from tui_trainer.tui.messages import Updated, ValuesTaken
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.run.wording import BADGES, tax_text
from tui_trainer.tui.widgets.lines import Banner, HeaderLine, KeyLine, StatusLine


class LrFinderScreen(PanedScreen):
    """Searches as soon as it is shown, unless it has for the very same settings."""

    place = "lr_finder"
    BINDINGS = [*bindings("lr_finder"), Binding("enter", "use", show=False)]
    VIEWS = ("upper", "lower")

    header = query_one("#header", HeaderLine)
    banner = query_one("#banner", Banner)
    plot = query_one("#plot", LrPane)
    answers = query_one("#answers", LrAnswers)
    status_line = query_one("#status", StatusLine)
    key_line = query_one("#keys", KeyLine)

    def __init__(
        self,
        presets: Presets,
        work: Work,
        keymap: dict[str, str],
        charset: Charset,
        ui_share: float,
        setup: ConfigForm,
    ) -> None:
        super().__init__(keymap, ui_share)
        self._presets, self._setup = presets, setup
        self._work, self._background = work, Background(self)
        self._charset = charset
        self.feed: Feed[LrSearchResult] | None = None
        self._control = SweepControl()
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Lay out the parts."""
        yield HeaderLine(id="header")
        yield Banner(id="banner")
        with Horizontal(id="body"), Vertical(id="panes"):
            yield LrPane(self._charset, id="plot", classes="upper")
            yield LrAnswers(id="answers", classes="lower")
        yield StatusLine(id="status")
        yield KeyLine("lr_finder", self._keymap, id="keys")

    def on_screen_resume(self) -> None:
        """Search, where the form says something else than it did."""
        self.call_after_refresh(self._start, anew=False)

    def on_unmount(self) -> None:
        """Let the search's thread end."""
        self._control.stop()

    @property
    def result(self) -> LrSearchResult | None:
        """The search's."""
        return self.feed.result if self.feed is not None else None

    @property
    def at_stake(self) -> str:
        """What is on its way."""
        return "The lr finder is training."

    # Keys

    def action_start(self) -> None:
        """Search again; a search on its way ends without a word."""
        self._start(anew=True)

    def action_stop(self) -> None:
        """End the search."""
        self._control.stop()

    def action_use(self) -> None:
        """Take the recommended learning rate into the cockpit's form."""
        if self.feed is not None and (lr := self.feed.result.recommended) is not None:
            self.post_message(ValuesTaken({"lr": lr}))

    # Searches

    def _start(self, *, anew: bool) -> None:
        self._problem = ""
        try:
            search = self._plan()
        except InvalidSettingsError as error:
            self._problem = f"⚠ {error}"
        else:
            shown = self.result.search if self.result is not None else None
            known = shown is not None and shown.config == search.config
            if anew or not (known or self.active):
                self._control.stop()
                self._control = SweepControl()
                self.feed = Feed(LrSearchResult(search))
                self._background.follow(
                    self.feed,
                    partial(self._work.find_lr, search, self._control),
                    frequent=(LrRangeAdvanced, LrTrialsAdvanced),
                    failed=lambda words: LrFound(StopReason.FAILED, None, None, None, words),
                )
        self._redraw_soon()
        self.draw()

    def _plan(self) -> LrSearch:
        settings = {key: value for key, value in self._setup.settings.items() if key != "lr"}
        return plan_lr_search(self._presets, self._setup.recipe, **settings)

    @on(Updated)
    def _take_update(self, message: Updated) -> None:
        if message.feed is self.feed:
            self._draw_update()

    # Drawing

    def draw_all(self) -> None:
        """Draw the newest state."""
        self.draw_lines()
        if self.result is not None:
            self.plot.put(self.result)
            self.answers.put(self.result)

    def draw_lines(self) -> None:
        """Draw header, banner, state and keys."""
        self._show_state()
        width, view = self.size.width, self.result
        config = (
            view.search.config
            if view is not None and view.search is not None
            else self._setup.config
        )
        names = " · ".join(getattr(config, part).name for part in PARTS)
        symbol, word = BADGES[self.state]
        place = (view.how if view is not None else "") or config.device
        self.header.put(f"lr finder · {names}", f"{symbol} {word}", place)
        self.banner.put(self._problem or (lr_banner_text(view, width) if view else ""))
        status = lr_status_text(view, width) if view else ""
        self.status_line.put(tax_text(self._budget.tax) if self._show_tax else status)
        self._label_keys()

    def _label_keys(self) -> None:
        """Name just the keys that do something now."""
        roomy = self.size.width >= 60
        lr = self.result.recommended if self.result is not None else None
        using = f"use lr {number_text(lr)}" if lr is not None else ""
        labels = {
            "start": "search again" if roomy else "again",
            "stop": "stop" if self.active else "",
            "use": using if roomy else using[:3],
            "setup": "pane" if self._one_pane else "",
        }
        self.key_line.relabel(**labels if roomy else {**labels, "quit": ""})
