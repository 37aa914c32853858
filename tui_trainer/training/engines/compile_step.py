"""The compiler's own process: ``python -m ...compile_step SPEC FILE``, SPEC a `StepSpec` in JSON.

It ends with 0 and FILE in place, or with another status and the reason as its last line. It also
ends, with all that it started, when its stdin does: when whoever waits for it is gone.
"""

import contextlib
import os
import signal
import sys
import threading
from typing import Any

import msgspec
import torch
from torch import Generator, Tensor, nn
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from tui_trainer.config.settings import Dataset, Init
from tui_trainer.task.data import make_data
from tui_trainer.task.network import build_network
from tui_trainer.training.engines.dropout_draws import draw_count, draw_shapes
from tui_trainer.training.engines.step import StepSpec, make_step

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


class CantCompileError(Exception):
    """The network does what a pure function can't."""


def main(spec_json: str, file: str) -> None:
    """Compile a step into `file`."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(19)
    spec = msgspec.json.decode(spec_json, type=StepSpec)
    torch.set_num_threads(spec.threads)
    try:
        compile_step(spec, file)
    except CantCompileError as error:
        sys.exit(str(error))


def compile_step(spec: StepSpec, file: str) -> None:
    """Compile a step ahead of time into `file`, which ends in ``.pt2``.

    Raises:
        CantCompileError: if the network keeps a state or draws numbers of its own.
    """
    generator = Generator().manual_seed(0)
    init = Init(name="", layer=spec.layer)
    model = build_network(spec.architecture, init, spec.dropout, generator)
    if any(True for _ in model.buffers()):
        raise CantCompileError("the network has buffers, which a compiled step can't change")
    graph, inputs = _trace(model, spec)
    program = torch.export.export(graph, tuple(inputs))
    torch._inductor.aoti_compile_and_package(
        program, package_path=file, inductor_configs=_known(_OPTIONS)
    )


def _trace(model: nn.Module, spec: StepSpec) -> tuple[GraphModule, list[Tensor]]:
    dataset = Dataset(
        name="",
        function="wave",
        train_points=spec.train_points,
        validation_points=spec.val_points,
    )
    data = make_data(dataset, 0)
    total = draw_count(draw_shapes(model, data.train_x))
    inputs = [
        torch.tensor(spec.unrolled),
        torch.tensor(0.01),
        *(data.train_x, data.train_y, data.val_x, data.val_y),
        *([torch.rand(spec.unrolled, total)] if total else []),
        *(p.detach() for p in model.parameters()),
    ]
    graph = make_fx(make_step(model, spec, data))(*inputs)
    for node in graph.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise CantCompileError(f"the network draws numbers of its own ({node.target})")
    return graph, inputs


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
