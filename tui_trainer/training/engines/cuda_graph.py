"""Steps captured as a CUDA graph: for small networks a launch costs more than its arithmetic.

Its numbers are the eager engine's on the same GPU up to the rounding of float32. Dropout is of the
same stream of draws, made on the CPU a call ahead of the GPU.
"""

from collections.abc import Iterator

import torch

from tui_trainer.task.randomness import drawing_from
from tui_trainer.training.engines.dropout_draws import draw_count, draw_shapes, split_draws
from tui_trainer.training.engines.engine import (
    Engine,
    EngineError,
    Losses,
    TrainingState,
    first_line,
    to_losses,
)

UNROLLED = 10
_WARM_UP_STEPS = 3


class CudaGraphEngine(Engine):
    """Replays steps that were captured once, in groups of `UNROLLED` and one by one.

    The graphs read and write the network's own parameters, one tensor with the learning rate, one
    with the draws of dropout and one with the losses.
    """

    name = "cuda-graph"
    stride = UNROLLED

    def __init__(self, state: TrainingState) -> None:
        if state.buffers:
            raise EngineError("the network has buffers, which a CUDA graph would change twice")
        super().__init__(state)
        x = state.task.data.train_x
        device = x.device
        with torch.cuda.device(device):
            self._shapes = draw_shapes(state.model, x)
            self._lr = torch.zeros((), device=device)
            self._draws = torch.zeros(UNROLLED, draw_count(self._shapes), device=device)
            self._losses = torch.zeros(2, UNROLLED, device=device)
            self._graphs = self._capture()

    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,)."""
        losses = torch.empty(2, steps, device=self._losses.device)
        with torch.cuda.device(losses.device):
            self._lr.fill_(self.state.lr)
            for done, count in _groups(steps):
                self._draw(count)
                self._graphs[count].replay()
                losses[:, done : done + count].copy_(self._losses[:, :count])
        train, val = to_losses(losses)
        return train, val

    def _draw(self, count: int) -> None:
        """Send the draws of the next steps on their way, without waiting for the ones before."""
        numbers = self._draws.shape[1]
        if numbers:
            # Freed pinned memory is not handed out again before the copy from it is done.
            drawn = torch.rand(count, numbers, generator=self.state.generator, pin_memory=True)
            self._draws[:count].copy_(drawn, non_blocking=True)

    def _capture(self) -> dict[int, torch.cuda.CUDAGraph]:
        """Capture one step and a group of them, and leave the state as it is."""
        before = self.state.snapshot()
        try:
            aside = _new_stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                self._steps(_WARM_UP_STEPS)
            torch.cuda.current_stream().wait_stream(aside)
            graphs = {}
            for count in (1, UNROLLED):
                graphs[count] = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graphs[count]):
                    self._steps(count)
        except RuntimeError as error:  # torch's for everything that a graph can't hold
            raise EngineError(f"no CUDA graph could be captured: {first_line(error)}") from None
        finally:
            self.state.restore(before)
        return graphs

    def _steps(self, count: int) -> None:
        """Do steps without a word to the host.

        Each validation runs beside the training pass of the step after it: both only read the
        parameters, and the graph is as long as its longest path.
        """
        state, task = self.state, self.state.task
        main, aside = torch.cuda.current_stream(), _new_stream()
        aside.wait_stream(main)
        for index in range(count):
            state.model.train()
            with drawing_from(state.model, split_draws(self._draws[index], self._shapes)):
                loss, gradients = task.gradients(state.model, state.parameters)
            self._losses[0, index].copy_(loss)
            main.wait_stream(aside)
            task.update(state.parameters, gradients, state.slots, self._lr)
            aside.wait_stream(main)
            with torch.cuda.stream(aside):
                state.model.eval()
                self._losses[1, index].copy_(task.validation_loss(state.model))
        main.wait_stream(aside)


def _new_stream() -> torch.cuda.Stream:
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


def _groups(steps: int) -> Iterator[tuple[int, int]]:
    """Cut steps into groups and singles, each with the steps before it."""
    grouped = steps - steps % UNROLLED
    for done in range(0, grouped, UNROLLED):
        yield done, UNROLLED
    for done in range(grouped, steps):
        yield done, 1
