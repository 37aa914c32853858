"""Steps captured as a CUDA graph: for small networks a launch costs more than its arithmetic.

Its numbers are the eager engine's on the same GPU up to the rounding of float32. Dropout is of the
same stream of draws, made on the CPU a call ahead of the GPU.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from tui_trainer.training.engines.capturable import capturable_steps
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
_capture_lock = threading.Lock()


class CudaGraphEngine(Engine):
    """Replays steps that were captured once, in groups of `UNROLLED` and one by one.

    The graphs read and write tensors that stay where they are: what the steps change, the learning
    rate, the draws of dropout and the losses.
    """

    name = "cuda-graph"
    stride = UNROLLED

    def __init__(self, state: TrainingState) -> None:
        if state.buffers:
            raise EngineError("the network has buffers, which a CUDA graph would change twice")
        super().__init__(state)
        device = state.task.data.train_x.device
        with torch.cuda.device(device):
            self._steps = capturable_steps(state)
            self._lr = torch.zeros(1, 1, device=device)
            self._draws = torch.zeros(UNROLLED, self._steps.draws, device=device)
            self._losses = torch.zeros(2, UNROLLED, device=device)
            self._graphs = self._capture()

    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,)."""
        losses = torch.empty(2, steps, device=self._losses.device)
        with torch.cuda.device(losses.device), torch.no_grad():
            self._lr.fill_(self.state.lr)
            self._steps.load()
            for done, count in _groups(steps):
                self._draw(count)
                self._graphs[count].replay()
                losses[:, done : done + count].copy_(self._losses[:, :count])
            self._steps.store()
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
            with torch.no_grad():
                self._steps.load()
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                self._do(_WARM_UP_STEPS)
            torch.cuda.current_stream().wait_stream(aside)
            graphs = {}
            for count in (1, UNROLLED):
                graphs[count] = torch.cuda.CUDAGraph()
                with _capturing(graphs[count]):
                    self._do(count)
        except RuntimeError as error:  # torch's for everything that a graph can't hold
            # Else torch's generator for the device would believe that it is still being captured.
            with suppress(RuntimeError), _capturing(torch.cuda.CUDAGraph()):
                self._lr.fill_(0)
            raise EngineError(f"no CUDA graph could be captured: {first_line(error)}") from None
        finally:
            self.state.restore(before)
        return graphs

    def _do(self, count: int) -> None:
        self._steps.run(count, self._lr, self._draws, self._losses)


@contextmanager
def _capturing(graph: torch.cuda.CUDAGraph) -> Iterator[None]:
    """Capture what the current device is given, whatever other threads do meanwhile.

    Other modes than "relaxed" fail, here or in those threads, when one of them allocates memory or
    waits for the GPU. The stream that torch would take is of the first device that ever captured.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with _capture_lock, torch.cuda.graph(graph, stream=stream, capture_error_mode="relaxed"):
        yield


def _groups(steps: int) -> Iterator[tuple[int, int]]:
    """Cut steps into groups and singles, each with the steps before it."""
    grouped = steps - steps % UNROLLED
    for done in range(0, grouped, UNROLLED):
        yield done, UNROLLED
    for done in range(grouped, steps):
        yield done, 1
