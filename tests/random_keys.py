"""Random keys on every screen: seeded, looked at after each, and repeatable as a text.

A walk is a list of words: keys (``s``, ``ctrl+p``), ``type:0.003``, ``click:12,5``,
``wheel:12,5,-1``, ``size:80x24``, ``wait:0.2``. After each, what has to hold on any screen at any
time is looked at.
"""

import inspect
import re
import shlex
import time
from pathlib import Path
from random import Random

from rich.cells import cell_len, split_graphemes
from scripted import (
    DIVERGED,
    EARLY,
    FAILED,
    FINISHED,
    GAUGE,
    LrScript,
    Script,
    SweepScript,
    make_app,
    ready,
    type_text,
)
from scripted_loop import FOLDER, TYPICAL, LoopScript, logged, with_loops
from textual import events
from textual._compositor import CompositorUpdate
from textual.geometry import Size
from textual.widgets import Input

from tui_trainer.formatting import printable
from tui_trainer.monitor.events import OutputRead
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import RunEnded
from tui_trainer.tui import headless
from tui_trainer.tui.app import TrainerApp
from tui_trainer.tui.headless import screen_text
from tui_trainer.tui.keys import keys_of
from tui_trainer.tui.live_screen import LiveScreen
from tui_trainer.tui.quit_question import QuitQuestion
from tui_trainer.tui.widgets.framed import Framed

DEADLINE = 90.0  # seconds until a screen has to be as it should
SIZES = [(160, 45), (120, 34), (100, 30), (80, 24), (60, 20), (40, 12), (30, 8), (20, 5), (1, 1)]
_HANDS = ["up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab",
          "enter", "escape", "space", "backspace", "delete", "ctrl+c", "ctrl+left", "ctrl+right",
          "shift+left", "shift+right", *"0123456789+-,.["]  # fmt: skip
_TEXTS = ["0.003", " .5", "300", "1e-5:1:log:16", "0.1,0.01", "all", "none,l1", "1", "20", "-1",
          "", "nan", "1e999", "9" * 40, "宽e\u0301", "init: ", "theme", "screenshot", "keys",
          "maximize"]  # fmt: skip
_HOSTILE_TEXTS = ["[b]x[/b]", "[/docs", "init: [", "\u202e\u200b", "z\x1b]0;t"]
_MARKUP = re.compile(r"\[/?(?:b|i|u|bold|dim|italic|reverse|[@$][^\]]*)\]|\[/\]")


class Canvas:
    """What a terminal shows after the updates that it got."""

    _PARTS = re.compile(
        r"\x1b\[(\d+);(\d+)H|\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\|(\n)|([^\x1b\n]+)"
    )

    def __init__(self):
        self._rows = {}
        self._x = self._y = 0

    def feed(self, sequences):
        """Move and write; colours don't matter here."""
        for row, column, newline, text in self._PARTS.findall(sequences):
            if row:
                self._x, self._y = int(column) - 1, int(row) - 1
            elif newline:
                self._x, self._y = 0, self._y + 1
            elif text:
                self._write(text)

    def _write(self, text):
        row = self._rows.setdefault(self._y, {})
        for start, end, width in split_graphemes(text)[0]:
            if width == 0:  # joins the character before it
                row[self._x - 1] = row.get(self._x - 1, "") + text[start:end]
            for offset in range(width):
                row[self._x + offset] = "" if offset else text[start:end]
            self._x += width

    def text(self, width, height):
        rows = (self._rows.get(y, {}) for y in range(height))
        return "\n".join("".join(row.get(x, " ") for x in range(width)).rstrip() for row in rows)


class WatchedApp(TrainerApp):
    """The app, and what its updates paint; it quits only after it has asked."""

    CSS_PATH = Path(inspect.getfile(TrainerApp)).with_name("app.tcss")

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.canvas = Canvas()

    def _display(self, screen, renderable):
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            self.canvas.feed(renderable.render_segments(self.console))
        super()._display(screen, renderable)

    async def action_quit(self):
        if any(screen.active and screen.quit_warning for screen in self.live_screens):
            await super().action_quit()


class _Ways:
    """Calls one script after another, chosen by a seed."""

    def __init__(self, seed, *scripts):
        self._random, self._scripts = Random(seed), scripts

    def __call__(self, *arguments):
        script = self._random.choice(self._scripts)
        yield from script(*arguments)


def _raises(*arguments):
    raise RuntimeError("no memory left\n  in a second line")


def _curses(*arguments):
    raise RuntimeError("[b]no[/b] [/x] \x1b]0;title\x07 \u202e\n  in a second line")


def scripts(seed, *, hostile):
    """Return work for `scripted.make_app` that ends in every way, or does not end."""
    runs = [
        Script(),
        Script(gauge=GAUGE, bound=5.0),
        *map(Script, (EARLY, DIVERGED, FINISHED, FAILED)),
    ]
    sweeps = [SweepScript(), SweepScript(diverged=(0, 2)), SweepScript(waits=True),
              SweepScript(seeds_differ=0.1)]  # fmt: skip
    finders = [
        LrScript(),
        LrScript(waits=True),
        LrScript(None, None),
        LrScript(disagreement="they differ by far"),
    ]
    fails = _curses if hostile else _raises
    return {
        "train": _Ways(seed, *runs, fails),
        "sweep": _Ways(seed, *sweeps, fails),
        "find_lr": _Ways(seed, *finders, fails),
    }


def scripted_app(seed, *, hostile):
    """Make an app that trains nothing and ends in every way."""
    return make_app(app_class=WatchedApp, **scripts(seed, hostile=hostile))


def loop_app(seed, root):
    """Make an app with a loop that logs many metrics, and is stopped or fails now and then."""
    names = [f"layer{n}/\u202enorm" for n in range(20)]
    few = (*TYPICAL[:3], OutputRead(tuple(map("line {}".format, range(99))), "50%"))
    many = (logged(names, 1, 500, 7), *few)
    early = RunEnded(StopReason.EARLY_STOPPING, "stopped early at step 500", 500)
    ways = _Ways(seed, LoopScript(*few), LoopScript(*many), LoopScript(*many, last=early))
    return with_loops(make_app(app_class=WatchedApp), ways, root)


def choose(random, app, *, hostile):
    """Choose what a hand does next on this screen."""
    width, height = app.size
    roll = random.random()
    if roll < 0.03:
        return "size:{}x{}".format(*random.choice(SIZES))
    if roll < 0.06:
        return f"wait:{random.choice((0.1, 0.3))}"
    if roll < 0.12:
        return f"click:{random.randrange(width)},{random.randrange(height)}"
    if roll < 0.16:
        turn = random.choice((-1, 1))
        return f"wheel:{random.randrange(width)},{random.randrange(height)},{turn}"
    if isinstance(app.focused, Input) and roll < 0.5:
        return f"type:{random.choice(_TEXTS + _HOSTILE_TEXTS * hostile)}"
    if isinstance(app.screen, LiveScreen) and roll < 0.8:
        keys = keys_of(app.screen.screen_name)
        return random.choices(keys, [6 - key.rank for key in keys])[0].key.split(",")[0]
    return random.choice(_HANDS)


async def act(pilot, word):
    """Do what a word of a walk says."""
    app = pilot.app
    kind, _, what = word.partition(":")
    match kind if what or word == "type:" else "key":
        case "type":
            await type_text(pilot, what)
        case "click":
            for event in (events.MouseMove, events.MouseDown, events.MouseUp):
                app.post_message(event(None, *_place(what), 0, 0, 1, False, False, False))
        case "wheel":
            x, y, turn = map(int, what.split(","))
            event = events.MouseScrollDown if turn > 0 else events.MouseScrollUp
            app.post_message(event(None, x, y, 0, turn, 0, False, False, False))
        case "size":
            size = Size(*map(int, what.split("x")))
            app._driver._size = size
            app.post_message(events.Resize(size, size))
        case "wait":
            await pilot.pause(float(what))
        case "key":
            stays = isinstance(app.screen, QuitQuestion) and word in ("y", "q", "enter", "ctrl+c")
            await headless.press(pilot, "n" if stays else word)
    await pilot.pause(0)


def _place(text):
    return tuple(map(int, text.split(",")))


def problem(app, *, hostile):
    """Say what is wrong with what is shown, "" if nothing is; a frame may be late."""
    text, (width, height) = screen_text(app), app.size
    if not text.replace("\n", "").isprintable():
        return f"a control character is on the screen: {printable(text)!r}"
    if (widest := max(map(cell_len, text.split("\n")))) > width:
        return f"a line is {widest} wide, the screen {width}"
    if (shown := app.canvas.text(width, height)) != text:
        return f"the terminal shows something else:\n{shown}"
    if not hostile and (markup := _MARKUP.search(text)):
        return f"markup is on the screen: {markup[0]}"
    return _problem_of_lines(app.screen) if isinstance(app.screen, LiveScreen) else ""


def _problem_of_lines(screen):
    if screen.header.size.width < max(20, screen.size.width):
        return ""  # no room for a state, or Textual's panel of keys takes it
    for line in (screen.header, screen.status_line, screen.key_line):
        if line.region.height != min(1, screen.size.height):
            return f"#{line.id} takes {line.region.height} lines"
        if "\n" in line.text or cell_len(line.text.rstrip()) > line.size.width:
            return f"#{line.id} is {cell_len(line.text)} wide: {line.text!r}"
    for pane in screen.query(Framed):
        widths = {cell_len(line) for line in pane.text.split("\n") if line and pane.region.area}
        if widths - {pane.size.width}:
            return f"the lines of #{pane.id} are {widths} wide, it is {pane.size.width}"
    badge = screen.badge_text()
    if badge not in screen.header.text:
        return f"the state is {badge}, the header says {screen.header.text!r}"
    return ""


async def look(pilot, *, hostile):
    """Wait until nothing is wrong with what is shown; fail with it, and where the app ended."""
    deadline = time.monotonic() + DEADLINE
    while pilot.app.is_running and (wrong := problem(pilot.app, hostile=hostile)):
        assert time.monotonic() < deadline, f"{wrong}\n\n{screen_text(pilot.app)}"
        await pilot.pause(0.01)
    assert pilot.app.is_running, "the app has ended"


async def go_home(pilot):
    """Leave what is open, with escape alone, and see that keys still do what they do."""
    app = pilot.app
    for _ in range(10):
        if app.screen is app.cockpit and app.focused is None:
            break
        await act(pilot, "escape")
    assert app.screen is app.cockpit, f"escape does not leave this:\n{screen_text(app)}"
    await act(pilot, "?")
    assert app.screen is not app.cockpit, f"keys do nothing here:\n{screen_text(app)}"
    await act(pilot, "escape")
    assert app.screen is app.cockpit, f"escape does not close the help:\n{screen_text(app)}"


def hands(seed, count, *, first=(), hostile):
    """Return what chooses a walk of `count` words, which begins with `first`."""
    random = Random(seed)

    def next_words(app):
        yield from first
        for _ in range(count - len(first)):
            yield choose(random, app, hostile=hostile)

    return next_words


def hands_on_loop(seed, count):
    """As `hands`, on the screen of a loop, to which it comes back."""
    random = Random(seed)

    def next_words(app):
        for number in range(count):
            if number % 50 == 0:
                app.show_loop(FOLDER)
            yield choose(random, app, hostile=False)

    return next_words


async def walk(app, next_words, *, hostile):
    """Drive the app with the words that `next_words(app)` yields; return how many there were.

    Where something is wrong, a note of the exception says after which words.
    """
    words = []
    try:
        async with app.run_test(size=SIZES[1], notifications=True) as pilot:
            await ready(pilot)
            for word in next_words(app):
                words.append(word)
                await act(pilot, word)
                await look(pilot, hostile=hostile)
                if len(words) % 50 == 0:
                    await go_home(pilot)
            await go_home(pilot)
    except BaseException as error:
        error.add_note(f"The last of {len(words)} words: {shlex.join(words[-30:])}")
        error.add_note(f"To repeat it: {shlex.join(words)}")
        raise
    return len(words)
