"""The last line: what can be pressed now."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from tui_trainer.tui.keys import Key, ScreenName, key_text, keys_of, press
from tui_trainer.tui.widgets.cells import Cells
from tui_trainer.tui.wording import MEDIUM, NARROW

_GROUPS = ("run", "list", "sweep", "view", "presets", "search", "app")  # from the left to the right
_FIELD_KEYS = (("enter", "accept"), ("↑ ↓", "other field"), ("esc", "leave"))
_FILTER_KEYS = (("enter", "accept"), ("↑ ↓", "other run"), ("esc", "show all"))
_PATTERN_KEYS = (("enter", "accept"), ("esc", "show all"))
_ROW_KEYS = (("enter", "list"), ("← →", "change"))
Focus: TypeAlias = Literal["field", "row"] | None
_LEFT = "run"  # the group whose keys come and go with a run
_MARGIN, _GAP = 1, 2


@dataclass(frozen=True, slots=True)
class _Place:
    """Room for one key, or for a guest and its host: the first that does something is shown."""

    keys: tuple[Key, ...]
    room: int

    @property
    def group(self) -> str:
        return self.keys[-1].group

    @property
    def rank(self) -> int:
        return min(key.rank for key in self.keys)


class KeyLine(Cells):
    """The keys that do something, as many as fit; a click on one presses it.

    Which keys have a place, and where, depends on the width alone, so that nothing jumps: the place
    of a key that does nothing now is blank. Keys of runs are on the left, others on the right.
    """

    COMPONENT_CLASSES = {"keys--key", "keys--rule"}
    DEFAULT_CSS = """
    KeyLine {
        height: 1;
        color: $foreground 75%;
        & > .keys--key { color: $text-accent; text-style: bold; }
        & > .keys--rule { color: $foreground 30%; }
    }
    """

    def __init__(self, screen: ScreenName, keymap: Mapping[str, str], *, id: str) -> None:
        super().__init__(id=id)
        keys = keys_of(screen)
        self._keys = [key for group in _GROUPS for key in keys if key.group == group]
        filters = {"runs": _FILTER_KEYS, "monitor": _PATTERN_KEYS}
        self._field_keys: Sequence[tuple[str, str]] = filters.get(screen, _FIELD_KEYS)
        self._keymap = keymap
        self._labels: Mapping[str, str] = {}
        self._useless: Collection[str] = ()
        self._focus: Focus = None

    def put(self, labels: Mapping[str, str], useless: Collection[str], focus: Focus) -> None:
        """Show labels by the keys' ids, without the `useless` ones.

        With the `focus` on a text field there are its keys alone, since letters are text there; on
        a row of a form its keys are in the place of those of runs.
        """
        shown = (self._labels, set(self._useless), self._focus)
        if (labels, set(useless), focus) != shown:
            self._labels, self._useless, self._focus = labels, useless, focus
            self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._redraw()

    def _redraw(self) -> None:
        if not self.is_mounted:
            return
        segments: list[Segment] = []
        for start, parts in self._field_parts() if self._focus == "field" else self._parts():
            end = sum(segment.cell_length for segment in segments)
            segments += [Segment(" " * (start - end)), *parts]
        self.show([Strip(segments)])

    def _field_parts(self) -> Iterator[tuple[int, list[Segment]]]:
        """Write what can be pressed in a text field; a click leaves it."""
        return self._written(self._field_keys, "screen.leave", self.size.width)

    def _written(
        self, keys: Sequence[tuple[str, str]], action: str, end: int
    ) -> Iterator[tuple[int, list[Segment]]]:
        """Write keys from the left, as many as fit before a column."""
        start = _MARGIN
        for key, label in keys:
            if start + len(f"{key} {label}") <= end:
                yield start, self._key_parts(key, label, action)
            start += len(f"{key} {label}") + _GAP

    def _parts(self) -> Iterator[tuple[int, list[Segment]]]:
        """Write the keys, each with its column, and a rule between groups on the right."""
        ruled = False
        for start, group in self._columns():
            on_row = self._focus == "row" and self.size.width >= NARROW
            if on_row and group[0][1].group == _LEFT:
                end = start + sum(place.room + _GAP for _, place in group)
                yield from self._written(_ROW_KEYS, "screen.open_list", end)
                continue
            shown = [(at, key) for at, place in group if (key := self._useful(place)) is not None]
            if ruled and shown and self._rule.strip():
                rule = Segment(self._rule, self.component_style("keys--rule"))
                yield start - len(self._rule), [rule]
            for at, key in shown:
                yield at, self._key_parts(self._text(key), self._label(key), f"screen.{press(key)}")
            ruled = ruled or (bool(shown) and group[0][1].group != _LEFT)

    def _columns(self) -> Iterator[tuple[int, list[tuple[int, _Place]]]]:
        """Yield the column of each group, and its places with theirs."""
        groups = _grouped(self._that_fit())
        right = [group for group in groups if group[0].group != _LEFT]
        start = _MARGIN
        for group in groups:
            if right and group is right[0]:
                start = self._end - self._width(right)
            at, places = start, []
            for place in group:
                places.append((at, place))
                at += place.room + _GAP
            yield start, places
            start = at - _GAP + len(self._rule)

    def _that_fit(self) -> list[_Place]:
        """Return the places of the lowest ranks that fit, in the order of the line."""
        places = self._places()
        fitting: list[int] = []
        groups: set[str] = set()
        end = _MARGIN - len(self._rule)
        for at in sorted(range(len(places)), key=lambda at: places[at].rank):
            place = places[at]
            more = end + place.room + (_GAP if place.group in groups else len(self._rule))
            if more <= self._end:
                end = more
                fitting.append(at)
                groups.add(place.group)
        return [places[at] for at in sorted(fitting)]

    def _width(self, groups: list[list[_Place]]) -> int:
        """Return the cells of groups with their gaps and rules."""
        within = [sum(place.room + _GAP for place in group) - _GAP for group in groups]
        return sum(within) + len(self._rule) * (len(groups) - 1)

    @property
    def _rule(self) -> str:
        return " " * _GAP if self.size.width < NARROW else " │ "

    @property
    def _end(self) -> int:
        return self.size.width - (0 if self.size.width < NARROW else _MARGIN)

    def _places(self) -> list[_Place]:
        """Return all places; in a small terminal two keys have one where the table says so."""
        keys = {key.id: key for key in self._keys if self._label(key)}
        guests = {k.shares: k for k in keys.values() if self._visits(k, keys.get(k.shares))}
        places: list[_Place] = []
        for key in keys.values():
            if key not in guests.values():
                both = (guests[key.id], key) if key.id in guests else (key,)
                places.append(_Place(both, max(map(self._room, both))))
        return places

    def _visits(self, key: Key, host: Key | None) -> bool:
        """Say whether a key shares the place of another one at this width."""
        if host is None:
            return False
        return self.size.width < (MEDIUM if key.group == host.group else NARROW)

    def _useful(self, place: _Place) -> Key | None:
        return next((key for key in place.keys if key.id not in self._useless), None)

    def _key_parts(self, key: str, label: str, action: str) -> list[Segment]:
        pressed = Style.from_meta({"@click": action})
        return [
            Segment(key, self.component_style("keys--key") + pressed),
            Segment(f" {label}", pressed),
        ]

    def _room(self, key: Key) -> int:
        """Return the cells for the longest of a key's labels."""
        labels = (key.label, key.also, self._label(key))
        return len(self._text(key)) + 1 + max(map(len, labels))

    def _text(self, key: Key) -> str:
        return key_text(self._keymap.get(key.id, key.key))

    def _label(self, key: Key) -> str:
        return self._labels.get(key.id, key.label)


def _grouped(places: list[_Place]) -> list[list[_Place]]:
    return [list(group) for _, group in groupby(places, key=lambda place: place.group)]
