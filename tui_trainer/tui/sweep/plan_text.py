"""What a sweep would train, before it starts, and what its words mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from tui_trainer.config.presets import CHOICES
from tui_trainer.formatting import duration_words, seeds_text
from tui_trainer.sweeps.axes import SweepAxis, value_text
from tui_trainer.sweeps.plan import Objective
from tui_trainer.tui.widgets.framed import Part

_INDENT, _NAME = 2, 11  # columns
_PLURALS = {
    **{key: f"{key}s" for key in ("init", "regularizer", "optimizer", "schedule", "activation")},
    "architecture": "networks",
}
_HOW_MEASURED = " of training, at the pace of the last sweep on this machine"
_HOW_ROUGH = " of training, a rough guess until a sweep has run on this machine"
_OBJECTIVES: dict[Objective, str] = {
    "best": "best: the lowest validation loss of a run, at whichever step",
    "final": "final: the validation loss after the last step of a run",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A sweep as the form has it.

    `seconds` is about how long it takes if nothing ends early, None where nobody knows.
    """

    axis: SweepAxis
    seeds: int
    steps: int
    objective: Objective
    seconds: float | None
    measured: bool
    stops: bool
    tuned: SweepAxis | None = None

    @property
    def candidates(self) -> str:
        """How many."""
        tried = len(self.tuned.values) if self.tuned else 0
        return f"{len(self.axis.values) * self.seeds * (1 + tried):,} candidates"

    @property
    def amount(self) -> str:
        """How many, and of what."""
        key = self.axis.key
        what = _PLURALS.get(key, "presets") if key in CHOICES else f"values of {key}"
        seeds = seeds_text(self.seeds)
        values = f"{len(self.axis.values):,} {what}"
        if self.tuned is None:
            return f"{values} × {seeds} = {self.candidates}"
        tried = f"({len(self.tuned.values):,} of {self.tuned.key} + 1 race)"
        return f"{values} × {tried} × {seeds} = {self.candidates}"

    @property
    def time(self) -> str:
        """About how long it takes."""
        if self.seconds is None:
            return "time unknown"
        return f"{'up to ' if self.stops else ''}about {duration_words(self.seconds)}"


def plan_lines(draft: Draft, keys: str, width: int, height: int) -> Iterator[tuple[Part, ...]]:
    """Yield the lines that fit, the most needed first: how many, which keys, values, words."""
    room = max(10, width - 2 * _INDENT)
    name_room = max(_NAME, len(draft.axis.key) + 2)
    blank: list[tuple[Part, ...]] = [(("", "note"),)] if height > 10 else []
    lead = " " * _INDENT
    lines: list[tuple[Part, ...]] = [*blank]
    lines += [((f"{lead}{line}", "title"),) for line in wrap(draft.amount, room)]
    lines += [((f"{lead}{line}", "note"),) for line in wrap(keys, room)]
    lines += blank
    for name, words in [
        (draft.axis.key, values_text(draft.axis, 3 * (room - name_room))),
        *_tuned_lines(draft, room - name_room),
        ("time", _time_text(draft)),
        ("", ""),
        ("point", f"one {_one_of(draft)}, judged by the median over its seeds"),
        ("seeds", _seeds_text(draft.seeds)),
        (
            "candidate",
            f"a point with one of the seeds: one training of up to {draft.steps:,} steps",
        ),
        ("objective", f"{_OBJECTIVES[draft.objective]}; the lowest median is recommended"),
    ]:
        wrapped = wrap(words, max(10, room - name_room), break_on_hyphens=False) or [""]
        for place, line in enumerate(wrapped):
            named = f"{lead}{'' if place else name:<{name_room}}"
            lines.append(((named, "title"), (line, "note")))
    yield from lines[:height]


def values_text(axis: SweepAxis, room: int) -> str:
    """Write the values of an axis; where they are too long, its first ones and the last."""
    texts = [value_text(value) for value in axis.values]
    whole = "  ".join(texts)
    if len(whole) <= room:
        return whole
    kept = len(texts) - 1
    while kept > 1 and len("  ".join(texts[:kept])) > room - len(texts[-1]) - 20:
        kept -= 1
    return f"{'  '.join(texts[:kept])}  … {len(texts) - kept - 1:,} more …  {texts[-1]}"


def _tuned_lines(draft: Draft, room: int) -> list[tuple[str, str]]:
    if draft.tuned is None:
        return []
    tried = values_text(draft.tuned, room)
    words = (
        f"the best of these for each {_value_of(draft.axis)}, found first, on as many other seeds: "
        "those it was found on would flatter it"
    )
    return [(draft.tuned.key, tried), ("", words)]


def _one_of(draft: Draft) -> str:
    best = f" with its best {draft.tuned.key}" if draft.tuned else ""
    return f"{_value_of(draft.axis)}{best}"


def _value_of(axis: SweepAxis) -> str:
    return f"value of {axis.key}" if isinstance(axis.values[0], float | int) else axis.key


def _seeds_text(seeds: int) -> str:
    if seeds == 1:
        return "1: each point trains once; more of them tell a better value from a lucky one"
    return (
        f"each point trains {seeds} times, from other random weights, the same at every point: "
        "so a better value is told from a lucky one"
    )


def _time_text(draft: Draft) -> str:
    if draft.seconds is None:
        return "unknown: how fast a network of your own trains depends on its code"
    how = _HOW_MEASURED if draft.measured else _HOW_ROUGH
    return f"{draft.time}{how}; what has to be compiled first is not counted"
