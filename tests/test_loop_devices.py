"""Tensors that a loop logs from a device that works later, as a GPU does: torch's own lazy one.

It computes a tensor when somebody reads it, and counts how often that happened.
"""

import pytest
import torch
from torch._lazy import metrics, ts_backend

from tui_trainer import Monitor
from tui_trainer.monitor.scalars import read_tensors, to_scalar
from tui_trainer.runs.metrics import read_metrics


@pytest.fixture(scope="module")
def device():
    ts_backend.init()
    return torch.device("lazy")


def computed():
    """Say how often tensors of the lazy device were computed."""
    counted = ("SyncedTensorsWithIR", "SyncTensorsToData", "TransferFromDevice")
    names = metrics.counter_names()
    return sum(metrics.counter_value(name) for name in counted if name in names)


def test_logging_does_not_wait_for_the_device_and_reading_waits_once(device):
    weights = torch.ones(3, device=device, requires_grad=True)
    count = torch.zeros((), device=device)
    before, rows = computed(), []
    for step in range(1, 51):
        count += 1  # in place, as a running total is: the value of now is meant
        loss = (weights * step).sum()
        values = {"loss": loss, "half": loss.half().reshape(1), "count": count, "none": None}
        rows.append((step, {name: to_scalar(name, value) for name, value in values.items()}))
    assert computed() == before
    assert not any(
        value.requires_grad for _, values in rows for value in values.values() if value is not None
    )

    read = read_tensors(rows)
    assert computed() == before + 1
    assert read == [
        (n, {"loss": 3.0 * n, "half": 3.0 * n, "count": float(n)}) for n in range(1, 51)
    ]


def test_a_loop_on_the_device_is_on_disk_as_it_was_logged(device, tmp_path, monkeypatch):
    monkeypatch.setenv("TUI_TRAINER", "attach")
    weight = torch.ones((), device=device, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    expected = []
    with Monitor(name="lazy", total=20, runs=tmp_path) as monitor:
        for step in monitor:
            loss = (weight - 3) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            monitor.log(loss=loss, cpu=loss.to("cpu") if step == 7 else None)
            expected.append(loss.detach().clone())
    (folder,) = tmp_path.iterdir()
    series = read_metrics(folder / "metrics").series
    assert series["loss"].values.tolist() == torch.stack(expected).tolist()
    assert series["cpu"].values.tolist() == [expected[6].item()]


def test_a_tensor_that_is_no_single_number_is_refused_without_a_wait(device):
    before = computed()
    with pytest.raises(TypeError, match=r"acc: expected a number .* a tensor of shape \(2,\)"):
        to_scalar("acc", torch.zeros(2, device=device) + 1)
    assert computed() == before
