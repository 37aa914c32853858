"""How the layers of a loop fare: what hooks find, what readers learn, what is left behind."""

import torch
from scripted import press, shown, until
from scripted_loop import LoopScript, logged, make_loop_app, status
from torch import nn

from tui_trainer import Monitor
from tui_trainer.monitor import health
from tui_trainer.monitor.follow import follow_loop
from tui_trainer.monitor.result import LoopResult
from tui_trainer.runs.client import RemoteControl
from tui_trainer.training.events import HealthMeasured, LayerHealth


def folded(root):
    (folder,) = root.iterdir()
    control, result = RemoteControl(folder, lambda _: None), LoopResult()
    for event in follow_loop(folder, control):
        result.apply(event)
    control.leave()
    return result


def classifier():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        model[2].bias[:7] = -100.0
    return model


def trained(monitor_of, tmp_path):
    """Train for 30 steps; return the weights, and what hooks are left."""
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    with monitor_of(tmp_path) as monitor:
        monitor.attach(optimizer, model)
        for _ in monitor:
            x = torch.randn(16, 4)
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            monitor.log(train_loss=loss)
    hooks = [h for m in model.modules() for h in (m._forward_hooks, m._forward_pre_hooks)]
    hooks += [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]
    return [p.detach().clone() for p in model.parameters()], sum(map(len, hooks))


def test_a_loop_with_a_dead_layer_is_told_so_and_trains_as_it_would(tmp_path, monkeypatch):
    monkeypatch.setenv("TUI_TRAINER", "attach")
    monkeypatch.setattr(health, "SPACING_SECONDS", 0.0)
    monkeypatch.setattr(health, "SHARE", 1.0)
    monkeypatch.setattr(health, "_SPREAD", 1e12)
    watched, left = trained(lambda root: Monitor(total=30, runs=root), tmp_path)
    assert not left
    found = folded(tmp_path).health
    assert list(found.layers) == ["0", "2", "4"]
    assert found.count >= health._BATCHES
    dead = found.layers["2"]
    assert (dead.activation, dead.units, dead.dead, dead.since) == ("relu", 8, 7, 1)
    assert "2: 7 of 8 units never fire" in found.verdicts
    assert all(layer.gradient > 0 and 1e-8 < layer.ratio < 1 for layer in found.layers.values())
    monkeypatch.setenv("TUI_TRAINER", "off")
    plain, _ = trained(lambda root: Monitor(total=30, runs=root), tmp_path)
    assert all(torch.equal(one, other) for one, other in zip(watched, plain, strict=True))


def test_measured_steps_are_rare_and_what_is_odd_ends_nothing():
    taken = []
    model = classifier()
    optimizer = torch.optim.Adam(model.parameters())
    watch = health.LoopHealth(optimizer, model, "", lambda: 7, taken.append)
    for _ in range(50):
        model(torch.randn(3, 4)).mean().backward()
        optimizer.step()
    assert len(taken) == 1  # of fifty fast steps
    event = taken[0]()
    assert event.step == 7
    assert event.layers[0].name == "0"
    watch.close()
    broken = health.LoopHealth(optimizer, model, "", lambda: 1 // 0, taken.append)
    model(torch.randn(3, 4)).mean().backward()
    optimizer.step()
    assert len(taken) == 1
    assert not broken._hooks


async def test_g_shows_the_layers_of_a_loop_or_says_what_it_takes():
    layers = (LayerHealth("fc1", 0.4, 1e-3, "relu", 20, 18, 40), LayerHealth("fc2", 0.1, 1e-3))
    steps = logged(["train_loss"], 1, 500), status(500)
    measured = HealthMeasured(500, layers, 0.001, 0.002)
    async with make_loop_app(LoopScript(*steps, measured)).run_test(size=(120, 34)) as pilot:
        await until(pilot, lambda: pilot.app.monitor and pilot.app.monitor.result)
        await until(pilot, lambda: pilot.app.monitor.result.health.layers)
        room = pilot.app.monitor.query_one("#above")
        room.styles.width = 40
        await press(pilot, "g")
        await shown(pilot, "18/20")
        room.styles.width = "1fr"  # the columns follow the table's width, whatever changes it
        await shown(pilot, "⚠ 18 of 20 units have not fired since step 40", "costs 0.2%")
        await press(pilot, "g")
        await until(pilot, lambda: pilot.app.monitor.grid.display)
    async with make_loop_app(LoopScript(*steps)).run_test(size=(120, 34)) as pilot:
        await until(pilot, lambda: pilot.app.monitor and pilot.app.monitor.result)
        await shown(pilot, "step 500/1,000")
        await press(pilot, "g")
        await shown(pilot, "monitor.attach(optimizer, model) would")
