"""`Monitor`: a screen, control and a record for a training loop of somebody's own."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from tui_trainer.config.numbers import MOST_COUNT
from tui_trainer.config.validation import shortened
from tui_trainer.monitor.boundary import Boundary
from tui_trainer.monitor.process_role import chosen_by_environment, is_first_process
from tui_trainer.monitor.scalars import to_scalar
from tui_trainer.training.early_stopping import StopReason

if TYPE_CHECKING:  # pyarrow and numpy are for the start of a loop, not for the import of this
    from tui_trainer.monitor.health import LoopHealth
    from tui_trainer.monitor.recorder import Recorder
    from tui_trainer.monitor.session import Session
    from tui_trainer.monitor.stop_rule import StopRule

T = TypeVar("T")
F = TypeVar("F", bound=Callable[[], object])
_open: weakref.WeakSet[Monitor] = weakref.WeakSet()


class Monitor:
    """Shows, steers and records a training loop. To be used in a ``with`` statement.

        with Monitor(name="resnet, lr 0.1", total=10_000) as monitor:
            for step in monitor:  # 1, 2, ... 10,000
                ...
                monitor.log(train_loss=loss, val_acc=acc)

    On a terminal a screen opens, elsewhere a line of tqdm. ``TUI_TRAINER=attach`` opens nothing and
    says how to watch the loop from another shell; ``TUI_TRAINER=off`` does nothing at all, as in
    all ranks but the first and in forked children.

    Args:
        name: what to call the loop; the script's name by default.
        total: its steps, if they are known.
        stop_when: a metric and a stopping rule, such as ``"val_loss: patience 200"``. Rules are
            first-increase, patience COUNT [MIN_DELTA], patient-average WINDOW and
            generalization-loss PERCENT. They count the values that are logged, and stop the loop
            a quarter of a second later at most.
        runs: the folder for the loop's own; ``$TUI_TRAINER_RUNS`` or the user's own by default.

    Raises:
        ValueError: in a line, if an argument can't be used, or ``$TUI_TRAINER``.
    """

    def __init__(
        self,
        name: str = "",
        *,
        total: int | None = None,
        stop_when: str = "",
        runs: str | os.PathLike[str] | None = None,
    ) -> None:
        for argument, text in (("name", name), ("stop_when", stop_when)):
            if not isinstance(text, str):
                raise ValueError(f"{argument}: expected a string, got {shortened(text)}")
        if total is not None and (isinstance(total, bool) or not isinstance(total, int)):
            raise ValueError(f"total: expected a whole number of steps, got {total!r}")
        if total is not None and not 1 <= total <= MOST_COUNT:
            raise ValueError(f"total: expected 1 to {MOST_COUNT:,} steps, got {shortened(total)}")
        self.name = name or Path(sys.argv[0] if sys.argv else "").name or "loop"
        self.total = total
        self._root = Path(runs) if runs is not None else None
        self._rule = _rule_of(stop_when)
        self._mode = chosen_by_environment()
        self._boundary = Boundary(self._close_before_signal)
        self._control = self._boundary.control
        self._step = 0
        self._append: Callable[[tuple[int, dict[str, Any]]], None] | None = None
        self._healths: list[LoopHealth] = []
        self._session: Session | None = None
        self._recorder: Recorder | None = None
        self._is_started = self._is_off = False

    # From the start to the end

    def __enter__(self) -> Monitor:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(error)

    def start(self) -> None:
        """Open the monitor, where a ``with`` statement does not fit; `close` has to follow."""
        if self._is_started:
            raise RuntimeError("a Monitor starts once: make another one for another loop")
        self._is_started = True
        self._is_off = self._mode == "off" or not is_first_process()
        if self._is_off:
            self._end_watching()
            return
        from tui_trainer.monitor.session import Session

        opens_screen = self._mode != "attach"
        self._session = Session(
            self.name, self.total or 0, self._rule, self._root, self._control,
            opens_screen=opens_screen,
        )  # fmt: skip
        if (recorder := self._session.recorder) is not None:
            self._recorder, self._append = recorder, recorder.buffer.append
        self._boundary.open(self._recorder, self._session.lose_terminal)
        _open.add(self)

    def close(self, error: BaseException | None = None) -> None:
        """End it; `error` is the exception that ended the loop, if one did."""
        session, self._session = self._session, None
        if session is None:
            return
        if error is not None:
            session.close_screen(silently=True)
            _leave_out_our_frames(error)
        session.close(*self._ending(error))
        self._let_go()

    def _ending(self, error: BaseException | None) -> tuple[StopReason, str]:
        if isinstance(error, KeyboardInterrupt):
            return StopReason.STOPPED, "interrupted with ctrl+c"
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return StopReason.STOPPED, "ended with sys.exit"
        if error is not None and not isinstance(error, GeneratorExit):
            return StopReason.FAILED, _last_line(error)
        if self._rule is not None and self._rule.reason:
            return StopReason.EARLY_STOPPING, self._rule.reason
        if self._control.stopped:
            return StopReason.STOPPED, ""
        return StopReason.COMPLETED, ""

    def _close_before_signal(self) -> None:
        if self._session is not None:
            self._session.close(StopReason.STOPPED, "ended by SIGTERM")

    def _let_go(self) -> None:
        """Do nothing any more."""
        self._append = self._recorder = None
        self._end_watching()
        self._boundary.let_go()
        _open.discard(self)

    def _end_watching(self) -> None:
        for health in self._healths:
            health.close()

    def _leave_to_parent(self) -> None:
        """Be off in a forked child: a worker that loads data, say."""
        self._is_off = True
        if self._session is not None:
            self._session.leave_to_parent()
        self._session = None
        self._let_go()

    # What a loop calls at every step

    def __iter__(self) -> Iterator[int]:
        """Count the steps from the next one to `total`, or without end; stop when that is asked."""
        while self.total is None or self._step < self.total:
            if not self.step():
                return
            yield self._step
        self._end_step()

    def __len__(self) -> int:
        if self.total is None:
            raise TypeError("this Monitor has no total")
        return self.total

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Take a step for each item of a DataLoader, say; stop when that is asked."""
        for item in items:
            if not self.step():
                return
            yield item
        self._end_step()

    def _end_step(self) -> None:
        """Note that a step is over, and no other one has begun."""
        self._boundary.is_in_step = False
        if self._control.asked:
            self._boundary.cross(self._step)
            self._boundary.is_in_step = False

    def step(self) -> bool:
        """Begin the next step, after a pause perhaps; return whether the loop is to take it.

        This is for loops that don't run over the monitor: ``if not monitor.step(): break``.
        """
        if not self._is_started:
            raise RuntimeError("a Monitor is used in a with statement: with Monitor() as monitor")
        if (self._control.asked or not self._step) and not self._boundary.cross(self._step):
            return False
        self._step += 1
        if self._recorder is not None:
            self._recorder.step = self._step
        return True

    def log(
        self,
        metrics: Mapping[str, Any] | None = None,
        /,
        step: int | None = None,
        **values: Any,
    ) -> None:
        """Record numbers by name: ``log(train_loss=loss)``, ``log({"val/acc": acc}, step=100)``.

        They may come at any cadence, and are kept as float32: numbers, or tensors of one element,
        of which those on a GPU are read later, without a wait for it. None is left out.

        Raises:
            TypeError: one line that names the metric, if its value is no single number.
            ValueError: one line, if `step` is none.
        """
        if self._append is None:
            return
        if metrics is not None:
            values = {**metrics, **values}
        for name, value in values.items():
            if type(value) is not float:
                values[name] = to_scalar(name, value)
        self._append((self._step if step is None else _whole(step), values))

    @property
    def stopped(self) -> bool:
        """Whether the loop was asked to end, or its rule ended it."""
        return self._control.stopped

    @property
    def lr(self) -> float | None:
        """The learning rate of the attached optimiser, else the one last asked for, or None."""
        return self._boundary.rates.lr

    # What a loop has to be steered by

    def attach(self, optimizer: Any = None, model: Any = None) -> None:
        """Have the lr of all of an optimiser's groups set from the screen, in proportion.

        With the `model` that it trains, a torch module, the screen's health pane shows how its
        layers fare: that is measured at a step every second or so, and takes 1 % of the time.

        May be called for several. The new lr applies from the next step on; a scheduler that
        computes rates from its own base lr sets them again.

        Raises:
            TypeError: if it is no optimiser.
        """
        if optimizer is not None:
            self._boundary.attach(optimizer)
        if optimizer is not None and model is not None and self._mode != "off":
            self._watch(optimizer, model)

    def _watch(self, optimizer: Any, model: Any) -> None:
        """Measure the layers at a step now and then, unless this is off."""
        from tui_trainer.monitor.health import LoopHealth

        if self._is_off or not hasattr(optimizer, "register_step_post_hook"):
            return
        prefix = f"{type(model).__name__} {len(self._healths) + 1}: " if self._healths else ""
        self._healths.append(
            LoopHealth(optimizer, model, prefix, lambda: self._step, self._take_health)
        )

    def _take_health(self, sample: Any) -> None:
        if self._recorder is not None:
            self._recorder.health.append(sample)

    def checkpoint(self, function: F) -> F:
        """Name the function that saves the loop: called on request, before a stop, on SIGTERM.

        It takes no arguments, and is called between two steps, in the loop's own thread. An
        exception in it is recorded, and ends nothing. Usable as a decorator.
        """
        self._boundary.saving.function = function
        return function


def is_any_open() -> bool:
    """Say whether a loop of this process has a monitor."""
    return bool(_open)


def _whole(step: Any) -> int:
    """Return a step that a file can hold."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if 0 <= (whole := int(step)) <= MOST_COUNT:
            return whole
    raise ValueError(f"log: step: expected 0 to {MOST_COUNT:,}, got {shortened(step)}")


def _rule_of(stop_when: str) -> StopRule | None:
    if not stop_when:
        return None
    from tui_trainer.monitor.stop_rule import parse_stop_rule

    return parse_stop_rule(stop_when)


def _last_line(error: BaseException) -> str:
    lines = traceback.format_exception_only(error)
    return " ".join(lines[-1].split())[:500]


def _leave_out_our_frames(error: BaseException) -> None:
    """Have a traceback end where the loop's own code does, if it ends in ours: in a pause, say."""
    frames = [error.__traceback__] if error.__traceback__ is not None else []
    while frames and (deeper := frames[-1].tb_next) is not None:
        frames.append(deeper)
    files = [trace.tb_frame.f_code.co_filename for trace in frames]
    ours = (str(Path(__file__).parent), threading.__file__)
    if frames and files[-1].startswith(ours):
        first = next((at for at, file in enumerate(files) if file.startswith(ours[0])), 0)
        if first:
            frames[first - 1].tb_next = None


def _leave_all_to_parent() -> None:
    for monitor in list(_open):
        monitor._leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)
