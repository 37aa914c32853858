"""The sweep screen: what it plans, what it shows, what its keys do, what goes into the form."""

import re
import threading

import numpy as np
import pytest
from scripted import (
    DEADLINE,
    FINISHED,
    Script,
    SweepScript,
    hidden,
    make_app,
    press,
    ready,
    shown,
    until,
)
from scripted_sweep import advanced, ended, finished, plan, started
from textual.widgets import Input

from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.sweeps.events import SweepEnded
from tui_trainer.sweeps.recommendation import recommend
from tui_trainer.sweeps.significance import least_seeds
from tui_trainer.sweeps.tuning import in_stages
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.state import State
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.quit_question import QuitQuestion
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.runs.screen import RunsScreen
from tui_trainer.tui.sweep import form as sweep_form
from tui_trainer.tui.sweep import table as sweep_table
from tui_trainer.tui.sweep.candidate_screen import CandidateScreen
from tui_trainer.tui.sweep.feed import SweepFeed
from tui_trainer.tui.sweep.offered import AxisDefaults, axis_defaults
from tui_trainer.tui.sweep.rows import point_row
from tui_trainer.tui.sweep.screen import SweepScreen
from tui_trainer.tui.sweep.table import SweepTable
from tui_trainer.tui.sweep.wording import status_text

SIZE = (140, 40)
OFFERED = axis_defaults()


@pytest.fixture(autouse=True)
def many_candidates(monkeypatch):
    """Have more rows than any screen, whatever the form offers first."""
    many = AxisDefaults("The size of a step", "1e-5:1:log:32", "8")
    monkeypatch.setattr(sweep_form, "axis_defaults", lambda: {**OFFERED, "lr": many})


async def opened(pilot, *keys):
    """Open the sweep screen and press keys there."""
    await press(pilot, "w")
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))
    await until(pilot, lambda: "candidates" in pilot.app.sweep.status_line.text)
    for key in keys:
        await press(pilot, key)
    return pilot.app.sweep


async def swept(pilot, *keys):
    """Sweep to the end."""
    sweep = await opened(pilot, *keys, "s")
    await until(pilot, lambda: sweep.state is State.FINISHED and sweep.is_idle)
    return sweep


async def under_way(pilot, *keys):
    """Sweep until half of the candidates have ended; the script waits there."""
    sweep = await opened(pilot, *keys, "s")
    half = len(pilot.app.sweep.feed.sweep.candidates) // 2
    await until(pilot, lambda: sweep.feed.result.finished == half and not sweep.unread)
    return sweep


def form_text(app):
    """What the form shows, its lines joined."""
    lines = screen_text(app).split("\n")
    return " ".join(part for line in lines for part in line[1:38].split())


async def type_values(pilot, text):
    await press(pilot, "v")
    pilot.app.focused.value = ""
    pilot.app.focused.insert_text_at_cursor(text)


# The form


async def test_the_screen_says_what_s_would_start_and_a_goes_round_the_axes():
    async with make_app().run_test(size=SIZE) as pilot:
        sweep = await opened(pilot)
        await shown(
            pilot,
            "wave · mlp-4x20 · kaiming · stop-patient · 32 × lr",
            "32 values of lr × 8 seeds = 256 candidates",
            "s starts · v edits the values",
            "0.00001  0.0000145",
            "of training, a rough guess until a sweep has run on this machine",
            "to be compiled first is not counted",
            "one value of lr, judged by the median over its seeds",
            "a point with one of the seeds: one training of up to 5,000 steps",
            "○ READY",
            "s start",
        )
        await type_values(pilot, "0.1,0.2")
        await press(pilot, "enter")
        seen = []
        for _ in range(11):
            seen.append((sweep.form.axis.key, sweep.form.seeds))
            await press(pilot, "a")
        assert seen == [
            ("lr", 8), ("l1_weight", 10), ("dropout", 9), ("weight_decay", 9),
            ("init", 10), ("regularizer", 11), ("architecture", 9),
            ("optimizer", 9), ("schedule", 9), ("activation", 8), ("batch_size", 8),
        ]  # fmt: skip
        assert sweep.form.axis.values == (0.1, 0.2)
        words = " ".join(str(sweep.form.query_one("#amount").content).split())
        assert words.startswith("2 values of lr × 8 seeds = 16 candidates, up to about ")
        await type_values(pilot, "0.1,0.2,0.3,0.4")
        await press(pilot, "enter")
        words = str(sweep.form.query_one("#amount").content)
        assert "8 seeds = 32 candidates" in words
        assert "too few" not in words
        await type_values(pilot, "0.1,0.2,0.3,0.4,0.5")
        await press(pilot, "enter")
        words = str(sweep.form.query_one("#amount").content)
        assert words.endswith("; too few seeds to tell the best value from a lucky one: it takes 9")
        await press(pilot, "A")
        assert sweep.form.axis.key == "batch_size"


async def test_values_are_checked_as_they_are_typed_and_what_can_not_be_planned_is_one_line():
    script = SweepScript()
    async with make_app(sweep=script).run_test(size=SIZE) as pilot:
        sweep = await opened(pilot)
        for axes, text, error in (
            (0, "1:0.1:log:4", "the range ends below where it starts; write 0.1:1:log:4"),
            (0, "0.1,x", "expected a number"),
            (1, "-1", "expected a number >= 0"),
            (3, "kaimin", "unknown init 'kaimin'; did you mean 'kaiming'"),
        ):
            for _ in range(axes):
                await press(pilot, "a")
            before = sweep.form.axis
            await type_values(pilot, text)
            await until(pilot, lambda error=error: f"! {error}" in form_text(pilot.app))
            await press(pilot, "escape", "s")
            assert not script.calls
            assert pilot.app.focused is sweep.query_one("#input-values")
            assert sweep.form.axis == before
            await press(pilot, "escape")
        await type_values(pilot, "all")
        await press(pilot, "enter")
        sweep.form.field("seeds").put("90000")
        await press(pilot, "s")
        await until(pilot, lambda: "candidates need about" in sweep.banner.words)
        assert "\n" not in sweep.banner.words
        assert not script.calls
        assert sweep.state is State.IDLE


async def test_what_is_typed_is_counted_while_it_is_typed_and_the_users_keys_count_here_too():
    app = make_app(keymap={"start": "f5", "use": "f6"})
    async with app.run_test(size=SIZE) as pilot:
        sweep = await opened(pilot, "s", "v")
        assert sweep.state is State.IDLE
        app.focused.value = ""
        await press(pilot, *"0.1,0.2,0.25")
        count = "3 values of lr × 8 seeds = 24 candidates"
        await until(pilot, lambda: count in form_text(app) and count in sweep.plot.text)
        await shown(pilot, "0.1  0.2  0.25", "f5 starts · ")
        await press(pilot, "comma", "x")  # no number: the count stays what it was
        await until(pilot, lambda: "! expected a number" in form_text(app))
        assert count in sweep.plot.text
        await press(pilot, "backspace", "backspace", "escape", "ctrl+p")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await press(pilot, *"values")
        await shown(pilot, "edit the values to try")
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is sweep)
        await press(pilot, "f5")
        await until(pilot, lambda: sweep.state is State.FINISHED)
        await shown(pilot, "f6 use lr 0.2")


async def test_medium_hides_the_form_tab_opens_it_and_the_status_line_says_what_starts_next():
    script = SweepScript(waits=True)
    async with make_app(sweep=script, keymap={"start": "f5"}).run_test(size=(80, 24)) as pilot:
        sweep = await opened(pilot)
        await until(pilot, lambda: not sweep.form.display)
        await press(pilot, "tab")
        await until(pilot, lambda: sweep.form.display)
        assert pilot.app.focused.id == "row-axis"
        await press(pilot, "right")
        await until(pilot, lambda: sweep.form.axis.key == "l1_weight")
        await press(pilot, "left", "escape")
        await until(pilot, lambda: not sweep.form.display)
        assert pilot.app.screen is sweep
        await press(pilot, "f5")
        await until(pilot, lambda: sweep.active)
        text = "next sweep, f5 starts it: 6 values of l1_weight × 10 seeds = 60 candidates"
        await press(pilot, "a")
        await shown(pilot, text)  # for a while
        await press(pilot, "x")
        await until(pilot, lambda: sweep.state is State.STOPPED)
        await shown(pilot, text)  # to stay
        await press(pilot, "A")
        await hidden(pilot, "next sweep")


async def test_the_plan_is_the_cockpits_form_but_for_what_is_asked_here():
    script = SweepScript()
    app = make_app(sweep=script, recipe="l1", seed=5, data_seed=2)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "a")  # another network
        sweep = await opened(pilot, "a", "o")
        sweep.form.field("steps").put("77")
        await press(pilot, "s")
        await until(pilot, lambda: sweep.state is State.FINISHED)
        ((plan, _),) = script.calls
        assert [axis.key for axis in plan.axes] == ["l1_weight"]
        assert plan.objective == "final"
        assert plan.base.steps == 77
        assert plan.base.architecture.name == "wide-1x400"
        assert (plan.base.seed, plan.base.data_seed) == (5, 2)
        assert {c.config.seed for c in plan.candidates} == set(range(5, 15))
        await press(pilot, "escape")
        app.cockpit.form.set_number("l1_weight", 9.0)
        await opened(pilot, *"aaaa", "s")  # a race of regularizers takes each one's own numbers
        await until(pilot, lambda: len(script.calls) == 2 and sweep.state is State.FINISHED)
        plan, _ = script.calls[1]
        assert [axis.key for axis in plan.axes] == ["regularizer"]
        assert not any(c.config.regularizer.l1_weight == 9 for c in plan.candidates)


# States


async def test_while_it_trains_the_lowest_is_named_states_have_signs_and_a_candidate_is_watched():
    script = SweepScript(waits=True, diverged=(0,))
    async with make_app(sweep=script).run_test(size=SIZE) as pilot:
        sweep = await under_way(pilot)
        control = script.calls[0][1]
        await shown(
            pilot,
            "128/256",
            "● TRAINING",
            "lowest so far: lr 0.00381, median 1.03",
            "◆ lowest so far",
            "batched, one group, cpu, 2 workers",
        )
        for key, text in (("down", "✕ diverged"), ("end", "● training")):
            await press(pilot, key)
            await shown(pilot, text)
        await press(pilot, "enter")
        await until(pilot, lambda: control.watched == 255)
        await shown(pilot, "Fit · step", "● TRAINING")
        step = re.search(r"Fit · step \d+", screen_text(pilot.app))[0]
        await hidden(pilot, f"{step} ")  # a later one is drawn
        control.stop()
        # It shows though the sweep screen gets the message.
        await shown(pilot, "□ STOPPED", "Stopped by hand")
        await press(pilot, "escape")
        await until(pilot, lambda: control.watched is None)
        await shown(pilot, "□ Stopped by hand, 128 of 256 candidates done. So far", "128/256")
        await shown(pilot, "□ stopped")
        assert sweep.state is State.STOPPED


async def test_at_the_end_the_recommendation_stands_in_words_and_the_table_follows_the_cursor():
    async with make_app(sweep=SweepScript(diverged=(30, 31))).run_test(size=(160, 45)) as pilot:
        sweep = await swept(pilot)
        table = sweep.table
        await shown(pilot, *RECOMMENDED, "✓ lr 0.00381: ", "u use lr 0.00381", "◆ recommended")
        await shown(pilot, "✕ diverged", "✕ 16 diverged", "256/256", "log y")
        assert sweep.plot.region.area
        await press(pilot, "l")
        await hidden(pilot, "log y")
        await hidden(pilot, "next sweep")
        await press(pilot, "a")
        await shown(pilot, "next sweep · s starts it", "32 × lr")  # the header is of the old one
        await press(pilot, "c")
        await shown(pilot, "too few seeds")  # eight can't tell 32 values apart
        await press(pilot, "c")
        assert table.candidate is None
        await press(pilot, "down")
        assert table.candidate == 0
        await press(pilot, "end")
        assert table.candidate == 255
        await shown(pilot, "of 256", "▸ 1 ")
        await press(pilot, "pageup")
        assert table.candidate == 255 - table.page
        await press(pilot, "home", "up")
        assert table.candidate == 0
        await shown(pilot, "▲ cursor")
        await pilot.click("#table", offset=(5, 4))
        assert table.candidate == 2
        await press(pilot, *["down"] * 8)
        assert (table.candidate, table.point) == (10, 1)
        await press(pilot, "c")
        await shown(pilot, "Points")
        assert (table.candidate, table.point) == (8, 1)
        await press(pilot, "c", "b")  # b sorts, and shows the first rows
        await shown(pilot, "Candidates by loss")
        assert table.candidate == 128  # the first seed of the middle value
        assert " 1.00 " in table.text.split("\n")[2]
        await press(pilot, "b")
        assert "▸ 0.00001 " in table.text.split("\n")[2]


def test_each_row_of_points_has_its_verdict():
    losses = [value + seed / 100 for value in (1, 2, 3) for seed in range(7)]
    for seeds, worse in ((7, "worse (7/7, p 0.047)"), (6, "too few seeds")):
        view = SweepFeed(plan("lr=0.1,0.2,0.3", seeds=seeds))
        kept = [loss for index, loss in enumerate(losses) if index % 7 < seeds]
        view.result = finished(view.sweep, kept, diverged=range(2 * seeds, 3 * seeds))
        assert [point_row(view, point)[2][0] for point in range(3)] == ["", "", "diverged"]
        view.recommendation = recommend(view.result)
        first, second, third = (point_row(view, point)[2] for point in range(3))
        assert first == ("◆ recommended", Role.BEST)
        assert second == (worse, "row")
        assert third == ("diverged", Role.DIVERGED)


async def test_a_race_shows_its_verdict_the_best_first():
    async with make_app(sweep=SweepScript(diverged=(1,))).run_test(size=SIZE) as pilot:
        sweep = await opened(pilot)
        sweep.form.fill("init", "zeros,normal,kaiming,he,xavier", 9, 5000)
        await press(pilot, "s")
        await until(pilot, lambda: sweep.state is State.FINISHED and sweep.is_idle)
        await shown(pilot, "Best validation loss by init · 9 seeds ─", "recommended", "✕")
        table = pilot.app.sweep.table
        head, *rows = [line.split() for line in table.text.split("\n")[1:8]]
        assert head[1:3] == ["init", "median"]
        assert [row[1] for row in rows[:5]] == ["kaiming", "he", "zeros", "xavier", "normal"]
        assert ["◆" in "".join(row) for row in rows[:5]] == [True, *[False] * 4]
        assert "worse (9/9, p 0.039)" in table.text.split("\n")[3]
        assert rows[4][2:5] == ["diverged", "✕", "diverged"]
        assert rows[5][1:] == ["1.0", "1.5", "2.0", "2.5", "3.0", "│"]  # the ticks
        assert not pilot.app.sweep.plot.display  # one list, not two
        await shown(pilot, "worse: than ◆ at 9 of 9 seeds", "p: the chance that luck alone")
        await shown(pilot, "diverged: at every seed the loss ran off to infinity")
        await press(pilot, "down", "down")
        await shown(pilot, "▸ he", "u use init he")
        await press(pilot, "l")
        await shown(pilot, "9 seeds · log ─")
        await press(pilot, "c")
        await shown(pilot, "Candidates by loss", "▸ he ")
        await press(pilot, "A", "A", "A", "A", "s")  # lr again: places on a scale
        await until(pilot, lambda: pilot.app.sweep.plot.display)


async def test_rows_by_loss_say_since_when_and_are_sorted_anew_while_nobody_reads(monkeypatch):
    async with make_app(sweep=SweepScript(waits=True)).run_test(size=SIZE) as pilot:
        sweep = await opened(pilot, *"aaaaa")
        for rest, title in (
            (9.0, "regularizer · 11 seeds · sorted at 0:00 ─"),
            (0.0, "regularizer · 11 seeds ─"),
        ):
            monkeypatch.setattr(sweep_table, "_REST_SECONDS", rest)
            await press(pilot, "s")
            await until(pilot, lambda: sweep.active)
            half = len(sweep.feed.sweep.candidates) // 2
            await until(pilot, lambda n=half: sweep.feed.result.finished == n and not sweep.unread)
            await shown(pilot, title)
            await press(pilot, "x")
            await until(pilot, lambda: sweep.state is State.STOPPED and sweep.is_idle)
            await shown(pilot, "regularizer · 11 seeds ─")


def test_the_bar_shows_the_percentage_beside_it():
    view = SweepFeed(plan("lr=0.1,0.2", seeds=2, steps=200))
    for width in (160, 80, 40):
        text = status_text(view, width)
        assert "compiling" in text  # and no bar that stands still
        assert "%" not in text
        assert len(text) <= width
    for event in (
        started(view.sweep),
        advanced(range(4), 1, np.ones((82, 4))),
        ended(0, StopReason.DIVERGED),
        ended(1, StopReason.STOPPED),
        SweepEnded(StopReason.STOPPED, "stopped by hand", 328, 1.0),
    ):
        view.result.apply(event)
        percent = int(100 * view.result.progress)
        for width in (160, 100, 80, 60, 40):
            text = status_text(view, width)
            assert f"{percent} %" in text
            if (room := text.count("█") + text.count("░")) > 0:
                assert abs(text.count("█") / room - view.result.progress) <= 1 / room
    assert percent == 55  # that diverged is done, those stopped are where they were


async def test_a_sweep_goes_on_behind_other_screens_whose_headers_count_it_until_its_end_is_seen():
    script = SweepScript(waits=True)
    app = make_app(sweep=script)
    async with app.run_test(size=(80, 24)) as pilot:
        sweep = await under_way(pilot)
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(app.screen, Cockpit))
        await until(pilot, lambda: "● sweep 128/256" in app.cockpit.header.text)
        assert not script.calls[0][1].stopped
        await press(pilot, "w")
        await until(pilot, lambda: app.screen is sweep)
        await shown(pilot, "● TRAINING")
        assert len(script.calls) == 1
        first = sweep.feed
        await press(pilot, "s")  # another one ends the first
        await until(pilot, lambda: len(script.calls) == 2)
        assert script.calls[0][1].stopped
        assert not script.calls[1][1].stopped
        await until(pilot, lambda: sweep.feed is not first and sweep.feed.result.finished == 128)
        assert sweep.state is State.RUNNING
        await press(pilot, "escape", "f")
        await until(pilot, lambda: app.lr_finder is not None and app.screen is app.lr_finder)
        await until(pilot, lambda: "● sweep 128/256   " in app.lr_finder.header.text)
        sweep.stop_thread()
        await until(pilot, lambda: "□ sweep stopped" in app.lr_finder.header.text)
        await press(pilot, "escape")
        await until(pilot, lambda: "□ sweep stopped" in app.cockpit.header.text)
        await press(pilot, "w")
        await until(pilot, lambda: app.screen is sweep and "□ STOPPED" in sweep.header.text)
        assert "sweep stopped" not in sweep.header.text  # its own badge says so
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is app.cockpit)
        await until(pilot, lambda: "sweep" not in app.cockpit.header.text)


# The table


async def test_a_shorter_sweep_after_a_longer_one_shows_its_own_rows_from_the_first_on():
    async with make_app(sweep=SweepScript()).run_test(size=(120, 40)) as pilot:
        sweep = await opened(pilot)
        for size in ((120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            for keys, rows in ((("s",), 256), (("end", "a", "s"), 60)):
                before = sweep.feed
                await press(pilot, *keys)
                sweep.table.post_message(SweepTable.Chosen(255))  # a click that came late
                await until(pilot, lambda b=before: sweep.feed is not b)
                await until(pilot, lambda: sweep.state is State.FINISHED and sweep.is_idle)
                assert f"of {rows}" in sweep.table.text
            assert sweep.table.candidate is None
            assert sweep.table.text.split("\n")[2].split()[1:3] == ["0", "0"]
            await press(pilot, "A")


# A candidate, and use


async def test_u_takes_the_recommended_value_or_a_candidate_whose_losses_and_fit_enter_shows():
    async with make_app(sweep=SweepScript()).run_test(size=SIZE) as pilot:
        sweep = await swept(pilot)
        await shown(pilot, "u use lr 0.00381")
        await press(pilot, "u")
        await until(pilot, lambda: isinstance(pilot.app.screen, Cockpit))
        assert pilot.app.cockpit.form.config.lr == 0.00381
        await press(pilot, "w", "down", "down", "down")
        await shown(pilot, "u use lr 0.00001, seed 2")
        await press(pilot, "u")
        await until(pilot, lambda: isinstance(pilot.app.screen, Cockpit))
        config = pilot.app.cockpit.form.config
        assert (config.lr, config.seed) == (0.00001, 2)
        await press(pilot, "w", "home", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CandidateScreen))
        await shown(pilot, "Fit · step 40", "lr 0.00001 · seed 0", "✓ Finished 40 steps.")
        await shown(pilot, "╺╸ validation")
        await hidden(pilot, "bound")  # which a sweep does not report
        await press(pilot, "escape")
        await until(pilot, lambda: pilot.app.screen is sweep)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CandidateScreen))
        await press(pilot, "u")  # goes all the way back
        await until(pilot, lambda: isinstance(pilot.app.screen, Cockpit))
        config = pilot.app.cockpit.form.config
        assert (config.lr, config.seed) == (0.00001, 0)


async def test_a_regularizers_number_goes_over_its_presets_until_another_recipe_takes_it_back():
    async with make_app(sweep=SweepScript(), recipe="kaiming").run_test(size=SIZE) as pilot:
        await swept(pilot, "a", "a")
        await press(pilot, "u")
        form = pilot.app.cockpit.form
        await until(pilot, lambda: isinstance(pilot.app.screen, Cockpit))
        assert form.config.regularizer.dropout == 0.03
        assert form.config.regularizer.name == "none"
        await shown(pilot, "none *")
        await until(pilot, lambda: "drops 0.03 of the inputs" in form_text(pilot.app))
        await press(pilot, "r", "R")
        assert form.config.regularizer.dropout is None
        form.set_number("dropout", 0.3)
        assert form.config.regularizer.dropout == 0.3
        form.choose("recipe", "l1")
        assert form.config.regularizer.dropout is None


async def test_numbers_that_the_app_was_started_with_are_kept():
    async with make_app(recipe="kaiming", l1_weight=3.0).run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert pilot.app.cockpit.form.config.regularizer.l1_weight == 3.0
        await shown(pilot, "none *")


# Sizes

RECOMMENDED = (
    "FINISHED", "256/256", "esc back", "lr 0.00381: lowest median best validation loss 1.03"
)  # fmt: skip


async def race_is_read(pilot, best):
    """Look at a race of regularizers: each row has a name of its own, a median and a bar."""
    sweep = pilot.app.sweep
    await until(pilot, lambda: sweep.table.region.area)
    shown_rows = sweep.table.text.split("\n")[2 : 2 + min(8, sweep.table.page)]
    assert re.search(rf"^. {{2}}stop-pq +1.05 +[-|├─┤]*{best}", shown_rows[0])
    await press(pilot, "end")
    await until(pilot, lambda: "▸" in sweep.table.text)  # which the screen writes as >
    assert len({row[3:15] for row in shown_rows}) == len(shown_rows)
    await press(pilot, "tab")
    assert sweep.table.region.area or sweep.form.region.area
    for _ in range(2):
        await press(pilot, "tab")
        assert not sweep.plot.region.area


async def test_a_race_has_name_median_and_bar():
    async with make_app(sweep=SweepScript()).run_test(size=(160, 45)) as pilot:
        await swept(pilot, *"aaaaa")
        await race_is_read(pilot, "◆")


async def test_every_size_says_in_ascii_too_which_value_is_the_one_and_how_a_race_ended():
    app = make_app(sweep=SweepScript(), charset=Charset.ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        sweep = await swept(pilot)
        parts = sweep.plot, sweep.table, sweep.form
        for size in ((80, 24), (40, 12)):
            await pilot.resize_terminal(*size)
            await shown(pilot, *RECOMMENDED, "u use")
            assert sweep.plot.region.area
            for key in ("down", "c", "tab", "?"):
                await press(pilot, key)
                assert screen_text(app).isascii()
            await press(pilot, "escape", *(["escape"] if size == (80, 24) else ["tab", "tab"]))
        for showing in (sweep.plot, sweep.table, sweep.form, sweep.plot):
            await until(pilot, lambda s=showing: [x for x in parts if x.region.area] == [s])
            await press(pilot, "tab")
        before = sweep.feed
        await press(pilot, *"aaaaas")
        await until(pilot, lambda: sweep.feed is not before)
        await until(pilot, lambda: sweep.state is State.FINISHED and sweep.is_idle)
        await race_is_read(pilot, "@")


async def test_resizing_through_all_sizes_never_fails():
    async with make_app(sweep=SweepScript(waits=True)).run_test(size=SIZE) as pilot:
        await under_way(pilot)
        for size, key in [((40, 12), "x stop"), ((1, 1), ""), ((200, 60), "x stop")]:
            await pilot.resize_terminal(*size)
            await shown(pilot, key)  # what is most needed while it trains
            for key in ("down", "c", "z", "z"):
                await press(pilot, key)
            assert pilot.app.screen.size == size


# Keys


async def test_h_lists_the_runs_and_a_run_and_a_sweep_are_told_apart_when_quitting():
    script, sweeps = Script(), SweepScript(waits=True)
    app = make_app(Script(FINISHED), sweep=sweeps)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.is_idle)
        sweep = await opened(pilot, "h")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await press(pilot, "h")
        await until(pilot, lambda: app.screen is sweep)
        await press(pilot, "h", "enter")
        await until(pilot, lambda: isinstance(app.screen, Cockpit))
        app.cockpit.context.work.train = script
        await press(pilot, "s")
        await until(pilot, lambda: app.cockpit.state is State.RUNNING)
        await press(pilot, "w")
        await until(pilot, lambda: app.screen is sweep)
        await press(pilot, "s")
        await until(pilot, lambda: sweep.active)
        await press(pilot, "q")
        await until(pilot, lambda: isinstance(app.screen, QuitQuestion))
        assert [screen.quit_warning for screen in app.live_screens] == [
            "A run is not finished, and nothing is kept of it.",
            "A sweep is not finished.",
        ]
        await press(pilot, "y")
        await until(pilot, lambda: script.calls[0][1].stopped and sweeps.calls[0][1].stopped)


async def test_a_sweep_that_fails_says_why_and_the_next_real_one_finds_the_better_of_two_lrs():
    def broken(plan, control):
        raise RuntimeError("the cable is out")
        yield

    def real(plan, control):
        from tui_trainer.sweeps.sweeper import sweep

        yield from sweep(plan, control)

    app = make_app(sweep=broken, recipe="kaiming", steps=30)
    async with app.run_test(size=SIZE) as pilot:
        sweep = await opened(pilot, "s")
        await shown(pilot, "the cable is out")
        assert sweep.state is State.FAILED
        app.cockpit.context.work.sweep = real
        await type_values(pilot, "0.01,10")
        await press(pilot, "enter")
        sweep.form.field("seeds").put("2")
        await press(pilot, "s")
        await shown(pilot, "✓ lr 0.01: lowest median best validation loss", "✕ 2 diverged")
        await press(pilot, "down", "enter")
        await shown(pilot, "Fit · step 30")


# Each value at its own best lr


def in_two_stages(script, race_may_start=None):
    """Tune and race by a script; the race waits for an event, unless that is None."""

    def sweep(plan, control):
        def train(stage):
            for event in script(stage, control):
                if stage.tunes and isinstance(event, SweepEnded) and race_may_start is not None:
                    race_may_start.wait(DEADLINE)
                yield event

        return in_stages(plan, train)

    return sweep


async def opened_to_tune(pilot, *, seeds):
    """Open the sweep screen with a race of five inits, each at its best lr."""
    sweep = await opened(pilot)
    sweep.form.fill("init", "zeros,normal,kaiming,he,xavier", seeds, 5000)
    await press(pilot, "e")
    return sweep


async def test_e_tunes_the_lr_of_each_value_first_and_u_takes_the_winner_with_its_lr():
    script = SweepScript()
    app = make_app(sweep=in_two_stages(script), recipe="kaiming", seed=3)
    async with app.run_test(size=SIZE) as pilot:
        sweep = await opened(pilot)
        await press(pilot, "e")
        await shown(pilot, "The values are those of lr: a takes another axis.")
        await press(pilot, "escape")
        await opened_to_tune(pilot, seeds=9)  # which suffice without the tuning
        await press(pilot, "a")
        assert sweep.form.seeds == least_seeds(len(sweep.form.axis.values), tuned=True)
        await press(pilot, "A")
        sweep.form.field("tuned").put("1e-3:1:log:4")
        await press(pilot, "o", "o")
        await shown(
            pilot,
            "5 inits × (4 of lr + 1 race) × 11 seeds = 275 candidates",
            "5 × init · none · each at its best lr",
            "its best lr",
        )
        await press(pilot, "s")
        await until(pilot, lambda: sweep.state is State.FINISHED and sweep.is_idle)
        tuned, raced = (plan for plan, _ in script.calls)
        assert tuned.tunes
        assert len(tuned.candidates) == 5 * 4 * 11
        assert {c.config.seed for c in raced.candidates} == set(range(3, 14))
        assert not {c.config.seed for c in tuned.candidates} & set(range(3, 14))
        await shown(
            pilot,
            "Best validation loss by init, each at its best lr · 11 seeds",
            "u use init kaiming, lr 0.1",
            "race 55/55",
            "zeros and normal each got the highest lr tried, 1: widen the range.",
        )
        await hidden(pilot, "next sweep")
        await press(pilot, "u")
        config = pilot.app.cockpit.form.config
        assert (config.init.name, config.lr, config.seed) == ("kaiming", 0.1, 3)


async def test_the_race_takes_the_place_of_its_tuning_but_not_of_what_is_read():
    may_race = threading.Event()
    script = SweepScript()
    app = make_app(sweep=in_two_stages(script, may_race), recipe="kaiming")
    async with app.run_test(size=SIZE) as pilot:
        sweep = await opened_to_tune(pilot, seeds=11)
        await press(pilot, "s")
        done = 5 * 11 * 11
        await until(pilot, lambda: sweep.feed.result.finished == done and not sweep.unread)
        await shown(pilot, "Tuning lr by init", "the race on others follows", "100 %")
        await press(pilot, *["down"] * 3)
        await shown(pilot, "▸ kaiming    0.00316", "u use init kaiming, lr 0.00316")
        await press(pilot, "enter")
        text = "init kaiming, lr 0.00316 · seed 11"
        await shown(pilot, text)
        may_race.set()
        await until(pilot, lambda: sweep.state is State.FINISHED and not sweep.unread)
        await shown(pilot, text, "✓ FINISHED")
        await press(pilot, "escape")
        await shown(pilot, "▸ kaiming    0.00316", "recommended", "race 55/55")
        await press(pilot, "c")
        await shown(pilot, "Candidates by loss", "▸ kaiming  0.00316")


async def test_a_tuning_fits_every_size_and_may_be_stopped():
    script = SweepScript(waits=True)
    app = make_app(sweep=in_two_stages(script), charset=Charset.ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        sweep = await opened_to_tune(pilot, seeds=1)
        await press(pilot, "s")
        half = 5 * 11 // 2
        await until(pilot, lambda: sweep.feed.result.finished == half and not sweep.unread)
        for size in ((80, 24), (40, 12)):
            await pilot.resize_terminal(*size)
            await shown(pilot, "Tuning lr by init", "lr so far", "xavier", "0.00001")
        await press(pilot, "x")
        await until(pilot, lambda: sweep.state is State.STOPPED and sweep.is_idle)
        for size in ((40, 12), (80, 24)):
            await pilot.resize_terminal(*size)
            await shown(pilot, "lr was still being")
        assert len(script.calls) == 1
        assert "use" in sweep.why_not()  # what led so far was recommended by nobody
        await press(pilot, "u")
        assert pilot.app.screen is sweep
        await press(pilot, "down")
        assert "use" not in sweep.why_not()
