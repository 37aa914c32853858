"""What the dialog of data files says, in as many columns as there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui_trainer.formatting import printable
from tui_trainer.tui.data.paths import Entry, Listing
from tui_trainer.tui.widgets.cells import cut
from tui_trainer.tui.wording import NARROW, first_that_fits

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.tui.data.columns import Choice, Column

_ROLE, _KIND, _VALUE = 7, 6, 9  # columns of the table
_GAP = 2
_TOGGLE = 14  # columns before what a key toggles
_LONGEST_NAME, _SHORTEST_NAME = 24, 10

HintName = Literal["path", "busy", "target", "features"]
_HINTS: Mapping[HintName, Sequence[str]] = {
    "path": (
        "tab completes · ↑ ↓ · enter opens · esc leaves",
        "tab completes · enter opens",
    ),
    "busy": ("esc cancels",),
    "target": ("↑ ↓ · enter predicts it · esc another file", "enter predicts it · esc back"),
    "features": (
        "space feature · a all · t target · tab split · enter takes it · esc back",
        "space feature · t target · enter takes it",
        "space · t · enter takes it",
    ),
}


def hint(name: HintName, width: int) -> str:
    """Say what can be pressed."""
    return first_that_fits(_HINTS[name], width)


def file_title(file: str, rows: int, width: int) -> str:
    """Name a file, and say how long it is."""
    count = f" · {rows:,} rows"
    return cut(printable(Path(file).name), max(1, width - 4 - len(count))) + count


def entry_row(entry: Entry, width: int) -> Content:
    """Write a file with its size, or a folder."""
    name = set_cell_size(cut(entry.name, width - 10), width - 10)
    return Content.assemble(
        (name, "$text-accent" if entry.is_folder else "bold"),
        (f"{printable(entry.note):>9}", "$foreground 60%"),
    )


def listing_problem(listing: Listing) -> str:
    """Say why there is nothing in a list, or that there is more than it shows."""
    if listing.problem:
        return f"! {listing.problem}"
    return f"{listing.more:,} more: type on" if listing.more else ""


def question(choice: "Choice", split: float, width: int) -> str:
    """Ask for what is to be chosen now, or say what has been and which rows that leaves."""
    if not choice.target:
        return "Which column is to be predicted?"
    target, count = printable(choice.target), len(choice.features)
    what = f"{count} column{'' if count == 1 else 's'}" if count else "no column yet"
    if (holed := choice.rows_with_gaps) and not choice.drop_missing:
        rows = f"{holed:,} of {choice.rows:,} rows have gaps"
    else:
        usable = choice.rows - holed
        train = round(split * usable)
        rows = f"{train:,} rows train, {usable - train:,} validate"
    words = f"Predicts {target} from {what}"
    return first_that_fits((f"{words}; {rows}",), width) or cut(words, width)


@dataclass(frozen=True, slots=True)
class Places:
    """The room for the parts of a column's line: `name` cells, `values` first rows, `width` all."""

    name: int
    values: int
    width: int


def places_of(columns: Sequence["Column"], width: int) -> Places:
    """Share out the width; it looks at every column."""
    longest = max((cell_len(printable(column.name)) for column in columns), default=0)
    most = _LONGEST_NAME if width >= NARROW else _SHORTEST_NAME
    name = max(len("column"), min(longest, most))
    rows = max((len(column.first) for column in columns), default=0)
    room = width - _ROLE - name - _GAP - _KIND
    return Places(name, max(0, min(room // _VALUE, rows)), width)


def column_head(places: Places) -> str:
    """Name the parts of a column's line."""
    rows = "".join(f"{f'row {n}':>{_VALUE}}" for n in range(1, places.values + 1))
    return f"{'':{_ROLE}}{'column':{places.name + _GAP}}{'type':{_KIND}}{rows}"


def column_row(column: "Column", choice: "Choice", places: Places) -> Content:
    """Write a column: its role, type and first values, or what keeps it from being used."""
    name = places.name
    role, style = "", "bold"
    if column.problem:
        style = "$foreground 50%"
    elif column.name == choice.target:
        role = "target"
    elif column.name in choice.features:
        role = "✓"
    elif choice.target:
        style = "$foreground 70%"
    shown = set_cell_size(cut(printable(column.name), name), name + _GAP)
    lead = f"{role:{_ROLE}}"
    rest = _rest(column, places.width - _ROLE - name - _GAP - _KIND, places.values)
    return Content.assemble(
        (lead, "bold $text-accent"),
        (shown, style),
        (f"{column.kind:{_KIND}}{rest}", "$foreground 70%"),
    )


def _rest(column: "Column", room: int, values: int) -> str:
    if column.problem:
        return cut(f"  {printable(column.problem)}", room)
    cells = "".join(f"{cut(text, _VALUE - 1):>{_VALUE}}" for text in column.first[:values])
    if not column.missing:
        return cells
    missing = f" {column.missing:,} missing"
    fitting = max(0, (room - len(missing)) // _VALUE) * _VALUE
    return cut(f"{cells[:fitting]}{missing}", room)


def settings_lines(choice: "Choice", width: int) -> Content:
    """Write the two settings that a key toggles, and what they mean for this file."""
    scales = (
        ("standardised: mean 0, deviation 1", "standardised") if choice.standardize else ("as is",)
    )
    count, rows = f"{choice.missing:,} missing", _rows_text(choice.rows_with_gaps)
    gaps = [f"{count}: {rows} left out" if choice.drop_missing else f"{count} in {rows}: refused"]
    gaps += [f"{rows} left out" if choice.drop_missing else f"{count}: refused", count]
    if not choice.missing:
        gaps = ["none"]
    lines = [_toggle("z", "scale", scales, width), _toggle("m", "gaps", gaps, width)]
    return Content("\n").join(lines)


def gaps_problem(choice: "Choice") -> str:
    """Say that values are missing, and what to press."""
    rows = choice.rows_with_gaps
    if rows == 1:
        return "! 1 row has gaps: m leaves it out"
    return f"! {rows:,} rows have gaps: m leaves them out"


def _rows_text(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _toggle(key: str, title: str, words: Sequence[str], width: int) -> Content:
    return Content.assemble(
        (f"{key} ", "bold $text-accent"),
        (f"{title:<12}", "$foreground 70%"),
        (first_that_fits(words, width - _TOGGLE), "bold"),
    )
