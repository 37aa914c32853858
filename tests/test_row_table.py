"""A table whose rows come and go: it never asks for a row that is not there."""

import random

from textual.app import App
from textual.events import MouseScrollDown, MouseScrollUp

from tui_trainer.tui.widgets.row_table import Column, RowTable

COLUMNS = [Column("key", 6, right=True)]


class TableApp(App[None]):
    def __init__(self):
        super().__init__()
        self.table = RowTable(id="table")
        self.clicked = []

    def compose(self):
        yield self.table

    def on_row_table_chosen(self, event):
        self.clicked.append(event.key)


def rows_shown(table):
    return [line.strip("│┃ ▸") for line in table.text.split("\n")[2:-1]]


async def test_rows_that_shrink_under_scrolls_clicks_and_other_sizes_are_never_missed():
    dice = random.Random(7)
    app = TableApp()
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        place = (None, 3, 3, 0, 0, 0, False, False, False)
        scroll_up, scroll_down = MouseScrollUp(*place), MouseScrollDown(*place)
        for _ in range(40):
            keys = dice.sample(range(200), dice.choice([0, 1, 3, 12, 90]))
            cursor = dice.choice([None, *range(0, 200, 9)])  # often of a row that has gone

            def row(key, keys=tuple(keys)):
                assert key in keys
                return ((str(key), "row"),)

            before = list(app.clicked)
            app.table.put("Rows", COLUMNS, keys, row, cursor)
            del keys[2:]  # the table keeps its own
            if dice.random() < 0.3:
                await pilot.resize_terminal(*dice.choice([(60, 14), (30, 4), (9, 3), (60, 40)]))
            if dice.random() < 0.3 and app.size.height > 3:
                await pilot.click("#table", offset=(2, dice.randrange(app.size.height)))
            for _ in range(dice.randrange(5)):
                app.table.post_message(dice.choice([scroll_up, scroll_down]))
            await pilot.pause(0)
            there = {str(key) for key in app.table._keys}
            assert {str(key) for key in app.clicked[len(before) :]} <= there
            shown = [text for text in rows_shown(app.table) if text]
            assert set(shown) <= there
            assert len(shown) == min(len(there), max(0, app.size.height - 3))


async def test_the_cursor_is_in_view_wherever_its_row_goes():
    app = TableApp()
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        for keys in (range(100), range(99, -1, -1), range(40, 100), range(61, 64), ()):
            app.table.put("Rows", COLUMNS, keys, lambda key: ((str(key), "row"),), 63)
            assert ("▸     63" in app.table.text) is (63 in keys)
        app.table.put("Rows", COLUMNS, range(100), lambda key: ((str(key), "row"),), None)
        assert rows_shown(app.table)[0] == "0"
