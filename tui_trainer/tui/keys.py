"""The keys: one table for bindings, footer, help and the user's keymap."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from textual.binding import Binding

from tui_trainer.config.validation import InvalidSettingsError, one_of, shortened
from tui_trainer.tui.key_names import key_name, key_problem

ScreenName: TypeAlias = Literal[
    "cockpit", "sweep", "candidate", "lr_finder", "laboratory", "runs", "monitor"
]

_EVERYWHERE: tuple[ScreenName, ...] = get_args(ScreenName)
_SWEEP: tuple[ScreenName, ...] = ("sweep",)
_RUNS: tuple[ScreenName, ...] = ("runs",)
_MONITOR: tuple[ScreenName, ...] = ("monitor",)
_PLOTS: tuple[ScreenName, ...] = ("cockpit", "candidate", "lr_finder", "laboratory", "monitor")
_PANES: tuple[ScreenName, ...] = ("sweep", *_PLOTS)
_RUN: tuple[ScreenName, ...] = ("cockpit", "laboratory")
_STEERED: tuple[ScreenName, ...] = (*_RUN, "monitor")
_STARTING: tuple[ScreenName, ...] = ("cockpit", "sweep", "lr_finder")


MOST_PLOTS = 9


@dataclass(frozen=True, slots=True)
class Key:
    """A key; a user's keymap names its `id`.

    `label` is its word in the footer, where "" omits it, and `also` one that it has in another
    state; keys of the highest `rank` are the first to go where there is no room. In a small
    terminal it `shares` the place of another key, before which it goes while it does something.
    One without `help` belongs to the key before it.
    """

    id: str
    key: str
    action: str
    group: str
    help: str
    label: str = ""
    rank: int = 5
    screens: tuple[ScreenName, ...] = ("cockpit",)
    also: str = ""
    shares: str = ""


def _cycle(key: str, category: str, title: str, label: str = "", rank: int = 5) -> tuple[Key, Key]:
    action = f"cycle('{category}', {{}})"
    return (
        Key(f"{category}_next", key, action.format(1), "presets", f"next {title}", label, rank),
        Key(f"{category}_previous", key.upper(), action.format(-1), "presets", f"previous {title}"),
    )


def _plot_keys(
    id: str, keys: tuple[str, str], command: str, amount: int, help: str
) -> tuple[Key, Key]:
    previous, following = (
        Key(f"{id}_{way}", key, f"plot('{command}', {sign * amount})", "view", help, screens=_PLOTS)
        for way, key, sign in zip(("previous", "next"), keys, (-1, 1), strict=True)
    )
    return previous, following


def _page_keys() -> tuple[Key, Key]:
    words = "page of plots"
    return (
        Key("page_next", "pagedown", "page(1)", "list", f"next {words}", "more", 3, _MONITOR),
        Key("page_previous", "pageup", "page(-1)", "list", f"previous {words}", screens=_MONITOR),
    )


def _count_keys() -> tuple[Key, ...]:
    """Return a key for each number of plots; the first explains them all."""
    return tuple(
        Key(f"plots_{n}", f"{n}", f"plots({n})", "list",
            "show so many plots at once" if n == 1 else "", screens=_MONITOR)
        for n in range(1, MOST_PLOTS + 1)
    )  # fmt: skip


EXPERIMENT_TITLES = {
    "nothing-learns": "Nothing learns",
    "explodes": "It explodes",
    "too-early": "Stopped too early",
    "patience": "Stopped in time",
    "race": "A race",
}
_EXPERIMENTS = tuple(
    Key(f"experiment_{n}", f"{n}", f"experiment({n})", "guide", f"the experiment “{title}”")
    for n, title in enumerate(EXPERIMENT_TITLES.values(), 1)
)

KEYS = (
    Key("start", "s", "start", "run", "start, or restart, with the form's settings", "start", 0,
        _STARTING, also="again"),
    Key("step", "n", "step", "run", "run one step, then pause", "step", 3, _STEERED),
    Key("pause", "space", "pause", "run", "pause or resume", "pause", 0, _STEERED, also="resume",
        shares="quit"),
    Key("stop", "x", "stop", "run", "stop", "stop", 0, (*_STARTING, "laboratory", "monitor"),
        shares="start"),
    Key("checkpoint", "c", "checkpoint", "run", "have the loop keep a checkpoint", "checkpoint", 4,
        _MONITOR),
    *_EXPERIMENTS,
    *_cycle("p", "recipe", "recipe", "recipe", 4),
    *_cycle("d", "dataset", "data set", "data", 5),
    Key("open_data", "ctrl+o", "open_data", "presets", "open a data file", "open file", 4),
    *_cycle("a", "architecture", "network", "net", 5),
    *_cycle("i", "init", "init", "init", 5),
    *_cycle("r", "regularizer", "regularizer", "reg", 5),
    *_cycle("u", "optimizer", "optimizer", "opt", 5),
    *_cycle("c", "schedule", "schedule of the lr", "schedule", 5),
    *_cycle("v", "activation", "activation", "act", 5),
    *_cycle("e", "engine", "engine"),
    Key("lr_down", "[", "lr(-1)", "presets", "lower the lr (1-2-5), also in a run", "lr-", 4,
        ("cockpit", "monitor")),
    Key("lr_up", "]", "lr(1)", "presets", "raise the lr (1-2-5), also in a run", "lr+", 4,
        ("cockpit", "monitor")),
    Key("batch_down", "<", "batch(-1)", "presets", "halve the batch size", "batch-", 5),
    Key("batch_up", ">", "batch(1)", "presets", "double the batch size, up to the whole split",
        "batch+", 5),
    Key("find_lr", "f", "app.find_lr", "search", "lr finder: search for a good lr", "find lr", 1),
    Key("sweep", "w", "app.sweep", "search", "sweep: train with many values at once", "sweep", 1),
    Key("laboratory", "j", "app.laboratory", "search",
        "stopping laboratory: where would each rule have stopped?", "rules", 3, _RUN),
    Key("take_rule", "enter", "take_rule", "sweep", "use the rule in the form, and go back to it",
        "take rule", 0, ("laboratory",)),
    Key("use", "u", "use", "sweep", "use the value in the form, and go back to it", "use", 0,
        ("sweep", "candidate", "lr_finder")),
    Key("open", "enter", "open", "sweep", "open the candidate's losses and fit", "open", 1, _SWEEP),
    Key("axis_next", "a", "axis(1)", "sweep", "next setting to sweep over", "axis", 3, _SWEEP),
    Key("axis_previous", "A", "axis(-1)", "sweep", "previous setting", "", 5, _SWEEP),
    Key("values", "v", "values", "sweep", "edit the values to try", "values", 2, _SWEEP),
    Key("tune", "e", "tune", "sweep", "give each value its own best lr, tuned before the race",
        "best lr", 3, _SWEEP, also="one lr"),
    Key("objective", "o", "objective", "sweep", "minimise best or final loss", "", 5, _SWEEP),
    Key("table", "c", "table", "sweep", "show points or candidates", "candidates", 3, _SWEEP,
        also="points"),
    Key("by_loss", "b", "by_loss", "sweep", "toggle sorting by loss", "by loss", 4, _SWEEP,
        also="by value"),
    Key("open_run", "enter", "open_run", "list", "open the run in the cockpit", "open", 0, _RUNS),
    Key("pin", "space", "pin", "list", "pin the run in all plots of losses, or unpin it", "pin", 1,
        _RUNS, also="unpin"),
    Key("go_on", "u", "go_on", "list", "resume the run where it ended", "resume", 1, _RUNS),
    Key("branch", "b", "branch", "list", "branch off the run, with other settings", "branch", 3,
        (*_RUNS, *_RUN)),
    Key("export", "e", "export", "list", "export it: script, command, CSV, picture", "export", 2,
        _RUNS),
    Key("filter", "slash", "filter", "list", "filter the list; plots by a regular expression",
        "filter", 3, (*_RUNS, *_MONITOR)),
    Key("metrics", "a", "metrics", "list", "list all metrics, or close the list", "all metrics", 1,
        _MONITOR),
    Key("open_metric", "enter", "open_metric", "list", "zoom the metric of the list", "", 5,
        _MONITOR),
    Key("pin_plot", "p", "pin_plot", "list", "keep a plot in front, whatever the filter", "pin", 2,
        _MONITOR, also="unpin"),
    Key("output", "o", "output", "list", "show what the loop printed, or close it", "output", 2,
        _MONITOR),
    *_page_keys(),
    *_count_keys(),
    Key("delete", "delete", "delete", "list", "delete the run from the disk", "delete", 4, _RUNS),
    Key("best", "k", "best", "view", "show the fit of the best or last weights", "best fit", 2,
        also="last fit"),
    Key("look", "y", "look", "view", "toggle residuals: predicted minus actual", "residuals", 5,
        ("cockpit", "candidate")),
    Key("health", "g", "health", "view",
        "the layers' health in place of fit or plots: gradients, dead units", "health", 3,
        ("cockpit", "monitor")),
    Key("log", "l", "log", "view", "toggle the log scale of losses", "log", 3,
        ("cockpit", "sweep", "candidate", "laboratory", "monitor")),
    Key("smooth", "m", "smooth", "view", "toggle smoothing; raw losses stay visible", "smooth", 4,
        ("cockpit", "candidate", "laboratory", "monitor")),
    Key("zoom", "z", "zoom", "view", "zoom a pane, then the next, then none", "zoom", 3, _PANES),
    *_plot_keys("cursor", ("left", "right"), "move", 1, "read the plot: move its cursor"),
    *_plot_keys("cursor_ten", ("ctrl+left", "ctrl+right"), "move", 10, "by ten columns"),
    *_plot_keys("cursor_end", ("home", "end"), "end", 1, "to the first or last value"),
    *_plot_keys("x_zoom", ("minus", "plus,equals_sign"), "zoom", 1, "zoom out of or into x"),
    *_plot_keys("x_pan", ("shift+left", "shift+right"), "pan", 1, "pan along x"),
    Key("x_all", "0", "plot('all', 0)", "view", "show all of x; then all that is cut off",
        screens=_PLOTS),
    Key("runs", "h", "app.runs", "view", "the list of all runs, or back from it", "runs", 2,
        ("cockpit", "sweep", "runs", "monitor")),
    Key("overlay", "o", "overlay", "view",
        "lay the last run's losses under these, or take them off", "overlay", 3),
    Key("overhead", "t", "overhead", "view", "toggle the UI overhead", "", 5, _EVERYWHERE),
    Key("setup", "tab", "next_view", "app", "show the next pane; the form is one", "form", 0,
        _PANES, also="pane"),
    Key("back", "escape", "back", "app", "back to the previous screen", "back", 0,
        ("sweep", "candidate", "lr_finder", "laboratory", "runs", "monitor")),
    Key("help", "question_mark", "help", "app", "this help", "help", 0, _EVERYWHERE),
    Key("palette", "ctrl+p", "app.command_palette", "app", "find a command or preset by name", "",
        5, _EVERYWHERE),
    Key("quit", "q", "app.quit", "app", "quit; asks first while training", "quit", 1, _EVERYWHERE),
)  # fmt: skip

_KEY_TEXTS = {
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "ctrl+p": "^p",
    "ctrl+o": "^o",
    "escape": "esc",
    "delete": "del",
    "slash": "/",
    "left": "←", "right": "→", "ctrl+left": "^←", "ctrl+right": "^→",
    "pagedown": "pgdn", "pageup": "pgup",
    "shift+left": "⇧←", "shift+right": "⇧→", "plus": "+", "minus": "-", "equals_sign": "=",
}  # fmt: skip


def keys_of(screen: ScreenName) -> list[Key]:
    """Return the keys of a screen."""
    return [key for key in KEYS if screen in key.screens]


def key_of(name: str) -> Key:
    """Return the key with this id."""
    return next(key for key in KEYS if key.id == name)


def bindings(screen: ScreenName) -> list[Binding]:
    """Return the bindings of a screen, with their ids; `press` says why a key does nothing."""
    return [Binding(k.key, press(k), k.help, show=False, id=k.id) for k in keys_of(screen)]


def press(key: Key) -> str:
    """Return the screen's action that stands for pressing a key."""
    return f"press('{key.id}')"


def key_texts(keymap: Mapping[str, str]) -> dict[str, str]:
    """Return how keys are written, by their ids; those of ``_next`` also without it."""
    texts = {key.id: key_text(keymap.get(key.id, key.key)) for key in KEYS}
    return texts | {name.removesuffix("_next"): text for name, text in texts.items()}


def key_text(key: str) -> str:
    """Return how a key is written: ``?`` for ``question_mark``; the first of several."""
    first = key.split(",")[0] or key
    return _KEY_TEXTS.get(first, first)


def checked_keymap(keys: Mapping[str, object], file: Path) -> dict[str, str]:
    """Return a user's ``[keys]``: keys by id, in place of the default ones.

    Raises:
        InvalidSettingsError: one line that names the file, the id and what is allowed.
    """
    ids = [key.id for key in KEYS]
    keymap: dict[str, str] = {}
    for name, key in keys.items():
        if name not in ids:
            raise InvalidSettingsError(f"{file}: [keys] {name}: unknown id; {one_of(name, ids)}")
        if not isinstance(key, str) or not key.strip(" ,"):
            raise InvalidSettingsError(
                f"{file}: [keys] {name}: expected a key such as 'ctrl+s', got {shortened(key)}"
            )
        several = [one.strip() for one in key.split(",") if one.strip()]
        if problem := next(filter(None, map(key_problem, several)), ""):
            raise InvalidSettingsError(f"{file}: [keys] {name}: {problem}")
        keymap[name] = ",".join(several)
    for screen in _EVERYWHERE:
        if both := _clash(keymap, screen):
            raise InvalidSettingsError(f"{file}: [keys] {both}; give one of them another key")
    return keymap


def _clash(keymap: Mapping[str, str], screen: ScreenName) -> str:
    """Name two ids of a screen that have the same key; "" if there are none."""
    owners: dict[str, str] = {}
    for known in keys_of(screen):
        for key in keymap.get(known.id, known.key).split(","):
            name = key_name(key) if len(key) == 1 else key
            if (owner := owners.setdefault(name, known.id)) != known.id:
                return f"{owner} and {known.id} are both on '{key}'"
    return ""
