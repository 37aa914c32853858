"""The factors of schedules against torch.optim.lr_scheduler's learning rates."""

import pytest
import torch
from reference_loop import make
from torch.optim import lr_scheduler

from tui_trainer.config.optimization import Schedule
from tui_trainer.config.settings import with_steps
from tui_trainer.task.schedules import make_factor
from tui_trainer.training.setup import Setup


def cosine(optimizer, schedule, steps):
    return lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=schedule.floor)


def stairs(optimizer, schedule, steps):
    return lr_scheduler.StepLR(optimizer, schedule.step_size or -(-steps // 3), schedule.gamma)


def one_cycle(optimizer, schedule, steps):
    return lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=steps,
        pct_start=schedule.pct_start,
        div_factor=schedule.div_factor,
        final_div_factor=schedule.final_div_factor,
        cycle_momentum=False,
    )


def warmup_cosine(optimizer, schedule, steps):
    warming = round(schedule.warmup * steps)
    up = lr_scheduler.LinearLR(optimizer, schedule.start_factor, total_iters=max(1, warming))
    down = lr_scheduler.CosineAnnealingLR(optimizer, steps - warming, eta_min=schedule.floor)
    return lr_scheduler.SequentialLR(optimizer, [up, down], [warming]) if warming else down


def constant(optimizer, schedule, steps):
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def torchs(make_scheduler, schedule, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make_scheduler(optimizer, schedule, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(found) < steps else None
    return found


@pytest.mark.filterwarnings("ignore")  # SequentialLR's own
@pytest.mark.parametrize("steps", [7, 100, 1234])
@pytest.mark.parametrize(
    ("make_scheduler", "numbers"),
    [
        (constant, {}),
        (cosine, {}),
        (cosine, {"floor": 0.1}),
        (stairs, {}),
        (stairs, {"step_size": 4, "gamma": 0.9}),
        (one_cycle, {}),
        (one_cycle, {"pct_start": 0.11, "div_factor": 3, "final_div_factor": 50}),
        (warmup_cosine, {}),
        (warmup_cosine, {"warmup": 0.37, "start_factor": 0.2, "floor": 0.05}),
    ],
)
def test_the_factors_are_torchs(make_scheduler, numbers, steps):
    method = {"stairs": "step"}.get(make_scheduler.__name__, make_scheduler.__name__)
    schedule = Schedule(name="mine", method=method, **numbers)
    factor = make_factor(schedule, steps)
    found = [factor(step) for step in range(1, steps + 1)]
    assert found == pytest.approx(torchs(make_scheduler, schedule, steps), rel=1e-9, abs=1e-15)


def test_every_schedule_has_a_factor_of_at_most_1_at_any_step():
    for name in ("cosine", "step", "one-cycle", "warmup-cosine"):
        for steps in (1, 2, 3, 4, 10, 5000):
            config = make("kaiming", schedule=name, steps=steps)
            factor = make_factor(config.schedule, steps)
            factors = [factor(step) for step in range(1, steps + 1)]
            assert all(0 <= f <= 1 for f in factors), name
            assert factor(steps + 10) == factors[-1]
    quarter = Schedule(name="mine", method="one_cycle", pct_start=0.25)
    assert make_factor(quarter, 4)(1) == 1.0  # where torch divides by zero


def test_a_run_that_ends_later_keeps_its_schedule():
    config = make("kaiming", schedule="cosine", steps=100)
    later = with_steps(config, 150)
    assert (later.steps, later.schedule.steps) == (150, 100)
    assert with_steps(later, 170).schedule.steps == 100
    lrs = Setup(config).state.next_lrs(100)
    assert Setup(later).state.next_lrs(150) == lrs + [lrs[-1]] * 50
    assert with_steps(make("kaiming"), 7) == make("kaiming", steps=7)
