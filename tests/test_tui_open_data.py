"""A person opens a data file: its path, what to predict, from what; what is wrong stands there."""

import threading

import data_files
import numpy as np
import pytest
from scripted import hidden, make_app, press, ready, shown, type_text, until

from tui_trainer.config.settings import describe_dataset
from tui_trainer.formatting import to_ascii
from tui_trainer.plotting.roles import Charset
from tui_trainer.task.files import loading
from tui_trainer.tui.data import page, reading
from tui_trainer.tui.data.paths import list_paths as list_of
from tui_trainer.tui.data.screen import DataQuestion, Phase
from tui_trainer.tui.headless import screen_text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my data").mkdir()
    table = {**data_files.columns(40), "day": np.array(["Mon", "Tue"] * 20), "same": np.ones(40)}
    data_files.write(tmp_path / "my data" / "energy.csv", table)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def opens(pilot):
    await ready(pilot)
    await press(pilot, "ctrl+o")
    await until(pilot, lambda: isinstance(pilot.app.screen, DataQuestion))
    return pilot.app.screen


async def reaches(pilot, phase):
    await until(pilot, lambda: getattr(pilot.app.screen, "_phase", None) is phase)


async def says(pilot, words):
    await until(pilot, lambda: words in str(pilot.app.screen.query_one("#problem").content))


async def opened(pilot):
    await until(pilot, lambda: pilot.app.screen is pilot.app.cockpit)


async def test_a_file_is_found_its_target_chosen_and_it_is_the_forms_data_set(folder):
    for size, charset in (((120, 34), Charset.ASCII), ((40, 12), Charset.UNICODE)):
        app = make_app(charset=charset)
        async with app.run_test(size=size) as pilot:
            await opens(pilot)
            await shown(pilot, "my data/")
            await press(pilot, "m", "tab")  # completes the folder, whose files are listed then
            await shown(pilot, "energy.csv")
            await press(pilot, "enter")
            await reaches(pilot, Phase.TARGET)
            await shown(pilot, "Which column is to be predicted?", "row 1", "40 rows")
            assert charset is Charset.UNICODE or screen_text(app).isascii()
            await press(pilot, "down", "enter")  # from the last that can be one: not the constant
            await says(pilot, "! same can't be used: constant, 1")
            await press(pilot, "up", "enter")
            await reaches(pilot, Phase.FEATURES)
            await says(pilot, "Predicts load from 3 columns")
            await press(pilot, "space")
            await says(pilot, "load is the target")
            await press(pilot, "home", "space", "z", "tab", "ctrl+u")
            await type_text(pilot, "0.5")
            await press(pilot, "enter")
            await says(pilot, "Predicts load from 2 columns")
            await press(pilot, "enter")
            await opened(pilot)
            form = app.cockpit.form
            await until(pilot, lambda form=form: form.config.dataset.file)
            dataset = form.config.dataset
            assert dataset.name == "energy.csv · load"
            assert dataset.file == str(folder / "my data" / "energy.csv")
            assert (dataset.target, dataset.feature_names) == ("load", ("b", "c"))
            assert (dataset.train_points, dataset.validation_points) == (20, 20)
            assert not dataset.standardize
            assert dataset.resolved
            name = to_ascii(dataset.name) if charset is Charset.ASCII else dataset.name
            await shown(pilot, name[:12])
            await press(pilot, "d")
            assert form.config.dataset.name == form.names("dataset")[0]
            await press(pilot, "D")
            assert form.config.dataset == dataset
            assert form.names("dataset")[-1] == dataset.name
            about = app.cockpit.context.presets.description("dataset", dataset.name)
            assert about == describe_dataset(dataset)
            await press(pilot, "ctrl+o")  # begins where the last file was
            await shown(pilot, "my data/", "energy.csv")
            await press(pilot, "escape")
            await opened(pilot)


async def test_what_is_wrong_stands_beside_the_field_and_can_be_mended(folder):
    files = {
        "empty.csv": "",
        "header.csv": "a,b\n",
        "one.csv": "a\n1\n2\n",
        "text.csv": "a,b\nx,y\nz,w\n",
        "twice.csv": "a,a\n1,2\n3,4\n",
        "ragged.csv": "a,b\n1,2\n3\n",
        "gaps.csv": "a,b,y\n1,2,3\n,5,6\n2,1,5\n4,4,1\n",
        "inf.csv": "a,y\n1,2\ninf,3\n4,4\n",
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    async with make_app().run_test(size=(80, 24)) as pilot:
        await opens(pilot)
        for text, words in (
            ("gone/x.csv", "! gone/: No such file"),
            ("gone.csv", "! nothing in here has gone.csv in its name"),
        ):
            await type_text(pilot, text)
            await says(pilot, words)
            await press(pilot, "enter")
            await until(pilot, lambda: "No such file" in screen_text(pilot.app))
            await reaches(pilot, Phase.PATH)
            await press(pilot, "ctrl+a", "ctrl+k")
        for name, words in (
            ("empty.csv", "empty"),
            ("header.csv", "header.csv: it has no rows"),
            ("one.csv", "one.csv: 1 column of numbers that differ;"),
            ("text.csv", "text.csv: no column of numbers that differ (a: row 1 has 'x')"),
            ("twice.csv", "two columns are called"),
            ("ragged.csv", "row 2 has 1 values"),
        ):
            await type_text(pilot, name)
            await press(pilot, "enter")
            await says(pilot, words)
            screen = pilot.app.screen
            assert screen._phase is Phase.PATH
            before = screen._listing
            screen._reader.list(name)  # an answer that comes late takes nothing away
            await until(pilot, lambda before=before: pilot.app.screen._listing is not before)
            await says(pilot, words)
            await press(pilot, "ctrl+a", "ctrl+k")
        await type_text(pilot, "inf.csv")
        await press(pilot, "enter")
        await reaches(pilot, Phase.TARGET)
        await press(pilot, "enter", "enter")
        await says(pilot, "a is infinite in row 2")
        assert pilot.app.screen.page.place == 1  # the cursor is where it was, on y
        await press(pilot, "escape", "escape", "ctrl+a", "ctrl+k")
        await type_text(pilot, "gaps.csv")
        await press(pilot, "enter")
        await reaches(pilot, Phase.TARGET)
        await shown(pilot, "1 missing")
        await press(pilot, "enter", "tab", *["backspace"] * 3, "2", "enter")
        await shown(pilot, "! expected")
        await press(pilot, "backspace", *"0.7", "enter", "enter")
        await says(pilot, "! 1 row has gaps: m leaves it out")
        await press(pilot, "home", "space", "space")
        await says(pilot, "; 1 of 4 rows have gaps")
        await shown(pilot, "1 missing in 1 row: refused")
        await press(pilot, "m")
        await says(pilot, "; 2 rows train, 1 validate")
        await shown(pilot, "1 missing: 1 row left out")
        await press(pilot, "enter")
        await opened(pilot)
        form = pilot.app.cockpit.form
        await until(pilot, lambda: form.config.dataset.file)
        dataset = form.config.dataset
        assert (dataset.train_points, dataset.validation_points) == (2, 1)


async def test_reading_shows_how_far_it_is_and_escape_ends_it(folder, monkeypatch):
    begun, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    load = loading.load_table

    def slow(file, progress):
        try:
            progress(300_000, 1_000_000)
            begun.set()
            assert goes_on.wait(30)
            progress(600_000, 1_000_000)
            return load(file, progress)
        finally:
            ended.set()

    monkeypatch.setattr(loading, "load_table", slow)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opens(pilot)
        await type_text(pilot, "my data/energy.csv")
        await press(pilot, "enter")
        await until(pilot, begun.is_set)
        await shown(pilot, "reading… ▕██████░", "300 kB of 1 MB")
        await press(pilot, "escape")
        assert screen._phase is Phase.PATH
        goes_on.set()
        await until(pilot, ended.is_set)
        await hidden(pilot, "reading…")
        assert screen._found is None  # its answer was not waited for
        monkeypatch.setattr(loading, "load_table", load)
        await press(pilot, "enter")
        await reaches(pilot, Phase.TARGET)


async def test_a_mouse_and_a_long_list_work_too_and_enter_does_not_wait_for_it(folder, monkeypatch):
    for number in range(60):
        (folder / f"{number:02}.csv").write_text("a,b\n1,2\n2,3\n3,5\n")
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opens(pilot)
        await shown(pilot, "00.csv")
        await press(pilot, "up", "up", "up")
        await shown(pilot, "59.csv")
        await press(pilot, "tab")
        await until(pilot, lambda: screen.query_one("#path").value == "58.csv")
        await press(pilot, "ctrl+a", "ctrl+k", *"4")
        await shown(pilot, "49.csv")
        await pilot.click("OptionList", offset=(4, 3))
        await reaches(pilot, Phase.TARGET)
        await shown(pilot, "Which column", "row 3")  # a click is to meet what is drawn
        assert screen._found.file == str(folder / "43.csv")
        await pilot.click("OptionList", offset=(12, 0))
        await reaches(pilot, Phase.FEATURES)
        await shown(pilot, "Predicts a from 1 column")
        assert screen._choice.target == "a"
        await pilot.click("OptionList", offset=(12, 1))
        await says(pilot, "no column yet")
        await press(pilot, "escape", "escape", "ctrl+a", "ctrl+k", "4")
        await shown(pilot, "49.csv")
        with monkeypatch.context() as slow_disk:
            listed = threading.Event()
            slow_disk.setattr(reading, "list_paths", lambda text: listed.wait(30) and list_of(text))
            await press(pilot, "ctrl+a", "ctrl+k", *"52.csv", "enter")
            await reaches(pilot, Phase.TARGET)
            assert screen._found.file == str(folder / "52.csv")  # and nothing of the list of "4"
            listed.set()
        await press(pilot, "escape", "ctrl+a", "ctrl+k", "4")
        await shown(pilot, "49.csv")
        await press(pilot, "up")
        screen.set_focus(None)  # as while the terminal has no focus
        await press(pilot, "t", "space", "a")  # the columns' keys, over a longer list
        assert screen._phase is Phase.PATH


async def test_of_many_columns_only_those_in_view_are_written(folder, monkeypatch):
    count = 1_000
    names = [f"c{number}" for number in range(count)]
    rows = [",".join(str(n * row) for n in range(1, count + 1)) for row in range(3)]
    (folder / "wide.csv").write_text("\n".join([",".join(names), *rows]))
    written = []

    def note_row(column, choice, places):
        written.append(column.name)
        return write_row(column, choice, places)

    write_row = page.column_row
    monkeypatch.setattr(page, "column_row", note_row)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opens(pilot)
        await type_text(pilot, "wide.csv")
        await press(pilot, "enter")
        await reaches(pilot, Phase.TARGET)
        await shown(pilot, "c999")
        assert len(written) < 200
        assert "c500" not in written
        for key, words in (
            ("enter", "from 999 columns"),
            ("a", "no column yet"),
            ("a", "from 999 columns"),
            ("home", "from 999 columns"),
            ("space", "from 998 columns"),
            ("t", "Predicts c0 from 999 columns"),
        ):
            written.clear()
            await press(pilot, key)
            await says(pilot, words)
            await until(pilot, lambda: written)  # what is in view is written anew
            assert len(written) < 200, key
        await shown(pilot, "target c0")
        assert screen._choice.target == "c0"
