"""Measure what the program claims about speed: ``make bench``, or ``run.py ROW ...`` for some rows.

Prints a table, each figure with the goal beside it, and writes it to `results.md`. Most figures are
ratios of whole runs of the installed program, taken in turn; a few minutes each.
"""

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import loop_screen as loops
import own_loops
import rows
import saved_runs
import torch

Measured = Iterator["Figure"]
SAME_GPU = "the textbook loop on the same GPU"
ROUNDS_ON_GPU = 3


@dataclass(frozen=True)
class Figure:
    """A row of the table; `met` is None where there is nothing to hold the figure against."""

    what: str
    found: str
    goal: str
    met: bool | None


def _at_least(what: str, found: float, goal: float) -> Figure:
    return Figure(what, f"{found:.2f}", f"≥ {goal:g}", found >= goal)


def _at_most(what: str, found: float, goal: float, unit: str = "") -> Figure:
    return Figure(what, f"{found:.2f}{unit}", f"≤ {goal:g}{unit}", found <= goal)


def _rates(*rates: list[float]) -> str:
    return " / ".join(f"{statistics.median(rate):,.0f}" for rate in rates)


def engines() -> Measured:
    """Compare both engines in the app with themselves headless, and with the textbook loop."""
    threads = rows.best_threads()
    rows.headless("compiled")  # so that the compiled step is in the cache
    textbook, eager_alone, eager_live, compiled_alone, compiled_live, peak = rows.rounds(
        lambda: (
            rows.textbook(threads),
            rows.headless("eager"),
            rows.live("eager"),
            rows.headless("compiled"),
            rows.live("compiled"),
            rows.peak(),
        )
    )
    bare = f"the textbook loop with tqdm ({threads} thread{'s' if threads > 1 else ''})"
    yield _at_least("eager live ÷ headless", rows.ratio(eager_live, eager_alone), 0.95)
    yield _at_least(f"eager live ÷ {bare}", rows.ratio(eager_live, textbook), 1.0)
    yield _at_least(f"compiled headless ÷ {bare}", rows.ratio(compiled_alone, textbook), 18.0)
    yield _at_least(f"compiled live ÷ {bare}", rows.ratio(compiled_live, textbook), 17.0)
    yield _at_least("compiled live ÷ headless", rows.ratio(compiled_live, compiled_alone), 0.95)
    steps = _rates(textbook, eager_alone, compiled_alone)
    yield Figure("steps/s: textbook / eager / compiled, headless", steps, "", None)
    useful = [rows.USEFUL * rate for rate in compiled_alone]
    what = "useful multiply-adds per second of compiled, headless ÷ one core's peak"
    yield _at_least(what, rows.ratio(useful, peak), 0.6)


def batches() -> Measured:
    """Compare mini-batches of 64 points with loops over as many, all validated once an epoch."""
    rows.batches("compiled", 64, 1_000)  # so that the compiled step is in the cache
    loader, index, eager, compiled = rows.rounds(
        lambda: (
            rows.batches_by_hand("loader", 64, 3_000),
            rows.batches_by_hand("index", 64, 5_000),
            rows.batches("eager", 64, 5_000),
            rows.batches("compiled", 64, 300_000),
        )
    )
    by_hand = "the same loop with a hand-written index select"
    yield _at_least("mini-batches ÷ a textbook DataLoader loop", rows.ratio(compiled, loader), 3)
    yield _at_least(f"mini-batches ÷ {by_hand}", rows.ratio(compiled, index), 1)
    yield _at_least(f"mini-batches, eager ÷ {by_hand}", rows.ratio(eager, index), 1)
    steps = _rates(loader, index, eager, compiled)
    yield Figure(
        "mini-batch steps/s: DataLoader / index select / eager / compiled", steps, "", None
    )


def cold() -> Measured:
    """Time the way to the first compiled step where none is in the cache."""
    seconds = statistics.median(rows.cold_start() for _ in range(3))
    yield _at_most("`s` → first compiled step, cold cache", seconds, 5.0, " s")


def judging() -> Measured:
    """Compare a judged run with the bare kernel. In one process."""
    found = rows.in_process("judging.py")
    what = "patient rule, history and events at full speed ÷ the bare kernel (in-process)"
    yield _at_least(what, found, 0.95)


def saving() -> Measured:
    """Compare runs that are saved with runs that are not, and kill some."""
    rows.headless("compiled")  # so that the compiled step is in the cache
    eager, eager_bare, compiled, compiled_bare = rows.rounds(
        lambda: (*rows.saved_and_not("eager"), *rows.saved_and_not("compiled"))
    )
    yield _at_least("eager saved ÷ not saved", rows.ratio(eager, eager_bare), 0.98)
    yield _at_least("compiled saved ÷ not saved", rows.ratio(compiled, compiled_bare), 0.98)
    what = "steps that differ after 100 kills"
    yield _at_most(what, rows.kills(100), 0)


def runs() -> Measured:
    """Time the list and a viewer, and weigh what runs on unseen."""
    seconds = statistics.median(saved_runs.list_seconds() for _ in range(5))
    yield _at_most("list of 1,000 runs, key → first rows", seconds, 0.3, " s")
    first, whole = rows.rounds(saved_runs.attach_seconds, 5)
    what = "attach to 5,000,000 steps, first frame → first curves"
    yield _at_most(what, statistics.median(first), 0.5, " s")
    found = f"{statistics.median(whole):.2f} s"
    yield Figure("the same → all curves", found, "", None)
    yield _at_most("CPU of a viewer of a paused run", 100 * saved_runs.viewer_share(), 1, " %")
    unseen, watched = rows.rounds(saved_runs.unseen_and_train, 3)
    what = "CPU for a step of a run whose terminal is gone ÷ with it"
    yield _at_most(what, rows.ratio(unseen, watched), 1.05)


def gpu() -> Measured:
    """Compare the CUDA graph with the textbook loop on the same GPU, and in the app with itself."""
    if not torch.cuda.is_available():
        yield Figure(f"cuda-graph ÷ {SAME_GPU}", "not measured: no GPU", "≥ 10", None)
        return
    textbook, graph, live, wide_textbook, wide_graph = rows.rounds(
        lambda: (
            rows.textbook(1, 2_000, "cuda"),
            rows.headless("cuda-graph", "cuda"),
            rows.live("cuda-graph", "cuda"),
            rows.textbook(1, 2_000, "cuda", 1024),
            rows.headless("cuda-graph", "cuda", 1024),
        ),
        ROUNDS_ON_GPU,
    )
    yield _at_least(f"cuda-graph ÷ {SAME_GPU}, mlp-4x20", rows.ratio(graph, textbook), 10)
    ratio = rows.ratio(wide_graph, wide_textbook)
    yield _at_least(f"cuda-graph ÷ {SAME_GPU}, 4 × 1,024", ratio, 10)
    yield _at_least("cuda-graph live ÷ headless", rows.ratio(live, graph), 0.98)
    steps = _rates(textbook, graph, wide_textbook, wide_graph)
    what = "steps/s on the GPU: textbook / cuda-graph, the same with 4 × 1,024"
    yield Figure(what, steps, "", None)


def sweeps() -> Measured:
    """Compare sweeps with the textbook loop, and large sweeps with small ones."""
    threads = rows.best_threads()
    textbook, swept, few, many = rows.rounds(
        lambda: (
            rows.textbook(threads, 20_000),
            rows.sweep(64, 2_000),
            rows.sweep(16, 4_000),
            rows.sweep(256, 500),
        )
    )
    bare = f"the textbook loop ({threads} thread{'s' if threads > 1 else ''})"
    what = f"sweep of 64 lrs × 2,000 steps ÷ {bare} one after another"
    yield _at_least(what, rows.ratio(swept, textbook), 35)
    yield _at_most("a candidate's cost among 256 ÷ among 16", rows.ratio(few, many), 1.2)
    steps = _rates(textbook, few, swept, many)
    yield Figure("steps/s: textbook / 16 / 64 / 256 candidates", steps, "", None)


def sweep_gpu() -> Measured:
    """Compare a large sweep with the textbook loop on the same GPU."""
    what = f"1,024 candidates ÷ {SAME_GPU}"
    if not torch.cuda.is_available():
        yield Figure(what, "not measured: no GPU", "≥ 500", None)
        return
    textbook, batched = rows.rounds(
        lambda: (rows.textbook(1, 2_000, "cuda"), rows.sweep(1024, 2_000, "cuda")), ROUNDS_ON_GPU
    )
    yield _at_least(what, rows.ratio(batched, textbook), 500)
    steps = _rates(textbook, batched)
    yield Figure("steps/s on the GPU: textbook / 1,024 candidates", steps, "", None)


def growth() -> Measured:
    """Compare a frame late in a long run with an early one. In one process, without a terminal."""
    found = rows.in_process("frame_growth.py")
    yield _at_most("CPU time of a frame, 5,000,000 steps ÷ 5,000 (in-process)", found, 1.2)


def loop_screen() -> Measured:
    """Compare a frame of a loop with many metrics with one of few; time the way to its curves."""
    found = rows.in_process("many_metrics.py")
    what = "CPU time of a frame of a loop, 200 metrics × 100,000 steps ÷ 2 metrics (in-process)"
    yield _at_most(what, found, 1.3)
    first, frame = rows.rounds(loops.attach_seconds, 5)
    what = "attach to 200 metrics × 100,000 steps, first frame → first curves"
    yield _at_most(what, statistics.median(first), 0.5, " s")
    yield Figure("exec → the first frame of that", f"{statistics.median(frame):.2f} s", "", None)


def own_loop() -> Measured:
    """Compare a loop of a script that Monitor shows with itself bare, and with other watchers."""
    floats, tensors = own_loops.log_microseconds()
    yield _at_most("Monitor.log of two Python floats (in-process)", floats, 2.0, " µs")
    yield _at_most("Monitor.log of two tensors on the CPU (in-process)", tensors, 5.0, " µs")
    names = ["bare", "monitor", "tqdm", "thread", "run", *own_loops.others()]
    taken = rows.rounds(lambda: tuple(map(own_loops.steps_per_second, names)))
    bare, monitor, tqdm, thread, run, *others = taken
    what = "steps/s of a script's loop with Monitor and its screen"
    yield _at_least(f"{what} ÷ without", rows.ratio(monitor, bare), 0.97)
    yield Figure("the same with tqdm alone ÷ without", f"{rows.ratio(tqdm, bare):.2f}", "", None)
    in_thread = "the same with the screen in a thread of the loop's process ÷ without"
    yield Figure(in_thread, f"{rows.ratio(thread, bare):.2f}", "", None)
    without = "the same script by tui-trainer run, without a line of its own ÷ without"
    yield Figure(without, f"{rows.ratio(run, bare):.2f}", "", None)
    for name, found in zip(own_loops.others(), others, strict=True):
        yield _at_least(f"{what} ÷ with {name}", rows.ratio(monitor, found), 1.0)
    yield Figure("steps/s: bare / Monitor / tqdm", _rates(bare, monitor, tqdm), "", None)


def start() -> Measured:
    """Time the first frame."""
    seconds, ratio = rows.first_frame()
    yield _at_most("first frame after exec", seconds, 0.5, " s")
    yield _at_most("first frame ÷ `python -c 'import textual.app'`", ratio, 2.5)


def keys() -> Measured:
    """Time keys while training."""
    middle, late = rows.key_to_repaint()
    yield _at_most("key → repaint while training, p50", middle, 10, " ms")
    yield _at_most("key → repaint while training, p99", late, 60, " ms")


def wire() -> Measured:
    """Count bytes, and CPU time while idle."""
    training, idle, share = rows.bytes_and_cpu()
    yield _at_most("bytes to the terminal while training", training / 1000, 12, " kB/s")
    yield _at_most("bytes to the terminal while idle", idle, 0, " B/s")
    yield _at_most("CPU while idle", share * 100, 1, " %")


def memory() -> Measured:
    """Weigh the history of a long run. In one process, without a terminal."""
    found = rows.in_process("history_memory.py")
    yield _at_most("memory for 5,000,000 steps of history (in-process)", found, 100, " MB")
    found = rows.in_process("history_memory.py", f"{10**9}")
    yield _at_most("memory for 1,000,000,000 steps of history (in-process)", found, 300, " MB")


ROWS: dict[str, Callable[[], Measured]] = {
    row.__name__: row
    for row in (
        *(engines, batches, cold, judging, saving, runs),
        *(gpu, sweeps, sweep_gpu),
        *(growth, loop_screen, own_loop, start, keys, wire, memory),
    )
}


def main(names: list[str]) -> None:
    """Measure the rows named, or all."""
    lines = [f"Measured on {_machine()}.", "", "| what | found | goal | |", "|---|---|---|---|"]
    print(*lines, sep="\n", flush=True)
    for name in names or ROWS:
        for figure in ROWS[name]():
            verdict = {True: "met", False: "**missed**", None: ""}[figure.met]
            lines.append(f"| {figure.what} | {figure.found} | {figure.goal} | {verdict} |")
            print(lines[-1], flush=True)
    if not names:
        Path(__file__).with_name("results.md").write_text("\n".join([*lines, ""]))


def _machine() -> str:
    """Describe the machine in half a line."""
    cores = len(os.sched_getaffinity(0))
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = [f"Python {platform.python_version()}", f"torch {torch.__version__}"]
    return ", ".join([platform.system(), f"{cores} cores", gpu, *versions])


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in ROWS]
    if unknown:
        sys.exit(f"no row '{unknown[0]}'; there are {', '.join(ROWS)}")
    main(sys.argv[1:])
