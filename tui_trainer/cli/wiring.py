"""Connects presets, trainers and controls for the commands and the app."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace as with_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tui_trainer.cli.data import put_data
from tui_trainer.cli.output import prints_on_stderr
from tui_trainer.config.presets import (
    DEFAULT_RECIPE,
    Presets,
    load_presets,
    make_config,
)
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.user_settings import UserSettings, config_file
from tui_trainer.config.validation import InvalidSettingsError, one_of
from tui_trainer.training.control import Control
from tui_trainer.training.engines.choice import require_engine
from tui_trainer.training.events import Event, Previewed

if TYPE_CHECKING:  # the app's first frame needs none of it
    from tui_trainer.lr_search.events import LrEvent
    from tui_trainer.lr_search.plan import LrSearch
    from tui_trainer.monitor.events import LoopEvent
    from tui_trainer.runs.client import RemoteControl
    from tui_trainer.sweeps.control import SweepControl
    from tui_trainer.sweeps.events import SweepEvent
    from tui_trainer.sweeps.plan import Sweep
    from tui_trainer.tui.background import SavedWork

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def configure(settings: dict[str, Any], user: UserSettings) -> tuple[Presets, RunConfig]:
    """Make a config of the flags, and fill in their recipe.

    Raises:
        InvalidSettingsError: for a mistake in a flag, in a preset file or in ``config.toml``.
    """
    loaded = load_presets(settings.pop("presets_folder"))
    settings["recipe"] = recipe_of(settings["recipe"], user, loaded)
    put_data(settings, loaded)
    config = make_config(loaded, **settings)
    require_engine(config)
    return loaded, config


def recipe_of(flag: str | None, user: UserSettings, presets: Presets) -> str:
    """Return the recipe of the flag, else that of ``config.toml``, else the default one.

    Raises:
        InvalidSettingsError: if there is none of the name in ``config.toml``.
    """
    if flag is not None:
        return flag
    if user.recipe is None:
        return DEFAULT_RECIPE
    if user.recipe not in presets.recipe:
        raise InvalidSettingsError(
            f"{config_file()}: recipe: unknown recipe '{user.recipe}'; "
            f"{one_of(user.recipe, presets.recipe)}"
        )
    return user.recipe


def try_builders(configs: Iterable[RunConfig], expected: str | None = None) -> None:
    """Build the networks of people's own that configs name, before anything else is done.

    Raises:
        InvalidSettingsError: one line, for a mistake in their code, or if its digest is not the
            one that is `expected`.
    """
    own = {
        (config.architecture, config.regularizer.dropout is None): config
        for config in configs
        if config.architecture.builder
    }
    for config in own.values():
        try:
            with prints_on_stderr():
                preview(config, expected)
        except ValueError as error:
            raise InvalidSettingsError(str(error)) from None


def try_saved_builder(folder: Path, config: RunConfig, presets_folder: Path | None) -> None:
    """Build the network of a saved run, if that is people's own code and may run.

    Raises:
        InvalidSettingsError: one line, if no preset names it, or if it is not what it was.
    """
    if config.architecture.builder:
        from tui_trainer.runs.description import read_description

        load_presets(presets_folder)
        try_builders([config], read_description(folder).code_digest)


def train_events(
    config: RunConfig, control: Control, root: Path | None, folder: Path | None = None
) -> Iterator[Event]:
    """Train, and save the run below `root`, or in a folder of its own there; imports torch.

    Without a `root` nothing is saved.
    """
    _import_torch()
    from tui_trainer.runs.recording import record
    from tui_trainer.training.trainer import train

    config = _with_data_of_now(config)
    if root is None:
        yield from train(config, control)
    else:
        yield from record(config, control, root, folder)


def _with_data_of_now(config: RunConfig) -> RunConfig:
    """Have a new run read its file again where that has changed since the form knew of it."""
    from tui_trainer.task.files.resolving import renewed

    return replace(config, dataset=renewed(config.dataset))


def resumed_events(folder: Path, control: Control, steps: int | None = None) -> Iterator[Event]:
    """Go on with a saved run; imports torch."""
    _import_torch()
    from tui_trainer.runs.recording import go_on

    yield from go_on(folder, control, steps)


def branch_events(
    folder: Path, step: int, config: RunConfig, control: Control, lr: float | None, root: Path
) -> Iterator[Event]:
    """Branch off a saved run; imports torch."""
    _import_torch()
    from tui_trainer.runs.recording import branch

    yield from branch(folder, step, config, control, lr, root)


def saved_work(root: Path | None) -> SavedWork | None:
    """Return what the app does with the runs below `root`."""
    if root is None:
        return None

    from tui_trainer.tui.background import SavedWork

    def branch(
        folder: Path, step: int, config: RunConfig, lr: float | None, control: Control
    ) -> Iterator[Event]:
        return branch_events(folder, step, config, control, lr, root)

    return SavedWork(root, _followed_events, resumed_events, branch, _delete_run, _loop_events)


def _followed_events(folder: Path, config: RunConfig, control: RemoteControl) -> Iterator[Event]:
    """Follow a run of another process; imports numpy, which the first frame does not wait for."""
    from tui_trainer.runs.follow import follow

    yield from follow(folder, config, control)


def _loop_events(folder: Path, control: RemoteControl) -> Iterator[LoopEvent]:
    """Follow the loop of a script; imports numpy, too."""
    from tui_trainer.monitor.follow import follow_loop

    yield from follow_loop(folder, control)


def _delete_run(folder: Path) -> None:
    from tui_trainer.runs.listing import delete_run

    delete_run(folder)


def sweep_events(
    plan: Sweep, control: SweepControl, root: Path | None, *, fits: bool = True
) -> Iterator[SweepEvent]:
    """Train all candidates, and save the sweep below `root` unless that is None; imports torch."""
    from tui_trainer.sweeps.tuning import in_stages

    train = functools.partial(_sweep_here, control=control, fits=fits)
    yield from saved_sweep(plan, lambda: in_stages(plan, train), root)


def saved_sweep(
    plan: Sweep, events: Callable[[], Iterator[SweepEvent]], root: Path | None
) -> Iterator[SweepEvent]:
    """Pass a sweep's events on, and save it below `root` unless that is None."""
    from tui_trainer.runs.sweep_recorder import record_sweep

    yield from events() if root is None else record_sweep(plan, events, root)


def _sweep_here(plan: Sweep, control: SweepControl, *, fits: bool) -> Iterator[SweepEvent]:
    _import_torch()
    from tui_trainer.sweeps.events import CandidatesAdvanced, SweepEnded
    from tui_trainer.sweeps.pace import remember_pace
    from tui_trainer.sweeps.sweeper import sweep

    seconds = 0.0
    for event in sweep(plan, control, fits=fits):
        if isinstance(event, CandidatesAdvanced):
            seconds = event.seconds  # without the time that a compiler took
        elif isinstance(event, SweepEnded):
            remember_pace(plan, event.steps, seconds)
        yield event


def lr_search_events(search: LrSearch, control: SweepControl) -> Iterator[LrEvent]:
    """Search for a learning rate; imports torch."""
    _import_torch()
    from tui_trainer.lr_search.search import run_lr_search

    search = with_fields(search, config=_with_data_of_now(search.config))
    yield from run_lr_search(search, control)


def cluster_events(plan: Sweep, control: SweepControl, address: str | None) -> Iterator[SweepEvent]:
    """Train all candidates on a Ray cluster.

    Raises:
        InvalidSettingsError: by this call, if there is none.
    """
    from tui_trainer.sweeps.cluster.sweeping import sweep_on_cluster
    from tui_trainer.sweeps.tuning import in_stages

    events = sweep_on_cluster(plan, control, address, fits=False)

    def train(stage: Sweep) -> Iterator[SweepEvent]:
        if stage is plan:
            return events
        return sweep_on_cluster(stage, control, address, fits=False)

    return in_stages(plan, train)


def preview(config: RunConfig, expected: str | None = None) -> Previewed:
    """Preview; imports torch."""
    _import_torch()
    from tui_trainer.training.setup import preview as preview_untrained

    config = _with_data_of_now(config)
    return preview_untrained(config, expected)


@functools.cache
def _import_torch() -> None:
    """Import torch, and let no garbage collection pass over its million objects.

    While it is imported they would take a fifth of the time, and afterwards stall the screen.
    """
    gc.disable()
    try:
        importlib.import_module("torch")
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def on_first_signal(call: Callable[[int], object]) -> Iterator[list[int]]:
    """Call with the first Ctrl-C, TERM or HUP, and yield the list of what came.

    A second one does what it would have done before. Signals that are ignored stay so.
    """
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: old for number, old in handlers.items() if old is not signal.SIG_IGN}
    came: list[int] = []

    def take(number: int, frame: object) -> None:
        came.append(number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that closes may send several
        before.pop(signal.SIGHUP, None)
        restore()
        call(number)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, take)
    try:
        yield came
    finally:
        if not came:
            restore()
