"""All that is open while a loop runs: its folder, its recorder, its socket, its screen or line."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import termios
import threading
from pathlib import Path
from typing import Any

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import duration_text, loss_text, printable, to_ascii
from tui_trainer.monitor.bar import Bar
from tui_trainer.monitor.follow import read_output
from tui_trainer.monitor.recorder import Recorder
from tui_trainer.monitor.steering import LoopControl
from tui_trainer.monitor.stop_rule import StopRule
from tui_trainer.monitor.terminal import Screen, has_terminal
from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.folder import make_run_folder, runs_folder
from tui_trainer.runs.ownership import Ownership, own
from tui_trainer.runs.server import answering
from tui_trainer.runs.writer import describe_problem
from tui_trainer.training.early_stopping import StopReason

_LAST_LINES = 20  # of what was printed, for the terminal that did not see it
_LAST_METRICS = 4
_LONGEST_COMMAND = 4000  # characters
_ENDS = {
    StopReason.COMPLETED: ("✓", "finished"),
    StopReason.EARLY_STOPPING: ("■", "stopped early after"),
    StopReason.STOPPED: ("□", "stopped after"),
    StopReason.FAILED: ("⚠", "failed after"),
}


class Session:
    """A loop from the opening of its monitor to its end.

    Nothing in here raises because of a disk or a terminal: the loop goes on without them.
    """

    def __init__(
        self,
        name: str,
        total: int,
        rule: StopRule | None,
        root: Path | None,
        control: LoopControl,
        *,
        opens_screen: bool,
    ) -> None:
        self.name, self.total = name, total
        self.folder: Path | None = None
        self.recorder: Recorder | None = None
        self._ownership: Ownership | None = None
        self._stack = contextlib.ExitStack()
        self._screen: Screen | None = None
        self._bar: Bar | None = None
        self._lock = threading.RLock()  # of screen and bar; a signal's handler may take it again
        self._terminals = tuple(number for number in (1, 2) if os.isatty(number))
        self._control = control
        self._is_closed = self._is_silent = False
        self._root = runs_folder(root).absolute()  # a loop may go to another one
        try:
            self.recorder = self._record(rule, control)
        except (OSError, InvalidSettingsError) as error:
            why = describe_problem(error) if isinstance(error, OSError) else str(error)
            _say(f"{name} is not saved: {self._root}: {why}")
        if opens_screen and self.recorder is not None and has_terminal():
            self._open_screen(self.recorder)
        elif opens_screen:
            self._open_bar()
        elif self.recorder is not None:
            _say(f"{name}: process {os.getpid()}; watch it: {self.attach_command}")

    @property
    def attach_command(self) -> str:
        """What a person types to watch the loop."""
        assert self.folder is not None
        name = (
            self.folder.name
            if self._root == runs_folder().absolute()
            else shlex.quote(str(self.folder))
        )
        return f"tui-trainer attach {name}"

    def close(self, reason: StopReason, detail: str) -> None:
        """Give the terminal back, write what is left, and say how the loop ended."""
        if self._is_closed:
            return
        with self._lock:
            self._is_closed = True
        screen = self._screen
        self.close_screen()
        if self._bar is not None:
            self._bar.close()
        if self.recorder is None:
            return
        self.recorder.close(reason, detail)
        self._stack.close()
        if screen is not None and self._bar is None:  # else it was told when the screen was left
            self._tell_output(screen)
        for line in self._ending(self.recorder, reason, detail):
            _say(line)

    def close_screen(self, *, silently: bool = False) -> None:
        """Have the terminal as it was, for good; `silently` without a word, and no line of tqdm."""
        self._is_silent |= silently
        if self._screen is not None:
            self._screen.close()
        if getattr(sys.breakpointhook, "__self__", None) is self:
            sys.breakpointhook = self._breakpoint_hook

    def lose_terminal(self) -> None:
        """Have prints go to the file from now on: in a terminal that is gone they would fail."""
        if self.recorder is not None and self._terminals:
            with contextlib.suppress(OSError):
                self.recorder.output.take(self._terminals)

    def leave_to_parent(self) -> None:
        """Keep nothing open in a forked child."""
        self._is_closed = True
        if self._ownership is not None:
            self._ownership.leave_to_parent()
        if self._screen is not None:
            self._screen.leave_to_parent()

    def _record(self, rule: StopRule | None, control: LoopControl) -> Recorder:
        """Begin to write the loop's folder, and to take requests."""
        folder = make_run_folder(self._root, self.name)
        with contextlib.ExitStack() as stack:
            ownership = stack.enter_context(own(folder))
            command = [_shortened(word) for word in _command()]
            facts: dict[str, Any] = {"kind": "loop", "name": self.name, "command": command}
            facts |= {"total": self.total, "stop_when": rule.text if rule is not None else ""}
            write_description(folder, describe(None, **facts))
            recorder = Recorder(folder, self.total, rule, control.stop)
            stack.enter_context(answering(ownership, control, recorder.status))
            self._stack = stack.pop_all()
        self.folder, self._ownership = folder, ownership
        return recorder

    def _open_screen(self, recorder: Recorder) -> None:
        try:
            self._screen = Screen(recorder.folder, recorder.output, self._screen_left)
        except (OSError, termios.error) as error:
            _say(f"no screen: {getattr(error, 'strerror', None) or error}")
            self._open_bar()
            return
        self._breakpoint_hook = sys.breakpointhook
        sys.breakpointhook = self._break

    def _break(self, *arguments: Any, **keywords: Any) -> Any:
        """Leave the terminal to a debugger, which else would ask where nobody sees it."""
        self.close_screen(silently=True)  # a line of tqdm would be drawn over what it asks
        is_plain = self._breakpoint_hook is sys.__breakpointhook__
        if is_plain and not os.environ.get("PYTHONBREAKPOINT"):
            import pdb

            return pdb.Pdb(*arguments, **keywords).set_trace(sys._getframe(1))
        return self._breakpoint_hook(*arguments, **keywords)

    def _screen_left(self) -> None:
        """Go on with a line: a loop that was paused resumes, since nobody sees that it waits."""
        with self._lock:
            if self._is_closed or self._is_silent:
                return
            was_paused = self._control.paused
            if self._screen is not None:
                self._tell_output(self._screen)
            _say(
                f"{self.name} {'resumes' if was_paused else 'goes on'}; "
                f"watch it: {self.attach_command}"
            )
            if was_paused:
                self._control.resume()
            self._open_bar()

    def _open_bar(self) -> None:
        recorder = self.recorder
        if recorder is None or sys.stderr is None:
            return
        with contextlib.suppress(OSError, ValueError):  # nobody reads, or it is closed
            self._bar = Bar(
                self.name, self.total, lambda: recorder.current_step, lambda: recorder.last
            )

    def _tell_output(self, screen: Screen) -> None:
        """Print the last lines of what was printed while the screen had the terminal."""
        assert self.folder is not None
        assert self.recorder is not None
        if self.recorder.output.size() <= screen.printed_before:
            return
        lines = read_output(self.folder)
        if len(lines) > _LAST_LINES:
            _say(f"… earlier lines are in {self.recorder.output.path}")
        for line in lines[-_LAST_LINES:]:
            _say(line)

    def _ending(self, recorder: Recorder, reason: StopReason, detail: str) -> list[str]:
        steps = f"{recorder.current_step:,}"
        if self.total and recorder.current_step != self.total:
            steps += f" of {self.total:,}"
        sign, how = _ENDS[reason]
        why = f": {detail}" if detail else ""
        words = f"{sign} {self.name} {how} {steps} steps in {duration_text(recorder.seconds)}{why}"
        last = tuple(recorder.last.items())[:_LAST_METRICS]
        lines = [" · ".join([words, *(f"{name} {loss_text(value)}" for name, value in last)])]
        if recorder.problem:
            lines.append(f"⚠ not all of it is saved: {recorder.problem}")
        problems = (recorder.rule_problem, recorder.checkpoint_problem)
        lines += [f"⚠ {words}" for words in problems if words]
        return [*lines, f"  {recorder.folder} · {self.attach_command}"]


def _command() -> list[str]:
    """Return how this process was started."""
    program, *rest = sys.orig_argv or [sys.executable]
    return [Path(program).name, *rest]


def _shortened(word: str) -> str:
    word = word.encode(errors="replace").decode()
    return word if len(word) <= _LONGEST_COMMAND else f"{word[:_LONGEST_COMMAND]}…"


def _say(text: str) -> None:
    """Print a line on stderr, if anybody can read it there."""
    stream = sys.stderr
    with contextlib.suppress(Exception):
        text = printable(text)
        is_unicode = (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")
        stream.write((text if is_unicode else to_ascii(text)) + "\n")
        stream.flush()
