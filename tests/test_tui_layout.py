"""Three sizes and every size between: what shows, what opens, nothing cut off, nothing crashes."""

import asyncio

from rich.segment import Segment
from scripted import DIVERGED, EARLY, GAUGE, Script, make_app, press, ready, shown, until
from textual.strip import Strip

from tui_trainer.config.presets import CHOICES
from tui_trainer.plotting.roles import Charset
from tui_trainer.training.state import State
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.widgets.framed import Framed

SIZES = [(160, 45), (120, 34), (80, 24), (40, 12)]


async def stopped(pilot):
    await ready(pilot)
    await press(pilot, "s")
    await until(pilot, lambda: pilot.app.cockpit.state is State.STOPPED_EARLY)
    await until(pilot, lambda: pilot.app.cockpit.is_idle)


async def test_wide_shows_all_medium_folds_the_form_narrow_and_short_show_one_pane():
    async with make_app().run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        cockpit = pilot.app.cockpit
        parts = cockpit.loss_pane, cockpit.fit_pane, cockpit.form
        assert all(part.region.area for part in parts)
        await pilot.resize_terminal(80, 24)
        assert not cockpit.form.display
        assert "lr 0.003" in screen_text(pilot.app).splitlines()[0]
        await press(pilot, "tab")
        assert cockpit.form.display
        assert pilot.app.focused.id == "row-recipe"
        await press(pilot, "escape")
        assert not cockpit.form.display
        assert pilot.app.focused is None
        await pilot.resize_terminal(140, 14)
        await until(pilot, lambda: not cockpit.fit_pane.region.area)
        assert cockpit.loss_pane.region.area
        await pilot.resize_terminal(40, 12)
        for showing in (cockpit.loss_pane, cockpit.fit_pane, cockpit.form, cockpit.loss_pane):
            await until(pilot, lambda s=showing: [x for x in parts if x.region.area] == [s])
            await press(pilot, "tab")


async def test_every_size_says_what_how_it_goes_and_why_it_stopped_until_escape_folds_that():
    async with make_app(Script(EARLY)).run_test(size=SIZES[0]) as pilot:
        await stopped(pilot)
        cockpit = pilot.app.cockpit
        text = cockpit.loss_pane.text  # without colours curves still differ
        assert text.index("━━ train") < text.index("╺╸ validation")
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await shown(
                pilot,
                "wave · mlp-4x20",
                "■ STOPPED EARLY",
                "Stopped early at step 100: validation 5.42 exceeded 5.41",
                "100/5,000",
                "train 2.00",
                "q quit",
            )
        await pilot.resize_terminal(80, 24)  # low: panes side by side, and a form of short rows
        await until(pilot, lambda: cockpit.loss_pane.size.height >= 16)
        assert cockpit.loss_pane.region.right == cockpit.fit_pane.region.x
        await press(pilot, "tab")
        form = cockpit.form
        fields = [form.field(key) for key in ("lr", "steps", "seed", "data_seed")]
        rows = [row for name in ("recipe", "engine", *CHOICES) if (row := form.row(name)).display]
        await until(pilot, lambda: max(w.region.bottom for w in rows) <= form.region.bottom - 1)
        assert max(f.region.y for f in fields) < form.row("dataset").region.y  # numbers first
        assert form.row("recipe").size.height > 1 == form.row("dataset").size.height
        await press(pilot, "escape")
        await pilot.resize_terminal(60, 20)
        banner = cockpit.banner
        await until(pilot, lambda: banner.size.height == 3)
        await press(pilot, "escape")
        await until(pilot, lambda: banner.size.height == 1)
        await shown(pilot, "■ Stopped early at step 100", "…")
        await press(pilot, "escape")
        await until(pilot, lambda: banner.size.height == 3)
        await press(pilot, "escape")
        cockpit.context.work.train = Script(DIVERGED)
        await press(pilot, "s")
        await until(pilot, lambda: cockpit.state is State.DIVERGED)
        await until(pilot, lambda: banner.size.height > 1)


async def test_resizing_while_training_never_fails_and_no_line_is_wider_than_the_terminal():
    async with make_app(Script(gauge=GAUGE, bound=5.0)).run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        line = pilot.app.cockpit.status_line
        await until(pilot, lambda: "100/5,000" in line.text)
        for size in [(160, 45), (120, 34), (80, 24), (40, 12), (20, 6), (8, 3), (1, 1), (100, 17)]:
            await pilot.resize_terminal(*size)
            if size in SIZES:
                await until(pilot, lambda w=size[0]: ("lr 0.003" in line.text) == (w >= 120))
                assert len(line.text.rstrip()) <= size[0]
            await press(pilot, *(("z", "z", "tab", "escape") if size[0] < 120 else ()))
            assert pilot.app.cockpit.size == size
        await pilot.resize_terminal(300, 80)
        await shown(pilot, "● TRAINING")


class Seeds(Framed):
    """A pane that shows the seeds of the run."""

    def put(self, config):
        self._box([Strip([Segment(f"seed {config.seed}")])], (("Seeds", "title"),), ())


class CockpitOfThreePanes(Cockpit):
    def make_panes(self):
        yield from super().make_panes()
        yield Seeds(id="seeds")

    def draw_panes(self):
        super().draw_panes()
        self.query_one(Seeds).put(self.form.config)


async def test_one_more_pane_is_a_file_and_two_lines_of_its_screen():
    app = make_app(seed=7)
    app.cockpit = CockpitOfThreePanes(app.cockpit.context, app.cockpit._config, "kaiming")
    async with app.run_test(size=(120, 34)) as pilot:
        await ready(pilot)
        await shown(pilot, "╭─ Loss", "╭─ Fit", "╭─ Seeds", "seed 7")
        await pilot.resize_terminal(40, 12)
        for title in ("Loss", "Fit", "Seeds", "Setup", "Loss"):
            await shown(pilot, f"╭─ {title}")
            await press(pilot, "tab")


async def test_a_terminal_without_unicode_gets_ascii_alone_and_nothing_while_nothing_changes():
    async with make_app(Script(EARLY), charset=Charset.ASCII).run_test(size=SIZES[0]) as pilot:
        await stopped(pilot)
        drawn, cockpit = [], pilot.app.cockpit
        draw, cockpit.draw = cockpit.draw, lambda: drawn.append(True)
        await asyncio.sleep(0.5)
        assert not drawn
        cockpit.draw = draw
        for size, keys in (
            ((160, 45), ("tab", "?", "escape", "escape")),
            ((80, 24), ("tab", "?", "escape", "escape")),
            ((40, 12), ("tab", "tab", "?", "escape", "escape")),
        ):
            await pilot.resize_terminal(*size)
            for key in keys:
                await press(pilot, key)
                assert screen_text(pilot.app).isascii()
