"""Which terminals draw octants: they can't be asked, so it is a table of versions."""

import re
from collections.abc import Mapping

from tui_trainer.plotting.roles import Charset

# The first versions that draw them, by TERM_PROGRAM, and the values of TERM that go with it.
_PROGRAMS = {
    "ghostty": ((1, 2), ("xterm-ghostty", "ghostty", "xterm-256color")),
    "foot": ((1, 20), ("foot",)),
    "kitty": ((0, 40), ("xterm-kitty", "kitty")),
}
_VTE = 7800  # 0.78, as VTE_VERSION writes it
_VTE_TERMS = ("xterm-256color", "vte", "gnome")
# tmux and screen pass on what they know. The others are terminals that a shell of a known one may
# have started: they hand down its variables, which are not about them.
_FOREIGN = (
    "TMUX", "STY", "ZELLIJ", "XTERM_VERSION", "KONSOLE_VERSION", "ALACRITTY_WINDOW_ID",
    "WEZTERM_PANE", "WT_SESSION",
)  # fmt: skip


def glyphs_of(environ: Mapping[str, str]) -> Charset:
    """Return OCTANT where the terminal is known to draw octants, else UNICODE.

    `environ` is that of the process. A terminal that does not say its version is not known: kitty
    and foot don't, nor does any through ssh. Whether Unicode is shown at all is not asked here.
    """
    return Charset.OCTANT if _draws_octants(environ) else Charset.UNICODE


def _draws_octants(environ: Mapping[str, str]) -> bool:
    if any(environ.get(name) for name in _FOREIGN):
        return False
    term = environ.get("TERM", "")
    if program := environ.get("TERM_PROGRAM", "").lower():
        first, terms = _PROGRAMS.get(program, ((), ()))
        version = _version(environ.get("TERM_PROGRAM_VERSION", ""))
        return term.startswith(terms) and version >= first
    vte = environ.get("VTE_VERSION", "")
    is_vte = vte.isdecimal() and term.startswith(_VTE_TERMS) and "KITTY_WINDOW_ID" not in environ
    return is_vte and int(vte[:9]) >= _VTE


def _version(text: str) -> tuple[int, ...]:
    """Read ``1.2.3-dev`` as (1, 2, 3); () if it does not start with a number."""
    found = re.match(r"\d{1,6}(\.\d{1,6})*", text)
    return tuple(map(int, found[0].split("."))) if found else ()
