"""What a person has seen of the guide, remembered from session to session."""

from collections.abc import Collection
from pathlib import Path

from platformdirs import user_state_path

OWN_RUN = "own-run"


def seen_file() -> Path:
    """Return ``$XDG_STATE_HOME/tui-trainer/seen``, or the platform's equivalent."""
    return user_state_path("tui-trainer") / "seen"


class Seen:
    """Names of what was seen, a line each in a file; without one, for this session alone.

    Where the file can't be read or written, nothing is remembered: it is no matter worth a word.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._names: list[str] = []
        try:
            if file is not None and file.is_file():
                self._names = file.read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            pass

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """Remember something."""
        if name in self:
            return
        self._names.append(name)
        try:
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text("\n".join([*self._names, ""]), encoding="utf-8")
        except OSError:
            pass

    def is_expert(self, experiments: Collection[str]) -> bool:
        """Say whether a person needs no first screen: has run something else, or seen all."""
        return OWN_RUN in self or all(name in self for name in experiments)
