"""Completion of paths as they are typed: folders, and files that can be opened as data."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tui_trainer.formatting import bytes_text
from tui_trainer.task.files.opening import KINDS

MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder: its name, and what is in the field once it is taken."""

    text: str
    name: str
    note: str = ""

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a typed text may go on as; `common` is as far as all of it is the same.

    `more` entries were left out. `is_file` says whether the text names a file as it is. `problem`
    says why there is nothing.
    """

    text: str
    entries: tuple[Entry, ...] = ()
    common: str = ""
    more: int = 0
    is_file: bool = False
    problem: str = ""

    def entry(self, place: int | None) -> Entry | None:
        return self.entries[place] if place is not None and place < len(self.entries) else None


def typed_path(text: str) -> str:
    """Return the path that a text means: one that was pasted may have quotes, escapes, a scheme."""
    text = text.strip()
    if text.startswith("file://"):
        return unquote(urlsplit(text).path)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    elif "\\ " in text and not _expanded(text).exists():
        text = text.replace("\\ ", " ")
    return "~/" if text == "~" else text


def full_path(text: str) -> Path:
    """Return where a path that was typed leads, from the root."""
    return _expanded(typed_path(text)).absolute()


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~ and a name that no user has
        return Path(path)


def list_paths(text: str) -> Listing:
    """List what a text may go on as: files first, hidden ones only where a dot is typed.

    Where nothing begins with what is typed after the last slash, it may be anywhere in a name.
    """
    typed = typed_path(text)
    lead, start = os.path.split(typed)
    lead = typed[: len(typed) - len(start)]
    is_file = bool(start) and full_path(typed).is_file()
    try:
        found = _entries(lead, hidden=start.startswith("."))
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        words = getattr(error, "strerror", None) or str(error)
        return Listing(text, problem=f"{lead or '.'}: {words}")
    wanted = start.casefold()
    matching = [e for e in found if e.name.casefold().startswith(wanted)]
    exact = [e for e in matching if e.name.startswith(start)] or matching
    common = _shared_start([entry.name for entry in exact])
    if len(common) < len(start):  # names that differ in their capitals
        common = ""
    if not matching:
        matching = [entry for entry in found if wanted in entry.name.casefold()]
    shown = tuple(map(_with_size, matching[:MOST_SHOWN]))
    more = len(matching) - len(shown)
    problem = "" if matching or is_file else _nothing(lead, start)
    return Listing(text, shown, lead + common if common else "", more, is_file, problem)


def _entries(lead: str, *, hidden: bool) -> list[Entry]:
    files, folders = [], []
    with os.scandir(_expanded(lead)) as found:
        for entry in found:
            name = entry.name
            if not name.isprintable() or (name.startswith(".") and not hidden):
                continue
            if _is_folder(entry):
                folders.append(Entry(f"{lead}{name}/", f"{name}/"))
            elif Path(name).suffix.lower() in KINDS:
                files.append(Entry(lead + name, name))
    return sorted(files, key=_order) + sorted(folders, key=_order)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _shared_start(names: list[str]) -> str:
    alike = 0
    while names and all(name[: alike + 1] == names[0][: alike + 1] for name in names):
        alike += 1
        if alike > len(names[0]):
            break
    return names[0][:alike] if names else ""


def _order(entry: Entry) -> tuple[str, str]:
    return entry.name.casefold(), entry.name


def _with_size(entry: Entry) -> Entry:
    if entry.is_folder:
        return entry
    try:
        size = _expanded(entry.text).stat().st_size
    except OSError as error:
        return Entry(entry.text, entry.name, error.strerror or "can't be read")
    return Entry(entry.text, entry.name, bytes_text(size))


def _nothing(lead: str, start: str) -> str:
    where = lead or "here"
    kinds = ", ".join(KINDS)
    return f"nothing in {where} has {start} in its name" if start else f"no {kinds} in {where}"
