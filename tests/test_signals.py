"""Signals and terminals that nobody reads: no command waits or loses what it has so far."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import signal
import sys
import time
import tty
from pathlib import Path

import pytest
from test_cli import DEADLINE, FOR_EVER, read_until, start

SWEEP_FOR_EVER = ("sweep", "--over", "lr=0.001,0.002", "--recipe", "kaiming", "--steps", 10**6)
FIND_FOR_EVER = ("find-lr", "--trial-steps", 10**8, "--trials", 4)
MODULE = (sys.executable, "-m", "tui_trainer")


@contextlib.contextmanager
def running(*commands):
    """Let processes run at the same time, and end those that still do."""
    try:
        yield commands
    finally:
        for process in commands:
            process.kill()
            process.communicate()


def results(processes):
    """Wait for the ends; return each one's status, stdout and stderr."""
    ends = [process.communicate(timeout=DEADLINE) for process in processes]
    return [(process.returncode, *end) for process, end in zip(processes, ends, strict=True)]


@contextlib.contextmanager
def frozen_terminal():
    """A terminal that takes nothing more and that nobody reads."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    flags = fcntl.fcntl(slave, fcntl.F_GETFL)
    fcntl.fcntl(slave, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    full_since = time.monotonic()
    while time.monotonic() - full_since < 0.3:  # its end that is read has a buffer too
        try:
            os.write(slave, b"x")
            full_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    fcntl.fcntl(slave, fcntl.F_SETFL, flags)
    try:
        yield slave
    finally:
        os.close(master)
        os.close(slave)


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.05)


def test_a_terminal_that_nobody_reads_stops_no_command_and_ctrl_c_ends_it_at_its_result(
    forks, tmp_path
):
    history = tmp_path / "history.csv"
    with frozen_terminal() as terminal, open("/dev/full", "wb") as full:  # noqa: PTH123
        frozen = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
        with running(
            forks.start("train", "--steps", 30, "--history", history, **frozen),
            forks.start(
                "sweep", "--over", "lr=0.001,0.002", "--steps", 20, "--json", stderr=terminal
            ),
            forks.start("find-lr", "--trials", 4, "--trial-steps", 30, "--json", stderr=terminal),
            forks.start("train", "--steps", 30, "--json", stderr=full),
        ) as (waiting, *others):
            for status, out, _ in results(others):
                assert status == 0
                assert json.loads(out)
            wait_for(lambda: history.exists() and history.stat().st_size, "it does not train")
            assert waiting.poll() is None
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(DEADLINE) == 130


def test_term_and_hup_end_every_command_with_all_there_is_so_far(forks, tmp_path):
    history, table = tmp_path / "history.csv", tmp_path / "table.csv"
    hup, term = signal.SIGHUP, signal.SIGTERM
    nohup = {"ignored": [hup]}
    train, trains = (*FOR_EVER, "--json", "--history", history), rb"train [\d.]+ val"
    sweep, sweeps = (*SWEEP_FOR_EVER, "--json", "--csv", table), rb"done, [\d,]+ steps/s"
    find, finds = (*FIND_FOR_EVER, "--json"), rb"trials: batched"
    found = []
    for command, options, at_work, numbers, status in (
        (train, nohup, trains, (hup, term), 143),
        (sweep, {}, sweeps, (hup,), 129),
        (find, {}, finds, (term,), 143),
        (FOR_EVER, {}, trains, (term,), None),  # whose output nobody reads any more
    ):
        with running(forks.start(*command, **options)) as (process,):
            read_until(process, at_work)
            if status is None:
                process.stdout.close()
            for number in numbers:
                process.send_signal(number)
            while status == 129 and process.poll() is None:  # a terminal that closes sends several
                process.send_signal(hup)
                time.sleep(0.01)
            ((ended, out, err),) = results([process])
        assert ended == status or (status is None and ended != 0)
        assert b"Traceback" not in err
        assert b"Exception" not in err
        found.append(out)
    trained, swept, searched = map(json.loads, found[:3])
    assert len(history.read_text().splitlines()) == trained["steps"] + 1 > 1
    assert swept["stop_reason"] == "stopped"
    assert len(list(csv.DictReader(io.StringIO(table.read_text())))) == 2
    assert "stopped by hand" in searched["trials"]["words"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_a_compiler_at_work_leaves_with_it_and_so_does_its_folder(forks, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("CXX", str(Path(__file__).with_name("fake_compiler.sh")))
    monkeypatch.setenv("FAKE_GATE", "/nowhere")
    for number in (signal.SIGTERM, signal.SIGKILL):
        cache = tmp_path / str(number)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        with running(forks.start("train", "--engine", "compiled", "--json")) as (process,):
            read_until(process, rb"compiling \d+ s")
            assert processes_with(cache)
            assert [*cache.rglob("build-*")]
            process.send_signal(number)
            ((status, out, _),) = results([process])
        wait_for(lambda cache=cache: not processes_with(cache), "the compiler goes on")
        if number == signal.SIGTERM:  # nobody is left to tidy up after the other
            assert (status, json.loads(out)["stop_reason"]) == (143, "stopped")
            assert [*cache.rglob("build-*"), *temporary.iterdir()] == []


def processes_with(folder):
    """Find the other processes that have a folder in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return [number for number in found if number != os.getpid()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_modules_are_imported_ends_it_though_one_of_them_swallows_all(
    number, tmp_path
):
    (tmp_path / "click.py").write_text(
        "import sys, time\n"
        "print('importing', file=sys.stderr, flush=True)\n"
        "for _ in range(600):\n"
        "    try:\n"
        "        time.sleep(0.1)\n"
        "    except BaseException:\n"
        "        pass\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with running(start("train", program=MODULE, env=environment)) as (process,):
        read_until(process, b"importing\n")
        process.send_signal(number)
        assert results([process]) == [(128 + number, b"", b"")]
