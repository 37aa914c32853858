"""Which fit the cockpit shows: of a run's weights, or of the next run's untrained ones."""

from collections.abc import Collection

from tui_trainer.training.events import FitSampled, Points, Previewed
from tui_trainer.tui.run.runs import Curve, Run


class FitView:
    """The fit that was asked for, and the preview of the form's run.

    `changes` are the settings in which the form differs from the run that is shown, `pending` says
    whether a preview is awaited, and `problem` why there is none.
    """

    def __init__(self) -> None:
        self.asked: Curve | None = None  # None is that of the weights as they are
        self.previewed: Previewed | None = None
        self.pending = False
        self.problem = ""

    @property
    def is_untouched(self) -> bool:
        """Whether no preview was ever asked for."""
        return not (self.pending or self.previewed or self.problem)

    @property
    def wants_best(self) -> bool:
        return self.asked == "best"

    def take_preview(self, previewed: Previewed | None, problem: str = "") -> None:
        """Take an answer; without one, what was previewed before is another network's, and goes."""
        self.pending, self.problem = False, problem
        self.previewed = previewed

    def begin_run(self) -> None:
        """Forget what was about the run before."""
        self.asked = "best" if self.wants_best else None
        self.problem = ""

    def curve(self, run: Run, changes: Collection[str]) -> Curve:
        """Return the curve that is shown of a run."""
        asked = self.asked
        return asked if asked is not None and asked in _curves(changes) else run.standing

    def curve_after(self, run: Run | None, changes: Collection[str]) -> Curve:
        """Return the curve that comes after the one that is shown."""
        curves = _curves(changes)
        shown = self.curve(run, changes) if run is not None else "last"
        return curves[(curves.index(shown) + 1) % len(curves)]

    def turn(self, run: Run, changes: Collection[str]) -> None:
        """Ask for the next curve."""
        curve = self.curve_after(run, changes)
        self.asked = None if curve == run.standing else curve

    def fit(
        self, run: Run | None, changes: Collection[str]
    ) -> tuple[Points | None, FitSampled | None]:
        """Return what is to be drawn of a run, or of the form's where there is none."""
        previewed = self.previewed
        if run is not None and (curve := self.curve(run, changes)) != "next":
            points, fit = run.fit(curve)
            untrained = previewed is not None and previewed.config == run.result.config
            if fit is not None or run.result.step or not untrained:
                return points, fit
        return (previewed.points, previewed.fit) if previewed is not None else (None, None)


_NETWORK_AND_DATA = ("dataset", "architecture", "init", "regularizer", "seed", "data_seed")


def _curves(changes: Collection[str]) -> list[Curve]:
    """Return what there is to show: the next run's where network or data differ."""
    others = set(_NETWORK_AND_DATA) & set(changes)
    return ["last", "best", "next"] if others else ["last", "best"]
