"""Who writes a run: one process, found by all others, and mistaken for no other program."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from tui_trainer.runs import ownership
from tui_trainer.runs.ownership import Owner, RunInUseError, own, owner_of

DEADLINE = 90
HOLDS = """
import subprocess, sys, time
from pathlib import Path
from tui_trainer.runs.ownership import own
with own(Path(sys.argv[1])) as ownership:
    ownership.publish("/tmp/a socket")
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    print(child.pid, flush=True)
    time.sleep(60)
"""


def no_locks(*_):
    raise OSError(errno.ENOLCK, "No locks available")


def write_owner(folder, **changes):
    mine = ownership._this_process()
    owner = msgspec.structs.replace(mine, **changes)
    (folder / "owner.json").write_bytes(msgspec.json.encode(owner))
    return owner


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)


def test_a_second_process_is_refused_by_the_first_ones_pid_until_that_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True
    )
    child = int(holder.stdout.readline())
    try:
        owner = owner_of(tmp_path)
        assert (owner.pid, owner.socket, owner.is_here) == (holder.pid, "/tmp/a socket", True)
        with pytest.raises(RunInUseError) as refused, own(tmp_path):
            pass
        assert refused.value.owner == owner
        assert str(refused.value) == f"run {tmp_path.name} is in use by process {holder.pid}"
        holder.kill()
        holder.wait()
        assert owner_of(tmp_path) is None
        with own(tmp_path) as mine:  # what the killed one has started does not hold the lock
            assert owner_of(tmp_path) == mine.owner
            assert mine.owner.pid == os.getpid()
            with pytest.raises(RunInUseError), own(tmp_path):
                pass
        assert owner_of(tmp_path) is None
        assert not (tmp_path / "owner.json").exists()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.kill()
        holder.communicate()


def test_without_locks_a_pid_with_its_start_time_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership.fcntl, "flock", no_locks)
    with own(tmp_path) as mine:
        assert owner_of(tmp_path) == mine.owner
        with pytest.raises(RunInUseError, match=f"in use by process {os.getpid()}$"), own(tmp_path):
            pass
    assert owner_of(tmp_path) is None
    taken_over = write_owner(tmp_path, started=mine.owner.started - 100)
    assert owner_of(tmp_path) is None, "the pid is another program's by now"
    with own(tmp_path) as mine:
        assert mine.owner.started > taken_over.started
    ended = subprocess.Popen(["true"])
    wait_for(lambda: os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT), "it does not end")
    write_owner(tmp_path, pid=ended.pid, started=psutil.Process(ended.pid).create_time())
    assert owner_of(tmp_path) is None, "it has ended, though nobody has waited for it"
    ended.wait()


def test_another_host_is_named_as_far_as_can_be_known(tmp_path, monkeypatch):
    there = write_owner(tmp_path, host="gpu-3", pid=7)
    (tmp_path / "lock").touch()
    assert owner_of(tmp_path) is None, "nobody holds the lock"
    monkeypatch.setattr(ownership.fcntl, "flock", no_locks)
    assert owner_of(tmp_path) == there
    assert not there.is_here
    with pytest.raises(RunInUseError, match=r"in use by process 7 on gpu-3$"), own(tmp_path):
        pass
    assert owner_of(tmp_path) == there


def test_of_two_that_come_at_once_without_locks_the_later_name_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership.fcntl, "flock", no_locks)
    write = ownership._write

    def is_overtaken(file, owner):
        write(file, owner)
        write(file, Owner(pid=7, started=1.0, host="gpu-3"))

    monkeypatch.setattr(ownership, "_write", is_overtaken)
    with pytest.raises(RunInUseError, match="gpu-3"), own(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"pid": "x"}', b" " * 9999])
def test_a_damaged_file_says_nothing_and_is_replaced(tmp_path, content):
    (tmp_path / "owner.json").write_bytes(content)
    assert owner_of(tmp_path) is None
    with own(tmp_path) as mine:
        assert json.loads((tmp_path / "owner.json").read_text())["pid"] == mine.owner.pid
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]


def test_a_folder_that_was_deleted_meanwhile_is_no_error_at_the_end(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with own(folder):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    assert not folder.exists()
