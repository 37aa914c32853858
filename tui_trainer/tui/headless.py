"""Drive the real app without a terminal: press keys, wait, save or print the screen."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from tui_trainer.training.state import ACTIVE, State
from tui_trainer.tui.app import TrainerApp
from tui_trainer.tui.key_names import CHARACTERS, key_name, key_problem
from tui_trainer.tui.live_screen import LiveScreen
from tui_trainer.tui.textual_private import screen_text

_POLL_SECONDS = 0.02
_QUIET = 0.1  # seconds without a change, after which a screen is whole
_SETTLED_AT_LATEST = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A scripted session: the screen's size in cells, keys to press, what to wait for.

    `timeout` in seconds covers all of it.

    `until` is "ended" (a run, sweep or search has ended), "idle" (nothing is running or waiting to
    be drawn) or a number of seconds.
    """

    size: tuple[int, int] = (120, 40)
    keys: Sequence[str] = ()
    until: str | float = "idle"
    timeout: float = 60.0
    screenshot: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final screen as text, and what went wrong, if anything."""

    screen: str
    problem: str | None


async def visit(
    app: TrainerApp, plan: Visit, report: Callable[[Outcome], None] | None = None
) -> Outcome:
    """Drive the app with Textual's Pilot.

    Keys are pressed once the first preview is on the screen. `report` is called before the app is
    left, which may take as long as a step of its training.
    """
    async with app.run_test(size=plan.size) as pilot:
        deadline = asyncio.get_running_loop().time() + plan.timeout
        ready = await _wait(app, lambda: _idle(app), deadline)
        for key in plan.keys:
            await press(pilot, key)
        met = ready and await _wait_until(app, plan.until, deadline)
        await _settle(app, pilot)
        problem = _save_screenshot(app, plan.screenshot) or _problem(app, plan, met=met)
        outcome = Outcome(screen_text(app), problem)
        if report is not None:
            report(outcome)
    return outcome


def _save_screenshot(app: TrainerApp, file: Path | None) -> str | None:
    """Return why it could not be written, if so."""
    try:
        if file is not None:
            file.write_text(app.export_screenshot(), encoding="utf-8")
    except OSError as error:
        return f"--screenshot {file}: {error.strerror}"
    return None


def _problem(app: TrainerApp, plan: Visit, *, met: bool) -> str | None:
    if app.return_code:
        return f"the app ended with status {app.return_code}"
    if State.FAILED in {screen.state for screen in app.live_screens}:
        return "the run failed"
    return None if met else f"'{plan.until}' did not come within {plan.timeout:g} s"


async def _settle(app: TrainerApp, pilot: Pilot[None]) -> None:
    """Draw the newest state, and wait until the layout has followed: a banner moves the panes."""
    if isinstance(app.screen, LiveScreen):
        app.screen.draw()
    clock = asyncio.get_running_loop().time
    latest, quiet_since, before = clock() + _SETTLED_AT_LATEST, clock(), ""
    while clock() < min(latest, quiet_since + _QUIET):
        await pilot.pause(_POLL_SECONDS)
        if (now := screen_text(app)) != before:
            before, quiet_since = now, clock()


async def press(pilot: Pilot[None], key: str) -> None:
    """Press a key as a person would, whatever the trainer does.

    `Pilot.press` first waits for the process to do nothing, up to two seconds while it trains.
    """
    pilot.app.post_message(key_event(key))
    await pilot.pause(_POLL_SECONDS)


def key_event(key: str) -> events.Key:
    """Make the event of a key: a character, or a name such as ctrl+p."""
    if len(key) == 1:
        return events.Key(key_name(key), key)
    return events.Key(key, CHARACTERS.get(key))


def parse_keys(text: str) -> list[str]:
    """Read comma-separated keys: characters, or names such as space, tab, ctrl+p, comma.

    Raises:
        ValueError: names the first that no terminal sends.
    """
    keys = [key.strip() for key in text.split(",") if key.strip()]
    if problem := next(filter(None, map(key_problem, keys)), ""):
        raise ValueError(problem)
    return keys


async def _wait_until(app: TrainerApp, until: str | float, deadline: float) -> bool:
    if isinstance(until, float):
        await _wait(app, lambda: False, asyncio.get_running_loop().time() + until)
        return True
    if until == "ended":
        return await _wait(app, lambda: _ended(app), deadline)
    return await _wait(app, lambda: _idle(app), deadline)


def _ended(app: TrainerApp) -> bool:
    """Say whether what was started has ended: a run, a sweep."""
    started = {screen.state for screen in app.live_screens} - {State.IDLE}
    return bool(started) and not started & ACTIVE


def _idle(app: TrainerApp) -> bool:
    """Say whether nothing is on its way; what is behind another screen has nothing to draw."""
    return all(
        screen.is_idle or not (screen.active or screen.is_current) for screen in app.live_screens
    )


async def _wait(app: TrainerApp, met: Callable[[], bool], deadline: float) -> bool:
    """Poll a condition until the deadline or the end of the app; say whether it was met."""
    while not met():
        if asyncio.get_running_loop().time() >= deadline or not app.is_running:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
