"""When to stop a run: pure rules over its losses, for whole chunks of steps at once; a file each.

`rule.py` says what a rule is. Where validation is measured every `k` steps alone, a rule counts
measurements: `Measured` shows it those. Rules that look at training losses see every step.
"""

from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
    Stopping,
)
from tui_trainer.training.stopping_rules.first_increase import FirstIncreaseRule
from tui_trainer.training.stopping_rules.measured import Measured
from tui_trainer.training.stopping_rules.patience import PatienceRule
from tui_trainer.training.stopping_rules.patient_average import PatientAverageRule
from tui_trainer.training.stopping_rules.prechelt import (
    GeneralizationLossRule,
    ProgressQuotientRule,
)
from tui_trainer.training.stopping_rules.rule import StoppingRule


def make_rule(stopping: Stopping, every: int = 1, done: int = 0) -> StoppingRule:
    """Make the rule that a config asks for, with an empty memory, `done` steps into the training.

    Validation is measured every `every` steps.
    """
    if every > 1 and not isinstance(stopping, ProgressQuotient):
        return Measured(_rule(stopping, every), every, done)
    return _rule(stopping, every)


def _rule(stopping: Stopping, every: int) -> StoppingRule:
    match stopping:
        case FirstIncrease():
            return FirstIncreaseRule(every)
        case PatientAverage(window=window):
            return PatientAverageRule(window, every)
        case Patience(patience=patience, min_delta=min_delta):
            return PatienceRule(patience, min_delta, every)
        case GeneralizationLoss(alpha=alpha):
            return GeneralizationLossRule(alpha)
        case ProgressQuotient(alpha=alpha, strip=strip):
            return ProgressQuotientRule(alpha, strip)
