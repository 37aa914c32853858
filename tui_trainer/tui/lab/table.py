"""The table of the stopping laboratory: a row a rule, in the order of the presets."""

from collections.abc import Sequence

from tui_trainer.config.settings import RunConfig
from tui_trainer.training.laboratory import Outcome
from tui_trainer.tui.lab.wording import rule_columns, rule_row
from tui_trainer.tui.widgets.row_table import Move, Row, RowTable, moved
from tui_trainer.tui.wording import NARROW

_TITLE = "Where would it have stopped?"


class RuleTable(RowTable):
    """What becomes of a run under each rule."""

    chosen: int | None = None  # the index of the rule under the cursor

    def move(self, move: Move) -> None:
        """Move the cursor."""
        if self.chosen is not None:
            self.chosen = moved(self.chosen, move, len(self._keys), self.page)

    def draw_rows(
        self,
        outcomes: Sequence[Outcome],
        best: int | None,
        config: RunConfig,
        *,
        unread_after: int,
    ) -> None:
        """Show outcomes of a run.

        `unread_after` is the step up to which its history was read, 0 if that is all of it.
        """
        width, unread = self.size.width, unread_after > 0
        title = f"{_TITLE} · read up to step {unread_after:,}" if unread else _TITLE
        if config.validate_every > 1 and width >= NARROW:
            title += f" · rules count validations: one in {config.validate_every:,} steps"
        own = config.regularizer.stopping

        def row(index: int) -> Row:
            outcome = outcomes[index]
            is_own = outcome.rule.stopping == own
            return rule_row(index, outcome, width, leads=index == best, unread=unread, own=is_own)

        self.put(title, rule_columns(outcomes, width), range(len(outcomes)), row, self.chosen)
