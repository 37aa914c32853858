"""Which metrics share a plot, and in which order the plots come."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tui_trainer.formatting import printable
from tui_trainer.plotting.roles import Role

_SPLITS = {
    "train": Role.TRAIN, "training": Role.TRAIN,
    "val": Role.VALIDATION, "valid": Role.VALIDATION, "validation": Role.VALIDATION,
    "eval": Role.VALIDATION, "dev": Role.VALIDATION,
    "test": Role.TEST,
}  # fmt: skip
_LABELS = {Role.TRAIN: "train", Role.VALIDATION: "validation", Role.TEST: "test"}
_WORDS = "|".join(_SPLITS)
# ``train/loss``, ``train_loss`` and ``loss/train``, ``loss_train``; and ``model/train/loss``.
_FIRST = re.compile(rf"(?P<before>.*/)?(?P<split>{_WORDS})[/_.-](?P<rest>.+)", re.IGNORECASE)
_LAST = re.compile(rf"(?P<rest>.+)[/_.-](?P<split>{_WORDS})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Member:
    """A metric in a plot: the name that it was logged under, and whose curve it is."""

    name: str
    role: Role
    label: str


@dataclass(frozen=True)
class Plot:
    """The metrics that share a plot: those of training, of validation and of the test.

    `key` is what their names have in common, and stays when another split joins.
    """

    key: str
    members: tuple[Member, ...]

    @property
    def prefix(self) -> str:
        """What the names begin with, up to their last slash; "" for nothing."""
        return self.key.rpartition("/")[0]

    @property
    def title(self) -> str:
        """What it is called: by the metric that is alone in it, or by what all are about."""
        return printable(self.members[0].name if len(self.members) == 1 else self.key)

    def matches(self, pattern: "re.Pattern[str] | None") -> bool:
        """Say whether a regular expression finds one of the names; None finds all."""
        return pattern is None or any(pattern.search(member.name) for member in self.members)


def plots_of(names: Sequence[str]) -> list[Plot]:
    """Put metrics into plots: losses first, then as their names come, those of a prefix together.

    A folder has them in no order that their loop knows of.
    """
    members = dict[str, dict[Role, str]]()
    for name in sorted(names, key=lambda name: _split(name)[1] is None):  # bare ones last
        base, role = _split(name)
        found = members.setdefault(base, {})
        if (role or Role.TRAIN) in found:  # eval/loss beside val/loss, loss beside train/loss
            members[f"/{name}"] = {Role.TRAIN: name}
        else:  # loss beside eval_loss is that of training
            found[role or Role.TRAIN] = name
    order = {name: place for place, name in enumerate(names)}
    plots = [_plot(key, found) for key, found in members.items()]
    places = {
        plot.key: ("loss" not in plot.key.lower(), min(order[m.name] for m in plot.members))
        for plot in plots
    }
    groups = {plot.prefix: places[plot.key] for plot in plots}
    for plot in plots:
        groups[plot.prefix] = min(groups[plot.prefix], places[plot.key])
    return sorted(plots, key=lambda plot: (groups[plot.prefix], places[plot.key]))


def _split(name: str) -> tuple[str, Role | None]:
    """Return a name without the word for a split, and the split."""
    if found := _FIRST.fullmatch(name):
        base = (found["before"] or "") + found["rest"]
    elif found := _LAST.fullmatch(name):
        base = found["rest"]
    else:
        return name, None
    return base, _SPLITS[found["split"].lower()]


def _plot(key: str, found: Mapping[Role, str]) -> Plot:
    ordered = sorted(found.items(), key=lambda pair: pair[0].value)
    return Plot(key, tuple(Member(name, role, _LABELS[role]) for role, name in ordered))


def chosen_plots(
    plots: Iterable[Plot], pattern: "re.Pattern[str] | None", pinned: Collection[str]
) -> list[Plot]:
    """Return the plots that a filter finds, pinned ones first: these stay whatever it says."""
    found = [plot for plot in plots if plot.key in pinned or plot.matches(pattern)]
    return sorted(found, key=lambda plot: plot.key not in pinned)
