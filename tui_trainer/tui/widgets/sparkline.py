"""A course in one line of text."""

from collections.abc import Sequence

from tui_trainer.plotting.roles import Charset

_BLOCKS = {Charset.ASCII: "_.-=*#"}
_FINE_BLOCKS = "▁▂▃▄▅▆▇█"


def blocks_of(charset: Charset) -> str:
    """Return the signs for heights that a terminal can show, from the lowest on."""
    return _BLOCKS.get(charset, _FINE_BLOCKS)


def sparkline(values: Sequence[float | None], width: int, blocks: str, least: float = 0.0) -> str:
    """Draw values in `width` cells at most, blank where there are none; a cell has their mean.

    The heights span the range of the cells, or `least` where that is more.
    """
    count = len(values)
    cells = min(width, count)
    parts = (values[n * count // cells : (n + 1) * count // cells] for n in range(cells))
    means = [_mean([value for value in part if value is not None]) for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return ""
    span = max(max(known) - min(known), least) or 1.0
    low = (min(known) + max(known) - span) / 2
    top = len(blocks) - 1
    heights = (None if mean is None else round((mean - low) / span * top) for mean in means)
    return "".join(" " if height is None else blocks[height] for height in heights)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
