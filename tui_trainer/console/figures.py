"""What a run ended with, in words: the losses of batches, R² and RMSE."""

from collections.abc import Iterator

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import loss_text, metric_text
from tui_trainer.training.events import FitSampled


def batch_words(config: RunConfig) -> str:
    """Say that a step's training loss is that of its batch: R² and RMSE are of all points."""
    return " of the last batch" if config.steps_per_epoch > 1 else ""


def validated_words(config: RunConfig, steps: int) -> str:
    """Say after which step the last validation was, if not after the last one."""
    measured = config.measured_by(steps)
    return f" at step {measured:,}" if measured < steps else ""


def quality(fit: FitSampled | None) -> Iterator[tuple[str, str]]:
    """Yield R² and RMSE on both splits, of the weights that a run ended with."""
    if fit is None or fit.step == 0:
        return
    for title, name in (("R²", "r2"), ("RMSE", "rmse")):
        texts = [figure_text(fit, f"{split}_{name}") for split in ("train", "val")]
        yield title, f"train {texts[0]}, validation {texts[1]}"


def figure_text(fit: FitSampled, name: str) -> str:
    """Write one of a fit's metrics."""
    value = fit.metrics.get(name)  # a file of an older program lacks some
    if value is None:
        return "–"
    return loss_text(value) if name.endswith("rmse") else metric_text(value)
