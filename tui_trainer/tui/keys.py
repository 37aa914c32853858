"""The keys: one table for the bindings, the footer, the help and the user's own keymap."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from textual.binding import Binding

from tui_trainer.config.validation import InvalidSettingsError, one_of

ScreenName: TypeAlias = Literal["cockpit", "sweep", "candidate", "lr_finder"]

_EVERYWHERE: tuple[ScreenName, ...] = get_args(ScreenName)
_SWEEP: tuple[ScreenName, ...] = ("sweep",)
_STARTING: tuple[ScreenName, ...] = ("cockpit", "sweep", "lr_finder")


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its id, which a user's keymap names.

    `label` is what the footer says of it ("" for nothing there), `rank` how soon it goes where
    there is no room: the highest first. `screens` are those that have it.
    """

    id: str
    key: str
    action: str
    group: str
    help: str
    label: str = ""
    rank: int = 5
    screens: tuple[ScreenName, ...] = ("cockpit",)


KEYS = (
    Key("start", "s", "start", "run", "start, or start again with what the form says", "start", 0,
        _STARTING),
    Key("pause", "space", "pause", "run", "pause and resume", "pause", 2),
    Key("step", "n", "step", "run", "one step, then wait", "step", 3),
    Key("stop", "x", "stop", "run", "stop", "stop", 2, _STARTING),
    Key("recipe_next", "p", "cycle('recipe', 1)", "presets", "next recipe", "recipe", 2),
    Key("recipe_previous", "P", "cycle('recipe', -1)", "presets", "previous recipe"),
    Key("dataset_next", "d", "cycle('dataset', 1)", "presets", "next data set", "data", 4),
    Key("dataset_previous", "D", "cycle('dataset', -1)", "presets", "previous data set"),
    Key("architecture_next", "a", "cycle('architecture', 1)", "presets", "next network", "net", 4),
    Key("architecture_previous", "A", "cycle('architecture', -1)", "presets", "previous network"),
    Key("init_next", "i", "cycle('init', 1)", "presets", "next init", "init", 4),
    Key("init_previous", "I", "cycle('init', -1)", "presets", "previous init"),
    Key(
        "regularizer_next", "r", "cycle('regularizer', 1)", "presets", "next regularizer", "reg", 4
    ),
    Key("regularizer_previous", "R", "cycle('regularizer', -1)", "presets", "previous regularizer"),
    Key("engine_next", "e", "cycle('engine', 1)", "presets", "next engine"),
    Key("engine_previous", "E", "cycle('engine', -1)", "presets", "previous engine"),
    Key("lr_down", "[", "lr(-1)", "presets", "lr down along 1-2-5, while training too", "lr-", 3),
    Key("lr_up", "]", "lr(1)", "presets", "lr up along 1-2-5, while training too", "lr+", 3),
    Key("sweep", "w", "app.sweep", "search", "sweep: try many values at once", "sweep", 2),
    Key("find_lr", "f", "app.find_lr", "search", "lr finder: which lr to take", "lr finder", 3),
    Key("axis_next", "a", "axis(1)", "sweep", "next setting to sweep over", "axis", 3, _SWEEP),
    Key("axis_previous", "A", "axis(-1)", "sweep", "previous setting", "", 5, _SWEEP),
    Key("values", "v", "values", "sweep", "type the values to try", "values", 2, _SWEEP),
    Key("objective", "o", "objective", "sweep", "best or final loss is to be low", "", 5, _SWEEP),
    Key("table", "c", "table", "sweep", "the points, or all candidates", "candidates", 3, _SWEEP),
    Key("by_loss", "b", "by_loss", "sweep", "sort by loss, or no longer", "by loss", 4, _SWEEP),
    Key("open", "enter", "open", "sweep", "the candidate's curves and fit", "look", 1, _SWEEP),
    Key("use", "u", "use", "sweep", "take the value into the form and go back", "use", 0,
        ("sweep", "candidate", "lr_finder")),
    Key("log", "l", "log", "view", "log or linear losses", "log", 3,
        ("cockpit", "sweep", "candidate")),
    Key("smooth", "m", "smooth", "view", "smooth the losses; the raw ones stay behind", "smooth", 4,
        ("cockpit", "candidate")),
    Key("zoom", "z", "zoom", "view", "the focused pane over all, or the first one", "zoom", 4,
        _EVERYWHERE),
    Key("best", "k", "best", "view", "the fit of the best weights, or of the last", "best fit", 3),
    Key("overhead", "t", "overhead", "view", "UI overhead: time and bytes", "", 5, _EVERYWHERE),
    Key("setup", "tab", "next_view", "view", "the form, or the next pane", "setup", 1, _EVERYWHERE),
    Key("back", "escape", "back", "app", "back to the screen before", "back", 0,
        ("sweep", "candidate", "lr_finder")),
    Key("help", "question_mark", "help", "app", "this page", "help", 1, _EVERYWHERE),
    Key("palette", "ctrl+p", "app.command_palette", "app", "every preset and command by name", "",
        5, _EVERYWHERE),
    Key("quit", "q", "app.quit", "app", "quit; asks while training", "quit", 0, _EVERYWHERE),
)  # fmt: skip

_KEY_TEXTS = {
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "ctrl+p": "^p",
    "escape": "esc",
}


def keys_of(screen: ScreenName) -> list[Key]:
    """Return the keys of a screen."""
    return [key for key in KEYS if screen in key.screens]


def bindings(screen: ScreenName) -> list[Binding]:
    """Return the bindings of a screen, each with its id."""
    return [Binding(k.key, k.action, k.help, show=False, id=k.id) for k in keys_of(screen)]


def key_texts(keymap: Mapping[str, str]) -> dict[str, str]:
    """Return how each key is written, by its id; the next of something stands for both."""
    return {key.id.removesuffix("_next"): key_text(keymap.get(key.id, key.key)) for key in KEYS}


def key_text(key: str) -> str:
    """Return how a key is written: ``?`` for ``question_mark``, the first of several."""
    first = key.split(",")[0] or key
    return _KEY_TEXTS.get(first, first)


def read_keymap(file: Path) -> dict[str, str]:
    """Read ``[keys]`` of a user's config file: ids and the keys to have instead.

    A file that is not there means no changes.

    Raises:
        InvalidSettingsError: one line that names the file, the id and what is allowed.
    """
    if not file.is_file():
        return {}
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidSettingsError(f"{file}: not a TOML file: {error}") from None
    except OSError as error:
        raise InvalidSettingsError(f"{file}: can't be read: {error.strerror}") from None
    for table in settings:
        if table != "keys":
            raise InvalidSettingsError(
                f"{file}: [{table}] unknown table; {one_of(table, ['keys'])}"
            )
    keys = settings.get("keys", {})
    if not isinstance(keys, dict):
        raise InvalidSettingsError(f"{file}: keys: expected a table of ids and keys")
    return _checked(keys, file)


def _checked(keys: Mapping[str, object], file: Path) -> dict[str, str]:
    ids = [key.id for key in KEYS]
    keymap: dict[str, str] = {}
    for name, key in keys.items():
        if name not in ids:
            raise InvalidSettingsError(f"{file}: [keys] {name}: unknown id; {one_of(name, ids)}")
        if not isinstance(key, str) or not key.strip():
            raise InvalidSettingsError(f"{file}: [keys] {name}: expected a key such as 'ctrl+s'")
        keymap[name] = key.strip()
    for screen in _EVERYWHERE:
        if both := _clash(keymap, screen):
            raise InvalidSettingsError(f"{file}: [keys] {both}; give one of them another key")
    return keymap


def _clash(keymap: Mapping[str, str], screen: ScreenName) -> str:
    """Name two keys of a screen that are on the same one; nothing where there are none."""
    owners: dict[str, str] = {}
    for known in keys_of(screen):
        for key in keymap.get(known.id, known.key).split(","):
            if (owner := owners.setdefault(key_text(key.strip()), known.id)) != known.id:
                return f"{owner} and {known.id} are both on '{key}'"
    return ""
