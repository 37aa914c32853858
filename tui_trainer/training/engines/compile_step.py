"""The compiler's own process: ``python -m ...compile_step SPEC FILE``, SPEC a `StepSpec` in JSON.

It ends with 0 and FILE in place, or with another status and the reason as its last line. It also
ends, with all its children, when its stdin is closed: when the process that started it is gone.
"""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Generator, Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from tui_trainer.task.data import Data
from tui_trainer.task.network import build_network
from tui_trainer.task.shape import OUTPUTS
from tui_trainer.training.engines.dropout_draws import draw_count, draw_shapes
from tui_trainer.training.engines.step import PureStep, StepSpec, make_step

_OPTIONS = {
    # Code around the kernels: -O0 costs a tenth of the speed, and -O2 is no faster than -O1.
    "aot_inductor.compile_wrapper_opt_level": "O1",
    # Headers are used once here, and hundreds of megabytes when compiled.
    "aot_inductor.precompile_headers": False,
    "cpp_cache_precompile_headers": False,
    # A matmul and then an add, as the layers say: faster than copying the bias for an addmm.
    "pattern_matcher": False,
    # The processor says what it can do; trying it out with the compiler takes 6 s.
    "cpp.vec_isa_ok": True,
}


def main(spec_json: str, file: str) -> None:
    """Compile a step into `file`."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(19)
    spec = msgspec.json.decode(spec_json, type=StepSpec)
    torch.set_num_threads(spec.threads)
    compile_step(spec, file)


def compile_step(spec: StepSpec, file: str) -> None:
    """Compile a step ahead of time into `file`, which ends in ``.so``."""
    generator = Generator().manual_seed(0)
    model = build_network(spec.architecture, spec.layer, spec.features, spec.dropout, generator)
    inputs, step = _example(model, spec)
    program = torch.export.export(make_fx(step)(*inputs), tuple(inputs))
    options = _known(_OPTIONS) | {"aot_inductor.output_path": file}
    torch._inductor.aot_compile(program.module(), tuple(inputs), options=options)
    if any(not f.name.endswith("_metadata.json") for f in Path(file).parent.glob("*.json")):
        sys.exit("the network calls operators that a library by itself can't")


def _example(model: nn.Module, spec: StepSpec) -> tuple[list[Tensor], PureStep]:
    """Return the step, and inputs of its shapes."""
    splits = spec.train_points, spec.val_points
    task = spec.task(Data(*(torch.rand(n, d) for n in splits for d in (spec.features, OUTPUTS))))
    numbers = draw_count(draw_shapes(model, task.data.train_x))
    parameters = [p.detach() for p in model.parameters()]
    inputs = [
        torch.tensor(spec.unrolled),
        torch.tensor(0.01),
        *task.data.tensors,
        *([torch.rand(spec.unrolled, numbers)] if numbers else []),
        *parameters,
        *(tensor for slot in task.optimizer.init(parameters) for tensor in slot),
    ]
    return inputs, make_step(model, task, spec.unrolled)


def _known(options: dict[str, Any]) -> dict[str, Any]:
    """Keep the options that this torch has."""
    known = torch._inductor.config.get_config_copy()
    return {name: value for name, value in options.items() if name in known}


def _end_with_stdin() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
