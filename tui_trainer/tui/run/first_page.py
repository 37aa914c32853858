"""The first screen: what this is, and experiments to run with one key each."""

from collections.abc import Container, Iterator, Mapping
from textwrap import wrap

from tui_trainer.tui.run.experiments import EXPERIMENTS, Experiment, key_id
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.wording import NARROW

_TITLES, _BELOW = 20, 5  # columns of titles, and before what is written below one


def first_page(
    width: int, height: int, keys: Mapping[str, str], seen: Container[str]
) -> Iterator[tuple[Part, ...]]:
    """Write the page's lines for a pane of this size, shortened to what fits."""
    start, helps = keys["start"], keys["help"]
    block = max(8, min(78, width - 2))
    if width < NARROW:
        said = f"A network learns a curve. Press a number, or {start} for what is set."
    else:
        said = (
            "A network learns a curve. You choose how it starts and what holds it back, and watch "
            f"what that does to the losses and to the fit. {start} trains what is set, {helps} "
            "explains everything; or press a number and see:"
        )
    count = len(EXPERIMENTS)
    intro = wrap(said, block)[: max(0, height - count)]
    gap = height > len(intro) + count
    below = [wrap(e.promise, max(8, block - _BELOW)) for e in EXPERIMENTS]
    lines = count + sum(map(len, below))
    if width >= NARROW or height <= len(intro) + lines:
        below, lines = [[] for _ in EXPERIMENTS], count
    indent = " " * (max(0, width - block) // 2)
    yield from [()] * ((height - len(intro) - gap - lines) // 2)
    for line in intro:
        yield ((f"{indent}{line}", "note"),)
    yield from [()] * gap
    for experiment, promise in zip(EXPERIMENTS, below, strict=True):
        yield ((indent, "note"), *_row(experiment, keys[key_id(experiment)], block, seen))
        for line in promise:
            yield ((f"{indent}{'':{_BELOW}}{line}", "note"),)


def _row(experiment: Experiment, key: str, width: int, seen: Container[str]) -> list[Part]:
    mark = "✓" if experiment.name in seen else " "
    parts: list[Part] = [
        (f"{mark} ", "best"),
        (f"{key}  ", "key"),
        (f"{experiment.title:<{_TITLES}}", "title"),
    ]
    if sum(len(text) for text, _ in parts) + len(experiment.promise) <= width:
        parts.append((experiment.promise, "note"))
    return parts
