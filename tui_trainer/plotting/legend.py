"""Legend signs, the same in the app and the console; names shortened to the room there is."""

from collections.abc import Sequence
from functools import lru_cache

from tui_trainer.formatting import distinct
from tui_trainer.plotting.roles import Charset, Role

_LEAST_NAME = 8
_SIGNS = {
    Role.TRAIN: ("━━", "**"),
    Role.VALIDATION: ("╺╸", "xx"),
    Role.TEST: ("╍╍", "oo"),
    Role.BOUND: ("┄", "-"),
    Role.BEST: ("◆", "@"),
    Role.STOP: ("┃", "|"),
    Role.LR: ("╎", ":"),
    Role.ENGINE: ("▲", "^"),
    Role.MODEL: ("━━", "##"),
    Role.TRAIN_POINT: ("⠢", "."),
    Role.VALIDATION_POINT: ("⠆", "o"),
    Role.MEDIAN: ("●", "o"),
    Role.SPREAD: ("⡇", "|"),
    Role.DIVERGED: ("✕", "x"),
    Role.CURSOR: ("▲", "^"),
    Role.OVERLAY_1: ("○", "o"),
    Role.OVERLAY_2: ("□", "#"),
    Role.OVERLAY_3: ("△", "A"),
    Role.OVERLAY_4: ("◇", "&"),
    Role.OVERLAY_5: ("▽", "v"),
    Role.OVERLAY_6: ("+", "+"),
}


def sign(role: Role, charset: Charset) -> str:
    """Return what a role looks like in a plot drawn with `charset`."""
    fine, plain = _SIGNS[role]
    return plain if charset is Charset.ASCII else fine


@lru_cache(maxsize=64)
def names_that_fit(
    variants: tuple[tuple[str, ...], ...], room: int, lead: int, gap: int
) -> tuple[tuple[str, ...], str]:
    """Return names that fit into `room`, each behind `lead` characters, `gap` between them.

    It is the first of the `variants`, each shorter than the one before, that fits. Failing that,
    the last is cut to names of eight characters at least, and without the last names where even
    that is too much; then the second result says how many are missing: ``+2``.
    """

    def fits(names: Sequence[str], rest: str = "") -> bool:
        parts = [lead + len(name) for name in names] + ([len(rest)] if rest else [])
        return sum(parts) + gap * (len(parts) - 1) <= room

    if (whole := next(filter(fits, variants), None)) is not None:
        return whole, ""
    names = variants[-1]
    for count in range(len(names), 0, -1):
        rest = f"+{len(names) - count}" if count < len(names) else ""
        for longest in range(max(map(len, names)), _LEAST_NAME - 1, -1):
            if fits(texts := distinct(names[:count], longest), rest):
                return tuple(texts), rest
    return (), ""
