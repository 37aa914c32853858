"""A line to type in."""

from textual.reactive import reactive
from textual.widgets import Input


class Entry(Input):
    """Its cursor does not blink: that would send bytes for ever, and say nothing."""

    cursor_blink = reactive(False, init=False)
