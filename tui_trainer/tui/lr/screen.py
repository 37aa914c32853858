"""The lr finder: two ways to a learning rate for the cockpit's form."""

from collections.abc import Iterator
from functools import partial

from textual.binding import Binding
from textual.getters import query_one
from textual.widget import Widget

from tui_trainer.config.settings import setup_text
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import number_text
from tui_trainer.lr_search.events import LrFound, LrRangeAdvanced, LrTrialsAdvanced
from tui_trainer.lr_search.plan import LrSearch, plan_lr_search
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.notices.endings import Ending, end_of_search
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.keys import bindings
from tui_trainer.tui.live_screen import Context, LiveScreen
from tui_trainer.tui.lr.panes import LrAnswers, LrPane
from tui_trainer.tui.lr.wording import lr_banner_text, lr_status_text
from tui_trainer.tui.messages import ValuesTaken
from tui_trainer.tui.run.form import ConfigForm
from tui_trainer.tui.wording import NARROW

_LOWER = 1e5  # how far below a range in which every trial diverged the next one starts


class LrFinderScreen(LiveScreen):
    """Searches as soon as it is shown, unless it has already done so for these settings."""

    screen_name = "lr_finder"
    WORK = "lr finder"
    BINDINGS = [*bindings("lr_finder"), Binding("enter", "press('use')", show=False)]

    plot = query_one("#plot", LrPane)
    answers = query_one("#answers", LrAnswers)

    def __init__(self, context: Context, setup: ConfigForm) -> None:
        super().__init__(context)
        self._setup = setup
        self.feed: Feed[LrSearchResult] | None = None
        self._control: SweepControl = SweepControl()

    def make_panes(self) -> Iterator[Widget]:
        yield LrPane(self.context.charset, id="plot")
        yield LrAnswers(id="answers")

    def on_screen_resume(self) -> None:
        """Search if the form has changed."""
        self.call_after_refresh(self._start, anew=False)

    @property
    def result(self) -> LrSearchResult | None:
        return self.feed.result if self.feed is not None else None

    @property
    def quit_warning(self) -> str:
        return "The lr finder is not finished."

    def ending(self) -> Ending:
        assert self.result is not None
        return end_of_search(self.result)

    # Keys

    def action_start(self) -> None:
        """Search again, in place of a search that is running; lower if every trial diverged."""
        self._start(anew=True)

    def action_use(self) -> None:
        """Put the recommended learning rate into the cockpit's form."""
        if self.result is not None and (lr := self.result.recommended) is not None:
            self.post_message(ValuesTaken({"lr": lr}))

    # Searches

    def _start(self, *, anew: bool) -> None:
        self._problem = ""
        try:
            search = self._plan(below=self._lowest_diverged if anew else None)
        except InvalidSettingsError as error:
            self._problem = f"⚠ {error}"
        else:
            shown = self.result.search if self.result is not None else None
            known = shown is not None and shown.config == search.config
            if anew or not (known or self.active):
                self._search(search)
        self._redraw_soon()
        self.draw()

    def _search(self, search: LrSearch) -> None:
        self._control.stop()
        self._control = SweepControl()
        self.feed = Feed(LrSearchResult(search))
        self._background.follow(
            self.feed,
            partial(self.context.work.find_lr, search, self._control),
            frequent=(LrRangeAdvanced, LrTrialsAdvanced),
            failed=lambda words: LrFound(StopReason.FAILED, None, None, None, words),
        )

    @property
    def _lowest_diverged(self) -> float | None:
        return self.result.lowest_diverged if self.result is not None else None

    def _plan(self, *, below: float | None) -> LrSearch:
        settings = {key: value for key, value in self._setup.settings.items() if key != "lr"}
        if below is not None:
            settings |= {"low": below / _LOWER, "high": below}
        return plan_lr_search(self.context.presets, self._setup.recipe, **settings)

    # Drawing

    def draw_panes(self) -> None:
        if self.result is not None:
            self.plot.put(self.result)
            self.answers.put(self.result, self.key("start"))

    def header_texts(self) -> tuple[str, str]:
        search = self.result.search if self.result is not None else None
        config = search.config if search is not None else self._setup.config
        names = setup_text(config)
        return f"lr finder · {names}", (self.result.how if self.result else "") or config.device

    def banner_text(self) -> str:
        return lr_banner_text(self.result, self.size.width) if self.result else ""

    def status_text(self) -> str:
        return lr_status_text(self.result, self.size.width) if self.result else ""

    def key_labels(self) -> dict[str, str]:
        lr = self.result.recommended if self.result is not None else None
        named = lr is not None and self.size.width >= NARROW
        return {
            "start": "again" if self._lowest_diverged is None else "lower",
            "use": f"use lr {number_text(lr)}" if named and lr is not None else "use",
            "setup": "pane",
        }

    def why_not(self) -> dict[str, str]:
        """Return why keys do nothing now."""
        reasons = super().why_not()
        if self.result is None or self.result.recommended is None:
            searches = "still searching" if self.active else "the search found none"
            reasons["use"] = f"No lr to use: {searches}."
        return reasons
