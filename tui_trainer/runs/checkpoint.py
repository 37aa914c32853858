"""States on disk, in the format of `safetensors`: loading one executes nothing.

A state's tensors are under their names, those of the way back to the best weights under
``best.``; random numbers and the stopping rule's memory are tensors, too. What is left is JSON in
the file's metadata.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec import Struct
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from tui_trainer.config.settings import EngineName
from tui_trainer.runs.files import replace_file
from tui_trainer.training.course import Checkpoint, WayBack
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.progress import Best, ProgressState

FORMAT = 1
_KEY = "tui-trainer"
_GENERATOR, _MEMORY, _BEST = "generator", "rule", "best."


class DamagedError(Exception):
    """Why a state can't be read, in one line."""


class _BestFacts(Struct):
    """The way back to the best step, but for its tensors."""

    step: int
    engine: EngineName
    replay: int
    lr: float
    slots_since: int = 0


class _Facts(Struct):
    """What is no tensor. Losses are hexadecimal, since they may be no number of JSON's."""

    format: int
    step: int
    lr: float
    engine: EngineName
    seconds: float
    names: list[str]
    last: list[str | None]
    best_step: int | None = None
    best_val_loss: float | None = None
    way_back: _BestFacts | None = None
    slots_since: int = 0


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """Write a state as the content of a file."""
    progress, snapshot, back = checkpoint.progress, checkpoint.snapshot, checkpoint.best
    tensors = _named(checkpoint.names, snapshot)
    if progress.memory is not None:
        tensors[_MEMORY] = torch.from_numpy(progress.memory)
    if back is not None:
        named = _named(checkpoint.names, back.start)
        tensors |= {f"{_BEST}{name}": tensor for name, tensor in named.items()}
    facts = _Facts(
        FORMAT,
        progress.step,
        snapshot.lr,
        checkpoint.engine,
        checkpoint.seconds,
        list(checkpoint.names),
        [None if loss is None else float(loss).hex() for loss in progress.last],
        progress.best.step if progress.best else None,
        progress.best.val_loss if progress.best else None,
        _best_facts(back) if back else None,
        snapshot.slots_since,
    )
    return save(_saved(tensors), {_KEY: msgspec.json.encode(facts).decode()})


def _best_facts(back: WayBack) -> _BestFacts:
    start = back.start
    return _BestFacts(back.step, back.engine, back.replay, start.lr, start.slots_since)


def weights_bytes(names: tuple[str, ...], snapshot: Snapshot) -> bytes:
    """Write a network's own tensors as ``load_state_dict`` takes them, for other programs."""
    own = {
        name.split(".", 1)[1]: tensor
        for name, tensor in zip(names, snapshot.tensors, strict=True)
        if name.startswith(("model.", "buffer."))
    }
    return save(_saved(own))


def write_checkpoint(file: Path, content: bytes) -> None:
    """Put a state's bytes in a file's place; they are on the disk when this returns.

    Raises:
        OSError: if it can't be written; what was there stays.
    """
    file.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(file, content, sync=True)


def read_checkpoint(file: Path) -> Checkpoint:
    """Read a state back.

    Raises:
        DamagedError: if it is no whole state, or of a newer program.
    """
    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        facts = msgspec.json.decode(metadata[_KEY], type=_Facts)
        if facts.format > FORMAT:
            raise DamagedError(f"{file.name}: of a newer tui-trainer: format {facts.format}")
        return _checkpoint(facts, tensors)
    except DamagedError:
        raise
    except Exception as error:  # of a damaged file anything is raised, by torch and numpy, too
        why = error.strerror if isinstance(error, OSError) else "damaged"
        raise DamagedError(f"{file.name}: {why or 'damaged'}") from None


def _checkpoint(facts: _Facts, tensors: dict[str, Tensor]) -> Checkpoint:
    names = tuple(facts.names)
    train, val = (None if loss is None else float.fromhex(loss) for loss in facts.last)
    best = None
    if facts.best_step is not None and facts.best_val_loss is not None:
        best = Best(facts.best_step, facts.best_val_loss)
    memory = tensors[_MEMORY].numpy().astype(np.float64) if _MEMORY in tensors else None
    back = None
    if (way := facts.way_back) is not None:
        numbers = way.lr, way.step - way.replay, way.slots_since
        start = _snapshot(names, tensors, numbers, _BEST)
        back = WayBack(way.step, way.engine, start, way.replay)
    return Checkpoint(
        ProgressState(facts.step, best, (train, val), memory),
        _snapshot(names, tensors, (facts.lr, facts.step, facts.slots_since)),
        names,
        facts.engine,
        back,
        facts.seconds,
    )


def _named(names: tuple[str, ...], snapshot: Snapshot) -> dict[str, Tensor]:
    tensors = dict(zip(names, snapshot.tensors, strict=True))
    return tensors | {_GENERATOR: snapshot.generator_state}


def _snapshot(
    names: tuple[str, ...],
    tensors: dict[str, Tensor],
    numbers: tuple[float, int, int],
    prefix: str = "",
) -> Snapshot:
    own = [tensors[f"{prefix}{name}"] for name in names]
    return Snapshot(own, tensors[f"{prefix}{_GENERATOR}"], *numbers)


def _saved(tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
