"""Only the cells that changed go to the terminal."""

from rich.segment import Segment
from rich.style import Style
from scripted import until
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip

from tui_trainer.tui.widgets.cells import Cells, _changes

RED = Style.parse("red")


def strip(*parts):
    return Strip([Segment(text, style) for text, style in parts])


def test_equal_lines_change_nothing():
    assert _changes(strip(("abc", None)), strip(("ab", None), ("c", None))) == []


def test_a_changed_cell_is_a_span_of_one():
    assert _changes(strip(("abcdef", None)), strip(("abXdef", None))) == [(2, 3)]


def test_a_changed_colour_is_a_change():
    assert _changes(strip(("abc", None)), strip(("a", None), ("b", RED), ("c", None))) == [(1, 2)]


def test_near_changes_go_out_as_one_and_far_ones_apart():
    before = strip(("." * 40, None))
    near, far = "X" + "." * 4 + "X" + "." * 34, "X" + "." * 20 + "X" + "." * 18
    assert _changes(before, strip((near, None))) == [(0, 6)]
    assert _changes(before, strip((far, None))) == [(0, 1), (21, 22)]


def test_a_shorter_line_leaves_nothing_behind():
    assert _changes(strip(("abc", None)), strip(("a", None))) == [(1, 3)]


def test_spans_are_in_cells_where_characters_are_wide_or_have_no_width():
    for before, after, spans in (
        ("損失 loss 1", "損失 loss 2", [(10, 11)]),
        ("損失", "損得", [(2, 4)]),
        ("損", "a", [(0, 2)]),
        ("e\u0301 1", "e\u0301 2", [(2, 3)]),
        ("e\u0301", "e", [(0, 1)]),
    ):
        assert _changes(strip((before, None)), strip((after, None))) == spans


async def test_a_widget_refreshes_just_the_changed_regions():
    class OneWidget(App):
        def compose(self):
            yield Cells()

    async with OneWidget().run_test(size=(20, 5)) as pilot:
        cells = pilot.app.query_one(Cells)
        hello = Strip([Segment("hello")])
        cells.show([hello, Strip([Segment("world")])])
        await pilot.pause()
        asked = []
        cells.refresh = lambda *regions, **_: asked.extend(regions)
        cells.show([hello, Strip([Segment("worXd")])])
        assert asked == [Region(3, 1, 1, 1)]
        asked.clear()
        cells.show([hello, Strip([Segment("worXd")])])
        assert asked == []
        assert cells.text == "hello\nworXd"


async def test_a_component_has_new_looks_when_its_colours_change():
    class Coloured(Cells):
        COMPONENT_CLASSES = frozenset({"coloured--part"})

    class OneWidget(App):
        CSS = "#one .coloured--part { color: red; } #one.-on .coloured--part { color: blue; }"

        def compose(self):
            yield Coloured(id="one")

    def color():
        return pilot.app.query_one(Coloured).component_style("coloured--part").color.name

    async with OneWidget().run_test(size=(20, 5)) as pilot:
        before = color()
        assert color() == before
        pilot.app.query_one(Coloured).add_class("-on")
        await until(pilot, lambda: color() != before)
