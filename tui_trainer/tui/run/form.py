"""The form: presets and numbers, and the config that they make."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from tui_trainer.config.optimization import describe_optimizer
from tui_trainer.config.presets import CHOICES, PARTS, Presets, make_config, overrides_in
from tui_trainer.config.settings import (
    BATCH_NUMBERS,
    ENGINES,
    NUMBERS,
    OVERRIDES,
    RUN_NUMBERS,
    Dataset,
    RunConfig,
    Value,
    describe_regularizer,
    overrides_of,
    parse_number,
)
from tui_trainer.formatting import number_text
from tui_trainer.tui.choices import Choice, ChoiceList
from tui_trainer.tui.run.fold_line import FoldLine
from tui_trainer.tui.run.next_batch import next_batch
from tui_trainer.tui.run.next_lr import next_lr
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
_NUMBER_TITLES = {
    "lr": "lr",
    "steps": "steps",
    "seed": "seed",
    "data_seed": "data seed",
    "batch_size": "batch size",
    "validate_every": "validate every",
}
_FOLDED = {"batch_size": "full batch", "validate_every": "every step validates"}
_FULL = "full"  # a batch of the whole split
# What folds into one line while it is as it mostly is, in the order of that line.
_USUAL: Mapping[str, Value | None] = {
    "optimizer": "sgd",
    "schedule": "constant",
    "activation": "relu",
    "batch_size": None,
    "validate_every": 1,
}


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
        self._presets = presets
        self._key_texts = key_texts
        self._recipe = recipe
        self._device = config.device
        self._chosen = {category: getattr(config, category).name for category in PARTS}
        self._engine = str(config.engine)
        self._engine_note = ""
        self._numbers = {key: getattr(config, key) for key in NUMBERS}
        self._batches = {key: getattr(config, key) for key in BATCH_NUMBERS}
        self._lr_home = config.lr  # that the lr keys set out from
        self._overrides: dict[str, Value] = overrides_in(config, presets)
        self._unfolded = False
        self._marked: Collection[str] = ()
        self._parameter_count: int | None = None
        self._warning = ""
        self._init_words = ""
        self._problem = ""
        self.border_title = "Setup"

    def compose(self) -> ComposeResult:
        yield self._make_row("recipe")
        for key, number in (self._numbers | self._batches).items():
            yield TextField(key, _NUMBER_TITLES[key], _text(number), partial(_parse, key))
        for category in ("engine", *CHOICES):
            yield self._make_row(category)
        yield FoldLine(id="fold")

    def _make_row(self, category: str) -> ChoiceRow:
        return ChoiceRow(category, _TITLES[category], self._key_texts[category])

    def on_mount(self) -> None:
        self._show()

    @property
    def recipe(self) -> str:
        """The recipe that the settings override."""
        return self._recipe

    @property
    def settings(self) -> dict[str, Any]:
        """The form's values by setting; an invalid field counts with its last number."""
        engine = {"device": self._device, "engine": self._engine}
        return {**self._chosen, **self._numbers, **self._batches, **self._overrides, **engine}

    @property
    def config(self) -> RunConfig:
        """The config of the recipe and the settings."""
        return make_config(self._presets, self._recipe, **self.settings)

    def learn(self, dataset: Dataset) -> None:
        """Take in what reading the files of the chosen data set has told of it."""
        if dataset.file and dataset != self.config.dataset:
            self._presets.resolve_dataset(dataset)
            self._show()

    @property
    def _names(self) -> dict[str, str]:
        """What is chosen, by category."""
        activation = str(self._overrides.get("activation", self._own_activation))
        others = {"recipe": self._recipe, "engine": self._engine, "activation": activation}
        return {**self._chosen, **others}

    @property
    def _own_activation(self) -> str:
        """The activation of the network's preset."""
        return self._presets.architecture[self._chosen["architecture"]].settings.activation

    @property
    def _is_built(self) -> bool:
        """Whether a builder makes the network, with activations of its own."""
        return bool(self._presets.architecture[self._chosen["architecture"]].settings.builder)

    def turn(self, category: str, direction: Direction) -> None:
        """Go to the next (1) or previous (-1) preset of a category."""
        names = self.names(category)
        now = self._names[category]
        self.choose(category, names[(names.index(now) + direction) % len(names)])

    def names(self, category: str) -> list[str]:
        """Return the presets of a category, or the engines."""
        return list(ENGINES) if category == "engine" else self._presets.names(category)

    def list_of(self, choice: str) -> ChoiceList:
        """Make the list of a category's presets, or of the engines."""
        known = ENGINE_WORDS if choice == "engine" else None
        choices = [
            Choice(name, known[name] if known else self._presets.description(choice, name))
            for name in self.names(choice)
        ]
        return ChoiceList(_TITLES[choice], choices, self._names[choice])

    def choose(self, category: str, name: str) -> None:
        """Take a preset, or an engine; a recipe brings everything it names."""
        if category == "recipe":
            self._take_recipe(name)
        elif category == "engine":
            self._engine = name
        elif category == "activation":
            self._overrides[category] = name
            if name == self._own_activation or self._is_built:
                del self._overrides[category]
        else:
            self._chosen[category] = name
            for key in overrides_of(category):
                self._overrides.pop(key, None)
        self._changed(category)

    def turn_lr(self, direction: Direction) -> None:
        """Raise or lower the lr along 1-2-5, and through the lr that one set out from."""
        home = self._lr_home
        self.set_number("lr", next_lr(self._numbers["lr"], direction, home))
        self._lr_home = home

    def turn_batch(self, direction: Direction) -> None:
        """Halve or double the batch size, to powers of two; above them is the whole split."""
        points = self.config.dataset.train_points
        self._put_number("batch_size", next_batch(self.config.batch_size, direction, points))
        self._changed("batch_size")

    def set_number(self, key: str, number: float) -> None:
        """Set a number, of the form or in place of that of a preset."""
        if key in OVERRIDES:
            self._overrides[key] = number
        else:
            self._put_number(key, number)
        self._changed(key)

    def take(self, key: str, value: Value) -> None:
        """Set a setting: a preset by its name, or a number."""
        if isinstance(value, float | int):
            self.set_number(key, value)
        else:
            self.choose(key, value)

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
            self.row("engine").put(self._engine, "", note)

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
        if setting not in self._names:
            return f"{setting.replace('_', ' ')}: {_text(self.settings.get(setting))}", ""
        name = self._names[setting]
        known = setting != "engine"
        description = self._presets.description(setting, name) if known else ""
        return f"{_TITLES[setting].lower()}: {name}", description

    @on(ChoiceRow.Turned)
    def _turn_row(self, event: ChoiceRow.Turned) -> None:
        event.stop()
        self.turn(event.choice, event.direction)

    @on(TextField.Committed)
    def _take_number(self, event: TextField.Committed) -> None:
        event.stop()
        number = _parse(event.key, self.field(event.key).text)
        if number != (self._numbers | self._batches)[event.key]:
            self._put_number(event.key, number)
            self._changed(event.key)

    def _take_recipe(self, name: str) -> None:
        self._recipe = name
        recipe = self._presets.recipe[name].settings
        self._chosen = {category: getattr(recipe, category) for category in PARTS}
        self._overrides = {}
        for key in NUMBERS:
            number = getattr(recipe, key)
            if number is not None:
                self._put_number(key, number)
        for key in BATCH_NUMBERS:
            self._put_number(key, getattr(recipe, key))

    def _put_number(self, key: str, number: float | None) -> None:
        if key in BATCH_NUMBERS:
            self._batches[key] = 1 if number is None and key == "validate_every" else number
        else:
            self._numbers[key] = number
        self.field(key).put(_text(self.settings[key]))
        if key == "lr" and number is not None:
            self._lr_home = number

    def _changed(self, setting: str) -> None:
        self._show()
        self.post_message(self.Changed(self.config, setting))

    def _show(self) -> None:
        config = self.config
        for category in CHOICES:
            name = self._names[category]
            description = self._presets.description(category, name)
            over = {*overrides_of(category)} - {"activation"}  # which has a row of its own
            mark = " *" if over & self._overrides.keys() else ""
            if category == "init" and self._warning:
                mark = " ◌"
            self.row(category).put(name + mark, description, self._note(category, config))
        changed = self._differs_from_recipe(config)
        description = self._presets.description("recipe", self._recipe)
        name = f"{self._recipe} *" if changed else self._recipe
        self.row("engine").put(self._engine, "", self._engine_note)
        self.row("recipe").put(name, description, "* changed below" if changed else "")
        self.field("batch_size").note(config.batch_words)
        self._fold()

    def _fold(self) -> None:
        """Show what is not as it mostly is, or all of it; name the others in a line."""
        values = {key: (self._names | self._batches)[key] for key in _USUAL}
        if self._is_built:
            del values["activation"]
        usual = [key for key, value in values.items() if value == _USUAL[key]]
        folded = [] if self._unfolded else usual
        for key in _USUAL:
            part = self.field(key) if key in BATCH_NUMBERS else self.row(key)
            part.display = key in values and key not in folded
        named = [
            (self._fold_key(key), _FOLDED.get(key) or _text(values[key]), key in self._marked)
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

    @on(FoldLine.Turned)
    def _turn_fold(self, event: FoldLine.Turned) -> None:
        event.stop()
        self._unfolded = not self._unfolded
        self._fold()

    def _note(self, category: str, config: RunConfig) -> str:
        if category == "architecture":
            size = self._parameter_count
            return (
                f"⚠ {self._problem}" * bool(self._problem)
                if size is None
                else f"{size:,} parameters"
            )
        if category == "init":
            return self._warning or self._init_words
        if category == "regularizer":
            return describe_regularizer(config.regularizer, config.counted)
        if category == "optimizer":
            return describe_optimizer(config.optimizer)
        return ""

    def _differs_from_recipe(self, config: RunConfig) -> bool:
        seeds = {"seed": config.seed, "data_seed": config.data_seed, "device": config.device}
        seeds["engine"] = config.engine
        recipe = self._presets.recipe[self._recipe].settings
        given = {key: value for key, value in seeds.items() if getattr(recipe, key, None) is None}
        return config != make_config(self._presets, self._recipe, **given)


def _text(value: Value | None) -> str:
    if value is None:
        return _FULL
    return value if isinstance(value, str) else number_text(value)


def _parse(key: str, text: str) -> float | int | None:
    """Read a number of the form; a batch may be the whole split."""
    if key == "batch_size" and text.strip().casefold() == _FULL:
        return None
    return parse_number(key, text)
