"""Fewer bytes, the same screen: checked by a terminal emulator."""

import random
import re
from pathlib import Path

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from scripted import EARLY, Script, make_app, ready, until
from textual import _compositor, screen
from textual.app import App
from textual.strip import Strip

from tui_trainer.training.state import State
from tui_trainer.tui import textual_private
from tui_trainer.tui.terminal.thrift import thrift
from tui_trainer.tui.textual_private import (
    CroppedUpdate,
    ThriftyCompositor,
    mend_compositor,
    missing_parts,
    screen_text,
)
from tui_trainer.tui.widgets.cells import Cells

WIDTH, HEIGHT = 40, 8
STYLES = [
    "\x1b[38;2;224;224;224;48;2;18;18;18m",
    "\x1b[38;2;87;165;226;48;2;18;18;18m",
    "\x1b[1;38;2;87;165;226;48;2;18;18;18m",
    "\x1b[7;31;42m",
    "\x1b[4;38;5;200m",
    "\x1b[48;5;17m",
    "\x1b[93;104m",
    "\x1b[m",
]


def shown(*writes):
    """Every cell of a terminal after some writes, with its colours."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for data in writes:
        stream.feed(data)
    # A blank has no foreground to see.
    return [
        cell._replace(fg="default") if cell.data == " " and not cell.reverse else cell
        for y in range(HEIGHT)
        for cell in (screen.buffer[y][x] for x in range(WIDTH))
    ]


def scribble(seed):
    """Random moves, colours and texts, as Textual writes them: a reset behind every run."""
    choose = random.Random(seed)
    parts = []
    for _ in range(60):
        if choose.random() < 0.3:
            parts.append(f"\x1b[{choose.randint(1, HEIGHT)};{choose.randint(1, WIDTH - 8)}H")
        text = choose.choice(["abc", " ", "   ", "⣿⠿", "x y", ""])
        parts.append(f"{choose.choice(STYLES)}{text}\x1b[0m")
    return "".join(parts)


def test_thrift_draws_the_same_cells_with_fewer_bytes():
    for seed in range(40):
        data = scribble(seed)
        assert shown(thrift(data)) == shown(data)
        assert len(thrift(data)) < len(data)


def test_writes_may_follow_each_other():
    writes = [scribble(seed) for seed in range(5)]
    assert shown(*map(thrift, writes)) == shown(*writes)


def test_what_is_not_understood_goes_out_as_it_is():
    for data in [
        "plain",
        "",
        "\x1b[2J\x1b[H",
        "\x1b[38;9;1mx\x1b[0m",
        "\x1b[21mx\x1b[0m",
        "\x1b[31mopen end",
    ]:
        assert thrift(data) == data


def test_an_erasure_has_the_background_it_was_given():
    data = "\x1b[44m\x1b[2Jx\x1b[0m"
    assert shown(thrift(data)) == shown(data)


@pytest.fixture
def unmended(monkeypatch):
    """Textual's own compositor, whatever an app before has done to it."""
    monkeypatch.setattr(_compositor, "ChopsUpdate", CroppedUpdate.__base__)
    monkeypatch.setattr(screen, "Compositor", ThriftyCompositor.__base__)


def test_textual_still_has_the_private_parts_that_save_bytes_and_time():
    assert missing_parts() == [], "Textual moved: see tui_trainer/tui/textual_private.py"


@pytest.mark.parametrize(
    "part",
    ["_compositor.ChopsUpdate", "_compositor.Compositor", "screen.Compositor"]
    + [f"_compositor.Compositor.{name}" for name in ("_get_renders", "visible_widgets")],
)
def test_where_a_private_part_is_missing_it_is_named_and_nothing_is_mended(
    part, monkeypatch, unmended
):
    monkeypatch.delattr(f"textual.{part}")
    assert missing_parts() == [part]
    mend_compositor()
    assert getattr(_compositor, "ChopsUpdate", None) is not CroppedUpdate
    assert getattr(screen, "Compositor", None) is not ThriftyCompositor


def test_a_compositor_in_another_module_is_named_as_missing(monkeypatch):
    monkeypatch.setattr(textual_private, "_compositor", None)
    assert missing_parts() == ["_compositor.ChopsUpdate", "_compositor.Compositor"]
    mend_compositor()


async def test_the_app_shows_the_same_without_the_private_parts(monkeypatch, unmended):
    texts = {}
    for missing in ([], ["_compositor.ChopsUpdate"]):
        monkeypatch.setattr(textual_private, "missing_parts", lambda missing=missing: missing)
        app = make_app()
        async with app.run_test(size=(100, 30)) as pilot:
            await ready(pilot)
            assert isinstance(app.screen._compositor, ThriftyCompositor) is not bool(missing)
            await pilot.press("i")
            await ready(pilot)
            texts[bool(missing)] = screen_text(app)
        monkeypatch.setattr(screen, "Compositor", ThriftyCompositor.__base__)
    assert texts[True] == texts[False]


@pytest.mark.parametrize("size", [(100, 30), (40, 12)])
async def test_the_screen_is_read_from_a_screenshot_where_its_strips_are_missing(size, monkeypatch):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        expected = screen_text(app)
        monkeypatch.delattr(_compositor.Compositor, "render_strips")
        assert screen_text(app) == expected


def test_private_names_of_textual_are_used_in_one_file_alone():
    private = re.compile(r"textual\S* import .*\b_[a-z]|\b(?!self|cls|super|os\b)\w+\._[a-z]")
    folder = Path(textual_private.__file__).parent
    users = {
        file.name
        for file in folder.rglob("*.py")
        if any(private.search(line) for line in file.read_text(encoding="utf-8").splitlines())
    }
    assert users == {"textual_private.py"}


async def test_a_widget_between_two_that_changed_is_not_rendered():
    """What lies between them and behind them keeps its cells."""
    mend_compositor()
    rendered = []

    class Line(Cells):
        DEFAULT_CSS = "Line { height: 1; }"

        def render_lines(self, crop):
            rendered.append(self.id)
            return super().render_lines(crop)

    class ThreeLines(App):
        def compose(self):
            yield from (Line(id=name) for name in ("top", "middle", "bottom"))

    async with ThreeLines().run_test(size=(20, 5)) as pilot:
        await pilot.pause()
        rendered.clear()
        for name in ("top", "bottom"):
            pilot.app.query_one(f"#{name}", Line).show([Strip([Segment(name)])])
        await until(pilot, lambda: {"top", "bottom"} <= set(rendered))
        assert "middle" not in rendered
        assert screen_text(pilot.app).split() == ["top", "bottom"]


def test_an_update_sends_the_changed_span_and_nothing_beside_it():
    for span, expected in [
        ((0, 6, 9), "\x1b[1;7Hbcd"),
        ((0, 5, 15), "\x1b[1;6Habcdefghij"),
        ((0, 0, 40), "\x1b[1;6Habcdefghij\x1b[1;21Hklm"),
        ((0, 12, 22), "\x1b[1;13Hhij\x1b[1;21Hkl"),
        ((0, 15, 20), ""),
    ]:
        style = Style.null()
        chops = [{5: Strip([Segment("abcdefghij", style)]), 20: Strip([Segment("klm", style)])}]
        update = CroppedUpdate(chops, [span], [[15, 23]])
        assert update.render_segments(Console()) == expected


async def test_after_many_updates_the_terminal_shows_what_the_app_shows(monkeypatch):
    """The bytes of a whole visit, drawn by a terminal emulator."""
    size = (100, 30)
    app = make_app(Script(EARLY))
    screen = pyte.Screen(*size)
    stream = pyte.Stream(screen)
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        app.refresh()
        driver = app._driver
        monkeypatch.setattr(type(driver), "write", lambda self, data: stream.feed(thrift(data)))
        monkeypatch.setattr(type(app), "is_headless", False)
        app.screen.refresh(layout=True)
        await pilot.pause()
        for key in ("s", "l", "m", "i", "a", "z", "z", "k", "?", "escape", "]"):
            await pilot.press(key)
        await until(pilot, lambda: app.cockpit.state is State.STOPPED_EARLY)
        await ready(pilot)
        await pilot.pause(0.1)
        expected = screen_text(app).splitlines()
        monkeypatch.setattr(type(app), "is_headless", True)
        assert [line.rstrip() for line in screen.display] == expected
