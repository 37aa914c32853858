"""When a file is to be written again."""

import time

from tui_trainer.runs.writer import Writer

_PAUSE = 10  # times as long as a job took: at most a tenth of the disk's time goes to one name


class Due:
    """Times by the names of a writer's jobs: one that the disk has not caught up with waits."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._times: dict[str, float] = {}

    def comes(self, name: str, seconds: float) -> bool:
        """Say whether it is time, `seconds` after it last was; later if the job takes long."""
        now = time.monotonic()
        if now < self._times.get(name, 0.0) or self._writer.waits(name):
            return False
        self._times[name] = now + max(seconds, _PAUSE * self._writer.took.get(name, 0.0))
        return True
