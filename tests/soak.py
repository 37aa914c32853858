"""Random keys for minutes: scripted, with the real trainer, and in a terminal with signals.

    python tests/soak.py [--minutes 5] [--seed 1] [--only scripted|trained|terminal]
    python tests/soak.py --only scripted --seed 7 --repeat "w s end a s"

Seeds are counted up from the first. A walk that fails prints what repeats it, and the soak goes on;
its last line sums up, and its exit status is 1 where anything failed.
"""

import argparse
import asyncio
import contextlib
import os
import shlex
import signal
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path
from random import Random

import conftest  # noqa: F401 - clears the variables that Textual reads
import hostile_presets
from random_keys import SIZES, WatchedApp, hands, scripted_app, walk
from terminals import ALTERNATE_SCREEN, DEADLINE, PROGRAM, Terminal

from tui_trainer.config.presets import DEFAULT_RECIPE, load_presets, make_config
from tui_trainer.tui.background import Work
from tui_trainer.tui.keys import KEYS

SCRIPTED_WORDS, TRAINED_WORDS, TERMINAL_WORDS = 400, 200, 60
ENDING_SECONDS = 5.0  # from the request to the exit
_BYTES = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H",
          "end": "\x1b[F", "pageup": "\x1b[5~", "pagedown": "\x1b[6~", "tab": "\t", "enter": "\r",
          "escape": "\x1b", "space": " ", "question_mark": "?", "plus": "+", "minus": "-",
          "ctrl+c": "\x03", "shift+tab": "\x1b[Z"}  # fmt: skip
# Whoever suspends the program brings it back, as a shell does on `fg`.
_SHELL = (
    "set -m; {command}; status=$?; while ((status > 146)); do sleep 0.2; fg > /dev/null; "
    "status=$?; done; exit $status"
)


async def scripted(seed: int, repeat: list[str]) -> int:
    """Walk over screens whose work follows scripts; return the number of words."""
    hostile = seed % 2 == 0
    chosen = hands(seed, SCRIPTED_WORDS, hostile=hostile)
    app = scripted_app(seed, hostile=hostile)
    return await walk(app, (lambda app: repeat) if repeat else chosen, hostile=hostile)


async def trained(seed: int, repeat: list[str]) -> int:
    """Walk over screens that train."""
    from tui_trainer.cli.wiring import lr_search_events, preview, sweep_events, train_events

    hostile = seed % 2 == 0
    presets = load_presets()
    config = make_config(presets, DEFAULT_RECIPE, steps=300, engine="eager")
    train, sweep = (partial(events, root=None) for events in (train_events, sweep_events))
    work = Work(train, preview, sweep, lr_search_events)
    app = WatchedApp(presets, config, DEFAULT_RECIPE, work)
    chosen = hands(seed, TRAINED_WORDS, hostile=hostile)
    return await walk(app, (lambda app: repeat) if repeat else chosen, hostile=hostile)


def in_a_terminal(seed: int, repeat: list[str]) -> int:
    """Use the program in a terminal that is resized, stalls and suspends it, then end it."""
    random = Random(seed)
    command = shlex.join(
        [
            PROGRAM,
            "--steps",
            random.choice(("300", "1000000000")),
            "--engine",
            "eager",
            "--on-hangup",
            "checkpoint",
        ]
    )
    terminal = Terminal("-c", _SHELL.format(command=command), program="/bin/bash")
    words = repeat or [_choose_for_terminal(random) for _ in range(TERMINAL_WORDS)]
    ways = {"TERM": 143, "HUP": 129, "INT": 130, "quit": 0, "unread:TERM": 143, "unread:INT": 130}
    way = random.choice(list(ways))
    try:
        terminal.wait_for("READY")
        for word in words:
            _act_in_terminal(terminal, word)
        _end(terminal, way, ways[way])
    except BaseException as error:
        error.add_note(f"The screen:\n{terminal.text}")
        error.add_note(f"In a terminal, ended by {way}, to repeat it: {shlex.join(words)}")
        raise
    finally:
        with contextlib.suppress(OSError):
            terminal.child.close(force=True)
    return len(words)


def _choose_for_terminal(random: Random) -> str:
    roll = random.random()
    if roll < 0.06:
        return "size:{}x{}".format(*random.choice([size for size in SIZES if size[0] >= 20]))
    if roll < 0.09:
        return f"unread:{random.choice((1, 3))}"
    if roll < 0.12:
        return random.choice(("key:ctrl+z", "signal:TSTP", "signal:STOP", "signal:WINCH"))
    if roll < 0.4:
        return random.choice(list(_BYTES))
    keys = [key.key.split(",")[0] for key in KEYS if key.id not in ("quit", "palette")]
    return random.choice([*keys, *"0123456789.,:"])


def _program(terminal: Terminal) -> int:
    """Return the process that the shell in the terminal runs."""
    children = Path(f"/proc/{terminal.child.pid}/task/{terminal.child.pid}/children")
    return int(children.read_text().split()[0])


def _act_in_terminal(terminal: Terminal, word: str) -> None:
    kind, _, what = word.partition(":") if len(word) > 1 else (word, "", "")
    if kind == "size":
        columns, rows = map(int, what.split("x"))
        terminal.screen.resize(rows, columns)
        terminal.child.setwinsize(rows, columns)
    elif kind == "unread":
        time.sleep(float(what))
    elif kind == "key":
        terminal.press("\x1a")
        _wait_until_it_is_back(terminal)
    elif kind == "signal":
        os.kill(_program(terminal), signal.Signals[f"SIG{what}"])
        _wait_until_it_is_back(terminal)
    else:
        terminal.press(_BYTES.get(word, word))
    terminal.read(0.05)


def _wait_until_it_is_back(terminal: Terminal) -> None:
    """Wait until the shell has let it go on, and it has set the terminal up again."""
    deadline = time.monotonic() + DEADLINE
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 1:
        assert time.monotonic() < deadline, "it does not come back"
        assert terminal.read(0.05) is not None, "it has ended"
        if terminal.tty_modes() != (False, False) or not terminal.is_on(ALTERNATE_SCREEN):
            quiet_since = time.monotonic()


def _end(terminal: Terminal, way: str, status: int) -> None:
    """See that it still answers, then end it, and see how."""
    terminal.screen.reset()
    _act_in_terminal(terminal, "size:120x34")
    for _ in range(10):
        terminal.press("\x1b")
        terminal.wait_for_silence(0.15)
    terminal.press("?")
    terminal.wait_for("Help")
    terminal.press("\x1b")
    terminal.wait_for(r"(?s)\A(?!.*Help ─)")
    name = way.removeprefix("unread:")
    if way.startswith("unread:"):
        time.sleep(3)
    asked = time.monotonic()
    if name == "quit":
        terminal.press("q")
        terminal.read(0.5)
        if "Quit and end" in terminal.text:
            terminal.press("y")
    else:
        os.kill(_program(terminal), signal.Signals[f"SIG{name}"])
    assert terminal.wait_for_the_end() == status
    seconds = time.monotonic() - asked
    assert seconds < ENDING_SECONDS, f"it took {seconds:.1f} s to end"
    terminal.assert_restored()


_WAYS = {"scripted": scripted, "trained": trained, "terminal": in_a_terminal}


def _run(way: str, seed: int, repeat: list[str]) -> int:
    """Run one walk with folders of its own; presets are hostile for even seeds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable in ("CONFIG_HOME", "STATE_HOME", "CACHE_HOME", "DOWNLOAD_DIR"):
            os.environ[f"XDG_{variable}"] = str(folder / variable)
            (folder / variable).mkdir()
        if seed % 2 == 0:
            hostile_presets.write(folder / "CONFIG_HOME" / "tui-trainer" / "presets")
        outcome = _WAYS[way](seed, repeat)
        return outcome if isinstance(outcome, int) else asyncio.run(outcome)


def main() -> int:
    """Soak until the time is up; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(_WAYS))
    parser.add_argument("--repeat", default="", metavar="WORDS")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    seed, walks, words, failed = options.seed, 0, 0, []
    while not walks or (time.monotonic() < end and not options.repeat):
        for way in [options.only] if options.only else list(_WAYS):
            walks += 1
            try:
                done = _run(way, seed, shlex.split(options.repeat))
            except Exception:
                traceback.print_exc()
                failed.append(f"{way} {seed}")
            else:
                words += done
                print(f"{way} {seed}: {done} words", flush=True)
        seed += 1
    failures = ", ".join(failed) or "none"
    print(f"soak: {walks} walks, {words:,} words without a failure; failed: {failures}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
