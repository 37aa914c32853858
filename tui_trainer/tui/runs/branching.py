"""A question: from which step a run is to be branched off, and with which settings."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui_trainer.config.changes import CHANGEABLE, changed_config
from tui_trainer.config.presets import Presets
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import number_text
from tui_trainer.training.state import State
from tui_trainer.tui.run.runs import Run
from tui_trainer.tui.run.screen import Cockpit
from tui_trainer.tui.runs.listed import ListedRun

_BEFORE_DIVERGENCE = 100  # steps


@dataclass(frozen=True, slots=True)
class Branch:
    """Where to leave a run, and what to train on with; `lr` is None where it is not changed."""

    step: int
    config: RunConfig
    lr: float | None


class BranchQuestion(ModalScreen[Branch | None]):
    """Asks for a step and for settings; answers None if it is left.

    Unless told a step it proposes the best one, and for a run that diverged a smaller lr from some
    steps before.
    """

    BINDINGS = [
        Binding("escape", "leave", "leave"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, run: ListedRun, presets: Presets, step: int | None = None) -> None:
        super().__init__()
        self._run, self._presets, self._step = run, presets, step

    def compose(self) -> ComposeResult:
        step, changes = proposal(self._run)
        with Vertical(classes="dialog branch") as page:
            page.border_title = Content(f"Branch off {self._run.name}")
            page.border_subtitle = "enter starts it · esc leaves"
            yield Static(f"after step (0 to {self._run.step:,})", markup=False)
            asked = step if self._step is None else self._step
            yield Input(str(asked), id="step", compact=True)
            yield Static(f"with other {', '.join(CHANGEABLE)}", markup=False)
            yield Input(changes, id="changes", placeholder="lr=0.001 regularizer=l1", compact=True)
            yield Static(id="problem", markup=False)

    @on(Input.Submitted)
    def _answer(self) -> None:
        try:
            self.dismiss(self._branch())
        except InvalidSettingsError as error:
            self.query_one("#problem", Static).update(f"⚠ {error}")

    def _branch(self) -> Branch:
        """Read the fields.

        Raises:
            InvalidSettingsError: one line, with what is allowed.
        """
        text = self.query_one("#step", Input).value.strip().replace(",", "")
        if not text.isdecimal() or int(text) > self._run.step:
            raise InvalidSettingsError(f"step: expected 0 to {self._run.step:,}")
        changes = self.query_one("#changes", Input).value.replace(",", " ").split()
        return Branch(int(text), *changed_config(self._run.config, changes, self._presets))

    def action_leave(self) -> None:
        self.dismiss(None)


def proposal(run: ListedRun) -> tuple[int, str]:
    """Return the step to branch off from, and changes, as they would be typed."""
    if run.state is State.DIVERGED:
        step = max(0, run.step - _BEFORE_DIVERGENCE)
        return step, f"lr={number_text(float(f'{run.settings.lr / 3:.2g}'))}"
    return run.best_step or run.step, ""


def branch_off(cockpit: Cockpit, folder: Path, branch: Branch, parent: Run) -> None:
    """Train a branch in place of what trains now, and show it over its parent."""
    work = cockpit.context.work.saved
    assert work is not None  # what is saved can be read
    events = partial(work.branch, folder, branch.step, branch.config, branch.lr)
    cockpit.begin(branch.config, events, parent=parent)
