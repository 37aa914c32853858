"""What leaves a terminal as a full-screen program found it, whatever that had switched on."""

import os

# What Textual's driver switches on, switched off: unfinished frame, mouse, focus, pasting, sizes,
# keyboard protocol; then colours, line wrap, the normal screen and the cursor.
RESTORING = b"".join(
    b"\x1b[" + code
    for code in (
        *(b"?%dl" % mode for mode in (2026, 1000, 1003, 1015, 1006, 1016, 1004, 2004, 2048)),
        *(b"<u", b"0m", b"?7h", b"?1049l", b"?25h"),
    )
)


def is_in_foreground(terminal: int) -> bool:
    """Say whether a terminal's shell lets this process use it."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # it is another session's, which nobody keeps from it
        return True
