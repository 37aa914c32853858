"""What the terminal can show, by flags, settings, terminal and locale; the first that says counts.

It is decided once, at the start, and written where everything else looks: into the encodings of
the streams, ``NO_COLOR``, and Textual's ``TEXTUAL_COLOR_SYSTEM``.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from tui_trainer.config.user_settings import Colors, Glyphs, UserSettings
from tui_trainer.plotting.glyphs import glyphs_of
from tui_trainer.plotting.roles import Charset

F = TypeVar("F", bound=Callable[..., Any])

# Terminals without braille: consoles of kernels, and real terminals. `screen.linux` is GNU screen
# in one of them.
_WITHOUT_BRAILLE = re.compile(r"(screen\.)?(linux|cons\d+|vt\d+|sun|ansi|pcansi|wy\d+|hp\d*)(-.*)?")
_WITHOUT_COLORS = re.compile(r"(screen\.)?(vt\d+|sun|wy\d+|hp\d*)(-.*)?|.*-(m|mono)")
_NO_TERMINALS = ("", "dumb", "unknown")
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")  # what Python makes of LC_CTYPE in the locale C
_COLOR_SYSTEMS = {"16": "standard", "256": "256", "truecolor": "truecolor"}
_META = "tui_trainer.looks."  # in the context's `meta`


def looks_options(command: F) -> F:
    """Add the flags; `take_looks` reads them."""
    options = [
        click.option("--ascii", is_flag=True, expose_value=False, callback=_note,
                     help="ASCII characters alone."),
        click.option("--no-color", is_flag=True, expose_value=False, callback=_note,
                     help="No colours, as with NO_COLOR=1."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def flags_of_looks(context: click.Context) -> list[str]:
    """Return those of the flags that were given."""
    flags = {"ascii": "--ascii", "no_color": "--no-color"}
    return [flag for name, flag in flags.items() if context.meta.get(f"{_META}{name}")]


def _note(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[f"{_META}{parameter.name}"] = value


def take_looks(context: click.Context, settings: UserSettings, *, headless: bool = False) -> None:
    """Decide what to show, and have streams, colours and Textual follow; before Textual is there.

    What is headless, or in a browser, does not depend on a terminal or a locale.
    """
    flags = context.meta
    colors: Colors = "none" if flags.get(f"{_META}no_color") else settings.colors
    if colors == "auto":
        colors = "auto" if headless else terminal_colors(os.environ)
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # empty, it says nothing, but Textual takes it for set
    if colors == "none":
        os.environ["NO_COLOR"] = "1"
    elif colors != "auto":
        os.environ.pop("NO_COLOR", None)
        os.environ["TEXTUAL_COLOR_SYSTEM"] = _COLOR_SYSTEMS[colors]
    glyphs: Glyphs = "ascii" if flags.get(f"{_META}ascii") else settings.glyphs
    context.meta[f"{_META}glyphs"] = glyphs
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            _encode(stream, glyphs, headless)


def _encode(stream: io.TextIOWrapper, glyphs: Glyphs, headless: bool) -> None:
    """Give a stream the encoding of the characters that are to come."""
    terminal = os.environ.get("TERM", "") if stream.isatty() else None
    if glyphs == "ascii" or (
        glyphs == "auto" and not headless and not shows_unicode(_locale(), terminal)
    ):
        stream.reconfigure(encoding="ascii", errors="replace")
    elif glyphs != "auto" and not _is_unicode(stream):
        stream.reconfigure(encoding="utf-8", errors="replace")


def charset_of(stream: Any | None) -> Charset:
    """Return the characters to draw with on a stream; None is one that takes all."""
    glyphs: Glyphs = click.get_current_context().meta[f"{_META}glyphs"]
    if glyphs == "ascii" or (stream is not None and not _is_unicode(stream)):
        return Charset.ASCII
    if glyphs == "auto" and stream is not None and stream.isatty():
        return glyphs_of(os.environ)
    return Charset.OCTANT if glyphs == "octants" else Charset.UNICODE


def _is_unicode(stream: Any) -> bool:
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return encoding.startswith("utf")


def is_served(environ: Mapping[str, str]) -> bool:
    """Say whether textual-serve runs this process: its terminal is a browser's, behind pipes."""
    return environ.get("TEXTUAL_DRIVER") == "textual.drivers.web_driver:WebDriver"


def terminal_problem(environ: Mapping[str, str]) -> str:
    """Say why the app can't be shown in the terminal that TERM names; "" if it can."""
    term = environ.get("TERM", "")
    if term not in _NO_TERMINALS:
        return ""
    return f"TERM is {term}, which names no terminal with a screen" if term else "TERM is not set"


def terminal_colors(environ: Mapping[str, str]) -> Colors:
    """Return "none" where the environment or the terminal wants no colours, else "auto"."""
    plain = bool(environ.get("NO_COLOR")) or _WITHOUT_COLORS.fullmatch(environ.get("TERM", ""))
    return "none" if plain else "auto"


def shows_unicode(locale: str, term: str | None) -> bool:
    """Say whether a locale, and a terminal if there is one, show more than ASCII.

    Python 3.11 writes UTF-8 in the locale C, so that its encoding does not tell. No locale at all,
    as in a container, says nothing about the terminal in front of it.
    """
    if term is not None and _WITHOUT_BRAILLE.fullmatch(term):
        return False
    name, _, codeset = locale.partition("@")[0].partition(".")
    if codeset:
        return codeset.lower().replace("-", "") == "utf8"
    return name not in ("C", "POSIX")


def _locale() -> str:
    """Return the name of the locale for characters, as it was before Python changed it."""
    environ = dict(os.environ)
    if "PYTHONIOENCODING" in environ:
        return ""  # the encoding of the streams is as a person wants it
    if sys.flags.utf8_mode and "LC_ALL" not in environ and environ.get("LC_CTYPE") in _COERCED:
        del environ["LC_CTYPE"]
    names = (environ.get(key) for key in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, names), "")
