"""Sweeps on a real Ray cluster: two nodes of one processor each, all on this machine."""

import contextlib
import ipaddress
import os
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from reference_loop import PRESETS
from test_cli import DEADLINE, read_until, start

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps.axes import parse_axis
from tui_trainer.sweeps.cluster import driver_process
from tui_trainer.sweeps.cluster.coordinator import _EventMerger, make_shares
from tui_trainer.sweeps.cluster.driver import _Share
from tui_trainer.sweeps.cluster.driver_process import find_address
from tui_trainer.sweeps.cluster.sweeping import sweep_on_cluster
from tui_trainer.sweeps.cluster.worker import gather
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEnded,
    SweepNoted,
    SweepStarted,
)
from tui_trainer.sweeps.plan import plan_sweep
from tui_trainer.sweeps.sweeper import sweep, with_end
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import RunEnded

pytestmark = [
    pytest.mark.timeout(600),  # Ray alone takes a minute to start on a busy machine
    pytest.mark.xdist_group("cluster"),  # it starts once
]

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's way to stay on 127.0.0.1
    "CXX": "false",  # as in all tests: fused steps would be done before a node is lost
}
NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000}


# Ray gives a silent node 20 s before it is lost.
HEALTH = {"health_check_period_ms": 500, "health_check_initial_delay_ms": 1000}
# Neither the dashboard nor what prints workers' lines or asks a cloud for more nodes.
WITHOUT = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
HEAD = {**NODE, **WITHOUT, "_system_config": HEALTH}


@pytest.fixture(scope="module")
def ray_head():
    """A cluster of one node."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("RAY_ADDRESS", raising=False)
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args=HEAD)
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture
def cluster(ray_head):
    """Two nodes, though an earlier test may have lost one."""
    if not ray_head.worker_nodes:
        ray_head.add_node(**NODE)
    return ray_head


def plan(*axes, recipe="kaiming", **settings):
    return plan_sweep(PRESETS, recipe, [parse_axis(axis, PRESETS) for axis in axes], **settings)


class Told:
    """The events of a sweep, folded: losses by candidate, and what ended it."""

    def __init__(self, events):
        self.losses, self.ended, self.fits, self.notes = {}, {}, {}, []
        self.restarted = []
        for event in events:
            self.apply(event)

    def apply(self, event):
        assert not hasattr(self, "end"), "nothing comes after SweepEnded"
        match event:
            case SweepStarted():
                self.started = event
            case CandidatesAdvanced():
                self.advance(event)
            case CandidateEnded():
                assert event.candidate not in self.ended
                self.ended[event.candidate] = event.ended
                self.fits[event.candidate] = event.fit
            case CandidatesRestarted():
                assert not self.ended.keys() & set(event.candidates)
                self.restarted += event.candidates
                for index in event.candidates:
                    self.losses.pop(index, None)
            case SweepNoted():
                self.notes.append(event.words)
            case SweepEnded():
                self.end = event

    def advance(self, event):
        assert not event.val_loss.flags.writeable
        for column, (index, count) in enumerate(zip(event.candidates, event.counts, strict=True)):
            losses = self.losses.setdefault(index, [])
            assert event.first_step == len(losses) + 1
            losses += event.val_loss[:count, column].tolist()


def assert_same(told, local):
    """Hold a sweep against the same one here: a network's bits are those of any batch."""
    assert told.end.reason is StopReason.COMPLETED, told.end.detail
    assert told.end.steps == local.end.steps == sum(map(len, told.losses.values()))
    assert told.ended.keys() == local.ended.keys()
    for index, ended in told.ended.items():
        assert (ended.reason, ended.steps) == (local.ended[index].reason, local.ended[index].steps)
        assert len(told.losses[index]) == ended.steps
        np.testing.assert_array_equal(told.losses[index], local.losses[index])


def assert_free(cluster):
    """Hold that nothing of a sweep works any longer."""
    nodes = 1 + len(cluster.worker_nodes)
    deadline = time.monotonic() + DEADLINE
    while cluster.global_state.available_resources().get("CPU") != nodes:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_a_stop_ends_all_candidates_and_until_then_nothing_listens_beyond_127_0_0_1(
    cluster, monkeypatch
):
    monkeypatch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")  # as a user's environment is
    monkeypatch.setattr("tui_trainer.sweeps.cluster.coordinator._MOST_OF_A_CPU", 2)
    grid = plan("lr=1e-4:1e-3:log:10", steps=1_000_000)
    control, told, listening = SweepControl(), Told([]), {}
    for event in sweep_on_cluster(grid, control, cluster.address, fits=True):
        told.apply(event)
        if len(told.losses) >= 4 and not listening:
            listening = {name: listeners(pid) for pid, name in descendants()}
            control.stop()
    assert any("cluster.driver" in name and hosts for name, hosts in listening.items())
    assert any("train_share" in name and hosts for name, hosts in listening.items())
    assert set().union(*listening.values()) == {"127.0.0.1"}, listening
    assert told.end.reason is StopReason.STOPPED
    assert {ended.reason for ended in told.ended.values()} == {StopReason.STOPPED}
    assert sorted(told.ended) == list(range(10))  # on their way or not begun
    for index, ended in told.ended.items():
        losses = told.losses.get(index, [])
        assert ended.steps == len(losses)
        assert ended.val_loss == (losses[-1] if losses else None)
        assert ended.best_val_loss == (min(losses) if losses else None)
    assert told.end.steps == sum(map(len, told.losses.values()))
    assert_free(cluster)


def descendants():
    """Return the process id and the command line of all that this process has started."""
    parents, found = {}, {os.getpid()}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    for pid in found - {os.getpid()}:
        with contextlib.suppress(OSError):
            yield pid, Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def listeners(pid):
    """Return the addresses at which a process waits for connections."""
    sockets = set()
    with contextlib.suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # it has been closed
                sockets.add(str(file.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                found.add(host_of(local.partition(":")[0]))
    return found


def host_of(words):
    """Read an address as the kernel writes it: words of four bytes, each backwards."""
    packed = bytes.fromhex(words)
    packed = b"".join(packed[i : i + 4][::-1] for i in range(0, len(packed), 4))
    address = ipaddress.ip_address(packed)
    return str(getattr(address, "ipv4_mapped", None) or address)


def test_an_error_of_a_worker_ends_the_sweep_with_its_words(cluster, monkeypatch):
    grid = plan("lr=0.1,0.2", steps=5)
    broken = "a candidate that no worker can train"
    monkeypatch.setattr(
        "tui_trainer.sweeps.cluster.coordinator.make_shares", lambda *_: [(broken,)]
    )
    told = Told(sweep_on_cluster(grid, address=cluster.address, fits=False))
    assert told.end.reason is StopReason.FAILED
    assert told.end.detail == "AttributeError: 'str' object has no attribute 'config'"


def test_what_is_abandoned_ends(cluster, monkeypatch):
    drivers = []

    def start(pipe):
        drivers.append(start_driver(pipe))
        return drivers[-1]

    start_driver = driver_process._start
    monkeypatch.setattr(driver_process, "_start", start)
    events = sweep_on_cluster(plan("lr=1e-4", steps=10**6), address=cluster.address, fits=True)
    assert isinstance(next(events), SweepStarted)
    events.close()
    (driver,) = drivers
    assert driver.returncode == 0
    assert_free(cluster)


def test_a_gpu_that_no_node_has(cluster):
    with pytest.raises(InvalidSettingsError, match=f"cluster at {cluster.address} has no GPU"):
        sweep_on_cluster(plan("lr=0.1", device="cuda"), address=cluster.address, fits=False)


def test_a_sweep_that_loses_one_of_two_nodes_comes_to_what_it_does_here(cluster, capfd):
    axes = ("lr=1e-3,1", "regularizer=none,stop-first-increase", "dropout=0,0.2")
    grid = plan(*axes, steps=1000)
    (node,) = cluster.worker_nodes
    told, killer = Told([]), threading.Thread(target=cluster.remove_node, args=(node, False))
    for event in sweep_on_cluster(grid, address=cluster.address, fits=True):
        told.apply(event)
        if told.losses and killer.ident is None:
            killer.start()
    killer.join()
    assert told.started.sweep is grid
    assert told.started.how == "2 groups, a Ray cluster of 2 nodes, 2 CPUs"
    assert told.restarted
    assert told.notes[-1] == f"lost a worker; candidates restarted: {len(told.restarted)}"
    local = Told(sweep(grid))
    assert_same(told, local)
    assert len({ended.reason for ended in told.ended.values()}) == 3
    assert {i for i, fit in told.fits.items() if fit} == {i for i, f in local.fits.items() if f}
    seconds = [ended.seconds for ended in told.ended.values()]
    assert 0 < min(seconds) <= max(seconds) <= told.end.seconds
    assert_free(cluster)
    assert capfd.readouterr() == ("", "")


def test_what_starts_again_counts_once():
    grid, control = plan("seed=0,1", steps=4), SweepControl()
    ended = CandidateEnded(1, RunEnded(StopReason.COMPLETED, "words", 4))
    worker = [
        advanced((0, 1), 1, 4, (2, 4)),
        ended,
        CandidatesRestarted((0,)),
        advanced((0,), 1, 3),
    ]
    merger = _EventMerger(grid)
    events = [event for told in worker for event in merger.merge(told)]
    control.stop()
    told = Told(with_end(iter([*events, *merger.stop()]), grid))
    assert told.end.steps == 7
    assert told.ended[0].detail == "stopped by hand at step 3; best 1.00 at step 1"
    assert told.losses[0] == [1, 2, 3]


def test_losses_are_counted_from_the_last_candidate_that_ended():
    candidates = plan("seed=0,1", steps=4).candidates
    share = _Share(candidates, losses=2)
    share.apply([advanced((0, 1), 1, 4)])
    assert (share.candidates, share.losses) == (candidates, 2)
    share.apply([CandidateEnded(1, RunEnded(StopReason.COMPLETED, "words", 4))])
    assert (share.candidates, share.losses) == (candidates[:1], 0)


def test_shares_are_of_one_group_each_and_mix_neighbours():
    candidates = plan("lr=1e-3:1:log:6", "regularizer=none,dropout", steps=9).candidates
    shares = make_shares(candidates, 4, "CPU")
    assert sorted(c.index for share in shares for c in share) == list(range(12))
    assert [[c.index for c in share] for share in shares] == [
        [0, 4, 8], [2, 6, 10], [1, 5, 9], [3, 7, 11],
    ]  # fmt: skip
    many = plan("seed=1:1000:lin:1000").candidates
    assert len(make_shares(many, 2, "CPU")) == 16
    assert len(make_shares(many, 2, "GPU")) == 2
    assert len(make_shares(candidates, 100, "CPU")) == 12


def advanced(candidates, first, steps, counts=None):
    losses = np.arange(first, first + steps, dtype=np.float32)[:, None].repeat(len(candidates), 1)
    counts = counts or (steps,) * len(candidates)
    return CandidatesAdvanced(candidates, first, counts, losses, losses, 0.0)


def test_gathering_joins_consecutive_steps_and_keeps_the_rest_in_order():
    end = SweepNoted("1 ended")
    events = [
        advanced((9,), 1, 1),  # goes at once
        advanced((0, 1), 1, 2),
        advanced((2, 3), 1, 2),
        advanced((0, 1), 3, 4, (4, 1)),
        end,
        advanced((0,), 7, 2),
        advanced((0, 1), 9, 2),  # as after a new cut into blocks
    ]
    first, rest = gather(events, seconds=60)
    assert [e.candidates for e in first] == [(9,)]
    joined, other, told, alone, again = rest
    assert (joined.candidates, joined.first_step, joined.counts) == ((0, 1), 1, (6, 3))
    assert joined.val_loss[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert other.candidates == (2, 3)
    assert told is end
    assert (alone.first_step, again.first_step) == (7, 9)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_no_cluster_at_an_address():
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(
        InvalidSettingsError, match=rf"no Ray cluster at {address} \(Conn.*ray start"
    ):
        sweep_on_cluster(plan("lr=0.1"), address=address, fits=False)


def test_something_else_at_an_address(monkeypatch):
    monkeypatch.setattr(driver_process, "CONNECT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InvalidSettingsError, match=f"no Ray cluster answers at {address}"):
            sweep_on_cluster(plan("lr=0.1"), address=address, fits=False)


def test_ctrl_c_ends_the_search_for_a_cluster_that_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        process = start("sweep", "--over", "lr=0.1", "--ray", address)
        try:
            read_until(process, f"looking for a Ray cluster at {address}\n".encode())
            for _ in range(2):  # the check that somebody listens, then Ray
                server.accept()[0].close()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
            process.wait()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_what_is_no_address():
    for address in [
        "nonsense",
        "host:port",
        ":6379",
        "ray://127.0.0.1:10001",
        f"host:{'9' * 5000}",
    ]:
        with pytest.raises(InvalidSettingsError, match="expected HOST:PORT"):
            find_address(address)


def test_ray_address_stands_in_for_none(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "")
    assert find_address(None) == "auto"
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(InvalidSettingsError, match=r"^RAY_ADDRESS: expected HOST:PORT"):
        find_address(None)


def test_without_ray(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InvalidSettingsError, match=r"not installed; run pip install 'tui-trainer\[ray\]'"
    ):
        find_address("127.0.0.1:6379")


def test_a_gpu_s_number_is_ray_s_to_pick():
    with pytest.raises(InvalidSettingsError, match="cuda:1: on a cluster Ray picks the GPU"):
        sweep_on_cluster(plan("lr=0.1", device="cuda:1"), address="127.0.0.1:1", fits=False)
