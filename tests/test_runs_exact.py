"""A saved run is the run: after kills, gone on with, repeated, branched off."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import reference_loop
import torch
from comparing import assert_identical
from compiled_steps import COMPILE_TIMEOUT
from msgspec.structs import replace
from reference_loop import PRESETS, make
from safetensors.torch import load_file

from tui_trainer.config.changes import changed_config
from tui_trainer.config.settings import with_steps
from tui_trainer.config.stopping import Patience
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import short_text
from tui_trainer.runs.checkpoint import DamagedError, read_checkpoint
from tui_trainer.runs.folder import BEST, CHECKPOINT, DESCRIPTION, LEDGER, NORMS, SUMMARY
from tui_trainer.runs.handover import handover_notes
from tui_trainer.runs.kept_states import kept_files
from tui_trainer.runs.recording import branch, go_on, record
from tui_trainer.runs.replay import Replay
from tui_trainer.runs.saved import SavedRun
from tui_trainer.task.schedules import make_factor
from tui_trainer.training import trainer
from tui_trainer.training.control import Control
from tui_trainer.training.course import Course
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.result import RunResult
from tui_trainer.training.trainer import train

# In the middle of an epoch, and between two validations, almost wherever a run is cut.
BATCHES = {"batch_size": 30, "validate_every": 9}
KILLER = Path(__file__).with_name("killed_run.py")


@pytest.fixture
def told_often(monkeypatch):
    """Have a run tell of few steps at a time, so that it is stopped soon after a step."""
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 0.005)
    monkeypatch.setattr(trainer, "EVENT_SECONDS", 0.0)


def fold(events):
    """Fold a run's events."""
    first = next(events)
    result = RunResult(first.config)
    result.apply(first)
    for event in events:
        result.apply(event)
    return result


def losses(result):
    return result.history.losses("train"), result.history.losses("val")


def interrupted(config, root, at, *changes):
    """Record a run that is stopped by hand once it is beyond step `at`, its lr changed before."""
    control, result = Control(), RunResult(config)
    lrs = list(changes)
    for event in record(config, control, root):
        result.apply(event)
        if lrs and result.step >= lrs[0][0]:
            control.set_lr(lrs.pop(0)[1])
        if result.step >= at:
            control.stop()
    assert result.ended.reason is StopReason.STOPPED
    return result


def replayed(folder):
    replay = Replay(SavedRun(folder))
    for _ in replay.events(Control()):
        pass
    return replay.comparison


def killed(runs, root, seed):
    command = [sys.executable, str(KILLER), str(root), str(seed)]
    content = msgspec.json.encode(runs)
    done = subprocess.run(command, input=content, capture_output=True, timeout=150)
    assert done.returncode == 0, done.stderr[-2000:].decode()
    for line, (_, kills) in zip(done.stdout.splitlines(), runs, strict=True):
        told = json.loads(line)
        assert len(told["kills"]) == kills
        assert told["kills"] == sorted(told["kills"]), "steps that were recorded are gone"
        yield Path(told["folder"]), told["kills"]


@pytest.mark.usefixtures("compiled_steps_cached")
@pytest.mark.timeout(COMPILE_TIMEOUT)
def test_a_run_that_is_killed_a_dozen_times_is_the_uninterrupted_one(tmp_path):
    config = make("dropout", steps=10**7)
    stopping = Patience(patience=10**6, min_delta=0.01)
    config = replace(config, regularizer=replace(config.regularizer, stopping=stopping))
    fused = make("kaiming", engine="auto", steps=10**8, **BATCHES)
    eager, on_fused_step = killed([(config, 12), (fused, 4)], tmp_path, seed=7)
    folder, kills = eager
    saved = SavedRun(folder)
    steps = saved.losses.steps
    assert steps == kills[-1] > 0
    whole = fold(train(replace(config, steps=steps)))
    assert_identical((saved.losses.train, saved.losses.val), losses(whole))
    assert np.array_equal(saved.losses.bound, whole.history.losses("bound"), equal_nan=True)
    assert saved.notes == []
    assert not any(entry["event"] == "noted" for entry in saved.entries)
    folder, kills = on_fused_step  # repeats from its ledger
    comparison = replayed(folder)
    assert comparison.matches, comparison
    assert comparison.compared == kills[-1]
    assert comparison.states


def moving(optimizer, schedule):
    presets = PRESETS.optimizer[optimizer], PRESETS.schedule[schedule]
    return dict(zip(("optimizer", "schedule"), (p.settings for p in presets), strict=True))


@pytest.mark.usefixtures("told_often")
def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    config = make("dropout", steps=240, regularizer="stop-patience", dropout=0.01, **BATCHES)
    config = replace(config, **moving("adamw", "cosine"))
    part = interrupted(config, tmp_path, 90, (20, 0.002), (50, 0.004))
    changes = {change.step: change.lr for change in part.lr_changes}
    assert len(changes) == 2
    assert replayed(part.folder).matches  # by the schedule of 240 steps
    whole = fold(train(config, course=Course(lrs=changes, repeats_to=10**6)))
    resumed = fold(go_on(part.folder, Control()))
    assert_identical(losses(resumed), losses(whole))
    assert resumed.ended.best_step == whole.ended.best_step
    assert resumed.ended.detail == whole.ended.detail
    assert {c.step: c.lr for c in resumed.lr_changes} == changes
    factor = make_factor(config.schedule, 240)
    assert [c.factor for c in resumed.lr_changes] == [factor(step) for step in changes]
    assert replayed(part.folder).matches
    with pytest.raises(InvalidSettingsError, match=r"finished its 240 steps|stopped early"):
        list(go_on(part.folder, Control()))


def test_a_finished_run_goes_on_to_another_last_step(tmp_path):
    plain = make("kaiming", steps=60)
    for config in (plain, replace(plain, **moving("adam", "one-cycle"))):
        short = fold(record(config, Control(), tmp_path))
        with pytest.raises(InvalidSettingsError, match="--steps"):
            list(go_on(short.folder, Control()))
        longer = fold(go_on(short.folder, Control(), 90))
        assert_identical(losses(longer), losses(fold(train(with_steps(config, 90)))))
        assert SavedRun(short.folder).config.steps == 90
        assert replayed(short.folder).matches


def test_a_replay_names_the_first_step_and_the_first_tensor_that_differ(tmp_path):
    part = interrupted(make("kaiming", steps=10**6), tmp_path, 150)
    with (part.folder / "events.jsonl").open("a") as stream:
        stream.write('{"event": "lr", "step": 100, "lr": 0.005}\n')
    comparison = replayed(part.folder)
    assert comparison.differing_step == 100, "its validation loss is that after the update"
    assert comparison.differing_tensor == "model.0.weights"
    assert comparison.tensor_step > 100


def test_a_branch_goes_its_own_way_from_any_step(tmp_path):
    config = make("dropout", steps=160, **BATCHES)
    parent = fold(record(config, Control(), tmp_path / "parents"))
    other = replace(config, lr=0.001, steps=200)
    child = fold(branch(parent.folder, 73, other, Control(), 0.001, tmp_path / "children"))
    course = Course(lrs={74: 0.001}, repeats_to=200)
    assert_identical(losses(child), losses(fold(train(replace(config, steps=200), course=course))))
    description = SavedRun(child.folder).description
    assert (description.parent.run, description.parent.step) == (parent.folder.name, 73)
    assert replayed(child.folder).matches
    for step, wrong, words in (
        (161, other, "is not from 0 to 160"),
        (100, replace(other, seed=5), "seed is another"),
        (160, replace(other, steps=160), "needs more than 160 steps"),
    ):
        with pytest.raises(InvalidSettingsError, match=words):
            list(branch(parent.folder, step, wrong, Control(), None, tmp_path))


@pytest.mark.usefixtures("told_often")
def test_a_branch_may_have_another_regularizer_and_go_on_itself(tmp_path):
    config = make("kaiming", steps=140)
    parent = fold(record(config, Control(), tmp_path))
    other = replace(config, regularizer=PRESETS.regularizer["l1"].settings)
    control, child = Control(), RunResult(other)
    for event in branch(parent.folder, 60, other, control, None, tmp_path):
        child.apply(event)
        if child.step >= 75:
            control.stop()
    assert_identical([part[:60] for part in losses(child)], [p[:60] for p in losses(parent)])
    went_on = fold(go_on(child.folder, Control()))
    straight = fold(branch(parent.folder, 60, other, Control(), None, tmp_path))
    assert_identical(losses(went_on), losses(straight))


def test_a_branch_with_another_optimiser_starts_that_anew_and_says_so(tmp_path):
    settings = {"optimizer": "momentum", "steps": 100, "lr": 0.003}
    config = make("kaiming", regularizer="stop-patience", **settings)
    parent = fold(record(config, Control(), tmp_path))
    changes = ["optimizer=adam", "optimizer.beta1=0.8", "regularizer=l1", "steps=70"]
    other, lr = changed_config(config, changes, PRESETS)
    child = fold(branch(parent.folder, 60, other, Control(), lr, tmp_path))
    assert child.notes == ["optimizer adam remembers nothing of step 60 and before"]
    before = reference_loop.run(config, steps=60)
    expected = further(before, torch.optim.Adam, config, 10, betas=(0.8, 0.999))
    assert np.array_equal(losses(child)[1], np.array([*before.val, *expected], np.float32))
    assert replayed(child.folder).matches
    # The best weights are still those that the parent found on its way.
    best = fold(branch(parent.folder, 60, replace(other, lr=1e-30), Control(), 1e-30, tmp_path))
    assert (best.best.step, best.best.val_loss) == (before.best_step, before.best_val)
    weights = load_file(best.folder / BEST)
    at_best = reference_loop.run(config, steps=before.best_step).model.state_dict()
    assert weights.keys() == at_best.keys()
    assert all(torch.equal(weights[name], at_best[name]) for name in weights)


def test_a_branch_whose_schedule_is_planned_anew_says_what_the_lr_becomes(tmp_path):
    config = make("kaiming", schedule="warmup-cosine", steps=120, lr=0.003)
    parent = fold(record(config, Control(), tmp_path))
    assert fold(branch(parent.folder, 60, config, Control(), None, tmp_path)).notes == []
    fewer, _ = changed_config(config, ["steps=80"], PRESETS)
    child = fold(branch(parent.folder, 60, fewer, Control(), None, tmp_path))
    lr = 0.003 * make_factor(config.schedule, 80)(61)
    words = f"the schedule is planned anew over 80 steps: the lr of step 61 is {short_text(lr)}"
    assert child.notes == [words]
    assert words in [entry.get("words") for entry in SavedRun(child.folder).entries]
    other, _ = changed_config(config, ["schedule=step"], PRESETS)
    (note,) = fold(branch(parent.folder, 60, other, Control(), None, tmp_path)).notes
    assert note == "schedule step is planned over 120 steps: the lr of step 61 is 0.0003"
    sooner, _ = changed_config(other, ["steps=80"], PRESETS)
    (note,) = handover_notes(other, sooner, 20)  # the lr of the next step is what it was
    assert note == "the schedule is planned anew over 80 steps: the lr of step 21 is 0.003"
    assert list(handover_notes(other, with_steps(other, 80), 20)) == []
    constant, _ = changed_config(config, ["schedule=constant"], PRESETS)
    assert fold(branch(parent.folder, 60, constant, Control(), None, tmp_path)).notes == []


def further(before, kind, config, steps, **numbers):
    """Train a model on with an optimiser that starts there, and the L1 penalty."""
    train_x, train_y, val_x, val_y = reference_loop.make_data(config)
    parameters = list(before.model.parameters())
    optimizer = kind(parameters, lr=config.lr, **numbers)
    found = []
    for _ in range(steps):
        loss = reference_loop.mse(before.model(train_x), train_y)
        (loss + sum(p.abs().mean() for p in parameters)).backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            found.append(reference_loop.mse(before.model(val_x), val_y).item())
    return found


def test_branches_of_branches_have_the_bounds_of_the_rules_that_there_were(tmp_path):
    """None before a rule, its own while there is one, none after it: at the steps they are of."""
    config = make("kaiming", steps=90)
    rule = replace(config, regularizer=PRESETS.regularizer["stop-patience"].settings)
    folder = fold(record(config, Control(), tmp_path)).folder
    for at, other in ((30, rule), (60, config), (75, config), (90, replace(config, steps=99))):
        child = fold(branch(folder, at, other, Control(), None, tmp_path))
        folder = child.folder
        saved = SavedRun(folder)
        assert saved.losses.steps == other.steps
        assert replayed(folder).matches
        (known,) = np.nonzero(np.isfinite(saved.losses.bound))
        if other is rule:
            bounds = saved.losses.bound
        else:
            np.testing.assert_array_equal(saved.losses.bound[:60], bounds[:60])
            assert known[-1] < 60
        assert known[0] >= 30
        assert_identical(losses(saved.result), losses(child))


def test_a_run_that_cannot_go_on_here_stays_as_it_was(tmp_path):
    run = interrupted(make("kaiming", steps=10**6), tmp_path, 50)
    toml = run.folder / DESCRIPTION
    toml.write_text(toml.read_text().replace('device = "cpu"', 'device = "cuda:99"'))
    kept = [(run.folder / name).read_bytes() for name in (LEDGER, SUMMARY)]
    (*_, ended) = go_on(run.folder, Control())
    assert ended.reason is StopReason.FAILED
    assert [(run.folder / name).read_bytes() for name in (LEDGER, SUMMARY)] == kept
    with pytest.raises(InvalidSettingsError, match=r"can't be repeated: .*cuda"):
        replayed(run.folder)
    for started in (
        record(SavedRun(run.folder).config, Control(), tmp_path),
        branch(run.folder, run.step, SavedRun(run.folder).config, Control(), None, tmp_path),
    ):
        (*_, ended) = started
        assert ended.reason is StopReason.FAILED
        assert list(tmp_path.iterdir()) == [run.folder]


def test_a_replay_that_ends_too_soon_differs_there(tmp_path):
    run = fold(record(make("kaiming", steps=300), Control(), tmp_path))
    toml = run.folder / DESCRIPTION
    rule = '[config.regularizer.stopping]\nrule = "first-increase"\n'
    toml.write_text(f"{toml.read_text()}\n{rule}")
    assert 1 < replayed(run.folder).differing_step < 300


def test_any_flipped_byte_of_a_state_is_damage_or_nothing(tmp_path):
    run = interrupted(make("stop-patience", steps=10**6), tmp_path, 20)
    file = run.folder / CHECKPOINT
    whole = file.read_bytes()
    refused = 0
    for at in range(0, len(whole), 41):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        try:
            read_checkpoint(file)
        except DamagedError:
            refused += 1
    assert refused > 10


def test_a_diverged_run_keeps_what_came_before(tmp_path):
    config = make("kaiming", steps=10**6, lr=0.003)
    control, result = Control(), RunResult(config)
    for event in record(config, control, tmp_path):
        result.apply(event)
        if result.step > 150:
            control.set_lr(1000.0)
    assert result.diverged
    at = result.step
    states = [read_checkpoint(file).step for file in kept_files(result.folder)]
    assert any(at - 600 <= step <= at - 100 for step in states), (at, states)
    rows = (result.folder / NORMS).read_text().splitlines()
    assert rows[0].startswith("step,layer_1_weights,")
    assert len(rows) == 101
    assert rows[-1].startswith(f"{at},")
    with pytest.raises(InvalidSettingsError, match="diverged at step"):
        list(go_on(result.folder, Control()))
    before = replace(config, steps=at + 50, lr=0.001)
    saved = fold(branch(result.folder, at - 100, before, Control(), 0.001, tmp_path))
    assert saved.ended.reason is StopReason.COMPLETED


def test_the_best_weights_are_a_file_for_other_programs(tmp_path):
    stopping = Patience(patience=15, restore_best=True)
    config = make("kaiming", steps=1000)
    config = replace(config, regularizer=replace(config.regularizer, stopping=stopping))
    run = fold(record(config, Control(), tmp_path))
    assert run.ended.restored_best
    best = dict(reference_loop.run(config).model.named_parameters())
    weights = load_file(run.folder / BEST)
    assert weights.keys() == best.keys()
    assert all(np.array_equal(weights[name], best[name].detach()) for name in best)


@pytest.mark.usefixtures("told_often")
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(tmp_path):
    config = make("dropout", steps=200)
    part = interrupted(config, tmp_path, 80)
    for file in (part.folder / CHECKPOINT, *kept_files(part.folder)[1:]):
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
    result = fold(go_on(part.folder, Control()))
    assert any("damaged" in note for note in result.notes)
    assert_identical(losses(result), losses(fold(train(config))))
