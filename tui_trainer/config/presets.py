"""Finds, reads and merges preset files; errors name file, table, key and what is allowed.

The built-in files are the package `tui_trainer.presets` (the folder presets/ at the root). Files of
the same names in the user's config folder and in ``--presets DIR`` override them: a table there
replaces the one of its name, or adds one.
"""

import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from platformdirs import user_config_path

from tui_trainer.config.builders import absolute_builder, allow_builder
from tui_trainer.config.optimization import Optimizer, Schedule
from tui_trainer.config.overrides import OVERRIDES, Value
from tui_trainer.config.settings import (
    Architecture,
    Dataset,
    Init,
    Recipe,
    Regularizer,
    RunConfig,
    describe_dataset,
)
from tui_trainer.config.validation import InvalidSettingsError, convert, one_of, shortened
from tui_trainer.formatting import printable

S = TypeVar("S", Dataset, Architecture, Init, Regularizer, Optimizer, Schedule, Recipe)

DEFAULT_RECIPE = "stop-patient"
_MOST_BYTES = 10**7  # of a TOML file


@dataclass(frozen=True, slots=True)
class Preset(Generic[S]):
    """Named settings of one category, and what to expect of them."""

    name: str
    description: str
    settings: S


@dataclass(frozen=True, slots=True)
class Presets:
    """All presets by category and name, in the order of their files."""

    dataset: dict[str, Preset[Dataset]]
    architecture: Mapping[str, Preset[Architecture]]
    init: Mapping[str, Preset[Init]]
    regularizer: Mapping[str, Preset[Regularizer]]
    optimizer: Mapping[str, Preset[Optimizer]]
    schedule: Mapping[str, Preset[Schedule]]
    recipe: Mapping[str, Preset[Recipe]]

    def names(self, choice: str) -> list[str]:
        """Return the names in one of `CATEGORIES`, or the activations."""
        return list(_ACTIVATIONS if choice == "activation" else getattr(self, choice))

    def description(self, choice: str, name: str) -> str:
        """Return what to expect of a preset, or of an activation."""
        if choice == "activation":
            return _ACTIVATIONS[name]
        description: str = getattr(self, choice)[name].description
        return description

    def put_dataset(self, preset: Preset[Dataset]) -> None:
        """Add a data set, or replace the one of its name: all who hold these presets see it.

        That is how one that names a file becomes resolved, and how one of a flag comes in.
        """
        self.dataset[preset.name] = preset

    def resolve_dataset(self, dataset: Dataset) -> None:
        """Take in what reading the files of a data set has told of it."""
        known = self.dataset.get(dataset.name)
        if known is None or not dataset.resolved or known.settings.file != dataset.file:
            return
        own_words = known.description != describe_dataset(known.settings)
        description = known.description if own_words else describe_dataset(dataset)
        self.put_dataset(Preset(dataset.name, description, dataset))


_ACTIVATIONS: dict[str, str] = {
    "relu": "max(0, x): straight pieces",
    "tanh": "Smooth, saturates at ±1",
    "gelu": "x Φ(x): a smooth ReLU",
    "silu": "x σ(x): a smooth ReLU",
}

_KINDS: Mapping[str, type[msgspec.Struct]] = {
    "dataset": Dataset,
    "architecture": Architecture,
    "init": Init,
    "regularizer": Regularizer,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "recipe": Recipe,
}
CATEGORIES = tuple(_KINDS)
PARTS = CATEGORIES[:-1]
CHOICES = (*PARTS, "activation")  # the settings whose values are names


class _Folder(Protocol):
    def iterdir(self) -> Iterable[Any]: ...


def user_config_folder() -> Path:
    """Return ``$XDG_CONFIG_HOME/tui-trainer``, or the platform's equivalent."""
    return user_config_path("tui-trainer")


def load_presets(folder: Path | None = None) -> Presets:
    """Read the built-in presets, then the user's, then those in `folder`.

    Raises:
        InvalidSettingsError: one line that names file, table, key and what is allowed.
    """
    folders: list[_Folder] = [files("tui_trainer.presets"), user_config_folder() / "presets"]
    if folder is not None:
        folders.append(folder)
    found: dict[str, dict[str, Preset[Any]]] = {category: {} for category in CATEGORIES}
    sources: dict[str, str] = {}
    for place in folders:
        for category, file in _preset_files(place, required=place is folder):
            for preset in _read(file, category):
                found[category][preset.name] = preset
                if category == "recipe":
                    sources[preset.name] = str(file)
    _check_recipes(found, sources)
    return Presets(**found)


def read_toml(file: Any) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InvalidSettingsError: one line that names the file.
    """
    try:
        return tomllib.loads(_text(file))
    except InvalidSettingsError:
        raise
    except (ValueError, RecursionError) as error:  # tomllib raises more than TOMLDecodeError
        raise InvalidSettingsError(f"{file}: not a TOML file: {error}") from None
    except OSError as error:
        raise InvalidSettingsError(f"{file}: can't be read: {error.strerror}") from None


def _text(file: Any) -> str:
    if isinstance(file, Path) and not file.is_dir():
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would never end
            raise InvalidSettingsError(f"{file}: not a regular file")
        if status.st_size > _MOST_BYTES:
            raise InvalidSettingsError(f"{file}: too large: expected at most 10 MB")
    text: str = file.read_text(encoding="utf-8")
    return text


def make_config(presets: Presets, recipe: str, **settings: Any) -> RunConfig:
    """Make a full config of a recipe, overridden by `settings` (names of presets, numbers).

    A setting of None counts as not given. `OVERRIDES` go over what the presets say.

    Raises:
        InvalidSettingsError: for an unknown preset, or a value that is not allowed.
    """
    base = _find(presets.recipe, "recipe", recipe).settings
    table = {k: v for k, v in msgspec.structs.asdict(base).items() if v is not None}
    table |= {key: value for key, value in settings.items() if value is not None}
    del table["name"]
    overrides = {key: table.pop(key) for key in OVERRIDES if key in table}
    for category in PARTS:
        chosen = _find(getattr(presets, category), category, table[category])
        table[category] = msgspec.to_builtins(chosen.settings)
    for key, value in overrides.items():
        table[OVERRIDES[key].part][OVERRIDES[key].field] = value
    return convert(table, RunConfig)


def overrides_in(config: RunConfig, presets: Presets) -> dict[str, Value]:
    """Return the `OVERRIDES` that make a config's parts of the presets of their names."""
    found: dict[str, Value] = {}
    for key, (part, field, _) in OVERRIDES.items():
        chosen = getattr(config, part)
        preset = getattr(presets, part).get(chosen.name)
        value = getattr(chosen, field)
        if preset is not None and value is not None and value != getattr(preset.settings, field):
            found[key] = value
    return found


def _find(presets: Mapping[str, Preset[S]], category: str, name: str) -> Preset[S]:
    if name not in presets:
        raise InvalidSettingsError(f"unknown {category} '{name}'; {one_of(name, presets)}")
    return presets[name]


def _preset_files(folder: _Folder, *, required: bool) -> Iterable[tuple[str, Any]]:
    try:
        listed = sorted(folder.iterdir(), key=lambda f: str(f.name))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not required:
            return
        flag = "--presets " if required else ""
        raise InvalidSettingsError(f"{flag}{folder}: {error.strerror}") from None
    for file in listed:
        if file.name.endswith(".toml"):
            category = file.name.removesuffix(".toml")
            if category not in _KINDS:
                names = [f"{c}.toml" for c in CATEGORIES]
                raise InvalidSettingsError(f"{file}: unknown file; {one_of(file.name, names)}")
            yield category, file


def _read(file: Any, category: str) -> Iterable[Preset[Any]]:
    for name, table in read_toml(file).items():
        try:
            preset = _located(_preset(name, table, _KINDS[category]), file)
        except InvalidSettingsError as error:
            raise InvalidSettingsError(f"{file}: [{name}] {error}") from None
        yield preset


def _located(preset: Preset[Any], file: Any) -> Preset[Any]:
    """Make the paths in a preset absolute: they are relative to its file."""
    if isinstance(preset.settings, Architecture) and preset.settings.builder:
        return _with_builder(preset, file)
    if isinstance(preset.settings, Dataset) and preset.settings.file:
        return _with_data(preset, Path(str(file)).parent)
    return preset


def _with_data(preset: Preset[Dataset], folder: Path) -> Preset[Dataset]:
    paths = {}
    for key in ("file", "validation_file"):
        if path := getattr(preset.settings, key):
            try:
                paths[key] = str((folder / Path(path).expanduser()).absolute())
            except (RuntimeError, ValueError):  # a home that is not there
                raise InvalidSettingsError(f"{key}: no such path: {shortened(path)}") from None
    return replace(preset, settings=msgspec.structs.replace(preset.settings, **paths))


def _with_builder(preset: Preset[Architecture], file: Any) -> Preset[Architecture]:
    """Name a builder's file by its absolute path, and let it run."""
    builder = absolute_builder(preset.settings.builder, Path(file).parent)
    allow_builder(builder, preset.settings.arguments)
    return replace(preset, settings=msgspec.structs.replace(preset.settings, builder=builder))


def _preset(name: str, table: Any, kind: type[msgspec.Struct]) -> Preset[Any]:
    if printable(name) != name:
        raise InvalidSettingsError("a name is one line without control characters")
    if not isinstance(table, dict):
        raise InvalidSettingsError(f"expected a table of settings, got {shortened(table)}")
    keys = ["description", *(f.name for f in msgspec.structs.fields(kind) if f.name != "name")]
    for key in table:
        if key not in keys:
            raise InvalidSettingsError(f"{key}: unknown key; {one_of(key, keys)}")
    description = table.get("description")
    if not isinstance(description, str) or not description.strip():
        raise InvalidSettingsError("description: expected a string that says what to expect")
    if printable(description) != description:
        raise InvalidSettingsError("description: expected one line without control characters")
    settings = {key: value for key, value in table.items() if key != "description"}
    return Preset(name, description, convert({"name": name, **settings}, kind))


def _check_recipes(
    found: Mapping[str, Mapping[str, Preset[Any]]], files: Mapping[str, str]
) -> None:
    for recipe in found["recipe"].values():
        for category in PARTS:
            name = getattr(recipe.settings, category)
            if name not in found[category]:
                allowed = one_of(name, found[category])
                raise InvalidSettingsError(
                    f"{files[recipe.name]}: [{recipe.name}] {category}: "
                    f"unknown {category} '{name}'; {allowed}"
                )
