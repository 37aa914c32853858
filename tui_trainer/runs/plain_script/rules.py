"""The stopping rule of a script in plain PyTorch."""

from collections.abc import Iterator

from tui_trainer.config.settings import RunConfig
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
    Stopping,
)

_FIRST_INCREASE = '''\
def should_stop(val_losses: list[float]) -> bool:
    """Stop as soon as the validation loss rises."""
    return len(val_losses) > 1 and val_losses[-1] > val_losses[-2]
'''
_PATIENT_AVERAGE = '''\
def should_stop(val_losses: list[float]) -> bool:
    """Stop when the validation loss exceeds the mean of the WINDOW steps before it."""
    if len(val_losses) <= WINDOW:
        return False
    return val_losses[-1] > math.fsum(val_losses[-WINDOW - 1 : -1]) / WINDOW
'''
_PATIENCE = '''\
class ShouldStop:
    """Stop after PATIENCE steps that do not improve on the best by more than MIN_DELTA."""

    best, waited = math.inf, 0

    def __call__(self, val_losses: list[float]) -> bool:
        if val_losses[-1] < self.best - MIN_DELTA:
            self.best, self.waited = val_losses[-1], 0
        else:
            self.waited += 1
        return self.waited >= PATIENCE


should_stop = ShouldStop()
'''
_GENERALIZATION_LOSS = '''\
class ShouldStop:
    """Stop when the validation loss is over ALPHA % above its lowest: Prechelt's GL (1998)."""

    lowest = math.inf

    def __call__(self, val_losses: list[float]) -> bool:
        bound = (100 + ALPHA) * self.lowest / 100
        self.lowest = min(self.lowest, val_losses[-1])
        return val_losses[-1] > bound


should_stop = ShouldStop()
'''
_PROGRESS_QUOTIENT = '''\
class ShouldStop:
    """Stop at the end of STRIP steps by Prechelt's PQ (1998).

    That is when the % that the validation loss is above its lowest are more than ALPHA times the
    per mille that the mean training loss of these steps is above their lowest.
    """

    lowest = math.inf

    def __call__(self, train_losses: list[float], val_losses: list[float]) -> bool:
        self.lowest = min(self.lowest, val_losses[-1])
        strip = train_losses[-STRIP:]
        if len(train_losses) % STRIP > 0 or min(strip) == 0:
            return False
        progress = 1000 * (math.fsum(strip) / STRIP / min(strip) - 1)
        return val_losses[-1] > (1 + ALPHA * progress / 100) * self.lowest


should_stop = ShouldStop()
'''


def rule_constants(stopping: Stopping | None) -> Iterator[str]:
    """Write a rule's settings."""
    match stopping:
        case PatientAverage(window=window):
            yield f"WINDOW = {window}"
        case Patience(patience=patience, min_delta=min_delta):
            yield f"PATIENCE, MIN_DELTA = {patience}, {min_delta!r}"
        case GeneralizationLoss(alpha=alpha):
            yield f"ALPHA = {alpha!r}"
        case ProgressQuotient(alpha=alpha, strip=strip):
            yield f"ALPHA, STRIP = {alpha!r}, {strip}"


def rule_texts(config: RunConfig) -> list[str]:
    """Write what decides, if the config has a rule."""
    return [text.replace(" steps", f" {config.counted}") for text in _rule(config)]


def _rule(config: RunConfig) -> list[str]:
    match config.regularizer.stopping:
        case FirstIncrease():
            return [_FIRST_INCREASE]
        case PatientAverage():
            return [_PATIENT_AVERAGE]
        case Patience():
            return [_PATIENCE]
        case GeneralizationLoss():
            return [_GENERALIZATION_LOSS]
        case ProgressQuotient():
            return [_PROGRESS_QUOTIENT]
        case None:
            return []


def judged(config: RunConfig) -> str:
    """Write the call of the rule: PQ looks at every step, the others at those with a validation."""
    if isinstance(config.regularizer.stopping, ProgressQuotient):
        return "should_stop(train_losses, val_losses)"
    return (
        "should_stop(val_losses)"
        if config.validate_every == 1
        else "validates and should_stop(measured)"
    )
