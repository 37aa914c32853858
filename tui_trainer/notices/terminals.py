"""The notice that a terminal shows by itself: which sequence it takes, and what is in it."""

import os
from collections.abc import Mapping
from typing import Literal, TypeAlias

from tui_trainer.config.user_settings import Notices
from tui_trainer.formatting import printable, to_ascii

Form: TypeAlias = Literal["bell", "osc9", "osc777"]

LONG_RUN = 10.0  # seconds, after which somebody may be looking elsewhere
_TITLE = "tui-trainer"
_MOST = 200  # characters
_BELL = "\a"
# By TERM_PROGRAM, which ssh does not pass on, and by how TERM begins.
_PROGRAMS: dict[str, Form] = {
    "ghostty": "osc777",
    "iterm.app": "osc9",
    "warpterminal": "osc9",
    "wezterm": "osc777",
}
_TERMS: dict[str, Form] = {
    "contour": "osc777",
    "foot": "osc777",
    "ghostty": "osc777",
    "wezterm": "osc777",
    "xterm-ghostty": "osc777",
    "xterm-kitty": "osc9",
}
# Those of which some builds take OSC 777 and others swallow it; the bell comes along.
_UNSURE = ("VTE_VERSION", "WT_SESSION")
_UNSURE_TERMS = ("rxvt-unicode", "vte")
# Left behind by the terminal that tmux was started in, whose own TERM_PROGRAM is tmux's.
_AROUND_TMUX: dict[str, Form] = {
    "GHOSTTY_RESOURCES_DIR": "osc777",
    "ITERM_SESSION_ID": "osc9",
    "KITTY_WINDOW_ID": "osc9",
    "WEZTERM_PANE": "osc777",
}


def forms_of(setting: Notices, environ: Mapping[str, str]) -> tuple[Form, ...]:
    """Return what to send for a setting in the terminal that `environ` describes; () for nothing.

    GNU screen hands on the bell alone. Through tmux a notice needs its `allow-passthrough`, which
    may be off: so the bell comes along.
    """
    if setting == "off":
        return ()
    if setting == "bell" or (setting == "auto" and environ.get("STY")):
        return ("bell",)
    forms = (setting,) if setting != "auto" else _known_forms(environ)
    return tuple(dict.fromkeys((*forms, "bell"))) if environ.get("TMUX") else forms


def _known_forms(environ: Mapping[str, str]) -> tuple[Form, ...]:
    if environ.get("TMUX"):
        return tuple(form for name, form in _AROUND_TMUX.items() if environ.get(name))[:1]
    term = environ.get("TERM", "")
    form = _PROGRAMS.get(environ.get("TERM_PROGRAM", "").lower())
    form = form or next((f for start, f in _TERMS.items() if term.startswith(start)), None)
    if form is not None:
        return (form,)
    unsure = term.startswith(_UNSURE_TERMS) or any(environ.get(name) for name in _UNSURE)
    return ("osc777", "bell") if unsure else ("bell",)


def notice(
    words: str,
    setting: Notices,
    environ: Mapping[str, str] = os.environ,
    *,
    ascii_only: bool = False,
) -> str:
    """Return what makes the terminal show `words`, whatever is in them; "" if that is off."""
    text = printable(words)[:_MOST]
    text = to_ascii(text) if ascii_only else text
    return "".join(_sequence(form, text, environ) for form in forms_of(setting, environ))


def _sequence(form: Form, text: str, environ: Mapping[str, str]) -> str:
    if form == "bell":
        return _BELL
    if form == "osc9":
        payload = f"9;{_TITLE}: {text}"
    else:  # whose fields end at a semicolon
        payload = f"777;notify;{_TITLE};{text.replace(';', ',')}"
    return _through_tmux(f"\x1b]{payload}\a") if environ.get("TMUX") else f"\x1b]{payload}\a"


def _through_tmux(sequence: str) -> str:
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
