"""The runs that the cockpit can show: the newest, and the one that was looked at before it."""

from typing import TYPE_CHECKING, Literal, TypeAlias

from tui_trainer.config.settings import RunConfig
from tui_trainer.training.control import Control
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.training.state import ACTIVE
from tui_trainer.tui.feed import Feed

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult

Curve: TypeAlias = Literal["last", "best", "next"]  # "next": the next run's, untrained


class Run:
    """A run and what was asked of it. `lr_asked` is the lr it was last told to use."""

    def __init__(self, config: RunConfig, *, paused: bool) -> None:
        from tui_trainer.training.result import RunResult

        self.feed = Feed(RunResult(config))
        self.control = Control(paused=paused)
        self.lr_asked = config.lr

    @property
    def result(self) -> "RunResult":
        return self.feed.result

    @property
    def active(self) -> bool:
        """Whether it trains, or is paused."""
        return self.result.state in ACTIVE

    @property
    def standing(self) -> Curve:
        """Which curve is that of its weights as they are."""
        ended = self.result.ended
        return "best" if ended is not None and ended.restored_best else "last"

    def fit(self, curve: Curve) -> tuple[Points | None, FitSampled | None]:
        return self.result.points, self.result.fit(best=curve == "best")


class Runs:
    """At most two runs, one of which is shown: none that one looks at goes by one key."""

    def __init__(self) -> None:
        self.newest: Run | None = None
        self.former: Run | None = None
        self.shown: Run | None = None

    @property
    def kept(self) -> list[Run]:
        return [run for run in (self.newest, self.former) if run is not None]

    @property
    def shows_former(self) -> bool:
        return self.shown is not None and self.shown is self.former

    @property
    def training(self) -> Run | None:
        """The run that has not ended yet."""
        return next((run for run in self.kept if run.active), None)

    def add(self, run: Run) -> None:
        """Show a new run, and keep the one that was shown until now."""
        self.former, self.newest, self.shown = self.shown, run, run

    def turn(self) -> bool:
        """Show the other run; return whether there is one."""
        if self.former is None:
            return False
        self.shown = self.newest if self.shows_former else self.former
        return True
