"""`Monitor` in scripts as people write them: in a real terminal, in a pipe, under signals."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from terminals import DEADLINE, WIDE

from tui_trainer.monitor.follow import follow_loop
from tui_trainer.monitor.result import LoopResult
from tui_trainer.runs.client import RemoteControl
from tui_trainer.training.early_stopping import StopReason

FOR_EVER = """
import time, warnings
from pathlib import Path
from tui_trainer import Monitor

def train(monitor):
    for step in monitor:
        time.sleep(0.002)
        monitor.log({"train/loss": 1 / step})
        if step == 5:
            print("a word from the loop")
            warnings.warn("a warning from the loop")
        if Path("break").exists():
            break
        if Path("raise").exists():
            raise ValueError("the loop's own mistake")

with Monitor(name="mine", total=1_000_000) as monitor:
    monitor.checkpoint(lambda: Path("saved").write_text("all of it"))
    train(monitor)
print("after the loop")
Path("done").touch()
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Write a script to a folder of its own, where it is also to run; its runs are there, too."""
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path / "runs"))
    for name in ("TUI_TRAINER", "RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "train.py").write_text(text)
        return str(tmp_path / "train.py")

    return write


def result_in(root):
    (folder,) = (root / "runs").iterdir()
    control, result = RemoteControl(folder, lambda _: None), LoopResult()
    for event in follow_loop(folder, control):
        result.apply(event)
    control.leave()
    return result


def opened(open_terminal, *arguments, program=sys.executable):
    terminal = open_terminal(*arguments, program=program, size=WIDE)
    terminal.wait_for(r"TRAINING")
    terminal.wait_for(r"step +[\d,]{2,}")
    return terminal


def wait_until(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.05)


def is_gone(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_screen_opens_and_at_the_end_all_is_on_the_terminal_that_belongs_there(
    open_terminal, script, tmp_path
):
    terminal = opened(open_terminal, script(FOR_EVER))
    (screen,) = psutil.Process(terminal.child.pid).children()
    terminal.press("o")
    terminal.wait_for("a word from the loop")
    libraries = Path(f"/proc/{screen.pid}/maps").read_text()
    assert ("_multiarray_umath" in libraries, "libtorch" in libraries) == (True, False)
    terminal.press("x")
    terminal.wait_for("x again stops the loop")
    terminal.press("x")
    terminal.wait_for(r"stopped after [\d,]+ of 1,000,000 steps")
    assert terminal.wait_for_the_end() == 0
    terminal.assert_restored()
    last = terminal.sent.rpartition(b"\x1b[?1049l")[2].decode()
    for words in ("a word from", "UserWarning: a warning", "□ mine stopped", "after the loop"):
        assert words in last
    result = result_in(tmp_path)
    assert (result.ended.reason, result.name) == (StopReason.STOPPED, "mine")
    assert (tmp_path / "saved").exists()
    assert result.metrics["train/loss"].count == result.step


def test_an_exception_ends_the_screen_first_and_then_shows_as_always(
    open_terminal, script, tmp_path
):
    terminal = opened(open_terminal, script(FOR_EVER))
    (tmp_path / "raise").touch()
    assert terminal.wait_for_the_end() == 1
    assert terminal.tty_modes() == terminal.modes_before
    last = terminal.sent.rpartition(b"\x1b[?1049l")[2].decode()
    assert "⚠ mine failed after" in last
    assert last.rstrip().endswith("ValueError: the loop's own mistake")
    assert "in train" in last
    assert "monitor.py" not in last


def test_ctrl_c_is_a_keyboard_interrupt_in_the_loop(open_terminal, script, tmp_path):
    terminal = opened(open_terminal, script(FOR_EVER))
    terminal.press(" ")
    terminal.wait_for("PAUSED")
    terminal.press("\x03")
    terminal.wait_for(r"\nKeyboardInterrupt")
    assert terminal.wait_for_the_end() == -signal.SIGINT
    assert terminal.tty_modes() == terminal.modes_before
    last = terminal.sent.rpartition(b"Traceback")[2].decode()
    assert "in train" in last
    assert "monitor.py" not in last
    assert result_in(tmp_path).ended.detail == "interrupted with ctrl+c"


def test_without_its_screen_the_loop_goes_on_with_a_line_and_sigterm_saves_it(
    open_terminal, script, tmp_path
):
    terminal = opened(open_terminal, script(FOR_EVER))
    terminal.press(" ")
    terminal.wait_for("PAUSED")
    terminal.press("q")
    terminal.wait_for("The loop goes on")
    terminal.press("y")
    line = r"mine: .* (\d+)/1000000 .*step/s, train/loss="
    first = terminal.wait_for(line)[1]
    wait_until(
        lambda: terminal.read(0.05) is not None and terminal.wait_for(line)[1] != first, "it waits"
    )
    terminal.assert_restored()
    after = terminal.sent.rpartition(b"\x1b[?1049l")[2].decode()
    told = r"(?s)a word from the loop\r\n.*mine resumes; watch it: tui-trainer attach \S+-mine"
    assert re.search(told, after), after
    terminal.child.kill(signal.SIGTERM)
    assert terminal.wait_for_the_end() == -signal.SIGTERM
    terminal.assert_restored()
    assert (tmp_path / "saved").read_text() == "all of it"
    assert terminal.sent.count(b"a word from the loop") == 1
    assert result_in(tmp_path).ended.detail == "ended by SIGTERM"
    assert not (tmp_path / "done").exists()


def test_a_paused_loop_resumes_where_a_shell_loses_the_terminal(open_terminal, script, tmp_path):
    run = f"{sys.executable} {script(FOR_EVER)}; true"
    terminal = opened(open_terminal, "--norc", "-ic", run, program="/bin/bash")
    (loop,) = psutil.Process(terminal.child.pid).children()
    terminal.press(" ")
    terminal.wait_for("PAUSED")
    result = end_without_terminal(terminal, tmp_path, loop)  # nobody is left who would resume it
    assert list(result.notes) == ["the terminal is gone: the loop, which was paused, resumes"]


def end_without_terminal(terminal, folder, loop=None):
    """Take a loop's terminal away, have it end, and return what was recorded of it."""
    loop = loop or psutil.Process(terminal.child.pid)
    terminal.hang_up()  # the kernel does it, and a shell once more
    wait_until(lambda: not loop.children(), "the screen stays")
    (folder / "break").touch()
    wait_until((folder / "done").exists, "the loop did not go on")
    wait_until(lambda: not terminal.child.isalive(), "it did not end")
    wait_until(lambda: is_gone(loop), "the loop did not end")
    result = result_in(folder)
    assert result.ended.reason is StopReason.COMPLETED
    assert "after the loop" in result.output
    return result


def test_a_loop_that_is_killed_leaves_the_terminal_as_it_was(open_terminal, script, tmp_path):
    # By a shell, as people do it: where the loop itself leads the session, the kernel hangs the
    # terminal up with its death, and nobody can restore it.
    run = f"{sys.executable} {script(FOR_EVER)}; echo the shell saw $?; read line"
    terminal = opened(open_terminal, "-c", run, program="/bin/sh")
    (loop,) = psutil.Process(terminal.child.pid).children()
    (screen,) = loop.children()
    loop.kill()
    terminal.wait_for("the shell saw 137")
    wait_until(lambda: terminal.read(0.05) is None or is_gone(screen), "the screen stays")
    terminal.press("\n")
    terminal.wait_for_the_end()
    terminal.assert_restored()
    assert "is gone" in result_in(tmp_path).ended.detail


def test_a_screen_that_is_killed_leaves_the_terminal_as_it_was_and_that_may_go_too(
    open_terminal, script, tmp_path
):
    terminal = opened(open_terminal, script(FOR_EVER))
    (screen,) = psutil.Process(terminal.child.pid).children()
    screen.kill()
    terminal.wait_for(r"mine: .*step/s, train/loss=")
    terminal.assert_restored()
    result = end_without_terminal(terminal, tmp_path)
    assert not result.notes
    assert terminal.child.exitstatus == 0


UNREAD = """
import time
from tui_trainer import Monitor

with Monitor(total=60) as monitor:
    for step in monitor:
        time.sleep(0.005)
print("the end", flush=True)
"""


def test_a_pipe_that_nobody_reads_any_more_ends_nothing_and_holds_up_nothing(script):
    process = subprocess.Popen(
        [sys.executable, script(UNREAD)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        process.stderr.read(5)
        process.stderr.close()
        assert process.stdout.read() == b"the end\n"
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.communicate()


FEW = """
import sys
from pathlib import Path
from tui_trainer import Monitor

with Monitor(name="few", total=20) as monitor:
    for step in monitor:
        monitor.log(loss=1 / step)
        if step == 10 and sys.argv[1:] == ["asks"]:
            breakpoint()
Path(f"done {sys.argv[1]}").touch()
"""


def test_a_stderr_that_takes_nothing_costs_the_loop_nothing(script, tmp_path):
    train, streams = script(FEW), ("2>&-", ">&- 2>&-", "2>/dev/full", "2>&1 >/dev/null | true")
    commands = [f"{sys.executable} {train} {n} {to}" for n, to in enumerate(streams)]
    shell = subprocess.run(
        ["/bin/bash", "-c", " & ".join([*commands, "wait"])],
        capture_output=True, text=True, timeout=DEADLINE,
    )  # fmt: skip
    assert (shell.stdout, shell.stderr) == ("", "")
    for number, stream in enumerate(streams):
        assert (tmp_path / f"done {number}").exists(), stream


def test_a_reader_of_its_stdout_has_the_terminal_and_so_has_a_debugger(
    open_terminal, script, tmp_path
):
    command = f"{sys.executable} {script(FEW)} piped | cat"
    terminal = open_terminal("-c", command, program="/bin/sh", size=WIDE)
    assert terminal.wait_for_the_end() == 0
    assert "✓ few finished 20 steps" in terminal.text
    assert b"[?1049h" not in terminal.sent

    terminal = open_terminal(script(FEW), "asks", program=sys.executable, size=WIDE)
    terminal.wait_for(r"\(Pdb\)")
    after = terminal.sent.rpartition(b"\x1b[?1049l")[2].decode()
    assert "train.py" in after
    assert "session.py" not in after
    terminal.press("p step\n")
    terminal.wait_for(r"\n10\n")
    terminal.press("c\n")
    assert terminal.wait_for_the_end() == 0
    assert "step/s" not in terminal.text
    assert (tmp_path / "done asks").exists()


WORKERS = """
import sys, torch
from tui_trainer import Monitor

class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 24
    def __getitem__(self, index):
        return torch.tensor(float(index))

for number in range(2):
    with Monitor(name=f"loop {number}", total=12) as monitor:
        for epoch in range(2):
            loader = torch.utils.data.DataLoader(Data(), batch_size=4, num_workers=2)
            for batch in monitor.over(loader):
                monitor.log(loss=batch.mean())
print("printed", monitor.stopped)
"""


def test_in_a_pipe_it_is_a_line_of_tqdm_and_workers_of_a_loader_disturb_nothing(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", script(WORKERS)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "printed False\n"
    assert "loop 1: 100%" in done.stderr
    assert "✓ loop 0 finished 12 steps" in done.stderr
    folders = sorted((tmp_path / "runs").iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert (folder / "events.jsonl").read_text().count("ended") == 1
        assert not (folder / "owner.json").exists()
        assert not (folder / "output.log").exists()
    (tmp_path / "break").touch()
    quiet = subprocess.run(
        [sys.executable, script(FOR_EVER)],
        env=os.environ | {"TUI_TRAINER": "off"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (quiet.stdout, quiet.stderr) == ("after the loop\n", "")
    assert len(list((tmp_path / "runs").iterdir())) == 2
