"""A run of millions of steps on disk: its oldest losses in blocks, all others as they were."""

import errno
import shutil

import numpy as np
import pytest

from tui_trainer.config.presets import load_presets, make_config
from tui_trainer.runs import blocks as blocks_module
from tui_trainer.runs.blocks import copy_blocks, read_blocks
from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.folder import METRICS
from tui_trainer.runs.metrics import MetricsTail, read_metrics
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.saved import SavedRun, first_difference
from tui_trainer.runs.segments import SEGMENT_ROWS
from tui_trainer.training.events import StepsCompleted
from tui_trainer.training.history import History

STEPS = 3 * SEGMENT_ROWS + 12_345
OLD = 2 * SEGMENT_ROWS
PART = 50_000


def losses(steps):
    """A curve that falls, with noise, holes, and a spike far back."""
    draw = np.random.default_rng(0)
    train = (draw.random(steps, np.float32) + np.linspace(5, 1, steps)).astype(np.float32)
    train[1_000_000] = 1e6
    train[::977] = np.nan
    return {"train_loss": train, "val_loss": train * 2}


LOSSES = losses(STEPS)


def write(folder, first=1, last=STEPS, part=PART):
    writer = MetricsWriter(folder)
    for start in range(first - 1, last, part):
        stop = min(last, start + part)
        writer.append(start + 1, {name: values[start:stop] for name, values in LOSSES.items()})
    writer.close()


pytestmark = pytest.mark.xdist_group("old_steps")  # what is shared is made once


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A run's folder in which two segments of three and a bit have become old."""
    folder = tmp_path_factory.mktemp("long")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "KEPT_SEGMENTS", 1)
        write_description(folder, describe(make_config(load_presets(), "kaiming", steps=STEPS)))
        write(folder / METRICS)
    return folder


def whole_history():
    history = History()
    history.append(LOSSES["train_loss"], LOSSES["val_loss"])
    return history


def test_the_oldest_losses_are_in_blocks_and_all_others_to_the_last_bit(long_run):
    raw = read_metrics(long_run / METRICS)
    assert raw.problems == []
    assert raw.series["val_loss"].steps.tolist() == list(range(OLD + 1, STEPS + 1))
    for name, series in raw.series.items():
        assert series.values.tobytes() == LOSSES[name][OLD:].tobytes()
    old, problems = read_blocks(long_run / METRICS, OLD)
    assert (old.last_step, problems) == (OLD, [])
    rows = LOSSES["val_loss"][:OLD].reshape(-1, 256)
    low, high, mean = old.series["val_loss"]
    assert np.array_equal(low, np.nanmin(rows, axis=1))
    assert np.array_equal(high, np.nanmax(rows, axis=1))
    np.testing.assert_allclose(mean, np.nanmean(rows, axis=1, dtype=np.float64), rtol=1e-6)
    size = sum(path.stat().st_size for path in (long_run / METRICS).iterdir())
    assert size < 16 * (STEPS - OLD) + OLD


def test_a_saved_run_is_shown_as_if_nothing_had_been_forgotten(long_run):
    result, whole = SavedRun(long_run).result, whole_history()
    history = result.history
    assert (result.step, history.steps, history.first_kept) == (STEPS, STEPS, OLD + 1)
    for name in ("train", "val"):
        assert history.losses(name).tobytes() == whole.losses(name)[OLD:].tobytes()
        for first, last, most in [(1, STEPS, 160), (1, OLD, 320), (OLD - 5_000, STEPS, 100)]:
            found, exact = (h.buckets(name, first, last, most) for h in (history, whole))
            assert np.array_equal(found.low, exact.low)
            assert np.array_equal(found.high, exact.high)
            np.testing.assert_allclose(found.mean, exact.mean, rtol=1e-3)
    assert history.at("val", 1_000_001).high == 2e6
    assert result.best.val_loss == np.nanmin(LOSSES["val_loss"])


def test_repeated_steps_are_compared_where_they_are_kept(long_run):
    saved = SavedRun(long_run).losses
    for first, wrong in [(1, None), (OLD - 10, 5), (OLD - 10, 50), (STEPS - 80, 99), (OLD, 30)]:
        part = slice(first - 1, first + 99)
        train, val = LOSSES["train_loss"][part].copy(), LOSSES["val_loss"][part]
        if wrong is not None:
            train[wrong : wrong + 2] = 0
        event = StepsCompleted(first, train, val, None, None, None, None, 0, 0)
        is_kept = wrong is not None and OLD < first + wrong <= STEPS
        assert first_difference(saved, event) == (first + wrong if is_kept else None)


def test_the_past_of_a_branch_has_its_blocks(long_run, tmp_path):
    saved = SavedRun(long_run).losses
    for step, kept in [(STEPS, OLD), (OLD + 7, OLD), (SEGMENT_ROWS + 9, SEGMENT_ROWS), (100, 0)]:
        past = saved.until(step)
        assert (past.steps, past.old_steps) == (step, kept)
        if step > OLD:
            assert past.train.tobytes() == LOSSES["train_loss"][OLD:step].tobytes()
        else:
            assert np.isnan(past.val).all()
        copy_blocks(long_run / METRICS, tmp_path / str(step), past.old_steps)
        old, _ = read_blocks(tmp_path / str(step), step)
        assert (old.last_step if old else 0) == kept


def test_a_damaged_file_of_blocks_is_named_and_the_rest_is_there(long_run, tmp_path):
    folder = shutil.copytree(long_run, tmp_path / "run")
    damaged = min((folder / METRICS).glob("*.blocks.arrows"))
    whole = damaged.read_bytes()
    for content in (whole[:1000], whole[: len(whole) // 2], b"", b"\xff" * 5000, whole[::-1]):
        damaged.write_bytes(content)
        saved = SavedRun(folder)
        assert saved.result.step == STEPS
        assert any(damaged.name in note for note in saved.notes)
        found = saved.result.history.buckets("val", 1, STEPS, 160)
        assert np.isnan(found.low[:30]).all()
        assert np.isfinite(found.low[80:]).all()


def test_what_can_not_be_condensed_stays_and_is_condensed_later(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks_module, "KEPT_SEGMENTS", 0)
    tail = MetricsTail(tmp_path / METRICS)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(blocks_module, "replace_file", full)
        write(tmp_path / METRICS, last=SEGMENT_ROWS + 10_000, part=1_000)
    assert len(tail.poll().series["val_loss"].steps) == SEGMENT_ROWS + 10_000
    first = min((tmp_path / METRICS).iterdir())
    inode = first.stat().st_ino
    monkeypatch.setattr(blocks_module, "KEPT_SEGMENTS", 2)
    write(tmp_path / METRICS, SEGMENT_ROWS + 10_001, OLD + 10, part=1_000)
    assert first.stat().st_ino != inode  # one record now
    assert read_metrics(tmp_path / METRICS).series["val_loss"].steps.tolist() == list(
        range(1, OLD + 11)
    )
    assert tail.poll().series["val_loss"].steps.tolist() == list(
        range(SEGMENT_ROWS + 10_001, OLD + 11)
    )
    write(tmp_path / METRICS, OLD + 11, 3 * SEGMENT_ROWS + 10)
    assert not first.exists()
    old, _ = read_blocks(tmp_path / METRICS, STEPS)
    assert old.last_step == SEGMENT_ROWS
