"""The runs of a session: which lie under the one that is shown, under which names, and which go."""

from msgspec.structs import replace
from scripted import FINISHED, frozen, started, steps

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.training.control import Control
from tui_trainer.training.events import LrChanged, StepsCompleted
from tui_trainer.training.result import RunResult
from tui_trainer.tui.run import runs as runs_module
from tui_trainer.tui.run.runs import MOST_KEPT, MOST_PINNED, Run, Runs

PRESETS = load_presets()
CONFIG = make_config(PRESETS, "kaiming", lr=0.003)


def run_of(*events, parent=None, control=None, **settings):
    """A run that has ended, unless `events` say otherwise: one from a disk, without a control."""
    result = RunResult(make_config(PRESETS, "kaiming", **{"lr": 0.003, **settings}))
    for event in events or (started(result.config), steps(1, 40), FINISHED):
        result.apply(event)
    return Run(result, control, parent=parent)


def added(*runs):
    session = Runs()
    for run in runs:
        session.add(run)
    return session


def names(session):
    return [(overlay.mark, overlay.name) for overlay in session.overlays]


def test_the_last_run_is_the_one_that_was_shown_before_and_stays_laid_until_it_is_taken_off():
    first, second, third = run_of(), run_of(lr=0.01), run_of(init="normal")
    session = added(first, second)
    assert not session.overlays
    session.lays_last = True
    assert names(session) == [(0, "lr 0.003")]
    session.show(first)
    assert (session.shown, names(session)) == (first, [(0, "lr 0.01")])
    session.add(third)
    assert names(session) == [(0, "init kaiming")]  # of the first, which was shown before it
    session.show(second)
    assert names(session) == [(0, "init normal · lr 0.003")]
    session.lays_last = False
    assert not session.overlays


def test_pinned_runs_stay_with_their_marks_in_every_plot_but_their_own():
    runs = [run_of(lr=lr) for lr in (0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008)]
    session = added(*runs)
    assert not any(session.pin(run) for run in runs[:MOST_PINNED])
    assert not session.pin(runs[0])  # already is
    assert "unpin one" in session.pin(runs[6])
    assert session.pinned == runs[:MOST_PINNED]
    marks = {run: session.mark_of(run) for run in session.pinned}
    assert sorted(marks.values()) == list(range(MOST_PINNED))
    session.lays_last = True
    assert len(session.overlays) == MOST_PINNED
    assert "no room" in session.why_no_last
    session.show(runs[2])
    assert [mark for mark, _ in names(session)] == [0, 1, 2, 3, 4, 5]  # the last has the third
    assert session.overlays[2].name == "lr 0.008"
    session.unpin(runs[0])
    assert session.overlays[0].name == "lr 0.008"
    assert {overlay.mark for overlay in session.overlays} == {0, 1, 3, 4, 5}
    assert session.pin(runs[6]) == ""
    assert session.mark_of(runs[6]) == 0
    session.show(runs[6])
    session.show(runs[1])
    assert "pinned" in session.why_no_last


def test_a_branch_has_its_parent_under_it_at_once():
    other, parent = run_of(lr=0.1), run_of()
    child = run_of(lr=0.001, parent=parent)
    session = added(other)
    session.add(child)  # its parent was read from a disk, and was never shown
    assert names(session) == [(0, "lr 0.003")]
    assert session.overlays[0].history is parent.result.history
    session.lays_last = False
    assert not session.overlays


def test_names_say_what_differs_and_where_room_is_short_what_tells_them_apart():
    changed = [started(CONFIG), steps(1, 40), LrChanged(41, 0.01), LrChanged(50, 0.02)]
    session = added(
        run_of(init="normal", lr=0.01), run_of(init="normal"), run_of(*changed), run_of()
    )
    for run in session.all[1:]:
        session.pin(run)
    assert [overlay.name for overlay in session.overlays] == [
        "lr 0.003 → 0.01 at 41 → 0.02 at 50", "init normal", "init normal · lr 0.01",
    ]  # fmt: skip
    session.show(run_of())
    assert [overlay.name for overlay in session.overlays][1:] == [
        "init normal", "init normal · lr 0.01",
    ]  # fmt: skip
    session.unpin(session.pinned[0])
    session.lays_last = False
    assert [overlay.short for overlay in session.overlays] == ["init normal", "lr 0.01"]
    session.show(run_of())
    session.lays_last = True
    assert session.overlays[0].name == "same settings"


def test_only_a_run_with_a_control_is_active():
    going = started(CONFIG), steps(1, 40)
    assert not run_of(*going).active
    assert run_of(*going, control=Control()).active
    assert run_of(*going).result.step == 40


def test_few_runs_and_steps_stay_in_memory_and_pinned_ones_always(monkeypatch):
    pinned, parent = run_of(), run_of()
    session = added(pinned)
    session.pin(pinned)
    for number in range(3 * MOST_KEPT):
        session.add(run_of(seed=number, parent=parent if number == 1 else None))
    assert len(session.all) == MOST_KEPT + 1  # a pinned one may be older
    assert session.all[-1] is pinned
    monkeypatch.setattr(runs_module, "MOST_LOSSES", 1000)
    losses = frozen([1.0] * 600)
    long = StepsCompleted(1, losses, losses, None, None, 1, 1.0, 0.1, 2000.0)
    session.add(first := run_of(started(CONFIG), long, FINISHED))
    session.add(run_of(started(CONFIG), long, FINISHED))
    session.add(training := run_of(started(CONFIG), long, control=Control()))
    assert first not in session.all
    assert session.all[0] is training
    assert session.all[-1] is pinned
    for lr in (0.1, 0.2, 0.3):
        session.show(run_of(started(replace(CONFIG, lr=lr)), long, FINISHED))
    assert session.training is training
    assert len(session.all) == 4  # two that are looked at, one that trains, one that is pinned
