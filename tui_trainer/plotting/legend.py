"""Legend signs, the same in the app and the console."""

from tui_trainer.plotting.roles import Charset, Role

_SIGNS = {
    Role.TRAIN: ("━━", "**"),
    Role.VALIDATION: ("╺╸", "xx"),
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
}


def sign(role: Role, charset: Charset) -> str:
    """Return what a role looks like in a plot drawn with `charset`."""
    fine, plain = _SIGNS[role]
    return plain if charset is Charset.ASCII else fine
