"""config.toml: read strictly, and written without touching what a person wrote."""

from functools import partial

import pytest
from scripted import make_app, press, ready, shown, type_text

from tui_trainer.config.user_settings import UserSettings, read_user_settings, write_setting
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.tui.key_names import key_problem
from tui_trainer.tui.keys import KEYS, checked_keymap
from tui_trainer.tui.preferences import Preferences, require_theme


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
        (
            'notices = "\\u001b]0;x\\u0007"',
            ["notices: unknown value", "auto, bell, off, osc777, osc9"],
        ),
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


WRITTEN = """# mine
recipe = "l1"   # for now

[keys] # as in vim
start = "f5"
"""


def test_a_setting_is_written_and_the_rest_stays_as_it_was(file):
    write_setting(file, "theme", "nord")
    assert file.read_text() == 'theme = "nord"\n'
    file.write_text(WRITTEN)
    file.chmod(0o640)
    link = file.with_name("link.toml")
    link.symlink_to(file)
    for key, value in (("recipe", "kaiming"), ("theme", "nord"), ("theme", "dracula")):
        write_setting(link, key, value)
    lines = file.read_text().splitlines()
    assert 'theme = "dracula"' in lines
    assert [line for line in lines if "theme" not in line and line] == [
        "# mine",
        'recipe = "kaiming"   # for now',
        "[keys] # as in vim",
        'start = "f5"',
    ]
    settings = read_user_settings(file)
    assert (settings.recipe, settings.theme, settings.keys) == (
        "kaiming",
        "dracula",
        {"start": "f5"},
    )
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == ["config.toml", "link.toml"]


def test_what_can_not_be_written_is_one_line_and_changes_nothing(file, tmp_path):
    file.write_text("[keys\n")
    (tmp_path / "a file").touch()
    nowhere = tmp_path / "a file" / "config.toml"
    for place, told in ((file, "not a TOML file"), (nowhere, "can.t be written")):
        with pytest.raises(InvalidSettingsError, match=told) as caught:
            write_setting(place, "theme", "nord")
        assert str(place) in str(caught.value)
    assert file.read_text() == "[keys\n"


async def test_what_a_person_changes_in_the_app_is_kept(file):
    file.write_text('theme = "nord"\n')
    app = make_app(preferences=Preferences(read_user_settings(file), partial(write_setting, file)))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        assert app.theme == "nord"
        assert file.read_text() == 'theme = "nord"\n'
        app.theme = "dracula"
        await shown(pilot, "theme dracula is now in config.toml")
        await press(pilot, "ctrl+p")
        await type_text(pilot, "notices: of")
        await shown(pilot, "notices: off")
        await press(pilot, "enter")
        await shown(pilot, "notices off is now in config.toml")
        app.cockpit.choose("recipe", "l1")
        await press(pilot, "ctrl+p")
        await type_text(pilot, "default recipe")
        await shown(pilot, "default recipe: l1")
        await press(pilot, "enter")
        await shown(pilot, "recipe l1 is now in config.toml")
        settings = read_user_settings(file)
        assert (settings.theme, settings.notices, settings.recipe) == ("dracula", "off", "l1")
        file.unlink()
        file.mkdir()
        app.theme = "gruvbox"
        await shown(pilot, "theme gruvbox is for this session alone")
        assert app.theme == "gruvbox"


def test_themes_are_those_of_textual(file):
    require_theme(UserSettings(), file)
    require_theme(UserSettings(theme="nord"), file)
    with pytest.raises(InvalidSettingsError, match=r"theme: unknown theme 'nrd'.* 'nord'"):
        require_theme(UserSettings(theme="nrd"), file)
