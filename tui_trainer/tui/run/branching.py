"""A question: after which step a run is to be branched off, and with which settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui_trainer.config.changes import changed_config
from tui_trainer.config.overrides import OVERRIDES, overrides_of
from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import number_text
from tui_trainer.training.state import State
from tui_trainer.tui.run.rescue import after_divergence
from tui_trainer.tui.widgets.entry import Entry

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.training.result import RunResult


@dataclass(frozen=True, slots=True)
class Branch:
    """Where to leave a run, and what to train on with; `lr` is None where it is not changed."""

    step: int
    config: RunConfig
    lr: float | None


@dataclass(frozen=True, slots=True)
class Parent:
    """A saved run that may be branched off, and what is proposed for that.

    `steps` is its last step, `config` what was chosen for it. `step` and `changes` are the answers
    that stand in the fields at first.
    """

    folder: Path
    config: RunConfig
    steps: int
    step: int
    changes: str = ""


class BranchQuestion(ModalScreen[Branch | None]):
    """Asks for a step and for settings; answers None if it is left. `warning` is what it costs."""

    BINDINGS = [
        Binding("escape", "leave", "leave"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, parent: Parent, presets: Presets, warning: str = "") -> None:
        super().__init__()
        self._of, self._presets, self._warning = parent, presets, warning

    def compose(self) -> ComposeResult:
        of = self._of
        with Vertical(classes="dialog branch") as page:
            page.border_title = Content(f"Branch off {of.folder.name}")
            page.border_subtitle = "enter starts it · esc leaves"
            yield Static(id="problem", markup=False)  # first: it is seen in a small terminal, too
            yield Static(f"after step (0 to {of.steps:,})", markup=False)
            yield Entry(str(of.step), id="step", compact=True)
            yield Static("other settings (empty: none)", markup=False)
            hint = "e.g. lr=0.001 regularizer=l1"
            yield Entry(of.changes, id="changes", placeholder=hint, compact=True)

    def on_mount(self) -> None:
        self._say(self._warning)

    def _say(self, words: str) -> None:
        line = self.query_one("#problem", Static)
        line.update(words)
        line.display = bool(words)

    @on(Input.Submitted)
    def _answer(self) -> None:
        try:
            self.dismiss(self._branch())
        except InvalidSettingsError as error:
            self._say(f"⚠ {error}")

    def _branch(self) -> Branch:
        """Read the fields.

        Raises:
            InvalidSettingsError: one line, with what is allowed.
        """
        text = self.query_one("#step", Input).value.strip().replace(",", "")
        if not text.isdecimal() or int(text) > self._of.steps:
            raise InvalidSettingsError(f"step: expected 0 to {self._of.steps:,}")
        changes = self.query_one("#changes", Input).value.replace(",", " ").split()
        config, lr = changed_config(self._of.config, changes, self._presets)
        step = int(text)
        if config.steps <= step:
            raise InvalidSettingsError(
                f"a branch after step {step:,} needs more than {config.steps:,} steps"
            )
        return Branch(step, config, lr)

    def action_leave(self) -> None:
        self.dismiss(None)


def parent_of(result: "RunResult", form: RunConfig | None, step: int | None) -> Parent | None:
    """Propose a branch of the run that is shown; None where it is not saved.

    It leaves the run after `step`, if one was chosen, with what a form has in another way; a run
    that diverged before that, with a lower lr.
    """
    if result.folder is None:
        return None
    config, steps = result.config, result.step
    if result.state is State.DIVERGED and step is None:
        return Parent(result.folder, config, steps, *after_divergence(steps, result.lr))
    at = step if step is not None else result.best.step if result.best is not None else steps
    at = min(at, steps)
    changes = _changes(form, config, result.lr, at) if form is not None else ""
    return Parent(result.folder, config, steps, at, changes)


def _changes(form: RunConfig, config: RunConfig, lr: float, step: int) -> str:
    """Write what the form has in another way, as far as a branch after a step may have that."""
    words = []
    if form.lr != lr:
        words.append(f"lr={number_text(form.lr)}")
    if step < form.steps != config.steps:
        words.append(f"steps={form.steps}")
    for part in ("regularizer", "optimizer", "schedule"):
        words += _part_changes(part, getattr(form, part), getattr(config, part))
    if form.engine != config.engine:
        words.append(f"engine={form.engine}")
    return " ".join(words)


def _part_changes(part: str, form: Any, config: Any) -> list[str]:
    if form.name != config.name:
        return [f"{part}={form.name}"]
    numbers = {key: getattr(form, OVERRIDES[key].field) for key in overrides_of(part)}
    return [
        f"{key}={number_text(number)}"
        for key, number in numbers.items()
        if number is not None and number != getattr(config, OVERRIDES[key].field)
    ]
