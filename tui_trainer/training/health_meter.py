"""Measures how the layers of a run fare, from a snapshot of it, while somebody looks."""

import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from tui_trainer.task.network import layers_of, trainable_parameters
from tui_trainer.task.randomness import training_draws
from tui_trainer.training.diagnosis import Evaluating, first_points, layer_label
from tui_trainer.training.engines.engine import TrainingState
from tui_trainer.training.events import HealthMeasured, LayerHealth, Noted
from tui_trainer.training.failure import describe_failure
from tui_trainer.training.layer_health import group_norms, measured_layers, read_activity
from tui_trainer.training.unit_activity import LastActive, UnitActivity

HEALTH_SECONDS = 0.5  # between two measurements, at least
HEALTH_SHARE = 0.01  # of the time, at most


class HealthMeter:
    """Measures a run between two steps, and leaves it as it was, bit for bit.

    The gradient is that of the training split, or of its first 10,000 points, with penalties and
    in evaluation mode; the update is the one that the optimiser would make of it. Dead are units
    that are active for none of these points.
    """

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._layers = layers_of(state.model)
        self._names = [layer_label(state.model, n) for n in range(1, len(self._layers) + 1)]
        self._activity = UnitActivity(state.model, self._layers)
        self._last_active = LastActive(window=1)
        self._measured = -1  # step
        self._due = self._began = 0.0
        self._seconds = 0.0
        self._is_broken = False

    def measured(self, *, at_rest: bool = False) -> Iterator[HealthMeasured | Noted]:
        """Measure if it is time; of a run `at_rest`, if its weights are new."""
        now = time.perf_counter()
        is_new = self._state.step != self._measured
        if self._is_broken or not is_new or not (at_rest or now >= self._due):
            return
        try:
            layers = self._measure()
        except Exception as error:  # the run is not to end by it: it may lack the memory
            self._is_broken = True
            yield Noted(f"the layers' health can't be measured: {describe_failure(error)}")
            return
        self._measured = self._state.step
        end = time.perf_counter()
        took = end - now
        self._began = self._began or now
        self._seconds += took
        self._due = end + max(HEALTH_SECONDS, took / HEALTH_SHARE)
        share = self._seconds / max(self._due - self._began, 1e-9)
        yield HealthMeasured(self._measured, layers, took, share)

    def _measure(self) -> tuple[LayerHealth, ...]:
        state, start = self._state, self._state.snapshot()
        try:
            gradients = self._gradients()
            sizes = self._sizes(gradients)
            found = read_activity(self._activity.found)
        finally:
            self._activity.disarm()
            state.restore(start)
        return measured_layers(self._names, sizes, found, self._last_active, state.step)

    def _gradients(self) -> list[Tensor]:
        """Return the gradients of all parameters, having watched the pass."""
        state, x = self._state, self._state.task.data.train_x
        draws = training_draws(state.model, state.generator, state.draws_globally)
        with Evaluating(state.model), draws:
            self._activity.arm()
            return state.task.gradients(state.model, state.parameters, first_points(x))[1]

    def _sizes(self, gradients: Sequence[Tensor]) -> list[list[float]]:
        """Return the norms of each layer's gradient, update and weights."""
        state, task = self._state, self._state.task
        before = [p.detach().clone() for p in state.parameters]
        step = state.step + 1
        # The state's own tensors change, and come back with the snapshot.
        task.update(
            state.parameters, gradients, state.slots, state.next_lrs(1)[0], step - state.slots_since
        )
        updates = [p.detach() - old for p, old in zip(state.parameters, before, strict=True)]
        places = {id(parameter): n for n, parameter in enumerate(state.parameters)}
        groups = [[places[id(p)] for p in trainable_parameters(layer)] for layer in self._layers]
        columns = [group_norms(tensors, groups) for tensors in (gradients, updates, before)]
        sizes: list[list[float]] = torch.stack(columns, 1).tolist()
        return sizes
