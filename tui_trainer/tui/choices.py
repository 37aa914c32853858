"""A list to choose from: all names of a setting with their descriptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.css.styles import RulesMap
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui_trainer.tui.widgets.entry import Entry

_SIDES = 7  # columns for borders, padding and scrollbar
_WIDTH = 84  # of the list at most, as in app.tcss


@dataclass(frozen=True, slots=True)
class Choice:
    """A name that can be chosen, and what to expect of it."""

    name: str
    description: str


class Options(OptionList, can_focus=False):
    """A list that keeps its cursor in view, also where its size comes late."""

    def on_resize(self) -> None:
        self.call_after_refresh(self.scroll_to_highlight)

    def rewrite(self) -> None:
        """Write the lines in view anew, where the list stays as it is."""
        first = self.get_option_at_index(0)
        self.replace_option_prompt_at_index(0, first.prompt)  # which forgets what all look like


class Line(Visual):
    """A line of a long list: it is written when it comes into view, not for every key."""

    def __init__(self, write: Callable[[], Content]) -> None:
        self._write = write

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        return self._write().render_strips(width, height, style, options)[:1]

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        return 1


class ChoiceList(ModalScreen[str | None]):
    """Asks for one of some choices; answers None if it is left."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-roomy")]
    BINDINGS = [
        Binding("escape", "leave", "leave"),
        Binding("up", "cursor('cursor_up')", show=False),
        Binding("down", "cursor('cursor_down')", show=False),
        Binding("pageup", "cursor('page_up')", show=False),
        Binding("pagedown", "cursor('page_down')", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], chosen: str) -> None:
        super().__init__()
        self._title, self._choices, self._chosen = title, choices, chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog choices") as page:
            page.border_title = Content(self._title)
            page.border_subtitle = "type to filter · enter takes it · esc leaves"
            yield Entry(placeholder="filter", compact=True)
            yield Options(markup=False, compact=True)

    def on_resize(self, event: events.Resize) -> None:
        """Write the rows anew: the descriptions have the room that names leave."""
        self._show(event.size.width)

    @on(Input.Changed)
    def _filter(self) -> None:
        self._show(self.size.width)

    @on(Input.Submitted)
    def _take(self) -> None:
        """Take the choice under the cursor; without one, go on asking."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(self._found[options.highlighted].name)

    @on(OptionList.OptionSelected)
    def _take_clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index].name)

    def action_cursor(self, where: str) -> None:
        getattr(self.query_one(OptionList), f"action_{where}")()

    def action_leave(self) -> None:
        self.dismiss(None)

    @property
    def _found(self) -> list[Choice]:
        """The choices that hold the filter's text."""
        text = self.query_one(Input).value.strip().casefold()
        return [c for c in self._choices if text in f"{c.name} {c.description}".casefold()]

    def _show(self, width: int) -> None:
        found = self._found
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(self._row(choice, width)) for choice in found)
        names = [choice.name for choice in found]
        if names:
            options.highlighted = names.index(self._chosen) if self._chosen in names else 0
            self.call_after_refresh(options.scroll_to_highlight)  # once the rows have their places

    def _row(self, choice: Choice, width: int) -> Content:
        """Write name and description beside each other, or below where there is no room."""
        room = min(_WIDTH, width) - _SIDES
        longest = max(len(known.name) for known in self._choices)
        mark = "●" if choice.name == self._chosen else " "
        name = f"{mark} {choice.name:<{longest}}"
        words = choice.description
        beside = all(len(c.description) + longest + 4 <= room for c in self._choices)
        below = "".join(f"\n    {line}" for line in wrap(words, max(8, room - 4)))
        return Content.assemble(
            (name, "bold"), (f"  {words}" if beside else below, "$foreground 70%")
        )
