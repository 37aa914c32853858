"""The settings of the next run while they are put together, without a form."""

import random

from tui_trainer.config.presets import CHOICES, load_presets, make_config
from tui_trainer.tui.run.draft import ConfigDraft

PRESETS = load_presets()
RECIPES = PRESETS.names("recipe")


def draft_of(recipe):
    return ConfigDraft(PRESETS, make_config(PRESETS, recipe), recipe)


def names_in(config):
    names = {name: getattr(config, name).name for name in CHOICES if name != "activation"}
    activation = config.architecture.activation
    return {**names, "activation": activation, "engine": config.engine}


def test_whatever_is_chosen_the_config_has_it_and_a_recipe_takes_it_back():
    draw = random.Random(0)
    draft = draft_of(RECIPES[0])
    for _ in range(150):
        category, direction = draw.choice(("engine", *CHOICES)), draw.choice((1, -1))
        name = draft.next_name(category, direction)
        draft.choose(category, name)
        draft.turn_lr(direction)
        draft.turn_batch(direction)
        draft.set_number("l1_weight", 0.5)
        assert draft.overrides("regularizer")
        config = draft.config
        assert draft.chosen[category] == name
        assert all(draft.chosen[key] == value for key, value in names_in(config).items())
        assert all(getattr(config, key) == number for key, number in draft.numbers.items())
        if draw.random() < 0.1:
            recipe = draw.choice(RECIPES)
            brought = draft.choose("recipe", recipe)
            assert {"lr", "steps", "batch_size"} <= set(brought)
            assert not draft.differs_from_recipe
            assert not draft.overrides("regularizer")


def test_the_keys_for_the_lr_lead_back_to_the_lr_that_was_set():
    draft = draft_of(RECIPES[0])
    draft.set_number("lr", 0.037)
    for ways in ((1, -1), (-1, 1), (1, 1, -1, -1), (-1, -1, 1, 1)):
        for way in ways:
            draft.turn_lr(way)
        assert draft.config.lr == 0.037
