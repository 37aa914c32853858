"""When a run stops early: the settings of each rule."""

from typing import TypeAlias

from msgspec import Struct

from tui_trainer.config.numbers import NonNegative, PositiveInt, StripLength


class FirstIncrease(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="first-increase"
):
    """Stop after step t when t > 1 and val[t] > val[t-1]."""

    restore_best: bool = False


class PatientAverage(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="patient-average"
):
    """Stop after step t when t > window and val[t] > mean(val[t-window .. t-1])."""

    window: PositiveInt = 50
    restore_best: bool = False


class Patience(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="patience"):
    """Stop after `patience` steps that do not improve the best by more than `min_delta`."""

    patience: PositiveInt = 200
    min_delta: NonNegative = 0.0
    restore_best: bool = False


class GeneralizationLoss(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="generalization-loss"
):
    """Stop after step t when GL(t) > alpha: validation is more than alpha % above its lowest.

    GL(t) = 100 (val[t] / min(val[1..t]) - 1). The class GL of Prechelt, "Early stopping - but
    when?" (1998).
    """

    alpha: NonNegative = 5.0
    restore_best: bool = False


class ProgressQuotient(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="progress-quotient"
):
    """Stop at the end of a strip of k = `strip` steps when GL(t) / P(t) > alpha.

    GL is that of `GeneralizationLoss`; P(t) = 1000 (mean(train[t-k+1..t]) /
    min(train[t-k+1..t]) - 1), the training progress: how far the strip's mean training loss is
    above its lowest. The class PQ of Prechelt, "Early stopping - but when?" (1998), who takes
    strips of 5.
    """

    alpha: NonNegative = 0.5
    strip: StripLength = 5
    restore_best: bool = False


Stopping: TypeAlias = (
    FirstIncrease | PatientAverage | Patience | GeneralizationLoss | ProgressQuotient
)


def describe_stopping(stopping: Stopping, counted: str = "steps") -> str:
    """Describe when a rule stops a run, and with which weights."""
    match stopping:
        case FirstIncrease():
            words = "stops when validation rises at all"
        case PatientAverage(window=window):
            words = f"stops when validation exceeds its mean over {window} {counted}"
        case Patience(patience=patience, min_delta=min_delta):
            better = f"improving by {min_delta:g}" if min_delta else "a new best"
            words = f"stops after {patience} {counted} without {better}"
        case GeneralizationLoss(alpha=alpha):
            words = f"stops when validation rises {alpha:g} % above its lowest"
        case ProgressQuotient(alpha=alpha, strip=strip):
            progress = f"{alpha:g} × the training progress of {strip} steps"
            words = f"stops when validation's rise over its lowest exceeds {progress}"
    return words + (", restores the best" if stopping.restore_best else "")
