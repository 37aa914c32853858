"""Networks of people's own: built by their code, initialised, and checked before they train."""

import inspect
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Generator, Tensor, nn

from tui_trainer import models
from tui_trainer.config.builders import allowed_builder, short_builder
from tui_trainer.config.settings import OWN_INIT, LayerName, RunConfig
from tui_trainer.config.validation import one_of
from tui_trainer.task.passes import UserCodeError, changes_its_input, watch_passes
from tui_trainer.task.randomness import draws_globally, lending_globally
from tui_trainer.task.shape import OUTPUTS
from tui_trainer.task.user_code import UserFunction, load_function, run_guarded

# What a builder may call the number of features.
FEATURES = ("features", "inputs", "in_features", "input_size")
_TRIED_POINTS = 4

_digests: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()


def build_own(config: RunConfig, generator: Generator) -> nn.Module:
    """Build a config's network with its builder, which draws from `generator`; so does the init.

    Raises:
        InvalidSettingsError: one line, for any mistake in the builder's code or its arguments.
    """
    architecture, layer = config.architecture, config.init.layer
    builder = allowed_builder(architecture.builder, architecture.arguments)
    place, _, function = builder.rpartition(":")
    build = load_function(place, function, short_builder(builder))
    arguments = _arguments(build, config)
    with lending_globally(generator), _seeding_python(generator.initial_seed()):
        made, digest = build.run(lambda: build.call(**arguments))
    network = _require_network(made, build.name)
    _digests[network] = digest
    if layer != OWN_INIT:
        with torch.no_grad():
            _initialise(network, getattr(models, layer), generator)
    watch_passes(network, build.name)
    return network


def code_digest(network: nn.Module) -> str:
    """Return the digest of the code that built a network, "" for one of the program's own."""
    return _digests.get(network, "")


def try_network(network: nn.Module, builder: str, x: Tensor) -> tuple[int, bool]:
    """Pass points (N, d) through a builder's network; nothing of it is changed.

    Returns:
        About how many numbers a point's pass keeps for the gradient, and whether a training pass
        draws from torch's global generator.

    Raises:
        InvalidSettingsError: one line, if the pass fails, or gives no predictions (N, 1).
    """
    name = short_builder(builder)
    tried = x.clone()
    kept = run_guarded(lambda: _try_pass(network, tried[:_TRIED_POINTS], name), name)
    draws = run_guarded(lambda: draws_globally(network, tried), name)
    if not torch.equal(tried, x):
        raise changes_its_input(name)
    return kept, draws


def _try_pass(network: nn.Module, x: Tensor, name: str) -> int:
    """Return how many numbers of a point a pass in evaluation mode keeps for the gradient."""
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    network.eval()
    with (
        lending_globally(Generator().manual_seed(0)),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        prediction = network(x)
    with torch.no_grad():
        for buffer, value in buffers:
            buffer.copy_(value)
    _require_prediction(prediction, x, name)
    for parameter in network.parameters():
        sizes.pop(parameter.data_ptr(), None)
    return -(-sum(sizes.values()) // len(x))


def _require_prediction(prediction: Any, x: Tensor, name: str) -> None:
    """Refuse what a network returns for `x` if that is no prediction that can be trained."""
    expected = (len(x), OUTPUTS)
    if not isinstance(prediction, Tensor):
        found = f"an object of type {type(prediction).__name__}"
    elif tuple(prediction.shape) != expected:
        found = f"a tensor of shape {tuple(prediction.shape)}"
    elif prediction.dtype != torch.float32:
        found = f"a tensor of {prediction.dtype}"
    elif not prediction.requires_grad:
        found = "a tensor that depends on no parameter"
    else:
        return
    shape = tuple(x.shape)
    raise UserCodeError(
        f"{name}: the network returns {found} for an input of shape {shape}: "
        f"expected float32 of shape {expected}"
    )


def init_words(network: nn.Module, layer: LayerName) -> str:
    """Say of a builder's network which of its layers an init sets."""
    if layer == OWN_INIT:
        return "as its builder makes it"
    set_by_init = [m for m in network.modules() if _takes_init(m)]
    others = Counter(
        type(m).__name__
        for m in network.modules()
        if not _takes_init(m) and any(True for _ in m.parameters(recurse=False))
    )
    count = len(set_by_init)
    words = f"sets {count} linear layer{'s' * (count != 1)}"
    return words + (f", not {', '.join(others)}" if others else "")


def _arguments(build: UserFunction, config: RunConfig) -> dict[str, Any]:
    """Return what a builder is called with: its own arguments, and what it asks for by name."""
    own, dropout = config.architecture.arguments, config.regularizer.dropout
    try:
        signature = inspect.signature(build.call)
    except (TypeError, ValueError):  # of a function written in C
        return dict(own)
    named = [p.name for p in signature.parameters.values() if p.kind in _BY_NAME]
    arguments = dict(own)
    for name in FEATURES:
        if name in named and name not in arguments:
            arguments[name] = config.dataset.features
    if dropout is not None and "dropout" not in arguments:
        if "dropout" not in named:
            raise UserCodeError(
                f"dropout: {build.name} takes no 'dropout', the rate: give it such a parameter, "
                "or choose a regularizer without dropout"
            )
        arguments["dropout"] = dropout
    try:
        signature.bind(**arguments)
    except TypeError as error:
        unknown = [key for key in own if key not in named]
        hint = f"; {one_of(unknown[0], named)}" if unknown else ": put it into 'arguments'"
        raise UserCodeError(f"{build.name}{signature}: {error}{hint}") from None
    return arguments


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _require_network(network: Any, name: str) -> nn.Module:
    """Return what a builder returned; refuse what can't be trained."""
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise UserCodeError(f"{name} returns an object of type {kind}: expected a nn.Module")
    if network in _digests:
        raise UserCodeError(
            f"{name} returns the network that it returned before: expected a new one each time"
        )
    for key, parameter in network.named_parameters():
        if isinstance(parameter, nn.UninitializedParameter):
            raise UserCodeError(
                f"{name}: {key} has no shape yet: a builder's parameter 'features' is the number "
                "of inputs, for layers that aren't lazy"
            )
        if parameter.dtype != torch.float32:
            raise UserCodeError(f"{name}: {key} is {parameter.dtype}: expected float32")
        if parameter.device.type != "cpu":
            raise UserCodeError(
                f"{name}: {key} is on {parameter.device}: expected cpu, from where the program "
                "moves the network"
            )
        if not bool(parameter.isfinite().all()):
            raise UserCodeError(f"{name}: {key} holds NaN or infinity before any step")
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UserCodeError(f"{name} returns a network without a parameter to train")
    return network


def _initialise(network: nn.Module, make: models.MakeLinear, generator: Generator) -> None:
    """Draw the parameters of linear layers anew, in the order of the network's modules."""
    for module in network.modules():
        if not _takes_init(module):
            continue
        if isinstance(module, nn.Linear):
            made = make(module.in_features, module.out_features, generator)
            module.weight.copy_(made.weights.T)
            if module.bias is not None:
                module.bias.copy_(made.bias)
        elif isinstance(module, models.Linear):
            inputs, outputs = module.weights.shape
            made = make(inputs, outputs, generator)
            module.weights.copy_(made.weights)
            module.bias.copy_(made.bias)


def _takes_init(module: nn.Module) -> bool:
    """Say whether a layer's weights are an init's to draw: frozen and derived ones are not."""
    if not isinstance(module, nn.Linear | models.Linear):
        return False
    own = dict(module.named_parameters(recurse=False))
    weight = own.get("weight", own.get("weights"))
    return weight is not None and weight.requires_grad


@contextmanager
def _seeding_python(seed: int) -> Iterator[None]:
    """Have the generators of Python and NumPy begin with a seed."""
    before, numpys = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpys)
