"""What was logged under a name, in whatever pieces it came."""

import numpy as np
import pytest

from tui_trainer.monitor.series import Metric


@pytest.mark.parametrize("name", ["val_loss", "val_acc"])
def test_a_metric_is_the_same_in_whatever_pieces_it_came(name):
    random = np.random.default_rng(0)
    gaps = np.concatenate([np.ones(3000), np.full(500, 50), random.integers(1, 9, 1500)])
    steps = np.cumsum(gaps).astype(np.int64)
    values = random.normal(size=len(steps)).astype(np.float32)
    values[random.integers(0, len(steps), 40)] = [np.nan, np.inf, -np.inf, -9] * 10
    for longest in (1, 7, 5000):
        metric = Metric(name)
        done = 0
        while done < len(steps):
            piece = slice(max(0, done - 2), done + int(random.integers(1, longest + 1)))
            metric.append(steps[piece], values[piece])  # two of them once more
            done = piece.stop
            if random.random() < 0.01:
                assert metric.last_step == steps[done - 1 if done <= len(steps) else -1]
                assert metric.count == min(done, len(steps))
        finite = np.where(np.isfinite(values), values, np.nan)
        best = np.nanargmax(finite) if name == "val_acc" else np.nanargmin(finite)
        assert metric.best == (steps[best], values[best])
        assert metric.last == values[-1]
        for step in random.integers(1, steps[-1] + 10, 200):
            before = np.searchsorted(steps, step, side="right") - 1
            found = metric.at(int(step))
            assert found is None if before < 0 else found.step == steps[before]
            if found is not None:
                np.testing.assert_equal(np.float32(found.value), values[before])
        for first, last in ((1, int(steps[-1])), (2000, 9000), (3500, 3620)):
            inside = finite[(steps >= first) & (steps <= last)]
            found = metric.buckets(first, last, 60)
            assert len(found.step) <= 60 + 1
            assert (np.diff(found.step) > 0).all()
            assert first <= found.step[0] <= found.step[-1] <= last
            assert np.nanmin(found.low) == np.nanmin(inside)
            assert np.nanmax(found.high) == np.nanmax(inside)
