"""Writes a loop to its folder: the loop leaves values in a buffer, and a thread does the rest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tui_trainer.config.validation import shortened
from tui_trainer.formatting import error_text
from tui_trainer.monitor.output import OutputFile
from tui_trainer.monitor.rate import Rate
from tui_trainer.monitor.rows import Row, Rows, Table
from tui_trainer.monitor.scalars import read_tensors
from tui_trainer.monitor.stop_rule import StopRule
from tui_trainer.runs.files import append_whole, replace_file
from tui_trainer.runs.folder import HEALTH, LEDGER, METRICS, SUMMARY
from tui_trainer.runs.ledger import ENDED, STARTED, Entry, to_line
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.summary import Machine, Summary, finite, gauge_facts, summary_bytes
from tui_trainer.runs.timestamps import timestamp
from tui_trainer.runs.writer import Writer
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import HealthMeasured, RunEnded
from tui_trainer.training.state import ENDS, State

if TYPE_CHECKING:
    from tui_trainer.monitor.machine_load import MachineLoad

TICK_SECONDS = 0.25
_IDLE_SECONDS = 5.0  # after which a step that is under way is written all the same
MOST_SHOWN = 50  # metrics in the summary
_MOST_NAMED = 8  # metrics in a line
_RULE_STEPS = 1000  # after which it is said that a rule's metric was never logged
_TRAIN_LOSSES = ("train_loss", "train/loss", "loss")
_VAL_LOSSES = ("val_loss", "val/loss", "valid_loss", "eval_loss", "test_loss")


class Recorder:
    """Records one loop.

    The loop appends to `buffer` and `health`, and sets `step`; nothing else here is its thread's,
    and nothing waits for it.

    Args:
        folder: the loop's.
        total: its steps, 0 if that is not known.
        rule: when to stop, which `stop` is called for.
    """

    def __init__(
        self, folder: Path, total: int, rule: StopRule | None, stop: Callable[[], None]
    ) -> None:
        self.folder, self.total = folder, total
        self.buffer: deque[Row] = deque()
        self.health: deque[Callable[[], HealthMeasured]] = deque()
        self.step = 0
        self.read_lr: Callable[[], float | None] = lambda: None
        self._lr: float | None = None
        self.paused = False
        self.checkpoint_problem = ""  # why the last one that was asked for was not made
        self.rule, self._stop = rule, stop
        self.output = OutputFile(folder)
        self._load: MachineLoad | None = None
        self._machine: Machine | None = None
        self._rows = Rows()
        self._writer = Writer()
        self._metrics = MetricsWriter(folder / METRICS)
        self._rate = Rate()
        self._best: tuple[int, float] | None = None
        self._ended: RunEnded | None = None
        self._woken = threading.Event()
        self._idle_ticks = 0
        self._has_told_rule = False
        self._ending = False
        self._lock = threading.Lock()  # of what is gathered: two may flush
        self.note({"event": STARTED})
        self._thread = threading.Thread(target=self._work, name="loop-recorder", daemon=True)
        self._thread.start()

    # What the loop's thread calls

    def note(self, entry: Entry) -> None:
        """Add an entry to the ledger."""
        self._writer.add(partial(append_whole, self.folder / LEDGER, to_line(entry)))

    def pause(self, paused: bool) -> None:
        """Note that the loop waits, or resumes."""
        self.paused = paused
        self._rate.pause(paused)
        self.note({"event": "paused" if paused else "resumed", "step": self.step})
        self._woken.set()

    def close(self, reason: StopReason, detail: str) -> None:
        """Write what is left and why the loop ended; takes some seconds at most."""
        self._ending = True
        self._woken.set()
        self._thread.join(10)
        if self._load is not None:
            self._load.close()
        self._flush(None)
        self._tell_rule_problem()
        step, seconds = self.current_step, self._rate.seconds
        self._ended = RunEnded(reason, detail, step, seconds=seconds)
        entry = {"event": ENDED, "reason": reason.value, "detail": detail, "steps": step}
        self.note(entry | {"seconds": seconds})
        self._write_summary()
        self._writer.add(self._metrics.close)
        self._writer.close()

    # For any thread

    @property
    def current_step(self) -> int:
        """The step that is under way, counted by the loop, or else by what it logged."""
        return max(self.step, self._rows.last_step)

    @property
    def seconds(self) -> float:
        """The time since the start, without pauses."""
        return self._rate.seconds

    @property
    def last(self) -> dict[str, float]:
        """The last value of each metric."""
        return self._rows.last

    @property
    def problem(self) -> str:
        """What keeps the loop from being written, in words; "" if nothing does."""
        lost = "some values were dropped: too many waited for the disk"
        return self._writer.problem or (lost if self._writer.lost else "")

    @property
    def rule_problem(self) -> str:
        """What keeps the rule from stopping the loop: a name that is not logged; "" if nothing."""
        last, rule = self.last, self.rule
        missing = [name for name in rule.metrics if name not in last] if rule is not None else []
        if not last or not missing:
            return ""
        names = ", ".join(tuple(last)[:_MOST_NAMED])
        return f"stop_when: nothing is logged as {shortened(missing[0])}; logged: {names}"

    def status(self) -> dict[str, Any]:
        """Say how the loop stands now, as in its summary."""
        facts: dict[str, Any] = msgspec.to_builtins(self.summary())
        return facts

    def summary(self) -> Summary:
        """Say how the loop stands now."""
        if (lr := self.read_lr()) is not None:  # its optimiser may be gone at the end
            self._lr = lr
        shown = tuple(self.last.items())[:MOST_SHOWN]
        metrics = {name: finite(value) for name, value in shown}
        train, val = (
            next((metrics[name] for name in names if name in metrics), None)
            for names in (_TRAIN_LOSSES, _VAL_LOSSES)
        )
        state = State.PAUSED if self.paused else State.RUNNING
        best, ended = self._best, self._ended
        rate = self._rate.steps_per_second if ended is None else ended.steps_per_second
        return Summary(
            state=ENDS[ended.reason] if ended is not None else state,
            step=self.current_step,
            steps=self.total,
            train_loss=train,
            val_loss=val,
            best_step=best[0] if best else None,
            best_val_loss=best[1] if best else None,
            lr=self._lr,
            seconds=self._rate.seconds,
            steps_per_second=rate,
            gauge=gauge_facts(self.rule.gauge) if self.rule is not None else None,
            detail=ended.detail if ended is not None else "",
            problem=self.problem,
            updated=timestamp(),
            metrics=metrics,
            machine=self._machine,
        )

    # In the recorder's thread

    def _work(self) -> None:
        for number in count():
            self._woken.wait(TICK_SECONDS)
            self._woken.clear()
            if self._ending:
                return
            try:
                self._tick(number)
            except Exception as error:  # a mistake of ours is no reason to stop recording
                words = f"a mistake in the monitor: {error_text(error)}"
                self.note({"event": "noted", "words": words})

    def _tick(self, number: int) -> None:
        is_idle = self._flush(self.current_step if not self.paused else None)
        self._idle_ticks = self._idle_ticks + 1 if is_idle else 0
        if self._idle_ticks * TICK_SECONDS == (_IDLE_SECONDS if self.step else TICK_SECONDS):
            self._flush(None)
        self._rate.see(self.current_step)
        if number % 4 == 3:  # once a second, but not while the loop starts
            self._sample_machine()
        if number % 4 == 0:
            self.output.bound(self.problem)
            if self.current_step >= _RULE_STEPS:
                self._tell_rule_problem()
        if number % 2 == 0:
            self._write_summary()

    def _tell_rule_problem(self) -> None:
        """Say it once, in good time: some metrics are logged every thousand steps."""
        if not self._has_told_rule and (words := self.rule_problem):
            self._has_told_rule = True
            self.note({"event": "noted", "words": words})

    def _sample_machine(self) -> None:
        if self._load is None:
            from tui_trainer.monitor.machine_load import MachineLoad

            self._load = MachineLoad()
        self._machine = self._load.sample()

    def _flush(self, before: int | None) -> bool:
        """Have the steps before one written, or all; return whether nothing new had come."""
        with self._lock:
            rows = [self.buffer.popleft() for _ in range(len(self.buffer))]
            self._rows.add(read_tensors(rows))
            tables = list(self._rows.take(before))
            for table in tables:
                if self.rule is not None:
                    self.rule.see(table)
            for table in tables:
                self._write(table)
            for words in self._rows.notes:
                self.note({"event": "noted", "words": words})
            self._rows.notes.clear()
            self._write_health()
            return not rows

    def _write_health(self) -> None:
        for _ in range(len(self.health)):
            line = msgspec.json.encode(self.health.popleft()()) + b"\n"
            self._writer.add(partial(append_whole, self.folder / HEALTH, line))

    def _write(self, table: Table) -> None:
        self._append(table)
        names, steps, values = table
        for name, column in zip(names, values.T, strict=True):
            if name in _VAL_LOSSES:
                self._note_best(steps.tolist(), column.tolist())
            if self.rule is not None and self.rule.wants(name):
                bounds = self.rule.judge(steps, column)
                self._append(((self.rule.bound_name,), steps[: len(bounds)], bounds[:, None]))
                if self.rule.reason:
                    self._stop()

    def _append(self, table: Table) -> None:
        names, steps, values = table
        columns = dict(zip(names, np.ascontiguousarray(values.T), strict=True))
        self._writer.add(partial(self._metrics.append_rows, steps, columns), size=values.nbytes)

    def _note_best(self, steps: list[int], values: list[float]) -> None:
        for step, value in zip(steps, values, strict=True):
            if finite(value) is not None and (self._best is None or value < self._best[1]):
                self._best = step, value

    def _write_summary(self) -> None:
        content = summary_bytes(self.summary())
        self._writer.add(partial(replace_file, self.folder / SUMMARY, content), name=SUMMARY)
