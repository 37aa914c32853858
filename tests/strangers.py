"""What somebody else could do to files, and what stands in the place of one."""

import os

STRANGER = 12345


def give_away(place, monkeypatch):
    """Let a file or folder belong to somebody else: without root's rights, let us be another."""
    if os.geteuid() == 0:
        os.chown(place, STRANGER, STRANGER)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: STRANGER)


def lock(folder, monkeypatch):
    """Keep us out of a folder: permissions don't keep root out, but its owner does."""
    if os.geteuid() == 0:
        give_away(folder, monkeypatch)
    else:
        folder.chmod(0)


def _link(place):
    place.symlink_to("/dev/zero")


# No regular files; each would hang who reads it, or fill the memory, or fail.
NO_FILES = {"device": _link, "fifo": os.mkfifo, "folder": os.mkdir}
