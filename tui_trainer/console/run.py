"""Renders a run outside the app: progress on stderr, then a summary, plots or JSON."""

from collections.abc import Callable, Iterable

import msgspec

from tui_trainer.config.settings import RunConfig
from tui_trainer.console.figures import batch_words, figure_text, quality, validated_words
from tui_trainer.console.progress import progress_bar, start_bar_at
from tui_trainer.formatting import duration_text, loss_text, printable
from tui_trainer.plotting.canvas import draw
from tui_trainer.plotting.chart import Drawing
from tui_trainer.plotting.fit_chart import fit_chart
from tui_trainer.plotting.legend import sign
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.plotting.prediction_chart import prediction_chart
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    Compiled,
    Compiling,
    EngineChanged,
    EngineKept,
    Event,
    Noted,
    NotLearning,
    OldStepsRead,
    Recorded,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.result import RunResult, figures

Style = Callable[[str, Role], str]


def follow(events: Iterable[Event], config: RunConfig, *, quiet: bool = False) -> RunResult:
    """Consume a run's events, with a progress bar on stderr unless `quiet`."""
    result = RunResult(config)
    with progress_bar(total=config.steps, unit=" steps", disable=quiet) as (bar, note):
        for event in events:
            result.apply(event)
            match event:
                case OldStepsRead() | StepsCompleted(is_past=True):
                    start_bar_at(bar, event.last_step)
                case StepsCompleted():
                    bar.update(len(event.train_loss))
                    train, val = float(event.train_loss[-1]), float(event.val_loss[-1])
                    losses = f"train {loss_text(train)} val {loss_text(val)}"
                    bar.set_postfix_str(f"{_epoch_words(result)}{losses}")
                case NotLearning():
                    note(f"not learning: {event.words}")
                case RunStarted():
                    bar.reset()  # the time to import torch does not count
                    note(_engine_words(event))
                case EngineKept() | EngineChanged() | Compiled():
                    note(_engine_words(event))
                case Noted(words=words):
                    note(printable(words))
                case Recorded(problem=problem) if problem:
                    note(f"not saved: {printable(problem)}")
                case Compiling(seconds=seconds):
                    bar.set_postfix_str(f"compiling {seconds:.0f} s")
    return result


def _epoch_words(result: RunResult) -> str:
    """Name the epoch of a run on mini-batches."""
    config = result.config
    return f"epoch {config.epoch_of(result.step):,} " if config.steps_per_epoch > 1 else ""


def _engine_words(event: RunStarted | EngineKept | EngineChanged | Compiled) -> str:
    match event:
        case RunStarted(engine=engine, engine_reason=reason) | EngineKept(engine, reason):
            return f"engine: {engine} ({printable(reason)})"
        case EngineChanged(step=step, engine=engine, reason=reason):
            return f"engine: {engine} from step {step:,} ({printable(reason)})"
        case Compiled(seconds=seconds):
            return f"compiled in {seconds:.1f} s"


def _end_of(result: RunResult) -> RunEnded:
    assert result.ended is not None, "the last event is missing"
    return result.ended


def summary(result: RunResult) -> str:
    """Summarise how the run ended, one fact per line."""
    ended, config = _end_of(result), result.config
    failed = ended.reason is StopReason.FAILED
    best = "–"
    if ended.best_step is not None:
        best = f"{loss_text(ended.best_val_loss)} at step {ended.best_step:,}"
    facts = [
        ("result", f"failed: {ended.detail}" if failed else ended.detail),
        ("steps", _steps_words(result)),
        ("train loss", loss_text(ended.train_loss) + batch_words(config)),
        ("validation loss", loss_text(ended.val_loss) + validated_words(config, ended.steps)),
        ("best validation", best),
        *quality(result.final_fit),
        ("time", f"{duration_text(ended.seconds)} ({ended.seconds:.2f} s)"),
        ("speed", f"{ended.steps_per_second:,.0f} steps/s"),
    ]
    if result.started is not None:
        threads = result.started.threads
        count = f"{threads} thread{'s' if threads > 1 else ''}"
        facts.append(("engine", f"{result.engine}, {count} ({result.engine_reason})"))
    if result.compile_seconds is not None:
        facts.append(("compiled in", f"{result.compile_seconds:.1f} s"))
    if result.folder is not None:
        where = f"{result.folder}: {result.recording_problem}".removesuffix(": ")
        facts.append(("saved in", where))
    if result.not_learning is not None:
        facts.insert(1, ("not learning", result.not_learning.words))
    return "\n".join(f"{name:<16} {printable(fact)}" for name, fact in facts)


def _steps_words(result: RunResult) -> str:
    """Count steps, and the epochs of mini-batches that they are."""
    config, steps = result.config, _end_of(result).steps
    if config.steps_per_epoch == 1:
        return f"{steps:,}"
    epochs = steps / config.steps_per_epoch
    count = f"{epochs:,.0f}" if epochs >= 100 else f"{epochs:.3g}"
    per_epoch = f"epochs of {config.steps_per_epoch:,} steps"
    return f"{steps:,}: {count} {per_epoch}, batches of {config.points_per_step:,}"


def to_json(result: RunResult) -> str:
    """Write the result as one JSON object; non-finite numbers become null."""
    ended, started = _end_of(result), result.started
    fields = {
        "config": result.config,
        "engine": result.engine if started else None,
        "engine_reason": result.engine_reason if started else None,
        "engine_changes": [
            {"step": change.step, "engine": change.engine} for change in result.engine_changes
        ],
        "threads": started.threads if started else None,
        "device": started.device if started else None,
        "parameter_count": started.parameter_count if started else None,
        "stop_reason": ended.reason.value,
        "stop_detail": ended.detail,
        "not_learning": result.not_learning.words if result.not_learning else None,
        "steps": ended.steps,
        "train_loss": ended.train_loss,
        "val_loss": ended.val_loss,
        "best_step": ended.best_step,
        "best_val_loss": ended.best_val_loss,
        "restored_best": ended.restored_best,
        **figures(result),
        "seconds": ended.seconds,
        "compile_seconds": result.compile_seconds,
        "steps_per_second": ended.steps_per_second,
        "run": str(result.folder) if result.folder else None,
    }
    return msgspec.json.encode(fields).decode()


def plots(result: RunResult, width: int, charset: Charset, style: Style) -> str:
    """Draw both plots `width` cells wide; `style` colours a string by its role."""
    height = max(8, min(20, width // 5))

    def legend(*names: tuple[Role, str]) -> str:
        return "  ".join(style(f"{sign(role, charset)} {name}", role) for role, name in names)

    parts = []
    if result.history.steps:
        chart = loss_chart(result.history, result.marks, width, height)
        scale = ", log y" if chart.y.log else ""
        scale += (
            f", {'^' if charset is Charset.ASCII else '▲'} up to {loss_text(chart.highest)}"
            if chart.highest
            else ""
        )
        names = legend((Role.TRAIN, "train"), (Role.VALIDATION, "validation"), (Role.BEST, "best"))
        drawn = styled(draw(chart, width, height, charset), style)
        parts += [f"Loss by step{scale}:  {names}", drawn]
    if result.started is not None and (fit := result.final_fit) is not None:
        splits = ((Role.TRAIN_POINT, "train"), (Role.VALIDATION_POINT, "validation"))
        if result.started.points.features == 1:
            what, line = "Fit", (Role.MODEL, "model")
            chart = fit_chart(result.started.points, fit, width, height)
        else:
            what, line = "Predicted against actual", (Role.BOUND, "exact")
            chart = prediction_chart(fit, width, height)
        names = legend(line, *splits)
        drawn = styled(draw(chart, width, height, charset), style)
        r2 = figure_text(fit, "val_r2")
        title = f"{what} after step {fit.step:,}, validation R² {r2}:  {names}"
        parts += ["", title, drawn]
    text = "\n".join(parts)
    return text.replace("²", "2") if charset is Charset.ASCII else text


def styled(drawing: Drawing, style: Style) -> str:
    """Return a drawing's lines, each stretch of cells in the style of its role."""
    lines = ("".join(style(run.text, run.role) for run in row) for row in drawing.rows)
    return "\n".join(line.rstrip() for line in lines)
