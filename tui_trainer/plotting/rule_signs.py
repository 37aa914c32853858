"""Letters where stopping rules would have stopped, each in a cell of its own."""

from collections.abc import Iterator, Sequence

import numpy as np

from tui_trainer.plotting.chart import Scatter
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.scales import Scale
from tui_trainer.training.marks import RuleMark


def rule_signs(
    rules: Sequence[RuleMark], x: Scale, y: Scale, columns: int, rows: int
) -> Iterator[Scatter]:
    """Put each rule's letter on the validation curve, or the free cell above or below it."""
    taken: set[tuple[int, int]] = set()
    for rule in rules:
        if columns < 2 or rows < 2 or not x.holds(rule.step):
            continue
        column = round(float(x.unit(rule.step)) * (columns - 1))
        row = round(float(y.unit(rule.val_loss)) * (rows - 1))
        above = [(column, place) for place in range(row, rows)]
        below = [(column, place) for place in range(row - 1, -1, -1)]
        free = next((cell for cell in above + below if cell not in taken), None)
        if free is not None:
            taken.add(free)
            at = y.value(free[1] / (rows - 1))
            signs = np.array([rule.step]), np.array([at])
            yield Scatter(Role.STOP, *signs, marker=rule.sign, ascii=rule.sign)
