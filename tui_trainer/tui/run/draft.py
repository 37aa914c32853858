"""The next run's settings while they are put together: a recipe, and what was chosen after it."""

from collections.abc import Sequence
from typing import Any

from tui_trainer.config.overrides import (
    BATCH_NUMBERS,
    NUMBERS,
    OVERRIDES,
    RUN_NUMBERS,
    Value,
    overrides_of,
)
from tui_trainer.config.presets import PARTS, Presets, make_config, overrides_in
from tui_trainer.config.settings import ENGINES, RunConfig
from tui_trainer.tui.run.next_batch import next_batch
from tui_trainer.tui.run.next_lr import next_lr
from tui_trainer.tui.widgets.fields import Direction


class ConfigDraft:
    """Names of presets, the run's numbers, and numbers in place of a preset's.

    `config` is always valid. `numbers` are those of `RUN_NUMBERS`; a batch size of None is the
    whole split.
    """

    def __init__(self, presets: Presets, config: RunConfig, recipe: str) -> None:
        self.recipe = recipe
        self.engine = str(config.engine)
        self.numbers: dict[str, float | None] = {key: getattr(config, key) for key in RUN_NUMBERS}
        self._presets, self._device = presets, config.device
        self._parts = {category: getattr(config, category).name for category in PARTS}
        self._overrides: dict[str, Value] = overrides_in(config, presets)
        self._lr_home = config.lr  # the last one that no lr key set

    @property
    def settings(self) -> dict[str, Any]:
        """The values by setting, except for the recipe."""
        engine = {"device": self._device, "engine": self.engine}
        return {**self._parts, **self.numbers, **self._overrides, **engine}

    @property
    def config(self) -> RunConfig:
        """The config of the recipe and the settings."""
        return make_config(self._presets, self.recipe, **self.settings)

    @property
    def chosen(self) -> dict[str, str]:
        """The names of what is chosen, by category."""
        activation = str(self._overrides.get("activation", self._own_activation))
        others = {"recipe": self.recipe, "engine": self.engine, "activation": activation}
        return {**self._parts, **others}

    @property
    def is_built(self) -> bool:
        """Whether a builder makes the network, with activations of its own."""
        return bool(self._presets.architecture[self._parts["architecture"]].settings.builder)

    @property
    def _own_activation(self) -> str:
        """The activation of the network's preset."""
        return self._presets.architecture[self._parts["architecture"]].settings.activation

    @property
    def differs_from_recipe(self) -> bool:
        """Whether the recipe alone would be another run; seeds that it leaves open don't count."""
        config, recipe = self.config, self._presets.recipe[self.recipe].settings
        left = ("seed", "data_seed", "device", "engine")
        given = {key: getattr(config, key) for key in left if getattr(recipe, key, None) is None}
        return config != make_config(self._presets, self.recipe, **given)

    def overrides(self, category: str) -> bool:
        """Say whether numbers replace those of a category's preset; its activation is no number."""
        return bool(({*overrides_of(category)} - {"activation"}) & self._overrides.keys())

    def names(self, category: str) -> Sequence[str]:
        """Return the presets of a category, or the engines."""
        return ENGINES if category == "engine" else self._presets.names(category)

    def next_name(self, category: str, direction: Direction) -> str:
        """Return the next (1) or previous (-1) name of a category; after the last the first."""
        names = self.names(category)
        return names[(names.index(self.chosen[category]) + direction) % len(names)]

    def choose(self, category: str, name: str) -> list[str]:
        """Take a preset, an activation or an engine; return which numbers a recipe has set."""
        if category == "recipe":
            return self._take_recipe(name)
        if category == "engine":
            self.engine = name
        elif category == "activation":
            self._overrides[category] = name
            if name == self._own_activation or self.is_built:
                del self._overrides[category]
        else:
            self._parts[category] = name
            for key in overrides_of(category):
                self._overrides.pop(key, None)
        return []

    def _take_recipe(self, name: str) -> list[str]:
        self.recipe = name
        recipe = self._presets.recipe[name].settings
        self._parts = {category: getattr(recipe, category) for category in PARTS}
        self._overrides = {}
        brought = [key for key in NUMBERS if getattr(recipe, key) is not None]
        brought += BATCH_NUMBERS
        for key in brought:
            self.set_number(key, getattr(recipe, key))
        return brought

    def set_number(self, key: str, number: float | None) -> None:
        """Set a number, or put one in place of that of a preset; None is a batch size's alone."""
        if key in OVERRIDES:
            assert number is not None
            self._overrides[key] = number
            return
        self.numbers[key] = 1 if number is None and key == "validate_every" else number
        if key == "lr" and number is not None:
            self._lr_home = number

    def turn_lr(self, direction: Direction) -> None:
        """Raise or lower the lr along 1-2-5; the one last typed or chosen is on the way, too."""
        home = self._lr_home
        self.set_number("lr", next_lr(self.config.lr, direction, home))
        self._lr_home = home

    def turn_batch(self, direction: Direction) -> None:
        """Halve or double the batch size, to powers of two; above them is the whole split."""
        config = self.config
        points = config.dataset.train_points
        self.set_number("batch_size", next_batch(config.batch_size, direction, points))
