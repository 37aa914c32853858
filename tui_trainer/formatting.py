"""Numbers in words, and texts that a terminal can show: the same in the app and the console."""

import csv
import io
import math
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

# Control, format (text direction, zero width) and surrogate characters, line and paragraph ends.
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ASCII_SIGNS = {
    "●": "*", "○": "o", "◔": "o", "■": "#", "□": "#", "✓": "+", "✕": "x", "⚠": "!", "◌": "o",
    "⏸": "=", "◆": "@", "∘": "o", "·": "-", "•": "*", "–": "-", "—": "-", "…": "~", "×": "x",
    "→": ">", "←": "<", "↑": "^", "↓": "v", "√": "V", "²": "2", "▕": "[", "▏": "]", "█": "#",
    "░": ".", "▌": "|", "▐": "|", "▀": "-", "▄": "_", "▔": "-", "▁": "_", "▎": "|", "▊": "|",
    "▲": "^", "▼": "v", "⇧": "S", "◑": "o", "△": "A", "▽": "v", "◇": "&", "⏻": "!",
    "“": '"', "”": '"', "‘": "'", "’": "'",
    "┄": "-", "┃": "|", "╎": ":", "‹": "<", "›": ">", "▸": ">", "▾": "v", "❯": ">", "≠": "!",
}  # fmt: skip
_ASCII_BOXES = "─━═╌╍" + "│║╏┆┇" + "╭╮╰╯┌┐└┘┏┓┗┛╔╗╚╝├┤┬┴┼┝┥┣┫┳┻╋"
_TO_ASCII = str.maketrans(
    dict.fromkeys(_ASCII_BOXES[:5], "-")
    | dict.fromkeys(_ASCII_BOXES[5:10], "|")
    | dict.fromkeys(_ASCII_BOXES[10:], "+")
    | {chr(code): "#" for code in range(0x2580, 0x25A0)}  # blocks, as in scrollbars
    | {chr(code): "." for code in range(0x2800, 0x2900)}  # braille
    | _ASCII_SIGNS
)


def loss_text(loss: float | None) -> str:
    """Write a loss with three or four significant digits: ``5.42``, ``0.0123``, ``1.20e+10``."""
    if loss is None or math.isnan(loss):
        return "–" if loss is None else "nan"
    if math.isinf(loss) or loss >= 100_000 or 0 < loss < 0.001:
        return f"{loss:.2e}" if math.isfinite(loss) else "inf"
    if loss >= 100:
        return f"{loss:,.0f}"
    if loss >= 0.1 or not loss:
        return f"{loss:.2f}" if loss >= 1 else f"{loss:.3f}"
    return f"{loss:.4f}" if loss >= 0.01 else f"{loss:.5f}"


def value_text(value: float) -> str:
    """Write a value of either sign as `loss_text` does: ``-1.25``, ``0.0310``, ``1.20e+10``."""
    if not value:
        return "0"
    return f"-{loss_text(-value)}" if value < 0 else loss_text(value)


def metric_text(metric: float) -> str:
    """Write a figure of the fit: ``0.572``, ``-1.2e+30``."""
    return f"{metric:.3f}" if abs(metric) < 1000 else f"{metric:.2e}"


def apart(one: float, other: float) -> tuple[str, str]:
    """Write two numbers with as many digits as it takes to tell them apart, two at least."""
    for digits in range(3, 18):
        texts = f"{one:#.{digits}g}", f"{other:#.{digits}g}"
        if texts[0] != texts[1] or one == other:
            return texts
    return f"{one!r}", f"{other!r}"


def losses_apart(one: float, other: float) -> tuple[str, str]:
    """Write two losses as `loss_text` does, or with the digits it takes to tell them apart."""
    texts = loss_text(one), loss_text(other)
    return apart(one, other) if texts[0] == texts[1] and one != other else texts


def duration_text(seconds: float) -> str:
    """Write a duration as ``0:07``, ``12:34`` or ``1:02:03``."""
    if not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration_words(seconds: float) -> str:
    """Write a duration that is only estimated: ``2 s``, ``4 min``, ``3 h``."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{max(1.0, float(f'{seconds:.2g}')):.0f} s"


def number_text(number: float) -> str:
    """Write a setting so that it reads back the same: ``0.00001``, ``5000``, ``1e-09``."""
    if number and not 1e-7 <= abs(number) < 1e15:
        return repr(number)
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def short_text(number: float) -> str:
    """Write a setting with at most four digits, for a place where it is only looked at."""
    return number_text(float(f"{number:.4g}"))


def bytes_text(count: float) -> str:
    """Write a number of bytes: ``12 B``, ``800 kB``, ``61 GB``."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB" if count >= 1e3 else f"{count:.0f} B"


def comma_list(names: Sequence[str]) -> str:
    """Separate names by commas; one that has a comma or a quote in it is quoted, as in CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def distinct(names: Sequence[str], room: int) -> list[str]:
    """Shorten names to `room` characters, 5 at least, so that different ones stay different.

    They lose their ends where that is enough, else their middles; failing that they are numbered.
    """
    long = [name for name in names if len(name) > room]
    for tail in range(room - 1):
        shorter = {name: f"{name[: room - 1 - tail]}…{name[len(name) - tail :]}" for name in long}
        texts = [shorter.get(name, name) for name in names]
        if len(set(texts)) == len(set(names)):
            return texts
    order = {name: f"…{number}" for number, name in enumerate(dict.fromkeys(names), 1)}
    return [f"{name[: room - len(order[name])]}{order[name]}" for name in names]


def seeds_text(count: int) -> str:
    """Say how many seeds: ``1 seed``, ``11 seeds``."""
    return "1 seed" if count == 1 else f"{count:,} seeds"


def printable(text: str) -> str:
    """Write what a terminal would obey and not show as escapes: ``\\x1b``, ``\\u202e``, ``\\n``."""
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _NOT_SHOWN else char
        for char in text
    )


def error_text(error: BaseException) -> str:
    """Write an exception in a line: ``ValueError: no such column``."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def to_ascii(text: str) -> str:
    """Replace each character by an ASCII one that looks like it, ``?`` where there is none."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" for char in text.translate(_TO_ASCII))
