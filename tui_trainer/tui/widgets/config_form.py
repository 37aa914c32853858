"""The form: which presets, which numbers; a valid config to start with, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from tui_trainer.config import ENGINES, NUMBERS, RunConfig, describe_regularizer, parse_number
from tui_trainer.formatting import number_text
from tui_trainer.preset_files import CATEGORIES, PARTS, Presets, make_config
from tui_trainer.validation import InvalidSettingsError

Direction = Literal[-1, 1]

_TITLES = {
    "recipe": "Recipe",
    "dataset": "Data",
    "architecture": "Network",
    "init": "Init",
    "regularizer": "Regularizer",
    "engine": "Engine",
}
_NUMBER_TITLES = {"lr": "lr", "steps": "steps", "seed": "seed", "data_seed": "data seed"}


class PresetRow(Static, can_focus=True):
    """One category: its key, the preset chosen, and what to expect of it."""

    DEFAULT_CSS = """
    PresetRow {
        height: auto;
        margin-bottom: 1;
        &:focus { background: $boost; }
        &:hover { background: $boost; }
    }
    """
    BINDINGS = [
        Binding("right,enter", "turn(1)", "next", show=False),
        Binding("left", "turn(-1)", "previous", show=False),
    ]

    @dataclass
    class Turned(Message):
        """The next or previous preset of a category is asked for."""

        category: str
        direction: Direction

    def __init__(self, category: str, key: str) -> None:
        super().__init__(id=f"row-{category}")
        self._category = category
        self._key = key
        self._shown = ("", "", "")

    def put(self, name: str, description: str, note: str = "") -> None:
        """Show a preset."""
        if (name, description, note) == self._shown:
            return
        self._shown = (name, description, note)
        lines = [
            Content.assemble(
                (f"{self._key} ", "bold $text-accent"),
                (f"{_TITLES[self._category]:<12}", "$foreground 70%"),
                (name, "bold"),
            ),
            *([Content.styled(description, "$foreground 60%")] if description else []),
        ]
        if note:
            lines.append(Content.styled(note, "$foreground 80%"))
        self.update(Content("\n").join(lines))

    def action_turn(self, direction: Direction) -> None:
        """Ask for the next (1) or previous (-1) preset."""
        self.post_message(self.Turned(self._category, direction))

    def on_click(self, event: events.Click) -> None:
        """Turn forwards, or backwards with shift or the right button."""
        self.action_turn(-1 if event.shift or event.button == 3 else 1)


class NumberField(Vertical):
    """A number with its name before it and its error below."""

    DEFAULT_CSS = """
    NumberField {
        height: auto;
        & > Horizontal { height: 1; }
        & Label { width: 12; color: $foreground 70%; }
        & Input { width: 1fr; }
        & > .error { display: none; color: $text-error; }
        &.-invalid > .error { display: block; }
    }
    """

    @dataclass
    class Committed(Message):
        """A valid number stands, and the person has left it."""

        key: str

    def __init__(self, key: str, number: float) -> None:
        super().__init__(id=f"field-{key}")
        self.key = key
        self.number = number

    def compose(self) -> ComposeResult:
        """Lay out name, input and error."""
        with Horizontal():
            yield Label(_NUMBER_TITLES[self.key])
            yield Input(number_text(self.number), id=f"input-{self.key}", compact=True)
        yield Static("", classes="error", markup=False)

    @property
    def invalid(self) -> bool:
        """Whether what stands there is no number that may stand there."""
        return self.has_class("-invalid")

    def put(self, number: float) -> None:
        """Show a number in the place of whatever stands there."""
        self.number = number
        with self.prevent(Input.Changed):
            self.query_one(Input).value = number_text(number)
        self.remove_class("-invalid")

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        event.stop()
        try:
            parse_number(self.key, event.value)
        except InvalidSettingsError as error:
            self.query_one(".error", Static).update(f"! {error}")
            self.add_class("-invalid")
        else:
            self.remove_class("-invalid")

    @on(Input.Submitted)
    @on(Input.Blurred)
    def _commit(self, event: Input.Submitted | Input.Blurred) -> None:
        event.stop()
        if not self.invalid:
            number = parse_number(self.key, self.query_one(Input).value)
            if number != self.number:
                self.number = number
                self.post_message(self.Committed(self.key))
        if isinstance(event, Input.Submitted):
            self.screen.set_focus(None)


class ConfigForm(VerticalScroll, can_focus=False):
    """Everything a run depends on; `config` is what it amounts to."""

    DEFAULT_CSS = """
    ConfigForm {
        border: round $foreground 35%;
        border-title-style: bold;
        border-title-color: $foreground;
        border-subtitle-color: $text-warning;
        padding: 0 1;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS = [
        Binding("down", "app.focus_next", "next field", show=False),
        Binding("up", "app.focus_previous", "previous field", show=False),
    ]

    @dataclass
    class Changed(Message):
        """The form says something else than before; `number` is the one that was changed."""

        config: RunConfig
        number: str | None = None

    def __init__(
        self, presets: Presets, config: RunConfig, recipe: str, faces: Mapping[str, str], *, id: str
    ) -> None:
        super().__init__(id=id)
        self._presets = presets
        self._faces = faces
        self._recipe = recipe
        self._device = config.device
        self._chosen = {category: getattr(config, category).name for category in PARTS}
        self._engine = str(config.engine)
        self._engine_reason = ""
        self._numbers = {key: getattr(config, key) for key in NUMBERS}
        self._parameter_count: int | None = None
        self._warning = ""
        self.border_title = "Setup"

    def compose(self) -> ComposeResult:
        """Lay out the rows and fields."""
        for category in CATEGORIES[-1:] + PARTS:
            yield PresetRow(category, self._faces[category])
        for key, number in self._numbers.items():
            yield NumberField(key, number)
        yield PresetRow("engine", self._faces["engine"])

    def on_mount(self) -> None:
        """Fill the rows."""
        self._show()

    @property
    def config(self) -> RunConfig:
        """The config that the form amounts to; fields in error count with their last number."""
        settings: dict[str, Any] = {**self._chosen, **self._numbers}
        settings |= {"device": self._device, "engine": self._engine}
        return make_config(self._presets, self._recipe, **settings)

    @property
    def invalid_field(self) -> NumberField | None:
        """The first field in error."""
        return next((field for field in self.query(NumberField) if field.invalid), None)

    def turn(self, category: str, direction: Direction) -> None:
        """Go to the next (1) or previous (-1) preset of a category."""
        names = self.names(category)
        chosen = {**self._chosen, "recipe": self._recipe, "engine": self._engine}
        now = chosen[category]
        self.choose(category, names[(names.index(now) + direction) % len(names)])

    def names(self, category: str) -> list[str]:
        """Return what there is to choose from: presets of a category, or engines."""
        return list(ENGINES) if category == "engine" else self._presets.names(category)

    def choose(self, category: str, name: str) -> None:
        """Take a preset, or an engine; a recipe brings everything it names."""
        if category == "recipe":
            self._take_recipe(name)
        elif category == "engine":
            self._engine = name
        else:
            self._chosen[category] = name
        self._changed()

    def set_number(self, key: str, number: float) -> None:
        """Put a number into its field."""
        self._numbers[key] = number
        self.query_one(f"#field-{key}", NumberField).put(number)
        self._changed(key)

    def report(self, parameter_count: int | None, warning: str = "") -> None:
        """Show what the network amounts to, and why it can't learn if it can't."""
        self._parameter_count, self._warning = parameter_count, warning
        self._show()

    def report_engine(self, reason: str) -> None:
        """Show why the run's engine is what it is."""
        if reason != self._engine_reason:
            self._engine_reason = reason
            self._row("engine").put(self._engine, "", reason)

    def mark_next_run(self, differs: bool) -> None:
        """Say whether the form is about the next run and no longer the one that is training."""
        self.border_subtitle = "next run · s starts it" if differs else ""

    @on(PresetRow.Turned)
    def _turn_row(self, event: PresetRow.Turned) -> None:
        event.stop()
        self.turn(event.category, event.direction)

    @on(NumberField.Committed)
    def _take_number(self, event: NumberField.Committed) -> None:
        event.stop()
        self._numbers[event.key] = self.query_one(f"#field-{event.key}", NumberField).number
        self._changed(event.key)

    def _take_recipe(self, name: str) -> None:
        self._recipe = name
        recipe = self._presets.recipe[name].settings
        self._chosen = {category: getattr(recipe, category) for category in PARTS}
        for key in NUMBERS:
            number = getattr(recipe, key)
            if number is not None:
                self._numbers[key] = number
                self.query_one(f"#field-{key}", NumberField).put(number)

    def _changed(self, number: str | None = None) -> None:
        self._show()
        self.post_message(self.Changed(self.config, number))

    def _show(self) -> None:
        config = self.config
        for category in PARTS:
            name = self._chosen[category]
            description = self._presets.description(category, name)
            self._row(category).put(name, description, self._note(category, config))
        changed = self._differs_from_recipe(config)
        description = self._presets.description("recipe", self._recipe)
        name = f"{self._recipe} *" if changed else self._recipe
        self._row("engine").put(self._engine, "", self._engine_reason)
        self._row("recipe").put(name, description, "* changed below" if changed else "")

    def _row(self, category: str) -> PresetRow:
        return self.query_one(f"#row-{category}", PresetRow)

    def _note(self, category: str, config: RunConfig) -> str:
        if category == "architecture" and self._parameter_count is not None:
            return f"{self._parameter_count:,} parameters"
        if category == "init":
            return self._warning
        if category == "regularizer":
            return describe_regularizer(config.regularizer)
        return ""

    def _differs_from_recipe(self, config: RunConfig) -> bool:
        seeds = {"seed": config.seed, "data_seed": config.data_seed, "device": config.device}
        seeds["engine"] = config.engine
        recipe = self._presets.recipe[self._recipe].settings
        given = {key: value for key, value in seeds.items() if getattr(recipe, key, None) is None}
        return config != make_config(self._presets, self._recipe, **given)
