"""Steps captured as a CUDA graph: for small networks a launch costs more than its arithmetic.

Its numbers are the eager engine's on the same GPU up to the rounding of float32. Dropout is of the
same stream of draws, made on the CPU a call ahead of the GPU.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress

import torch

from tui_trainer.training.engines.capturable import capturable_steps, own_streams
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
    rates, the numbers of the steps, the draws of dropout and the losses.
    """

    name = "cuda-graph"
    stride = UNROLLED

    def __init__(self, state: TrainingState) -> None:
        if state.buffers:
            raise EngineError("the network has buffers, which a CUDA graph would change twice")
        if state.batches is not None or state.validation is not None:
            raise EngineError("a CUDA graph holds full-batch steps, each with its validation")
        super().__init__(state)
        device = state.task.data.train_x.device
        with torch.cuda.device(device):
            self._steps = capturable_steps(state)
            self._lrs = torch.zeros(UNROLLED, 1, device=device)
            self._numbers = torch.ones(UNROLLED, 1, dtype=torch.float64, device=device)
            self._draws = torch.zeros(UNROLLED, self._steps.draws, device=device)
            self._losses = torch.zeros(2, UNROLLED, device=device)
            self._graphs = self._capture()

    def _advance(self, steps: int) -> tuple[Losses, Losses]:
        losses = torch.empty(2, steps, device=self._losses.device)
        with torch.cuda.device(losses.device), torch.no_grad():
            state = self.state
            lrs = torch.tensor(state.next_lrs(steps), device=losses.device)[:, None]
            first = state.step + 1 - state.slots_since
            numbers = torch.arange(first, first + steps, device=losses.device)[:, None]
            self._steps.load()
            for done, count in _groups(steps):
                self._lrs[:count].copy_(lrs[done : done + count])
                self._numbers[:count].copy_(numbers[done : done + count])
                self._draw(count)
                self._graphs[count].replay()
                losses[:, done : done + count].copy_(self._losses[:, :count])
            self._steps.store()
            state.step += steps
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
        graphs = {count: torch.cuda.CUDAGraph() for count in (1, UNROLLED)}
        try:
            with _capture_lock:
                self._warm_up()
                for count, graph in graphs.items():
                    with _capturing(graph):
                        self._do(count)
        except RuntimeError as error:  # torch's for everything that a graph can't hold
            # Else torch's generator for the device would believe that it is still being captured.
            with suppress(RuntimeError), _capture_lock, _capturing(torch.cuda.CUDAGraph()):
                self._lrs.fill_(0)
            raise EngineError(f"no CUDA graph could be captured: {first_line(error)}") from None
        finally:
            self.state.restore(before)
        return graphs

    def _warm_up(self) -> None:
        """Do some steps on the stream of captures: the first ones set libraries up."""
        with torch.no_grad():
            self._steps.load()
        stream = own_streams(torch.cuda.current_device())[-1]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._do(_WARM_UP_STEPS)
        torch.cuda.current_stream().wait_stream(stream)

    def _do(self, count: int) -> None:
        self._steps.run(count, self._lrs, self._numbers, self._draws, self._losses)


def _capturing(graph: torch.cuda.CUDAGraph) -> AbstractContextManager[None]:
    """Capture what the current device is given, whatever other threads do meanwhile.

    Other modes than "relaxed" fail, here or in those threads, when one of them allocates memory or
    waits for the GPU. The stream that torch would take is of the first device that ever captured.
    """
    stream = own_streams(torch.cuda.current_device())[-1]
    return torch.cuda.graph(graph, stream=stream, capture_error_mode="relaxed")


def _groups(steps: int) -> Iterator[tuple[int, int]]:
    """Cut steps into groups and singles, each with the steps before it."""
    grouped = steps - steps % UNROLLED
    for done in range(0, grouped, UNROLLED):
        yield done, UNROLLED
    for done in range(grouped, steps):
        yield done, 1
