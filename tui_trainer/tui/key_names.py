"""The names of keys: what a terminal can send, in the words of Textual."""

import unicodedata

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

_MODIFIERS = {"ctrl", "shift", "alt", "super", "meta", "hyper"}
_NAMES = {key.value for key in Keys if not key.value.startswith("<")}
# What a terminal sends for these is another key's.
_ARRIVES_AS = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+h": "backspace",
    "ctrl+left_square_bracket": "escape",
    "ctrl+[": "escape",
    "return": "enter",
    "ctrl-at": "ctrl+@",
}


def key_name(character: str) -> str:
    """Return Textual's name for the key that types a character: ``question_mark`` for ?."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


CHARACTERS = {key_name(c): c for c in map(chr, range(32, 127)) if not c.isalnum()}
"""Characters other than letters and digits, by the names of their keys."""


def key_problem(key: str) -> str:
    """Say why no terminal sends a key of this name; "" if one does."""
    *modifiers, base = key.split("+") if len(key) > 1 else [key]
    known = (len(base) == 1 and base.isprintable()) or base in _NAMES or base in CHARACTERS
    if not known or not _MODIFIERS.issuperset(modifiers):
        return f"no such key: '{key}'; a character, or a name such as space or ctrl+p"
    if (arrives := _ARRIVES_AS.get(key)) is not None:
        return f"a terminal sends '{key}' as '{arrives}'"
    if modifiers == ["shift"] and len(base) == 1:
        return f"a terminal sends 'shift+{base}' as the character it types, such as A"
    return ""
