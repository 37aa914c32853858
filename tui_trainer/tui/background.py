"""The app's threads, which report with messages and never touch a widget."""

from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from textual.dom import DOMNode

from tui_trainer.config.settings import RunConfig
from tui_trainer.task.interrupting import interrupting_if
from tui_trainer.training.control import Control
from tui_trainer.training.events import Event, Previewed
from tui_trainer.tui.feed import Feed
from tui_trainer.tui.messages import PreviewFailed, PreviewReady, Updated

if TYPE_CHECKING:  # the first frame needs none of it
    from tui_trainer.lr_search.events import LrEvent
    from tui_trainer.lr_search.plan import LrSearch
    from tui_trainer.monitor.events import LoopEvent
    from tui_trainer.runs.client import RemoteControl
    from tui_trainer.sweeps.control import SweepControl
    from tui_trainer.sweeps.events import SweepEvent
    from tui_trainer.sweeps.plan import Sweep

Train: TypeAlias = Callable[[RunConfig, Control], Iterator[Event]]
Preview: TypeAlias = Callable[[RunConfig], Previewed]
MakeSweep: TypeAlias = "Callable[[Sweep, SweepControl], Iterator[SweepEvent]]"
FindLr: TypeAlias = "Callable[[LrSearch, SweepControl], Iterator[LrEvent]]"


@dataclass(slots=True)
class SavedWork:
    """What is done with the saved runs.

    Args:
        root: the folder of all runs.
        events: tells a saved run, as `tui_trainer.runs.follow.follow`.
        go_on: resumes a saved run.
        branch: trains another config from a step of it on, with another lr unless that is None.
        delete: deletes one.
        loop_events: tells a loop of a script, as `tui_trainer.monitor.follow.follow_loop`.
    """

    root: Path
    events: "Callable[[Path, RunConfig, RemoteControl], Iterator[Event]]"
    go_on: Callable[[Path, Control], Iterator[Event]]
    branch: Callable[[Path, int, RunConfig, float | None, Control], Iterator[Event]]
    delete: Callable[[Path], None]
    loop_events: "Callable[[Path, RemoteControl], Iterator[LoopEvent]] | None" = None


@dataclass(slots=True)
class Work:
    """What runs in threads other than the UI's; it is passed in, and may need torch.

    Args:
        train: runs a config and yields its events, as `tui_trainer.training.trainer.train` does.
        preview: shows a config's untrained network.
        sweep: trains candidates and yields their events, as `tui_trainer.sweeps.sweeper.sweep`.
        find_lr: searches for a learning rate, as `tui_trainer.lr_search.search.run_lr_search`.
        saved: reads and resumes saved runs, None where none are saved.
    """

    train: Train
    preview: Preview
    sweep: MakeSweep
    find_lr: FindLr
    saved: SavedWork | None = None


class Background:
    """Runs threads on behalf of `owner`, which gets their messages.

    Those that follow events may outlive the app: they are no workers of Textual's.
    """

    def __init__(self, owner: DOMNode) -> None:
        self._owner = owner
        self._request = 0
        self._unseen = False
        self._threads: dict[Thread, Feed[Any]] = {}  # that follow events

    def ask_preview(self, preview: Preview, config: RunConfig) -> None:
        """Ask for a config's preview: in a thread because the first one imports torch."""
        self._request += 1
        work = partial(self._preview, self._request, preview, config)
        self._owner.run_worker(work, thread=True, exit_on_error=False)

    def is_newest(self, request: int) -> bool:
        """Return whether this is the latest preview that was asked for."""
        return request == self._request

    def follow(
        self,
        feed: Feed[Any],
        events: Callable[[], Iterator[Any]],
        *,
        frequent: tuple[type, ...],
        failed: Callable[[str], Any],
    ) -> None:
        """Fill a feed with events; `failed` makes the last one if an exception ends them.

        The `frequent` ones wait for the next frame: a message for each would cost more than the
        frames do.
        """
        work = partial(self._follow, feed, events, frequent, failed)
        thread = Thread(target=copy_context().run, args=(work,), name="events")
        self._threads = {old: of for old, of in self._threads.items() if old.is_alive()}
        self._threads[thread] = feed
        thread.start()

    def go_on_unseen(self, feed: Feed[Any]) -> Thread | None:
        """Have no screen told of events any more; return the thread that still fills a feed."""
        self._unseen = True
        return next((t for t, of in self._threads.items() if of is feed and t.is_alive()), None)

    def join(self) -> None:
        """Wait for the ends of all events."""
        for thread in self._threads:
            thread.join()

    def _preview(self, request: int, preview: Preview, config: RunConfig) -> None:
        if not self.is_newest(request):
            return
        try:
            with interrupting_if(lambda: not self.is_newest(request)):
                self._owner.post_message(PreviewReady(request, preview(config)))
        except Exception as error:
            reason = str(error) if isinstance(error, ValueError) else repr(error)
            reason, setting = " ".join(reason.split()), getattr(error, "setting", "")
            self._owner.post_message(PreviewFailed(request, reason, setting))

    def _follow(
        self,
        feed: Feed[Any],
        events: Callable[[], Iterator[Any]],
        frequent: tuple[type, ...],
        failed: Callable[[str], Any],
    ) -> None:
        try:
            for event in events():
                self._hand_over(feed, event, frequent)
        except Exception as error:
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            words = " ".join(f"{kind}{error}".split())
            self._hand_over(feed, failed(words), frequent)
        if not self._unseen:
            self._owner.post_message(Updated(feed))  # frequent ones may have been the last

    def _hand_over(self, feed: Feed[Any], event: Any, frequent: tuple[type, ...]) -> None:
        feed.inbox.append(event)
        if self._unseen:
            feed.take_inbox()
        elif not isinstance(event, frequent):
            self._owner.post_message(Updated(feed))
