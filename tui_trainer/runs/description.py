"""``run.toml``: what a run, a sweep or a loop was started with, and where."""

import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from tui_trainer import __version__
from tui_trainer.config.numbers import Count
from tui_trainer.config.presets import read_toml
from tui_trainer.config.settings import RunConfig, upgraded
from tui_trainer.config.validation import InvalidSettingsError, convert, shortened
from tui_trainer.runs.files import replace_file
from tui_trainer.runs.folder import DESCRIPTION
from tui_trainer.runs.kept_data import located_dataset
from tui_trainer.runs.timestamps import timestamp

FORMAT = 1  # of the whole folder
Kind: TypeAlias = Literal["run", "sweep", "loop"]  # a loop is somebody's own, in their script
# A run is repeated with as many, and OpenMP ends a process that asks for far too many.
Threads: TypeAlias = Annotated[int, Meta(ge=1, le=1024)]


class Parent(Struct, frozen=True):
    """The run that a branch left after `step`, and what it changed, in words."""

    run: str
    step: int
    changes: str = ""


class Description(Struct, frozen=True, kw_only=True):
    """What is in ``run.toml``. `config` is complete; a sweep's is that around which it varies.

    A loop has none, but the `command` that started its process, a `total` of steps, 0 if that is
    not known, and its stopping rule in words.

    `created` is a UTC time in ISO 8601, `code_digest` the SHA-256 of the code that built the
    network, "" for one of the program's own. `axes`, a sweep's values by setting as text, `seeds`
    and `objective` are those of its plan; `tunes` is the axis of which each value of the others got
    its best one before a race.
    """

    format: int = FORMAT
    kind: Kind = "run"
    name: str = ""
    created: str
    program: str
    python: str
    torch: str
    host: str
    pid: int
    device: str
    threads: Threads = 1
    parameter_count: int = 0
    code_digest: str = ""
    parent: Parent | None = None
    axes: dict[str, list[str]] = {}
    tunes: str = ""
    seeds: int = 1
    objective: str = ""
    command: list[str] = []
    total: Count = 0
    stop_when: str = ""
    config: RunConfig | None = None

    def __post_init__(self) -> None:
        if self.config is None and self.kind != "loop":
            raise ValueError("config: is missing")

    @property
    def own_config(self) -> RunConfig:
        """The config.

        Raises:
            InvalidSettingsError: in a line, if this is a loop, which has none.
        """
        if self.config is None:
            raise InvalidSettingsError(
                f"{self.name} is a loop of a script ({shortened(' '.join(self.command))}): only "
                "that script can train it again, resume it or branch it off"
            )
        return self.config


def describe(config: RunConfig | None, **facts: Any) -> Description:
    """Describe what this process starts now."""
    return Description(
        created=timestamp(),
        program=__version__,
        python=platform.python_version(),
        torch=_torch_version(),
        host=socket.gethostname(),
        pid=os.getpid(),
        config=config,
        **{"device": config.device if config is not None else ""} | facts,
    )


def write_description(folder: Path, description: Description) -> None:
    """Write ``run.toml``.

    Raises:
        OSError: if it can't be written.
    """
    import tomlkit  # not for the first frame

    table = _without_none(msgspec.to_builtins(description))
    replace_file(folder / DESCRIPTION, tomlkit.dumps(table).encode(), sync=True)


def read_description(folder: Path) -> Description:
    """Read ``run.toml``.

    Raises:
        InvalidSettingsError: one line that names the file and what is wrong with it.
    """
    file = folder / DESCRIPTION
    if not file.is_file():
        raise InvalidSettingsError(f"{folder}: no run: it has no {DESCRIPTION}")
    table = read_toml(file)
    found = table.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise InvalidSettingsError(
            f"{file}: of a newer tui-trainer: format {shortened(found)}, this one reads {FORMAT}"
        )
    try:
        if isinstance(config := table.get("config"), dict):
            table["config"] = upgraded(config)
        found = convert(table, Description)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{file}: {error}") from None
    if found.config is None:
        return found
    dataset = located_dataset(found.config.dataset, folder)
    return replace(found, config=replace(found.config, dataset=dataset))


def _torch_version() -> str:
    """Read the version of torch without importing it."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return "unknown"


def _without_none(value: Any) -> Any:
    """Omit what is None: TOML has no word for it, and it is the default of all that may be."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
