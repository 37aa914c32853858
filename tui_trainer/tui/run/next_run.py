"""What the form's next run has in another way than the run that is shown."""

from tui_trainer.config.presets import PARTS
from tui_trainer.config.settings import NUMBERS, REGULARIZER_NUMBERS, RunConfig
from tui_trainer.formatting import short_text

_NAMES = {"dataset": "data", "architecture": "network"}


def next_run_changes(form: RunConfig, run: RunConfig, lr: float) -> dict[str, str]:
    """Return what differs, by setting, in words: ``{"init": "init kaiming"}``.

    `lr` is that of the run now; another one is not the next run's while the run takes it over.
    """
    changes: dict[str, str] = {}
    for part in PARTS:
        if getattr(form, part) != getattr(run, part):
            changes[part] = f"{_NAMES.get(part, part)} {getattr(form, part).name}"
    if form.regularizer.name == run.regularizer.name and "regularizer" in changes:
        changes["regularizer"] = _numbers_over(form, run)
    current = {key: getattr(run, key) for key in NUMBERS} | {"lr": lr}
    for key, number in current.items():
        if getattr(form, key) != number:
            changes[key] = f"{key.replace('_', ' ')} {short_text(getattr(form, key))}"
    for key in ("engine", "device"):
        if getattr(form, key) != getattr(run, key):
            changes[key] = f"{key} {getattr(form, key)}"
    return changes


def _numbers_over(form: RunConfig, run: RunConfig) -> str:
    """Name the numbers over one and the same regularizer that differ."""
    numbers = {
        key: (getattr(form.regularizer, key), getattr(run.regularizer, key))
        for key in REGULARIZER_NUMBERS
    }
    return ", ".join(
        f"{key} {'none' if after is None else short_text(after)}"
        for key, (after, before) in numbers.items()
        if after != before
    )


def next_run_text(changes: dict[str, str], start_key: str, width: int) -> str:
    """Write a line about the next run; where there is no room, it counts what it leaves out."""
    if not changes:
        return ""
    parts = list(changes.values())
    for lead, hint in (("next run", f" · {start_key} starts it"), ("next run", ""), ("next", "")):
        text = f" › {lead}: {' · '.join(parts)}{hint}"
        if len(text) <= width:
            return text
    for count in range(len(parts) - 1, 0, -1):
        text = f" › next: {' · '.join(parts[:count])} +{len(parts) - count}"
        if len(text) <= width:
            return text
    return f" › next run: {len(parts)} changes"[:width]
