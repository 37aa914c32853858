"""What tests hold runs against each other with."""

import numpy as np

from tui_trainer.training.events import StepsCompleted


def losses_of(events):
    """Join the train and validation losses of a run's events."""
    parts = [event for event in events if isinstance(event, StepsCompleted)]
    return [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("train_loss", "val_loss")
    ]


def assert_identical(found, expected):
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def parameters_of(engine):
    return [p.detach().cpu().numpy() for p in engine.model.parameters()]
