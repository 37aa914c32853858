"""Says whether a repeated run came out the same."""

import msgspec

from tui_trainer.runs.comparison import Comparison


def summary(comparison: Comparison) -> str:
    """Say in a sentence whether all came out the same, and where not."""
    name = comparison.folder.name
    states = f"{comparison.states} kept state{'' if comparison.states == 1 else 's'}"
    if comparison.matches:
        whole = comparison.compared == comparison.steps
        part = "" if whole else f" of {comparison.steps:,}"
        return f"{name} matches: {comparison.compared:,} steps{part} and {states}, the same bits"
    parts = []
    if comparison.differing_step is not None:
        parts.append(f"first at step {comparison.differing_step:,}")
    if comparison.differing_tensor is not None:
        parts.append(f"{comparison.differing_tensor} after step {comparison.tensor_step:,}")
    return f"{name} differs: {'; '.join(parts)}"


def to_json(comparison: Comparison) -> str:
    """Write the comparison as one JSON object."""
    fields = {
        "run": str(comparison.folder),
        "matches": comparison.matches,
        "steps": comparison.compared,
        "states": comparison.states,
        "differing_step": comparison.differing_step,
        "differing_tensor": comparison.differing_tensor,
        "differing_tensor_step": comparison.tensor_step,
    }
    return msgspec.json.encode(fields).decode()
