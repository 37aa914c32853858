"""The optimiser and the schedule of a script in plain PyTorch."""

from collections.abc import Iterator

from tui_trainer.config.settings import RunConfig

_HALF_COSINE = '''\
def half_cosine(share: float, floor: float) -> float:
    """Fall from 1 to the floor as the share grows from 0 to 1."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2


'''
_SIGNATURE = '''\
def factor(step: int) -> float:
    """Return by what the lr is multiplied at a step, counted from 1: {what}."""
    step = min(step, SCHEDULE_STEPS)
'''
_SCHEDULES = {
    "cosine": (
        "CosineAnnealingLR",
        """\
    return half_cosine((step - 1) / SCHEDULE_STEPS, FLOOR)
""",
    ),
    "step": (
        "StepLR",
        """\
    return GAMMA ** ((step - 1) // STEP_SIZE)
""",
    ),
    "one_cycle": (
        "OneCycleLR, without its momentum",
        """\
    start, end = 1 / DIV_FACTOR, 1 / DIV_FACTOR / FINAL_DIV_FACTOR
    at, peak, last = step - 1, PCT_START * SCHEDULE_STEPS - 1, SCHEDULE_STEPS - 1
    if at <= peak:
        return half_cosine(1 - at / peak, start) if peak else 1.0
    return half_cosine((at - peak) / (last - peak), end)
""",
    ),
    "warmup_cosine": (
        "LinearLR, then CosineAnnealingLR",
        """\
    at = step - 1
    if at < WARMING:
        return START_FACTOR + (1 - START_FACTOR) * at / WARMING
    return half_cosine((at - WARMING) / (SCHEDULE_STEPS - WARMING), FLOOR)
""",
    ),
}
SCHEDULE_METHODS = ("constant", *_SCHEDULES)
_OPTIMIZERS = {
    "sgd": "SGD(parameters, lr=LR{momentum}{decay}, foreach=False)",
    "adam": "Adam(parameters, lr=LR, betas={betas}, eps={eps!r}{decay}, foreach=False)",
    "adamw": (
        "AdamW(\n        parameters, lr=LR, betas={betas}, eps={eps!r}, weight_decay={own!r}, "
        "foreach=False\n    )"
    ),
}
OPTIMIZER_METHODS = ("sgd", "adam")


def optimizer_text(config: RunConfig) -> str:
    """Write the call that makes the optimiser."""
    chosen = config.optimizer
    kind = "adamw" if chosen.weight_decay else chosen.method
    momentum = f", momentum={chosen.momentum!r}" if chosen.momentum else ""
    momentum += ", nesterov=True" if chosen.nesterov else ""
    return "torch.optim." + _OPTIMIZERS[kind].format(
        momentum=momentum,
        betas=(chosen.beta1, chosen.beta2),
        eps=chosen.eps,
        own=chosen.weight_decay,
        decay=", weight_decay=WEIGHT_DECAY" if config.regularizer.weight_decay else "",
    )


def gradient_lines(config: RunConfig) -> Iterator[str]:
    """Add a regularizer's weight decay to the gradients: AdamW does not, which has its own."""
    if config.optimizer.weight_decay and config.regularizer.weight_decay:
        yield "        with torch.no_grad():"
        yield "            for parameter in parameters:"
        yield "                parameter.grad.add_(parameter, alpha=WEIGHT_DECAY)"


def schedule_constants(config: RunConfig) -> Iterator[str]:
    """Write what the schedule uses as constants."""
    schedule = config.schedule
    steps = schedule.steps or config.steps
    if schedule.moves:
        yield f"SCHEDULE_STEPS = {steps}"
    match schedule.method:
        case "cosine":
            yield f"FLOOR = {schedule.floor!r}"
        case "step":
            yield f"STEP_SIZE, GAMMA = {schedule.step_size or -(-steps // 3)}, {schedule.gamma!r}"
        case "one_cycle":
            yield f"PCT_START, DIV_FACTOR = {schedule.pct_start!r}, {schedule.div_factor!r}"
            yield f"FINAL_DIV_FACTOR = {schedule.final_div_factor!r}"
        case "warmup_cosine":
            warming = round(schedule.warmup * steps)
            yield f"WARMING, START_FACTOR = {warming}, {schedule.start_factor!r}"
            yield f"FLOOR = {schedule.floor!r}"


def schedule_texts(config: RunConfig) -> list[str]:
    """Write the function of the factors; nothing for a constant lr."""
    if not config.schedule.moves:
        return []
    what, body = _SCHEDULES[config.schedule.method]
    lead = _HALF_COSINE if "half_cosine" in body else ""
    return [lead + _SIGNATURE.format(what=what) + body]


def lr_lines(config: RunConfig, *, changes: bool) -> Iterator[str]:
    """Set the lr of a step: the run's, perhaps changed by hand, times the schedule's factor."""
    if changes:
        yield "        lr = LR_CHANGES.get(step, lr)"
    if config.schedule.moves:
        base = "lr" if changes else "LR"
        yield f'        optimizer.param_groups[0]["lr"] = {base} * factor(step)'
    elif changes:
        yield '        optimizer.param_groups[0]["lr"] = lr'
