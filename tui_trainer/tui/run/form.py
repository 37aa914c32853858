"""The form: presets and numbers, and the config that they make."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from tui_trainer.config.optimization import describe_optimizer
from tui_trainer.config.overrides import BATCH_NUMBERS, RUN_NUMBERS, Value, parse_number
from tui_trainer.config.presets import CHOICES, Presets
from tui_trainer.config.settings import Dataset, RunConfig, describe_regularizer
from tui_trainer.formatting import number_text
from tui_trainer.tui.choices import Choice, ChoiceList
from tui_trainer.tui.run.draft import ConfigDraft
from tui_trainer.tui.run.fold_line import USUAL, FoldLine, folded_text
from tui_trainer.tui.widgets.fields import ChoiceRow, Direction, Form, TextField
from tui_trainer.tui.wording import ENGINE_WORDS

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult

_TITLES = {
    "recipe": "Recipe",
    "dataset": "Data",
    "architecture": "Network",
    "init": "Init",
    "regularizer": "Regularizer",
    "optimizer": "Optimizer",
    "schedule": "Schedule",
    "activation": "Activation",
    "engine": "Engine",
}
_FULL = "full"  # a batch of the whole split


class ConfigForm(Form):
    """All settings of a run; `config` is always valid."""

    @dataclass
    class Changed(Message):
        """The form has changed, by this setting: a category, ``engine`` or a number."""

        config: RunConfig
        setting: str

    def __init__(
        self,
        presets: Presets,
        config: RunConfig,
        recipe: str,
        key_texts: Mapping[str, str],
        *,
        id: str,
    ) -> None:
        super().__init__(id=id)
        self._draft = ConfigDraft(presets, config, recipe)
        self._presets = presets
        self._key_texts = key_texts
        self._engine_note = ""
        self._unfolded = False
        self._marked: Collection[str] = ()
        self._parameter_count: int | None = None
        self._warning = ""
        self._init_words = ""
        self._problem = ""
        self.border_title = "Setup"

    def compose(self) -> ComposeResult:
        yield self._make_row("recipe")
        for key, number in self._draft.numbers.items():
            yield TextField(key, _title(key), _text(number), partial(_parse, key))
        for category in ("engine", *CHOICES):
            yield self._make_row(category)
        yield FoldLine(id="fold")

    def _make_row(self, category: str) -> ChoiceRow:
        return ChoiceRow(category, _TITLES[category], self._key_texts[category])

    def on_mount(self) -> None:
        self._show()

    # The settings

    @property
    def recipe(self) -> str:
        """The recipe that the settings override."""
        return self._draft.recipe

    @property
    def settings(self) -> dict[str, Any]:
        """The form's values by setting; an invalid field counts with its last number."""
        return self._draft.settings

    @property
    def config(self) -> RunConfig:
        """The config of the recipe and the settings."""
        return self._draft.config

    def learn(self, dataset: Dataset) -> None:
        """Take in what reading the files of the chosen data set has told of it."""
        if dataset.file and dataset != self.config.dataset:
            self._presets.resolve_dataset(dataset)
            self._show()

    def turn(self, category: str, direction: Direction) -> None:
        """Go to the next (1) or previous (-1) preset of a category."""
        self.choose(category, self._draft.next_name(category, direction))

    def names(self, category: str) -> Sequence[str]:
        """Return the presets of a category, or the engines."""
        return self._draft.names(category)

    def list_of(self, choice: str) -> ChoiceList:
        """Make the list of a category's presets, or of the engines."""
        known = ENGINE_WORDS if choice == "engine" else None
        choices = [
            Choice(name, known[name] if known else self._presets.description(choice, name))
            for name in self.names(choice)
        ]
        return ChoiceList(_TITLES[choice], choices, self._draft.chosen[choice])

    def choose(self, category: str, name: str) -> None:
        """Take a preset, or an engine; a recipe brings everything it names."""
        self._changed(category, *self._draft.choose(category, name))

    def turn_lr(self, direction: Direction) -> None:
        """Raise or lower the lr along 1-2-5, and through the lr that one set out from."""
        self._draft.turn_lr(direction)
        self._changed("lr")

    def turn_batch(self, direction: Direction) -> None:
        """Halve or double the batch size, to powers of two; above them is the whole split."""
        self._draft.turn_batch(direction)
        self._changed("batch_size")

    def set_number(self, key: str, number: float | None) -> None:
        """Set a number, of the form or in place of that of a preset."""
        self._draft.set_number(key, number)
        self._changed(key)

    def take(self, key: str, value: Value) -> None:
        """Set a setting: a preset by its name, or a number."""
        if isinstance(value, float | int):
            self.set_number(key, value)
        else:
            self.choose(key, value)

    # What is known of the next run, and of the one that is shown

    def report(
        self,
        parameter_count: int | None,
        warning: str = "",
        init_words: str = "",
        problem: str = "",
    ) -> None:
        """Show the network's size, or what is wrong with its code.

        Also why it can't learn if it can't, and what the init sets of it.
        """
        self._parameter_count, self._warning = parameter_count, warning
        self._init_words, self._problem = init_words, problem
        self._show()

    def report_engine(self, run: "RunResult | None") -> None:
        """Show which engine a run has, and why: the form's own is the next run's."""
        note = f"this run: {run.engine}" if run is not None else ""
        if run is not None and run.engine_reason:
            note += f" ({run.engine_reason})"
        if note != self._engine_note:
            self._engine_note = note
            self.row("engine").put(self._draft.engine, "", note)

    def mark_next_run(self, changes: Mapping[str, str], start_key: str) -> None:
        """Mark the settings in which the form differs from the run that is shown."""
        if changes.get("architecture", "").startswith("activation "):
            marked = {*changes, "activation"} - {"architecture"}
        else:
            marked = set(changes)
        for name in (*CHOICES, "engine"):
            self.row(name).mark(name in marked)
        for name in RUN_NUMBERS:
            self.field(name).mark(name in marked)
        if marked != self._marked:
            self._marked = marked
            self._fold()
        self.border_subtitle = f"› next run · {start_key} starts it" if changes else ""

    def describe(self, setting: str) -> tuple[str, str]:
        """Return a setting's value and description: ``("init: kaiming", "std 1/√d")``."""
        name = self._draft.chosen.get(setting)
        if name is None:
            return f"{_title(setting)}: {_text(self.settings.get(setting))}", ""
        known = setting != "engine"
        description = self._presets.description(setting, name) if known else ""
        return f"{_TITLES[setting].lower()}: {name}", description

    # Rows and fields

    @on(ChoiceRow.Turned)
    def _turn_row(self, event: ChoiceRow.Turned) -> None:
        event.stop()
        self.turn(event.choice, event.direction)

    @on(TextField.Committed)
    def _take_number(self, event: TextField.Committed) -> None:
        event.stop()
        number = _parse(event.key, self.field(event.key).text)
        if number != self._draft.numbers[event.key]:
            self.set_number(event.key, number)

    def _changed(self, setting: str, *brought: str) -> None:
        """Show and report a change, and the numbers that it has brought along."""
        for key in (setting, *brought):
            if key in RUN_NUMBERS:
                self.field(key).put(_text(self._draft.numbers[key]))
        self._show()
        self.post_message(self.Changed(self.config, setting))

    def _show(self) -> None:
        draft, config = self._draft, self.config
        for category in CHOICES:
            name = draft.chosen[category]
            description = self._presets.description(category, name)
            mark = " *" if draft.overrides(category) else ""
            if category == "init" and self._warning:
                mark = " ◌"
            self.row(category).put(name + mark, description, self._note(category, config))
        changed = draft.differs_from_recipe
        description = self._presets.description("recipe", draft.recipe)
        name = f"{draft.recipe} *" if changed else draft.recipe
        self.row("engine").put(draft.engine, "", self._engine_note)
        self.row("recipe").put(name, description, "* changed below" if changed else "")
        self.field("batch_size").note(config.batch_words)
        self._fold()

    def _note(self, category: str, config: RunConfig) -> str:
        if category == "architecture":
            if self._parameter_count is not None:
                return f"{self._parameter_count:,} parameters"
            return f"⚠ {self._problem}" if self._problem else ""
        if category == "init":
            return self._warning or self._init_words
        if category == "regularizer":
            return describe_regularizer(config.regularizer, config.counted)
        if category == "optimizer":
            return describe_optimizer(config.optimizer)
        return ""

    # Folding

    @on(FoldLine.Turned)
    def _turn_fold(self, event: FoldLine.Turned) -> None:
        event.stop()
        self._unfolded = not self._unfolded
        self._fold()

    def _fold(self) -> None:
        """Show what is not as it mostly is, or all of it; name the others in a line."""
        now = self._draft.chosen | self._draft.numbers
        values = {key: now[key] for key in USUAL}
        if self._draft.is_built:
            del values["activation"]
        folded = [] if self._unfolded else [key for key in values if values[key] == USUAL[key]]
        for key in USUAL:
            part = self.field(key) if key in BATCH_NUMBERS else self.row(key)
            part.display = key in values and key not in folded
        named = [
            (self._fold_key(key), folded_text(key), key in self._marked)
            for key in folded
            if key != "validate_every" or key in self._marked
        ]
        self.query_one(FoldLine).put(named, unfolded=self._unfolded)
        self.call_after_refresh(self._fit_rows)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._fit_rows)

    def _fit_rows(self) -> None:
        """Have no blank lines between the rows where there is no room for them."""
        shown = [child for child in self.children if child.display]
        lines = sum(child.size.height for child in shown)
        blank = sum(isinstance(child, ChoiceRow) for child in shown)
        self.set_class(lines + blank > self.size.height, "-crowded")
        fold = self.query_one(FoldLine)
        if fold.has_focus:  # it has moved
            self.call_after_refresh(fold.scroll_visible, animate=False)

    def _fold_key(self, key: str) -> str:
        if key == "batch_size":
            return self._key_texts["batch_down"] + self._key_texts["batch_up"]
        return self._key_texts.get(key, "")


def _title(number: str) -> str:
    return number.replace("_", " ")


def _text(value: Value | None) -> str:
    if value is None:
        return _FULL
    return value if isinstance(value, str) else number_text(value)


def _parse(key: str, text: str) -> float | int | None:
    """Read a number of the form; a batch may be the whole split."""
    if key == "batch_size" and text.strip().casefold() == _FULL:
        return None
    return parse_number(key, text)
