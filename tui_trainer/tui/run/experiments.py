"""The experiments of the first screen: what they run, and what there is to see.

Texts hold the numbers of the run by name: `step`, `steps`, `lr`, `train`, `val`, `best` and
`best_step`; `rise` is how far validation rose above its best, `before` what the experiments before
ended at, `again` the key that goes on with the same experiment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_trainer.formatting import loss_text, losses_apart, number_text
from tui_trainer.training.state import State
from tui_trainer.tui.keys import EXPERIMENT_TITLES
from tui_trainer.tui.wording import BADGES, LEARNT_NOTHING, NARROW, with_end

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult


@dataclass(frozen=True, slots=True)
class Take:
    """One run of an experiment: a recipe with other numbers, and how it is meant to end."""

    recipe: str
    look: str
    seen: str
    ends: State
    numbers: Mapping[str, float] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Runs that show one thing. Without takes it is the race, a sweep."""

    name: str
    promise: str
    takes: tuple[Take, ...] = ()

    @property
    def title(self) -> str:
        return EXPERIMENT_TITLES[self.name]


@dataclass(frozen=True, slots=True)
class Race:
    """A sweep over regularizers: few enough to take seconds, with the seeds it takes to tell."""

    recipe: str
    numbers: Mapping[str, float]
    values: str
    seeds: int
    steps: int
    look: str


_NARROW_LINES = 3  # of a banner on a small screen, a quarter of its height

SEEDS = {"seed": 0, "data_seed": 0}  # of all experiments
_LR = {"lr": 0.003}  # of those about stopping: they differ in the rule alone

EXPERIMENTS = (
    Experiment("nothing-learns", "all weights zero: no gradient gets through", (
        Take("dead-zeros",
             "Watch the losses: they fall once, then lie flat, and the fit stays level.",
             "Nothing learned: the training loss is {train} after {step} steps, and the fit is a "
             "level line. Weights of zero let no gradient through.",
             State.FINISHED, {"steps": 2000}),
    )),
    Experiment("explodes", "weights too large for the learning rate", (
        Take("exploding-normal",
             "Watch the badge: it takes a few steps.",
             "It exploded: validation was {best} after step {best_step} and not finite at step "
             "{step}. Weights of N(0, 1) are too large for lr {lr}.",
             State.DIVERGED),
    )),
    Experiment("too-early", "the first rise of the validation loss ends it", (
        Take("stop-first-increase",
             "Watch the dashed validation loss: its first rise ends the run.",
             "Stopped too early? At step {step} validation rose for the first time, from {best} to "
             "{val}, and that was the end.",
             State.STOPPED_EARLY, _LR, "the first rise"),
    )),
    Experiment("patience", "a rule that waits: how long is long enough?", (
        Take("stop-patient",
             "Watch the bound ┄, the mean of the last 50 validation losses: above it the run ends.",
             "Still a spike: at step {step} validation rose to {val}, over the mean of its last 50 "
             "steps; the best was {best}. Press {again} again: patience.",
             State.STOPPED_EARLY, _LR, "the mean of 50"),
        Take("stop-patience",
             "Watch the best ◆ move on past every spike. 200 steps without a new one end the run.",
             "In time: validation {best} at step {best_step}{before}. No new best came for 200 "
             "steps, so those weights are back. Press {again} again: no rule.",
             State.STOPPED_EARLY, _LR, "patience"),
        Take("kaiming",
             "Watch the gap: the training loss falls on while the validation loss turns.",
             "Never stopped: training loss {train}, validation {val}, {rise} above its best of "
             "{best} at step {best_step}. That is overfitting.",
             State.FINISHED, _LR, "no rule"),
    )),
    Experiment("race", "which regularizer helps here, and is it luck?"),
)  # fmt: skip
RACE = Race(
    "kaiming",
    _LR,
    "none, l1, dropout, weight-decay, stop-patience",
    seeds=9,
    steps=1500,
    look="Each name trains from the same 9 seeds. Where their spreads overlap, it may be luck.",
)
NAMES = tuple(experiment.name for experiment in EXPERIMENTS)


class Guide:
    """Which experiments this session has run, and what they came to."""

    def __init__(self) -> None:
        self._begun: list[tuple[Experiment, Take, RunResult]] = []

    def next_take(self, experiment: Experiment) -> Take:
        """Return the run that the experiment's key starts next: after the last one the first."""
        done = sum(begun is experiment for begun, _, _ in self._begun)
        return experiment.takes[done % len(experiment.takes)]

    def begin(self, experiment: Experiment, take: Take, result: "RunResult") -> None:
        """Take a run for one of an experiment."""
        self._begun.append((experiment, take, result))

    def owns(self, result: "RunResult | None") -> bool:
        """Say whether a run is one of an experiment."""
        return any(known is result for _, _, known in self._begun)

    def words(
        self, result: "RunResult | None", keys: Mapping[str, str], unseen: Sequence[str], width: int
    ) -> str:
        """Say what to look at in an experiment's run, and then what was to be seen.

        Another run has no such words, nor has one that ended in another way than it was meant to.
        """
        for experiment, take, known in self._begun:
            if known is result:
                return self._words(experiment, take, known, keys, unseen, width)
        return ""

    def _words(
        self,
        experiment: Experiment,
        take: Take,
        result: "RunResult",
        keys: Mapping[str, str],
        unseen: Sequence[str],
        width: int,
    ) -> str:
        if result.ended is None:
            looking = result.state is not State.PAUSED
            name = take.name.capitalize() or experiment.title
            return f"▸ {name}. {take.look}" if looking else ""
        if result.state is not take.ends or result.marks.lr_changes:
            return ""
        again = keys[key_id(experiment)]
        words = take.seen.format(again=again, before=self._before(take), **_numbers(result))
        sign = (LEARNT_NOTHING if result.learnt_nothing else BADGES[result.state])[0]
        words = f"{sign} {words}"
        goes_on = take is not experiment.takes[-1]
        if goes_on and width >= NARROW:
            return words  # they end with the key
        after = f"Next: press {again}." if goes_on else hint(keys, unseen, experiment)
        if width < NARROW:
            words = words.split(". ")[0].rstrip(".") + "."
            return with_end(words, after, width - 2, _NARROW_LINES)
        return f"{words} {after}"

    def _before(self, take: Take) -> str:
        """Name what other rules, with all else the same, have ended at in this session."""
        ended = {t.name: r.val_loss for _, t, r in self._begun if r.ended and r.state is t.ends}
        known = [
            f"{loss_text(val)} with {name}"
            for name, val in ended.items()
            if name not in ("", "no rule", take.name)
        ]
        return f", against {' and '.join(known)}" if known else ""


def key_id(experiment: Experiment) -> str:
    """Return the id of an experiment's key."""
    return f"experiment_{EXPERIMENTS.index(experiment) + 1}"


def hint(keys: Mapping[str, str], unseen: Sequence[str], after: Experiment) -> str:
    """Say which experiment comes next after one, or what comes after them all."""
    place = EXPERIMENTS.index(after) + 1
    for experiment in EXPERIMENTS[place:] + EXPERIMENTS[:place]:
        if experiment.name in unseen:
            return f"Next: press {keys[key_id(experiment)]}."
    return f"That was all: {keys['start']} trains what you set, {keys['help']} has every key."


def _numbers(result: "RunResult") -> dict[str, str]:
    best, val = result.best, result.val_loss
    best_text, val_text = loss_text(best.val_loss if best else None), loss_text(val)
    if best is not None and val is not None:
        best_text, val_text = losses_apart(best.val_loss, val)
    rise = (val - best.val_loss) / best.val_loss if best and val is not None else 0.0
    return {
        "step": f"{result.step:,}",
        "steps": f"{result.config.steps:,}",
        "lr": number_text(result.lr),
        "train": loss_text(result.train_loss),
        "val": val_text,
        "best": best_text,
        "best_step": f"{best.step:,}" if best else "–",
        "rise": f"{rise:.0%}",
    }
