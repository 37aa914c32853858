"""The keys: one table for the bindings, the footer, the help and the user's own keymap."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.binding import Binding

from tui_trainer.validation import InvalidSettingsError, one_of


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its id, which a user's keymap names.

    `label` is what the footer says of it ("" for nothing there), `rank` how soon it goes where
    there is no room: the highest first.
    """

    id: str
    key: str
    action: str
    group: str
    help: str
    label: str = ""
    rank: int = 5


KEYS = (
    Key("start", "s", "start", "run", "start, or start again with what the form says", "start", 0),
    Key("pause", "space", "pause", "run", "pause and resume", "pause", 2),
    Key("step", "n", "step", "run", "one step, then wait", "step", 3),
    Key("stop", "x", "stop", "run", "stop", "stop", 2),
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
    Key("log", "l", "log", "view", "log or linear losses", "log", 3),
    Key(
        "smooth", "m", "smooth", "view", "smooth the losses; the raw ones stay behind", "smooth", 4
    ),
    Key(
        "zoom", "z", "zoom", "view", "one pane over all: the focused one, or the losses", "zoom", 4
    ),
    Key("best", "k", "best", "view", "the fit of the best weights, or of the last", "best fit", 3),
    Key("tax", "t", "tax", "view", "what the screen costs: time and bytes"),
    Key("setup", "tab", "next_view", "view", "the form, or the next pane", "setup", 1),
    Key("help", "question_mark", "help", "app", "this page", "help", 1),
    Key("palette", "ctrl+p", "app.command_palette", "app", "every preset and command by name"),
    Key("quit", "q", "app.quit", "app", "quit; asks while training", "quit", 0),
)

_FACES = {
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "ctrl+p": "^p",
}


def bindings() -> list[Binding]:
    """Return the bindings of the cockpit, each with its id."""
    return [Binding(k.key, k.action, k.help, show=False, id=k.id) for k in KEYS]


def face(key: str) -> str:
    """Return how a key is written: ``?`` for ``question_mark``, the first of several."""
    first = key.split(",")[0] or key
    return _FACES.get(first, first)


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
    owners: dict[str, str] = {}
    for known in KEYS:
        for key in keymap.get(known.id, known.key).split(","):
            if (owner := owners.setdefault(face(key.strip()), known.id)) != known.id:
                both = f"{owner} and {known.id} are both on '{key}'"
                raise InvalidSettingsError(f"{file}: [keys] {both}; give one of them another key")
    return keymap
