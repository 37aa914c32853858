"""Threads of the app: previews and runs, whose findings come back as messages.

No widget is touched from here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from textual.dom import DOMNode

from tui_trainer.config.settings import RunConfig
from tui_trainer.training.control import Control
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    Compiling,
    Event,
    FitSampled,
    Previewed,
    RunEnded,
    StepsCompleted,
)
from tui_trainer.tui.messages import LrNews, PreviewFailed, PreviewReady, RunNews, SweepNews
from tui_trainer.tui.run.state import RunView

if TYPE_CHECKING:  # the first frame needs none of it
    from tui_trainer.lr_search.events import LrEvent
    from tui_trainer.lr_search.plan import LrSearch
    from tui_trainer.sweeps.control import SweepControl
    from tui_trainer.sweeps.events import SweepEvent
    from tui_trainer.sweeps.plan import Sweep
    from tui_trainer.tui.lr.state import LrView
    from tui_trainer.tui.sweep.state import SweepView

Train: TypeAlias = Callable[[RunConfig, Control], Iterator[Event]]
Preview: TypeAlias = Callable[[RunConfig], Previewed]
MakeSweep: TypeAlias = "Callable[[Sweep, SweepControl], Iterator[SweepEvent]]"
FindLr: TypeAlias = "Callable[[LrSearch, SweepControl], Iterator[LrEvent]]"


@dataclass(frozen=True, slots=True)
class Work:
    """What is done in threads, never in the UI's: it comes from outside and may need torch.

    Args:
        train: runs a config and yields its events, as `tui_trainer.training.trainer.train` does.
        preview: shows a config's untrained network.
        sweep: trains candidates and yields their events, as `tui_trainer.sweeps.sweeper.sweep`.
        find_lr: searches for a learning rate, as `tui_trainer.lr_search.search.run_lr_search`.
    """

    train: Train
    preview: Preview
    sweep: MakeSweep
    find_lr: FindLr


class Background:
    """Runs `work` in threads, on behalf of `owner`, which gets the messages."""

    def __init__(self, owner: DOMNode, work: Work) -> None:
        self._owner = owner
        self.train, self._preview = work.train, work.preview
        self._sweep, self._find_lr = work.sweep, work.find_lr
        self._request = 0

    def ask_preview(self, config: RunConfig) -> None:
        """Ask for a config's preview: in a thread because the first one imports torch."""
        self._request += 1
        work = partial(self._preview_in_thread, self._request, config)
        self._owner.run_worker(work, group="preview", thread=True, exit_on_error=False)

    def is_newest(self, request: int) -> bool:
        """Say whether no later preview has been asked for."""
        return request == self._request

    def start(self, run: RunView, control: Control) -> None:
        """Start a run."""
        work = partial(self._train_in_thread, run, control)
        self._owner.run_worker(work, group="training", thread=True, exit_on_error=False)

    def start_sweep(self, view: "SweepView", control: "SweepControl") -> None:
        """Start a sweep."""
        work = partial(self._sweep_in_thread, view, control)
        self._owner.run_worker(work, group="sweep", thread=True, exit_on_error=False)

    def start_search(self, view: "LrView", control: "SweepControl") -> None:
        """Start a search for a learning rate."""
        work = partial(self._search_in_thread, view, control)
        self._owner.run_worker(work, group="search", thread=True, exit_on_error=False)

    def _preview_in_thread(self, request: int, config: RunConfig) -> None:
        if not self.is_newest(request):
            return
        try:
            self._owner.post_message(PreviewReady(request, self._preview(config)))
        except Exception as error:
            reason = str(error) if isinstance(error, ValueError) else repr(error)
            self._owner.post_message(PreviewFailed(request, reason))

    def _train_in_thread(self, run: RunView, control: Control) -> None:
        try:
            for event in self.train(run.config, control):
                self._deliver(run, event)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            self._deliver(run, RunEnded(StopReason.FAILED, words, run.step))

    def _deliver(self, run: RunView, event: Event) -> None:
        """Put an event where the next frame finds it; a change of state is told at once.

        A message an event would cost more than the frames do.
        """
        run.inbox.append(event)
        if not isinstance(event, StepsCompleted | FitSampled | Compiling):
            self._owner.post_message(RunNews(run.number))

    def _sweep_in_thread(self, view: "SweepView", control: "SweepControl") -> None:
        from tui_trainer.sweeps.events import SweepEnded, SweepNoted, SweepStarted

        try:
            for event in self._sweep(view.plan, control):
                view.inbox.append(event)
                if isinstance(event, SweepStarted | SweepNoted | SweepEnded):
                    self._owner.post_message(SweepNews(view.number))
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            view.inbox.append(SweepEnded(StopReason.FAILED, words, 0, 0.0))
            self._owner.post_message(SweepNews(view.number))

    def _search_in_thread(self, view: "LrView", control: "SweepControl") -> None:
        from tui_trainer.lr_search.events import LrFound, LrRangeAdvanced, LrTrialsAdvanced

        try:
            for event in self._find_lr(view.search, control):
                view.inbox.append(event)
                if not isinstance(event, LrRangeAdvanced | LrTrialsAdvanced):
                    self._owner.post_message(LrNews(view.number))
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            view.inbox.append(LrFound(StopReason.FAILED, None, None, None, words))
            self._owner.post_message(LrNews(view.number))
