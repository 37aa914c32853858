"""What is left of memory: of the machine's, of each control group's limit, of the process's own."""

import resource
from pathlib import Path

import pytest

from tui_trainer.task import machine
from tui_trainer.task.machine import available_bytes

MACHINE = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    8000 kB\nHugePages: 0\n"}


@pytest.fixture
def root(tmp_path):
    """Write a tree of files; return its root."""

    def write(files):
        for name, text in (MACHINE | files).items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


def test_what_the_machine_has_left_where_nothing_is_limited(root):
    assert available_bytes(root({})) == 8_192_000


def unified(group, limit, used):
    folder = f"sys/fs/cgroup{group}"
    return {f"{folder}/memory.max": f"{limit}\n", f"{folder}/memory.current": f"{used}\n"}


def test_the_tightest_of_the_groups_above_counts(root):
    files = {"proc/self/cgroup": "0::/user.slice/app.scope\n"}
    files |= unified("/user.slice/app.scope", "max", 1000) | unified("/user.slice", 5000, 2000)
    assert available_bytes(root(files)) == 3000


def test_pages_of_files_are_given_back(root):
    files = {"proc/self/cgroup": "0::/\n", **unified("", 5000, 4900)}
    files["sys/fs/cgroup/memory.stat"] = "anon 900\ninactive_file 3000\nactive_file 1000\n"
    assert available_bytes(root(files)) == 4100


def test_a_group_over_its_limit_has_nothing_left(root):
    assert available_bytes(root({"proc/self/cgroup": "0::/\n", **unified("", 5000, 6000)})) == 0


@pytest.mark.parametrize("folder", ["/docker/abc", ""])  # a container's group may be the top one
def test_groups_of_version_1(root, folder):
    group = f"sys/fs/cgroup/memory{folder}"
    files = {
        "proc/self/cgroup": "9:name=systemd:/a:b\n4:cpu,memory:/docker/abc\n0::/x\n",
        f"{group}/memory.limit_in_bytes": "7000\n",
        f"{group}/memory.usage_in_bytes": "6000\n",
        f"{group}/memory.stat": "active_file 1\ntotal_active_file 500\ntotal_inactive_file 20\n",
    }
    assert available_bytes(root(files)) == 1520


def test_the_limit_of_the_process_itself(root, monkeypatch):
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (2_000_000, -1))
    pages = 1_000_000 // resource.getpagesize()
    assert available_bytes(root({"proc/self/statm": f"{pages} 5 5 5 0 5 0\n"})) == (
        2_000_000 - pages * resource.getpagesize()
    )


def test_a_machine_that_tells_less_has_all_its_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 3 + ("SIZE" in name))
    assert available_bytes(tmp_path) == 12
    monkeypatch.delattr(machine.os, "sysconf")
    assert available_bytes(tmp_path) == 4 * 2**30


def test_this_machine_has_some():
    assert available_bytes(Path("/")) > 10_000_000
