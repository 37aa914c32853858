"""Optimizer, schedule, activation and batches: lines of the form once they are set."""

import pytest
from scripted import FINISHED, Script, hidden, make_app, press, ready, shown, until
from textual.widgets import Input

from tui_trainer.config.overrides import BATCH_NUMBERS
from tui_trainer.config.presets import load_presets
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.run.next_batch import next_batch

CHOICES = {"optimizer": "u", "schedule": "c", "activation": "v"}
SIZES = ((120, 34), (80, 24), (40, 12))


def fold(pilot):
    return str(pilot.app.cockpit.form.query_one("#fold").content)


def chosen(config):
    names = config.optimizer.name, config.schedule.name, config.architecture.activation
    return dict(zip(CHOICES, names, strict=True))


async def test_a_key_each_goes_through_all_and_the_line_comes_when_it_is_needed():
    presets = load_presets()
    async with make_app().run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        usual = chosen(form.config)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for category, key in CHOICES.items():
                names = presets.names(category)
                if size == SIZES[0]:
                    steps = [(key, name) for name in (*names[1:], names[0])]
                else:  # the form can't be seen: the status line says it
                    steps = [(key, names[1]), (key.upper(), names[0])]
                for pressed, name in steps:
                    await press(pilot, pressed)
                    assert chosen(form.config) == {**usual, category: name}
                    is_usual = name == usual[category]
                    assert form.row(category).display is not is_usual
                    assert (f"{key} {name}" in fold(pilot)) is is_usual
                    if size != SIZES[0]:
                        await shown(pilot, f"{category}: {name}"[:30])
                if size == SIZES[0]:
                    await press(pilot, key.upper())
                    assert chosen(form.config)[category] == names[-1]
                    await press(pilot, key)
            assert "<> full batch" in fold(pilot)


async def test_a_recipe_brings_back_what_is_usual_and_what_differs_from_the_run_is_marked():
    script = Script(FINISHED)
    async with make_app(script).run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        usual = pilot.app.cockpit.form.config
        for key in ("1", "p"):  # an experiment, which asks, and a recipe
            await press(pilot, "u", "c", "v", "<")
            await press(pilot, key, *[key] * (key == "1"))
            config = pilot.app.cockpit.form.config
            assert chosen(config) == chosen(usual)
            assert config.batch_size is None
        assert script.calls
        for config, _ in script.calls:
            assert chosen(config) == chosen(usual)
            assert config.batch_size is None
        count = len(script.calls) + 1
        await until(pilot, lambda: pilot.app.cockpit.is_idle)
        await press(pilot, "u", "v", "<", "s")
        await until(pilot, lambda: len(script.calls) == count and pilot.app.cockpit.is_idle)
        config = script.calls[-1][0]
        assert (config.optimizer.name, config.architecture.activation) == ("momentum", "tanh")
        assert config.batch_size == 128
        await shown(pilot, "mlp-4x20 tanh", "momentum · batch 128")
        await press(pilot, "U", "V", ">", "c")
        await shown(pilot, "u ›sgd", "v ›relu", "<> ›full batch", "c Schedule   ›cosine")
        await pilot.resize_terminal(120, 20)
        await press(pilot, "z")
        await shown(pilot, "next run: ", "optimizer sgd", "activation relu", "schedule cosine")
        await shown(pilot, "batch size whole split")


async def test_the_last_line_unfolds_everything_and_it_fits():
    async with make_app().run_test(size=SIZES[0]) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        parts = [form.row(name) for name in CHOICES]
        parts += [form.field(name) for name in BATCH_NUMBERS]
        for number, size in enumerate(SIZES, 5):
            await pilot.resize_terminal(*size)
            await press(pilot, "tab", *["tab"] * (size[1] == 12))
            form.query_one("#fold").focus()
            await press(pilot, "enter")
            assert all(part.display for part in parts)
            await shown(pilot, "▾ fold")
            if size[1] > 12:
                await until(pilot, lambda: not form.max_scroll_y)
            field = form.field("validate_every").query_one(Input)
            field.focus()
            field.value = f"{number}"
            await press(pilot, "enter")
            await until(pilot, lambda n=number: form.config.validate_every == n)
            form.query_one("#fold").focus()
            await press(pilot, "enter")
            assert [part.display for part in parts] == [False] * 4 + [True]
            await press(pilot, "escape")


async def test_batch_sizes_are_typed_or_turned_by_powers_of_two():
    for points in (1, 2, 3, 40, 64, 100):
        down, size = [], None
        while next_batch(size, -1, points) != size:
            size = next_batch(size, -1, points)
            down.append(size)
        assert down == [2**n for n in reversed(range(7)) if 2**n < points]
        up = [1]
        while (size := next_batch(up[-1], 1, points)) is not None:
            up.append(size)
        assert up[::-1] == (down or [1])
    assert next_batch(48, 1, 100) == 64
    assert next_batch(48, -1, 100) == 32
    async with make_app().run_test(size=(120, 45)) as pilot:
        await ready(pilot)
        form = pilot.app.cockpit.form
        await press(pilot, ">")
        await shown(pilot, "A step takes the whole split already: 200 points.")
        await press(pilot, *"<<<<<<<<")
        await until(pilot, lambda: form.config.batch_size == 1)
        await press(pilot, "<")
        await shown(pilot, "A batch of one point is the smallest there is.")
        field = form.field("batch_size").query_one(Input)
        for text, expected in (("48", 48), ("full", None), (" FULL ", None), ("1,000", 1000)):
            if expected != form.config.batch_size or text == "48":
                form.field("batch_size").display = True
            field.focus()
            field.value = text
            await press(pilot, "enter")
            await until(pilot, lambda e=expected: form.config.batch_size == e)
        await shown(pilot, "all 200 points a step")
        field.focus()
        field.value = "0"
        await press(pilot, "enter")
        await shown(pilot, "! expected a whole number >= 1")
        field.value = "200"
        await press(pilot, "enter")
        await hidden(pilot, "points a step")


@pytest.fixture
def built(tmp_path):
    """Presets with a network of somebody's own."""
    (tmp_path / "net.py").write_text("def build(inputs):\n    raise NotImplementedError\n")
    (tmp_path / "architecture.toml").write_text(
        '[mine]\ndescription = "my own"\nbuilder = "net.py:build"\n'
    )
    return tmp_path


async def test_a_network_of_ones_own_has_activations_of_its_own(built):
    app = make_app(presets_folder=built, architecture="mine")
    async with app.run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        assert "relu" not in fold(pilot)
        await press(pilot, "v")
        await shown(pilot, "The network mine has activations of its own.")
        app.cockpit.form.turn("activation", 1)
        assert app.cockpit.form.config.architecture.activation == "relu"
        await press(pilot, "A", "v")
        assert app.cockpit.form.config.architecture.activation == "tanh"
        assert "Activation" in screen_text(app)
