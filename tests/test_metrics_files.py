"""Metrics on disk: whole up to the last record, whatever happens to the files and the disk."""

import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from tui_trainer.runs import blocks, segments
from tui_trainer.runs.metrics import MetricsTail, read_metrics
from tui_trainer.runs.metrics_writer import MetricsWriter

SIZES = [3, 1, 40, 7, 2]
MARK = b"\xff\xff\xff\xff"  # what each message of an Arrow stream begins with


def values(steps):
    """Values of which each says what step it is of."""
    steps = np.asarray(steps)
    return {"train_loss": (steps / 7).astype(np.float32), "val_loss": -steps.astype(np.float32)}


def write(folder, sizes=SIZES, first=1):
    """Write records of some sizes; returns the last step."""
    writer = MetricsWriter(folder)
    for size in sizes:
        writer.append(first, values(range(first, first + size)))
        first += size
    writer.close()
    return first - 1


def assert_has(found, steps):
    """Check that just these steps are there, each with its own values."""
    assert set(found.series) == ({"train_loss", "val_loss"} if len(steps) else set())
    for name, series in found.series.items():
        assert series.values.dtype == np.float32
        assert series.steps.tolist() == list(steps)
        assert np.array_equal(series.values, values(steps)[name])


def only(folder):
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "metrics"


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_ROWS", 10)
    monkeypatch.setattr(blocks, "KEPT_SEGMENTS", 1_000)


def test_what_is_written_is_read_to_the_last_bit(folder):
    odd = np.array([np.nan, np.inf, -0.0, 1e-45, 3.4e38, 0.1], np.float32)
    writer = MetricsWriter(folder)
    writer.append(1, {"loss/../train μ": odd, "z" * 300: odd[::-1].copy()})
    writer.append_rows(np.array([5, 500, 50_000]), {"accuracy": odd[:3]})
    found = read_metrics(folder)
    assert found.problems == []
    assert found.series["loss/../train μ"].values.tobytes() == odd.tobytes()
    assert found.series["z" * 300].values.tobytes() == odd[::-1].tobytes()
    assert found.series["z" * 300].steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert found.series["accuracy"].steps.tolist() == [5, 500, 50_000]
    assert len(list(folder.iterdir())) == 2


def test_segments_follow_on_one_another(folder, small_segments):
    last = write(folder, [4] * 50)
    assert len(list(folder.iterdir())) == 20
    for after in [0, 1, 11, 12, 13, 100, last - 1, last, last + 5]:
        assert_has(read_metrics(folder, after), range(after + 1, last + 1))
    assert write(folder, [4] * 5, last + 1) == last + 20
    assert_has(read_metrics(folder), range(1, last + 21))


def test_a_tail_has_each_step_once(folder, small_segments):
    tail = MetricsTail(folder, after_step=2)
    assert tail.poll().series == {}
    writer, step = MetricsWriter(folder), 0
    draw = np.random.default_rng(0)
    for _ in range(60):
        first = step + 1
        for _ in range(draw.integers(0, 4)):
            size = int(draw.integers(1, 9))
            writer.append(step + 1, values(range(step + 1, step + size + 1)))
            step += size
        assert_has(tail.poll(), range(max(first, 3), step + 1))
        assert tail.poll().series == {}
    assert step > 100


def test_steps_that_are_there_are_not_written_again(folder):
    last = write(folder)
    assert MetricsWriter(folder).last_step("train_loss", "val_loss") == last
    before = only(folder).read_bytes()
    write(folder, SIZES)
    assert only(folder).read_bytes() == before
    write(folder, [20], last - 9)
    assert_has(read_metrics(folder), range(1, last + 11))


def test_any_other_reader_of_arrow_can_read_while_a_file_grows(folder):
    writer, step = MetricsWriter(folder), 0
    for size in SIZES:
        writer.append(step + 1, values(range(step + 1, step + size + 1)))
        step += size
        table = pa.ipc.open_stream(only(folder)).read_all()
        assert table.column_names == ["step", "train_loss", "val_loss"]
        assert table["step"].to_pylist() == list(range(1, step + 1))
        assert table["val_loss"].to_pylist() == [-s for s in range(1, step + 1)]


def test_a_file_cut_anywhere_has_its_whole_records_and_goes_on(folder):
    ends, done = [], 0
    for size in SIZES:
        write(folder, [size], done + 1)
        done += size
        ends.append((only(folder).stat().st_size, done))
    data = only(folder).read_bytes()
    header = data.index(MARK, 8)
    around = [end + by for end, _ in [(header, 0), *ends[:-1]] for by in (-1, 0, 1)]
    for cut in [*range(0, len(data), 13), *around]:
        path = only(folder)
        path.write_bytes(data[:cut])
        whole, steps = max([(0, 0), *((e, s) for e, s in ends if e <= cut)])
        found, tail = read_metrics(folder), MetricsTail(folder)
        assert_has(found, range(1, steps + 1))
        is_half = cut not in (0, header, whole)
        assert len(found.problems) == is_half, cut
        assert_has(tail.poll(), range(1, steps + 1))
        writer = MetricsWriter(folder)
        writer.append(steps + 1, values(range(steps + 1, done + 1)))
        assert len(writer.repairs) == is_half, cut
        assert_has(tail.poll(), range(steps + 1, done + 1))
        assert_has(read_metrics(folder), range(1, done + 1))


def test_a_flipped_bit_costs_at_most_the_record_that_it_is_in_and_a_neighbour(folder):
    write(folder)
    path, data = only(folder), only(folder).read_bytes()
    starts = np.cumsum([1, *SIZES]).tolist()
    draw, lost = np.random.default_rng(0), 0
    for at in range(0, len(data), 5):
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(draw.integers(8))
        path.write_bytes(flipped)
        found = read_metrics(folder)
        if not found.series:
            assert found.problems
            assert at < data.index(MARK, 8)
            continue
        losses = dict(zip(*(s.tolist() for s in found.series["val_loss"]), strict=True))
        assert list(losses) == sorted(losses)
        whole = [all(losses.get(s) == -s for s in range(*ends)) for ends in pairwise(starts)]
        assert whole.count(False) <= 2
        missing = any(step not in losses for step in range(1, starts[-1]))
        assert bool(found.problems) or not missing or max(losses) >= starts[-1]
        lost += missing
    assert lost > 30


def test_a_folder_that_is_gone_is_said_and_comes_back(folder):
    writer = MetricsWriter(folder)
    writer.append(1, values(range(1, 11)))
    shutil.rmtree(folder)
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            writer.append(11, values(range(11, 21)))
    folder.mkdir()
    writer.append(11, values(range(11, 21)))
    writer.append(21, values(range(21, 31)))
    assert_has(read_metrics(folder), range(11, 31))
    (repair,) = writer.repairs
    assert "are gone" in repair
    with pytest.raises(FileNotFoundError):
        MetricsWriter(folder / "none" / "metrics").append(1, values([1]))


@contextmanager
def room_for(size):
    """Let no file of this process grow beyond a size: as on a disk that is full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_takes_nothing_in_half_and_the_append_may_be_repeated(folder):
    writer = MetricsWriter(folder)
    writer.append(1, values(range(1, 11)))
    whole = only(folder).read_bytes()
    for room in [len(whole), len(whole) + 1, len(whole) + 100]:
        with room_for(room), pytest.raises(OSError, match="too large"):
            writer.append(11, values(range(11, 21)))
        assert only(folder).read_bytes() == whole
        assert_has(read_metrics(folder), range(1, 11))
    writer.append(11, values(range(11, 21)))
    assert_has(read_metrics(folder), range(1, 21))
    assert writer.repairs == []


ENDLESS = """
import sys
from pathlib import Path
import numpy as np
from tui_trainer.runs.metrics_writer import MetricsWriter

writer, first = MetricsWriter(Path(sys.argv[1])), 1
for size in iter(lambda: 1 + first % 5000, 0):
    steps = np.arange(first, first + size)
    writer.append(first, {"train_loss": np.float32(steps / 7), "val_loss": -np.float32(steps)})
    first += size
    print(first - 1, flush=True)
"""


def test_a_writer_that_is_killed_has_lost_nothing_that_it_acknowledged(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(folder)], stdout=subprocess.PIPE, text=True
    )
    with process.stdout as output:
        lines = [output.readline() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        lines += output.read().splitlines()
    process.wait()
    acknowledged = int(lines[-1])
    found = read_metrics(folder)
    last = int(found.series["val_loss"].steps[-1])
    assert last >= acknowledged > 50
    assert_has(found, range(1, last + 1))
    write(folder, [10], last + 1)
    assert_has(read_metrics(folder), range(1, last + 11))
