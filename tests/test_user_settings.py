"""config.toml: read strictly, and written without touching what a person wrote."""

import pytest

from tui_trainer.config.user_settings import UserSettings, read_user_settings
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.tui.key_names import key_problem
from tui_trainer.tui.keys import KEYS, checked_keymap


def read(file, text):
    """Read settings and check their keys, as the app does."""
    file.write_text(text)
    settings = read_user_settings(file)
    checked_keymap(settings.keys, file)
    return settings


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config.toml"


def test_settings_are_read_and_no_file_says_nothing(file):
    assert read_user_settings(file) == UserSettings()
    text = 'theme = "nord"\nglyphs = "ascii"\ncolors = "16"\nnotices = "off"\nrecipe = "kaiming"\n'
    settings = read(file, text + '[keys]\nstart = "f5"\nquit = "ctrl+x, Q"\n')
    assert (settings.theme, settings.glyphs, settings.colors) == ("nord", "ascii", "16")
    assert (settings.notices, settings.recipe) == ("off", "kaiming")
    assert checked_keymap(settings.keys, file) == {"start": "f5", "quit": "ctrl+x,Q"}


def test_a_mistake_is_one_line_with_file_key_and_what_is_allowed(file):
    for text, told in (
        ('glyphs = "octant"', ["glyphs: unknown value 'octant'", "ascii, auto, braille, octants"]),
        ('colors = "8"', ["colors: unknown value '8'", "16, 256, auto, none, truecolor"]),
        ("colors = 16", ["colors", "16", "truecolor"]),
        ('notices = "\\u001b]0;x\\u0007"', ["notices: unknown value", "bell, off"]),
        ("theme = 3", ["theme: expected a string, got 3"]),
        ('themes = "nord"', ["themes: unknown key", "did you mean 'theme'"]),
        ('[kyes]\nstart = "x"', ["kyes: unknown key", "did you mean 'keys'"]),
        ("keys = 3", ["keys: expected a table, got 3"]),
        ('[keys]\nstrat = "f5"', ["[keys] strat", "unknown id", "did you mean 'start'"]),
        ("[keys]\nstart = 5", ["[keys] start", "expected a key"]),
        ('[keys]\nstart = ""', ["[keys] start", "expected a key"]),
        ('[keys]\nstart = "\\u001b"', ["[keys] start", "no such key: '\\x1b'"]),
        ('[keys]\nstart = "banana"', ["[keys] start: no such key: 'banana'", "ctrl+p"]),
        ('[keys]\nstart = "f5,ctrl+"', ["[keys] start: no such key: 'ctrl+'"]),
        ('[keys]\nstart = "ctrl+i"', ["[keys] start: a terminal sends 'ctrl+i' as 'tab'"]),
        ('[keys]\nstart = "x"', ["start and stop are both on 'x'"]),
        ('[keys]\nstart = "?"', ["start and help are both on"]),
        ("[keys\n", ["not a TOML file"]),
    ):
        with pytest.raises(InvalidSettingsError) as caught:
            read(file, text + "\n")
        line = str(caught.value)
        assert line.startswith(f"{file}: ")
        assert line.isprintable()
        assert all(part in line for part in told), line


def test_the_keys_of_the_table_are_all_keys_and_names_of_nothing_are_none():
    for key in KEYS:
        for one in key.key.split(","):
            assert key_problem(one) == ""
    for key in ("f5", "ctrl+x", "é", "alt+x", "shift+tab", "comma", "ctrl+pagedown", "+"):
        assert key_problem(key) == ""
    for key in ("banana", "ctrl+", "f99", "<any>", "strg+p", "shift+a", "ctrl+m", "\x07", "return"):
        assert key_problem(key) != "", key
