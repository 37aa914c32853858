"""The stopping laboratory in words: rules, what becomes of a run under them, and at what price."""

from collections.abc import Iterator, Sequence

from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
    Stopping,
)
from tui_trainer.formatting import loss_text
from tui_trainer.plotting.roles import Role
from tui_trainer.training.laboratory import Fate, Outcome
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State
from tui_trainer.tui.widgets.looks import Shown
from tui_trainer.tui.widgets.row_table import Column, Row
from tui_trainer.tui.wording import BADGES, NARROW, first_that_fits

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CUT_SHORT = {
    State.STOPPED_EARLY: "where the run's own rule stopped it",
    State.STOPPED: "where it was stopped by hand",
    State.FAILED: "where it failed",
    State.INTERRUPTED: "where it was interrupted",
}
_UNFIRED = {
    Fate.PENDING: "not yet",
    Fate.FINISHES: "no stop",
    Fate.DIVERGES: "diverges",
    Fate.UNKNOWN: "unknown",
}


def letter(index: int) -> str:
    """Return the sign of a rule in the table and in the plot; after Z they share one."""
    return _LETTERS[index] if index < len(_LETTERS) else "+"


def rule_text(stopping: Stopping | None, *, short: bool = False) -> str:
    """Name a rule and its settings: ``patience 200, keeps best``."""
    match stopping:
        case None:
            return "never"
        case FirstIncrease():
            words = "first increase"
        case PatientAverage(window=window):
            words = f"mean of {window:,}" if short else f"mean of the last {window:,}"
        case Patience(patience=patience, min_delta=min_delta):
            words = f"patience {patience:,}" + (f", min {min_delta:g}" if min_delta else "")
        case GeneralizationLoss(alpha=alpha):
            words = f"GL {alpha:g} %"
        case ProgressQuotient(alpha=alpha, strip=strip):
            words = f"PQ {alpha:g} / {strip:,}" if short else f"PQ {alpha:g}, strips of {strip:,}"
    return words + (", keeps best" if stopping.restore_best and not short else "")


def rule_columns(outcomes: Sequence[Outcome], width: int) -> list[Column]:
    """Return the columns of the table, the most needed first."""
    narrow = width < NARROW
    names = [rule_text(outcome.rule.stopping, short=narrow) for outcome in outcomes]
    return [
        Column("", 1),
        Column("rule", min(max(map(len, names)), 14 if narrow else 31)),
        Column("stops", 7, right=True) if narrow else Column("stops at", 9, right=True),
        Column("val", 7, right=True) if narrow else Column("validation", 10, right=True),
        Column("above best", 10, right=True),
        Column("saves", 5, right=True),
        Column("regularizer", 30),
    ]


def rule_row(
    index: int, outcome: Outcome, width: int, *, leads: bool, unread: bool, own: bool
) -> Row:
    """Write what becomes of a run under a rule; the best one `leads`, the run's is its `own`."""
    look: Shown = Role.BEST if leads else "row"
    known = outcome.val_loss is not None
    loss = f"{loss_text(outcome.val_loss)}{' ◆' if leads else '  '}" if known else "–  "
    return (
        (letter(index) if outcome.fate is Fate.STOPS else "", Role.STOP),
        (rule_text(outcome.rule.stopping, short=width < NARROW), look),
        (_step_text(outcome, unread=unread), "row" if known else "note"),
        (loss, look if known else "note"),
        (_above_text(outcome.above_best), "row"),
        (_share_text(outcome.saved), "row"),
        (", ".join(["this run's"] * own + [*outcome.rule.presets]), "note"),
    )


def _step_text(outcome: Outcome, *, unread: bool) -> str:
    never = outcome.rule.stopping is None
    if outcome.fate is Fate.STOPS or (never and outcome.fate is Fate.FINISHES):
        return f"{outcome.step:,}"
    if outcome.fate is Fate.PENDING and (never or unread):
        return "–" if never else "…"
    return _UNFIRED[outcome.fate]


def _share_text(share: float | None) -> str:
    """Write a share in whole percents, 100 only for all of it."""
    return "–" if share is None else f"{int(100 * share + 1e-9)} %"


def _above_text(loss: float | None) -> str:
    if loss is None:
        return "–"
    return f"+{loss_text(loss)}" if loss > 0 else "0"


def cut_off_text(step: int, width: int) -> str:
    """Say why rules can't be followed up to now."""
    if width < NARROW:
        return f"⚠ Steps up to {step:,} are kept in blocks: no rule can be followed there."
    return (
        f"⚠ Losses up to step {step:,} are kept in blocks of steps and no longer one by one, so "
        "where a rule would have stopped is known only as far as it was watched until then."
    )


def laboratory_banner(
    run: RunResult, outcomes: Sequence[Outcome], best: int | None, width: int
) -> str:
    """Say where the history is no answer; once it is a whole one, what is to be seen in it."""
    sign, step, fates = BADGES[run.state][0], run.step, {outcome.fate for outcome in outcomes}
    if Fate.UNKNOWN in fates:
        if width < NARROW:
            return f"{sign} The history ends at step {step:,}: the rest is unknown."
        return (
            f"{sign} The history ends at step {step:,}, {_CUT_SHORT.get(run.state, 'cut short')}: "
            "what rules that had not fired would have done later is unknown."
        )
    if Fate.DIVERGES in fates:
        return f"{sign} Diverged at step {step:,}, before the rules without a step had fired."
    if best is None or Fate.PENDING in fates:
        return ""
    return first_that_fits(_lessons(outcomes[best], outcomes[-1]), width - 2)


def _lessons(best: Outcome, never: Outcome) -> Iterator[str]:
    """Yield what is to be seen, shorter and shorter."""
    loss, without = loss_text(best.val_loss), loss_text(never.val_loss)
    if best is never:
        yield f"◆ No rule ends lower than training on to the end: validation {loss}."
        yield f"◆ No rule ends lower than {loss}."
        return
    name, saved = rule_text(best.rule.stopping), f"{_share_text(best.saved)} fewer"
    name = f"{name[0].upper()}{name[1:]}"
    steps = f"in {best.step:,} steps, {saved}"
    yield f"◆ {name}: validation {loss} {steps}; without a rule {without}."
    yield f"◆ {name}: {loss} {steps}; without a rule {without}."
    yield f"◆ {name}: {loss}, {saved} steps."
    yield f"◆ {rule_text(best.rule.stopping, short=True)}: {loss}, {saved} steps."
