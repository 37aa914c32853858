"""What the help says: what the keys do now, all keys, symbols, states and words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, takewhile

from tui_trainer.tui.keys import KEYS, Key, ScreenName, key_text, keys_of
from tui_trainer.tui.wording import BADGES, LEARNT_NOTHING

LABELS = 12  # columns of the labels
_GROUPS = {
    "run": "Training",
    "guide": "Experiments, as on the first screen",
    "presets": "Settings",
    "search": "Search",
    "sweep": "Sweep and lr finder",
    "list": "Lists, and the plots of a loop",
    "view": "View",
    "app": "Everywhere",
}
_FORM = (
    ("↑ ↓", "previous or next field"),
    ("← →", "previous or next preset"),
    ("enter", "accept the field; on a preset: choose from a list; on the last line: unfold it"),
    ("esc", "leave the form"),
)
_SYMBOLS = (
    ("━━ ╺╸", "training loss (solid) and validation loss (dashed)"),
    ("╍╍", "a metric of the test, in the plots of a loop"),
    ("◆", "the lowest validation loss so far; in a sweep the recommended value"),
    ("┄", "the stopping rule's bound: a validation loss above it ends the run"),
    ("┃ ╎ ▲", "where the run stopped early, the lr changed, the engine changed"),
    ("○□△◇▽+", "validation losses of other runs: of the last one, of pinned ones"),
    ("▲○ ▼○", "there a run's losses lie above or below the plot"),
    ("A B C", "in the stopping laboratory: where each rule would have stopped the run"),
    ("⠢ ⠆ ━━", "training data, validation data, the network's prediction"),
    ("┄ ▲ ▼", "of predictions and residuals: where they are exact, and those off the plot"),
    ("● ⡇ ✕", "a sweep's medians, their spread over the seeds, diverged seeds"),
)
_WORDS = (
    ("loop", "training in a script of somebody's own, watched through what it logs"),
    ("metric", "what a loop logs by step: plots show those of training and validation together"),
    ("step", "one update of all weights by the gradient over all training points"),
    ("lr", "learning rate: how far a step follows the gradient"),
    (
        "seed",
        "picks the random initial weights and dropout masks; the data have a seed of their own",
    ),
    ("train", "the loss on the points that the network learns from"),
    ("validation", "the loss on points that it never learns from: what counts"),
    ("overfitting", "training loss falls on while validation loss rises"),
    ("R²", "how much of the data's variation the fit explains: 1 is all of it, 0 a level line"),
    ("RMSE", "root of the mean squared error: how far off predictions are, in the target's unit"),
    ("residual", "predicted minus actual"),
    ("batch", "the points that a step takes: all of them, or a part, in a new order each epoch"),
    ("optimizer", "what turns a gradient into a step: momentum, Adam"),
    ("schedule", "what the lr is multiplied by as the steps go on"),
    ("preset", "a named part of the settings: data, network, init, regularizer, optimizer, …"),
    ("recipe", "a preset of each, with an lr and a number of steps"),
    ("init", "how the weights are drawn before the first step"),
    ("regularizer", "what holds training back: a penalty, dropout or a stopping rule"),
    ("patience", "how many steps a rule waits for a new best before it stops"),
    ("window", "how many of the last steps the patient rule averages to get its bound"),
    ("GL", "generalization loss: by how many % validation is above its lowest"),
    ("PQ", "progress quotient: GL over how far training still falls, strip by strip of steps"),
    ("armed", "a stopping rule has seen enough steps and can fire"),
    ("margin", "how far the validation loss is below the bound"),
    ("engine", "what executes the steps: plain PyTorch, a compiled step, CUDA graphs"),
    ("fused", "a sweep whose candidates take their steps in compiled C++ instead of PyTorch"),
    ("workers", "threads or processes that train a sweep's candidates side by side"),
    ("sweep", "many runs at once that differ in one setting, the axis, and the seed"),
    ("point", "one value of the axis with all its seeds"),
    ("candidate", "one run of a sweep: a value and a seed"),
    ("objective", "what a sweep compares: each run's best validation loss, or its final one"),
    ("median", "the middle one of a point's seeds"),
    ("worse", "worse than the recommended point by more than the seeds' noise"),
    ("noise", "what seeds alone change: within it no value is known to be better"),
    ("theme", "the screen's colours: “Theme” in the palette lists them all"),
)
_STATES = (*BADGES.values(), LEARNT_NOTHING)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the help: what is explained, in which words, and a key's ids.

    A `label` of None leaves no column for labels.
    """

    lead: str
    words: str
    label: str | None = None
    ids: str = ""
    is_key: bool = False

    def has(self, text: str) -> bool:
        """Say whether a text is in it, in small letters or capitals."""
        line = " ".join((self.lead, self.label or "", self.words, self.ids))
        return text.casefold() in line.casefold()


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a title."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Now:
    """A screen's keys at this moment: their labels, and why some do nothing."""

    screen: ScreenName
    labels: Mapping[str, str]
    why_not: Mapping[str, str]


def sections(now: Now, keymap: Mapping[str, str]) -> list[Section]:
    """Return the whole page, what can be pressed now first."""
    return [
        Section("Now", tuple(_now(now, keymap))),
        Section("Not now", tuple(_not_now(now, keymap))),
        *_all_keys(keymap),
        Section("Form", tuple(Row(lead, words, is_key=True) for lead, words in _FORM)),
        Section("Symbols", tuple(Row(lead, words) for lead, words in _SYMBOLS)),
        Section("States", tuple(Row(sign, label.lower()) for sign, label in _STATES)),
        Section("Words", tuple(Row(lead, words) for lead, words in _WORDS)),
    ]


def filtered(page: list[Section], text: str) -> list[Section]:
    """Keep the rows that hold a text, or a whole section by its title."""
    found = []
    for section in page:
        whole = text.casefold() in section.title.casefold()
        rows = tuple(row for row in section.rows if whole or row.has(text))
        if rows:
            found.append(Section(section.title, rows))
    return found


def _now(now: Now, keymap: Mapping[str, str]) -> Iterator[Row]:
    """Yield the keys that do something, in pairs of next and previous."""
    for key in keys_of(now.screen):
        if key.id in now.why_not or not _leads(key):
            continue
        label = now.labels.get(key.id, key.label)
        if len(label) >= LABELS:  # it has the value in it, which the footer shows
            label = key.label
        yield Row(_pressed(key, keymap), _words(key), label, is_key=True)


def _not_now(now: Now, keymap: Mapping[str, str]) -> Iterator[Row]:
    for key in keys_of(now.screen):
        reason = now.why_not.get(key.id)
        opposite = now.why_not.get(key.id.replace("_previous", "_next"))
        if reason and key.help and (_leads(key) or reason != opposite):
            yield Row(_pressed(key, keymap), reason, key.label, is_key=True)


def _all_keys(keymap: Mapping[str, str]) -> Iterator[Section]:
    for group, keys in groupby(KEYS, key=lambda key: key.group):
        rows = [
            Row(_pressed(key, keymap), _words(key), ids=", ".join(_ids(key)), is_key=True)
            for key in keys
            if _leads(key)
        ]
        yield Section(_GROUPS.get(group, group.capitalize()), tuple(rows))


def _leads(key: Key) -> bool:
    """Say whether a key has a line of its own: it is neither an opposite nor one of several."""
    return bool(key.help) and not key.id.endswith("_previous")


def _ids(key: Key) -> list[str]:
    """Return a key's id, with that of its opposite, or those that belong to it."""
    previous = key.id.replace("_next", "_previous")
    at = KEYS.index(key)
    others = [known.id for known in takewhile(lambda known: not known.help, KEYS[at + 1 :])]
    return [known.id for known in KEYS if known.id in (key.id, previous, *others)]


def _pressed(key: Key, keymap: Mapping[str, str]) -> str:
    keys = {known.id: known.key for known in KEYS}
    texts = [key_text(keymap.get(name, keys[name])) for name in _ids(key)]
    return " ".join(texts if len(texts) < 3 else (texts[0], "…", texts[-1]))


def _words(key: Key) -> str:
    return key.help.replace("next", "next or previous", 1) if "_next" in key.id else key.help
