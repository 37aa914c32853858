"""The first screen: what this is, and experiments to run with one key each."""

from collections.abc import Container, Iterator, Mapping
from textwrap import wrap

from tui_trainer.config.settings import Dataset
from tui_trainer.formatting import printable
from tui_trainer.plotting.roles import Role
from tui_trainer.tui.run.experiments import EXPERIMENTS, Experiment, key_id
from tui_trainer.tui.widgets.cells import cut
from tui_trainer.tui.widgets.framed import Part
from tui_trainer.tui.wording import NARROW

_TITLES, _BELOW = 20, 5  # columns of titles, and before what is written below one
_LONGEST_NAME = 24  # of a column of a file


def first_page(
    width: int, height: int, keys: Mapping[str, str], seen: Container[str], dataset: Dataset
) -> Iterator[tuple[Part, ...]]:
    """Write the page's lines for a pane of this size, shortened to what fits."""
    block = max(8, min(78, width - 2))
    count = len(EXPERIMENTS)
    room = max(0, height - count)
    intros = (wrap(said, block) for said in _introductions(keys, dataset, width))
    intro = next((lines for lines in intros if len(lines) <= room), [])
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


def _introductions(keys: Mapping[str, str], dataset: Dataset, width: int) -> Iterator[str]:
    """Say what this is and what can be pressed, each time in fewer words."""
    start, helps, opens = keys["start"], keys["help"], keys["open_data"]
    if len(opens) > 1:  # short for the footer, and not known to everyone
        opens = opens.replace("^", "ctrl+", 1)
    does = _task_text(dataset)
    if width >= NARROW:
        yield (
            f"{does} You choose how it starts and what holds it back, and watch what that does to "
            f"the losses and to the fit. {start} trains what is set, {opens} opens your own data, "
            f"{helps} explains everything; or press a number and see:"
        )
    yield f"{does} Press a number, or {start} for what is set; {opens} opens your own data."
    yield f"{does} Press a number, or {start} for what is set."
    yield does


def _task_text(dataset: Dataset) -> str:
    if not dataset.file:
        return "A network learns a curve."
    features = dataset.feature_names
    count = f"{len(features)} features" if len(features) > 1 else printable("".join(features))
    source = f" from {cut(count, _LONGEST_NAME)}" if features else ""
    return f"A network learns to predict {cut(printable(dataset.target), _LONGEST_NAME)}{source}."


def _row(experiment: Experiment, key: str, width: int, seen: Container[str]) -> list[Part]:
    mark = "✓" if experiment.name in seen else " "
    parts: list[Part] = [
        (f"{mark} ", Role.BEST),
        (f"{key}  ", "key"),
        (f"{experiment.title:<{_TITLES}}", "title"),
    ]
    if sum(len(text) for text, _ in parts) + len(experiment.promise) <= width:
        parts.append((experiment.promise, "note"))
    return parts
