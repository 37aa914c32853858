"""A loop in words: the header, the banner, how far it is, and what its machine does."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tui_trainer.formatting import bytes_text, duration_text, printable, short_text
from tui_trainer.runs.summary import Gpu, Machine
from tui_trainer.training.state import State
from tui_trainer.tui.wording import (
    BADGES,
    NARROW,
    first_clause,
    first_that_fits,
    progress_text,
    sentences,
)

if TYPE_CHECKING:
    from tui_trainer.monitor.result import LoopResult


def title_text(result: "LoopResult") -> str:
    """Name the loop, and what started it."""
    started = result.started
    if started is None:
        return result.folder.name if result.folder is not None else ""
    return " · ".join(filter(None, (started.name, started.command)))


def place_text(result: "LoopResult", own_host: str) -> str:
    """Say where the loop runs: in which process, and on which other machine."""
    started = result.started
    if started is None or result.ended is not None:
        return ""
    host = f" on {started.host}" if started.host not in ("", own_host) else ""
    return f"process {started.pid}{host}"


def banner_text(result: "LoopResult", width: int, keys: Mapping[str, str], note: str) -> str:
    """Say how the loop ended, that it is paused or can't be saved, or a note; "" if all is well."""
    disk = f"⚠ Not saved: {result.problem}." if result.problem else ""
    if not disk and note:
        disk = f"⚠ {note.rstrip('.')}. {keys['back']} hides this."
    return " ".join(filter(None, (_state_text(result, width, keys), disk)))


def _state_text(result: "LoopResult", width: int, keys: Mapping[str, str]) -> str:
    sign, _ = BADGES[result.state]
    if (ended := result.ended) is not None:
        if result.state is State.FAILED:
            return f"{sign} Failed: {ended.detail}" if ended.detail else f"{sign} Failed."
        detail = ended.detail or f"{BADGES[result.state][1].lower()} after {ended.steps:,} steps"
        words = sentences(detail)
        return f"{sign} {first_clause(words) if width < NARROW else words}"
    if result.state is State.PAUSED:
        resumes = f"{keys['pause']} resumes, {keys['step']} runs one step."
        return f"{sign} Paused at step {result.step:,}. {resumes}"
    return ""


def status_text(result: "LoopResult", width: int) -> str:
    """Say where the loop is: its step, of how many, its rate, the time that is left, its lr."""
    step, total = f"{result.step:,}", result.total
    rate = f"{result.steps_per_second:,.3g}" if result.steps_per_second < 10 else (
        f"{result.steps_per_second:,.0f}")  # fmt: skip
    lr = f"  lr {short_text(result.lr)}" if result.lr is not None else ""
    if not total:
        time = f"  {duration_text(result.seconds)}"
        texts = (f" step {step}  {rate} steps/s{time}{lr}", f" {step}  {rate}/s{lr}", f" {step}")
        return first_that_fits(texts, width)
    count = f"{step:>{len(f'{total:,}')}}/{total:,}"
    left = _time_left(result)
    variants = (
        (f"step {count}", f"{rate} steps/s  {left}{lr}"),
        (count, f"{rate}/s  {left}{lr}"),
        (count, f"{rate}/s{lr}"),
    )
    return progress_text(result.step / total, variants, (f"{count} {rate}/s", count), width)


def _time_left(result: "LoopResult") -> str:
    """Return the time that is left, after the end the time that it took."""
    rate = result.steps_per_second
    if result.ended is not None or not rate:
        return f"took {duration_text(result.seconds)}" if result.ended is not None else "ETA –"
    return f"ETA {duration_text((result.total - result.step) / rate)}"


def machine_text(machine: Machine | None, width: int) -> str:
    """Say what the loop uses of its machine, in as many figures as there is room for."""
    if machine is None:
        return ""
    parts = [*_own_parts(machine), *_gpu_parts(machine.gpus)]
    texts = (" · ".join(parts[:n]) for n in range(len(parts), 0, -1))
    return first_that_fits(texts, width)


def _own_parts(machine: Machine) -> Iterator[str]:
    if machine.cpu is not None:
        load = f" (machine {_percent(machine.load)})" if machine.load is not None else ""
        yield f"CPU {machine.cpu:.2g} cores{load}"
    if machine.memory is not None:
        total = f" of {bytes_text(machine.memory_total)}" if machine.memory_total else ""
        yield f"memory {bytes_text(machine.memory)}{total}"


def _gpu_parts(gpus: tuple[Gpu, ...]) -> Iterator[str]:
    """Describe one GPU in full, several by their load and memory."""
    for number, gpu in enumerate(gpus):
        name = "GPU" if len(gpus) == 1 else f"GPU {number}"
        load = f" {_percent(gpu.load)}" if gpu.load is not None else ""
        used = ""
        if gpu.memory is not None and gpu.memory_total:
            used = f" {bytes_text(gpu.memory)} of {bytes_text(gpu.memory_total)}"
        yield f"{name}{load}{used}"
        if len(gpus) == 1:
            watts = [f"{gpu.power:.0f} W"] if gpu.power is not None else []
            heat = [f"{gpu.temperature:.0f} °C"] if gpu.temperature is not None else []
            yield from (*watts, *heat)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def list_title(found: int, known: int) -> str:
    """Say how many metrics there are, and how many of them the filter finds."""
    return f"Metrics · {found:,}" + (f" of {known:,}" if found < known else "")


def no_plots_text(result: "LoopResult") -> str:
    """Say why there is nothing to plot."""
    if result.metrics:
        return "no metric has such a name"
    ended = "nothing was logged" if result.ended is not None else "nothing logged yet"
    return ended if result.started is not None else "reading…"


def shown_text(first: int, shown: int, count: int, pattern: str, keys: Mapping[str, str]) -> str:
    """Say which of all plots are shown, and what changes that."""
    if not count:
        return ""
    which = f"{count:,} plots" if count > 1 else "1 plot"
    if shown == 1 < count:
        which = f"plot {first + 1:,} of {count:,}"
    elif 1 < shown < count:
        which = f"plots {first + 1:,} to {first + shown:,} of {count:,}"
    found = f" · /{printable(pattern)}" if pattern else ""
    more = f" · {keys['page_next']} more" if 0 < shown < count else ""
    return f"{which}{found}{more}"
