"""What to sweep over: a setting and its values, the number of seeds, the loss to minimise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui_trainer.config.numbers import PositiveInt
from tui_trainer.config.overrides import overrides_of, parse_number
from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import convert_text
from tui_trainer.formatting import number_text
from tui_trainer.sweeps.axes import SweepAxis, make_axis
from tui_trainer.sweeps.pace import pace_of
from tui_trainer.sweeps.plan import Objective, Sweep, plan_sweep
from tui_trainer.sweeps.significance import least_seeds
from tui_trainer.sweeps.tuned_plan import DEFAULT_TUNED, parse_tuned, plan_tuned
from tui_trainer.tui.choices import Choice, ChoiceList
from tui_trainer.tui.sweep.offered import axis_defaults
from tui_trainer.tui.sweep.plan_text import Draft
from tui_trainer.tui.widgets.fields import ChoiceRow, Direction, Form, TextField

_OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
_OBJECTIVE_WORDS = {
    "best": "Lowest validation loss of a run",
    "final": "Validation loss at the end of a run",
}


TUNED = "lr"  # what each value may get its own best one of
_TUNED_WORDS = {
    True: "Tuned for each value, then raced",
    False: "The lr of the form for all values",
}


def _at(tunes: bool) -> str:
    return f"its best {TUNED}" if tunes else f"the form's {TUNED}"


class SweepForm(Form):
    """Axis, values, objective, seeds and steps, checked as they are typed."""

    DEFAULT_CSS = """
    SweepForm Label { width: 14; }
    SweepForm #amount { margin: 1 0; color: $foreground 60%; }
    """

    @dataclass
    class Changed(Message):
        """The form has changed."""

    def __init__(
        self,
        presets: Presets,
        base: Callable[[], RunConfig],
        key_texts: Mapping[str, str],
        *,
        id: str,
    ) -> None:
        super().__init__(id=id)
        self._presets, self._base, self._key_texts = presets, base, key_texts
        self._axes = axis_defaults()
        for key, axis in self._axes.items():
            values = make_axis(key, axis.values, presets).values
            axis.seeds = axis.seeds or str(least_seeds(len(values)))
        self._key = "lr"
        self._tunes = False  # where something can be tuned
        self._tuned_values = DEFAULT_TUNED.partition("=")[2]
        self._objective: Objective = "best"
        self._first_steps = number_text(base().steps)
        self._pace_known_for: object = None
        self.border_title = "Sweep"

    def compose(self) -> ComposeResult:
        now = self._axes[self._key]
        title = Content.assemble((f"{self._key_texts['values']} ", "bold $text-accent"), "values")
        yield ChoiceRow("axis", "Axis", self._key_texts["axis"])
        yield ChoiceRow("tune", "Each at", self._key_texts["tune"])
        yield TextField("values", title, now.values, self._check_values)
        yield TextField("tuned", f"  {TUNED}", self._tuned_values, self._check_tuned)
        yield TextField("seeds", "  seeds", now.seeds, _whole_number)
        yield TextField("steps", "  steps", self._first_steps, lambda t: parse_number("steps", t))
        yield Static("", id="amount", markup=False)
        yield ChoiceRow("objective", "Objective", self._key_texts["objective"])

    def on_mount(self) -> None:
        self._show()

    @property
    def axis(self) -> SweepAxis:
        """The axis; an invalid field counts with its last valid text."""
        return make_axis(self._key, self.field("values").text, self._presets)

    @property
    def tuned_key(self) -> str:
        """What is tuned for each value before the race, "" for nothing."""
        return TUNED if self._tunes and not self.why_not_tuned() else ""

    @property
    def tuned(self) -> SweepAxis | None:
        """The values of what is tuned; None where nothing is."""
        return self._tuned(self.field("tuned").text)

    def _tuned(self, text: str) -> SweepAxis | None:
        return make_axis(self.tuned_key, text, self._presets) if self.tuned_key else None

    def why_not_tuned(self) -> str:
        """Say why nothing can be tuned for each value, "" where it can."""
        if self._key != TUNED:
            return ""
        return f"The values are those of {TUNED}: {self._key_texts['axis']} takes another axis."

    def toggle_tuned(self) -> None:
        """Give each value its own best lr, or all the form's; seeds that just sufficed still do."""
        needed = str(self._needed_seeds())
        self._tunes = not self._tunes
        if self.field("seeds").text == needed:
            self.field("seeds").put(str(self._needed_seeds()))
        self._changed()

    def _needed_seeds(self) -> int:
        return least_seeds(len(self.axis.values), tuned=bool(self.tuned_key))

    @property
    def seeds(self) -> int:
        return _whole_number(self.field("seeds").text)

    @property
    def steps(self) -> int:
        """The maximum steps of each candidate."""
        return int(parse_number("steps", self.field("steps").text))

    @property
    def objective(self) -> Objective:
        """The validation loss to minimise."""
        return self._objective

    @property
    def draft(self) -> Draft:
        """The sweep as it is being typed, as far as that is valid."""
        axis = make_axis(self._key, self.field("values").typed, self._presets)
        seeds = _whole_number(self.field("seeds").typed)
        steps = int(parse_number("steps", self.field("steps").typed))
        base = replace(self._base(), steps=steps)
        configs = [base]
        if axis.key == "architecture":
            networks = [self._presets.architecture[str(name)].settings for name in axis.values]
            configs = [replace(base, architecture=network) for network in networks]
        pace = pace_of(base.device)
        tuned = self._tuned(self.field("tuned").typed)
        times = 1 + len(tuned.values) if tuned else 1
        seconds = pace.seconds(configs, len(axis.values) * seeds * times)
        stops = axis.key == "regularizer" or base.regularizer.stopping is not None
        return Draft(axis, seeds, steps, self._objective, seconds, pace.measured, stops, tuned)

    def plan(self, recipe: str, settings: Mapping[str, Any]) -> Sweep:
        """Plan the sweep around the config of a recipe with `settings`.

        Raises:
            InvalidSettingsError: as `plan_sweep` does.
        """
        left_out = {self._key}
        left_out |= set(overrides_of(self._key))  # numbers over one preset are not meant for all
        if tuned := self.tuned:
            left_out.add(tuned.key)
        kept = {key: value for key, value in settings.items() if key not in left_out}
        kept |= {"steps": self.steps, "seeds": self.seeds, "objective": self.objective}
        if tuned:
            return plan_tuned(self._presets, recipe, [self.axis], tuned, **kept)
        return plan_sweep(self._presets, recipe, [self.axis], **kept)

    def list_of(self, choice: str) -> ChoiceList:
        """Make the list of the axes, or of the objectives."""
        if choice == "objective":
            choices = [Choice(name, words) for name, words in _OBJECTIVE_WORDS.items()]
            return ChoiceList("Objective", choices, self._objective)
        if choice == "tune":
            choices = [Choice(_at(tunes), words) for tunes, words in _TUNED_WORDS.items()]
            return ChoiceList("Each at", choices, _at(self._tunes))
        choices = [Choice(name, axis.description) for name, axis in self._axes.items()]
        return ChoiceList("Axis", choices, self._key)

    def choose(self, category: str, name: str) -> None:
        """Take an axis, or an objective."""
        if category == "axis":
            self._take_axis(name)
        elif category == "tune":
            if name != _at(self._tunes):
                self.toggle_tuned()
        elif name != self._objective:
            self.turn_objective()

    def fill(self, axis: str, values: str, seeds: int, steps: int) -> None:
        """Take an axis with its values, and how many seeds and steps."""
        self._take_axis(axis)
        for key, text in (("values", values), ("seeds", str(seeds)), ("steps", str(steps))):
            self.field(key).put(text)
        self._changed()

    def turn_axis(self, direction: Direction) -> None:
        """Go to the next (1) or previous (-1) setting, with what was last typed for it."""
        keys = list(self._axes)
        self._take_axis(keys[(keys.index(self._key) + direction) % len(keys)])

    def _take_axis(self, name: str) -> None:
        self._keep()
        self._key = name
        now = self._axes[self._key]
        self.field("values").put(now.values)
        self.field("seeds").put(now.seeds)
        if now.seeds == str(least_seeds(len(self.axis.values))):
            self.field("seeds").put(str(self._needed_seeds()))
        self._changed()

    def turn_objective(self) -> None:
        self._objective = _OBJECTIVES[1 - _OBJECTIVES.index(self._objective)]
        self._changed()

    def differs_from(self, shown: Sweep) -> bool:
        """Return whether the form is not that of the sweep that is shown."""
        tuned = shown.axes[1] if len(shown.axes) > 1 else None
        return (self.axis, self.tuned, self.seeds, self.objective, self.steps) != (
            shown.axes[0],
            tuned,
            shown.seeds,
            shown.objective,
            shown.base.steps,
        )

    def mark_next_sweep(self, shown: Sweep | None, ended: object) -> None:
        """Mark the form where it differs from the sweep that is shown, which tells the pace."""
        differs = shown is not None and self.differs_from(shown)
        next_one = f"next sweep · {self._key_texts['start']} starts it"
        self.border_subtitle = next_one if differs else ""
        if ended is not self._pace_known_for:
            self._pace_known_for = ended
            self._show()

    @on(ChoiceRow.Turned)
    def _turn_row(self, event: ChoiceRow.Turned) -> None:
        event.stop()
        if event.choice == "axis":
            self.turn_axis(event.direction)
        elif event.choice == "tune":
            self.toggle_tuned()
        else:
            self.turn_objective()

    @on(TextField.Edited)
    def _count_what_is_typed(self, event: TextField.Edited) -> None:
        event.stop()
        self._changed()

    @on(TextField.Committed)
    def _take_text(self, event: TextField.Committed) -> None:
        event.stop()
        self._changed()

    def _keep(self) -> None:
        now = self._axes[self._key]
        now.values, now.seeds = self.field("values").text, self.field("seeds").text

    def _check_values(self, text: str) -> None:
        make_axis(self._key, text, self._presets)

    def _check_tuned(self, text: str) -> None:
        parse_tuned(f"{TUNED}={text}", self._presets)

    def _changed(self) -> None:
        self._show()
        self.post_message(self.Changed())

    def _show(self) -> None:
        self.row("axis").put(self._key, self._axes[self._key].description)
        self.row("objective").put(self._objective, _OBJECTIVE_WORDS[self._objective])
        tunes, why_not = bool(self.tuned_key), self.why_not_tuned()
        self.row("tune").put(_at(tunes), "" if why_not else _TUNED_WORDS[tunes])
        self.field("tuned").display = tunes
        self.row("tune").display = not why_not
        draft = self.draft
        words = f"{draft.amount}, {draft.time}{_warning(draft)}"
        self.query_one("#amount", Static).update(words)


def _warning(draft: Draft) -> str:
    """Say how many seeds it takes to tell the best value from luck, where these are fewer."""
    needed = least_seeds(len(draft.axis.values), tuned=draft.tuned is not None)
    few = f"; too few seeds to tell the best value from a lucky one: it takes {needed}"
    return few if draft.seeds < needed else ""


def _whole_number(text: str) -> int:
    number: int = convert_text(text, PositiveInt)
    return number
