"""Requests over a socket: what is taken, what is refused in a line, and what a client can't do."""

import contextlib
import json
import os
import selectors
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from tui_trainer.runs import client, server
from tui_trainer.runs.client import NotReachedError, RemoteControl, ask
from tui_trainer.runs.ownership import own, owner_of
from tui_trainer.runs.protocol import LONGEST_REQUEST, LrRequest, StatusRequest, StopRequest
from tui_trainer.runs.server import MOST_CLIENTS, answering, serve
from tui_trainer.training.control import Control

DEADLINE = 30
GOOD = b'{"version": 1, "request": "status"}\n'


def wait_for(condition, problem):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.01)


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(DEADLINE)
    connection.connect(path)
    return connection


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            return None
        line += part
    return json.loads(line)


def read_answers(connection, count):
    lines = connection.makefile("rb")
    return [json.loads(next(lines)) for _ in range(count)]


@pytest.fixture
def control():
    return Control()


@pytest.fixture
def path(control):
    with serve(control, lambda: {"step": 7, "val_loss": float("nan")}) as path:
        yield path


def test_each_request_reaches_the_control_and_only_its_user_reaches_the_socket(path, control):
    folder = Path(path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.geteuid()
    assert len(os.fsencode(path)) <= 100

    def sends(connection, name, **more):
        connection.sendall(json.dumps({"version": 1, "request": name, **more}).encode() + b"\n")
        answer = read_line(connection)
        assert answer.pop("version") == 1
        assert answer.pop("ok") is True
        return answer

    with connect(path) as connection:
        assert sends(connection, "status") == {"status": {"step": 7, "val_loss": None}}
        assert sends(connection, "pause") == {}
        assert control.paused
        sends(connection, "resume")
        assert not control.paused
        sends(connection, "step")
        assert control.paused
        assert control.take_step()
        sends(connection, "lr", lr=0.5)
        assert control.take_lr() == 0.5
        sends(connection, "checkpoint")
        assert control.take_checkpoint()
        sends(connection, "stop")
        assert control.stopped


REFUSED = {
    b"": "expected a line of JSON",
    b"\xff\xfe{}": "expected a line of JSON",
    b"[" * 4000: "expected a line of JSON",
    b"[1]": "expected an object",
    b"{}": "version: missing; allowed: 1",
    b'{"version": 2, "request": "status"}': "version: 2 is not known here; allowed: 1",
    b'{"version": true, "request": "status"}': "version: True is not known here; allowed: 1",
    b'{"version": 1}': "request: missing; allowed: status, pause",
    b'{"version": 1, "request": "paws"}': "request: unknown value 'paws'; did you mean 'pause'?",
    b'{"version": 1, "request": "pause", "now": 1}': "now: unknown key",
    b'{"version": 1, "request": "lr"}': "lr: missing",
    b'{"version": 1, "request": "lr", "lr": NaN}': "expected a line of JSON",
    b'{"version": 1, "request": "lr", "lr": 1e999}': "expected a",
    b'{"version": 1, "request": "lr", "lr": -1}': "lr: expected a number > 0, got -1",
    b'{"version": 1, "request": "lr", "lr": "\\u001b[2J"}': "lr: expected a number, got '\\x1b",
}


def test_what_is_not_understood_is_refused_in_a_line_and_the_next_is_served(path, control):
    with connect(path) as connection:
        for line, words in REFUSED.items():
            connection.sendall(line + b"\n")
            answer = read_line(connection)
            assert answer["ok"] is False
            assert answer["error"].startswith(words), line
            assert answer["error"].isprintable()
        connection.sendall(GOOD)
        assert read_line(connection)["ok"]
    assert not any((control.stopped, control.paused, control.take_step()))
    assert control.take_lr() is None


def test_a_line_that_is_too_long_ends_the_conversation_and_no_other(path):
    with connect(path) as connection, connect(path) as other:
        connection.sendall(b" " * (LONGEST_REQUEST + 1))
        assert "4,096 bytes at most" in read_line(connection)["error"]
        assert read_line(connection) is None
        other.sendall(GOOD[:10])
        other.sendall(GOOD[10:] + GOOD * 2)  # whole lines, however they come
        assert [answer["ok"] for answer in read_answers(other, 3)] == [True] * 3


def test_a_client_that_dawdles_is_closed_and_holds_nobody_up(control, monkeypatch):
    monkeypatch.setattr(server, "LINE_SECONDS", 0.2)
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.5)
    long = {"words": "x" * 60_000}
    with serve(control, lambda: long) as path, contextlib.ExitStack() as stack:
        half, silent, deaf = (stack.enter_context(connect(path)) for _ in range(3))
        half.sendall(GOOD[:5])
        with contextlib.suppress(BlockingIOError, ConnectionError):  # closed, maybe, already
            deaf.setblocking(False)
            while True:  # and never reads
                deaf.send(GOOD)
        with connect(path) as prompt:
            prompt.sendall(GOOD)
            assert read_line(prompt)["status"] == long
        assert read_line(half) is None
        assert read_line(silent) is None
        deaf.setblocking(True)
        deaf.settimeout(DEADLINE)
        with contextlib.suppress(ConnectionError):
            while deaf.recv(1 << 20):
                pass


def test_more_clients_than_a_few_are_told_so(path):
    with contextlib.ExitStack() as stack:
        served = [stack.enter_context(connect(path)) for _ in range(MOST_CLIENTS)]
        for connection in served:
            connection.sendall(GOOD)
            assert read_line(connection)["ok"]
        with connect(path) as surplus:
            assert read_line(surplus)["error"] == "16 clients are served already"
        served.pop().close()
        wait_for(lambda: is_served(path), "no place gets free")


def test_it_ends_although_a_request_has_woken_it_just_before(path, control):
    beside = Path(path).with_name("beside")
    one = server._Server(str(beside), control, dict)
    one._closing = True  # as `close` begins
    with connect(str(beside)):
        one._thread.join(DEADLINE)
    assert not one._thread.is_alive()
    one.close()


def is_served(path):
    with connect(path) as connection, contextlib.suppress(BrokenPipeError):
        connection.sendall(GOOD)
        return read_line(connection)["ok"]


def test_it_sleeps_between_requests_and_ends_with_its_folder(control, monkeypatch):
    threads, wakings = threading.active_count(), []
    select = selectors.DefaultSelector.select

    def wakes(selector, timeout):
        wakings.append(timeout)
        return select(selector, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", wakes)
    with serve(control, dict) as path:
        with connect(path) as connection:
            for _ in range(3):
                connection.sendall(GOOD)
                read_line(connection)
        wait_for(lambda: wakings[-1] is None and len(wakings) > 4, "it never sleeps")
        assert len(wakings) < 10
    assert not Path(path).parent.exists()
    assert threading.active_count() == threads


def test_an_error_in_the_status_is_an_answer(control):
    def fails():
        raise OSError("no such\nluck")

    with serve(control, fails) as path, connect(path) as connection:
        connection.sendall(GOOD * 2)
        errors = [answer["error"] for answer in read_answers(connection, 2)]
        assert errors == ["OSError('no such\\nluck')"] * 2


def test_a_long_temporary_folder_does_not_keep_it_from_having_a_socket(
    control, tmp_path, monkeypatch
):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with serve(control, dict) as path:
        assert path.startswith("/tmp/")
    assert list(deep.iterdir()) == []


# The other end


@pytest.fixture
def folder(tmp_path, path):
    """A run of this process, which takes requests."""
    with own(tmp_path) as ownership:
        ownership.publish(path)
        yield tmp_path


def no_folder(**_):
    raise OSError("no room")


def test_a_run_does_without_a_socket_where_there_can_be_none(tmp_path, control, monkeypatch):
    with own(tmp_path) as ownership:
        with answering(ownership, control, dict):
            assert ask(tmp_path, StatusRequest()) == {}
        monkeypatch.setattr("tempfile.mkdtemp", no_folder)
        with answering(ownership, control, dict):
            assert owner_of(tmp_path) is not None


def test_a_request_by_folder_is_answered_or_says_why_not(folder, path, control, tmp_path):
    assert ask(folder, StatusRequest()) == {"step": 7, "val_loss": None}
    with pytest.raises(ValueError, match="lr: expected a number > 0"):
        ask(folder, LrRequest(lr=-1.0))
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with pytest.raises(NotReachedError, match="run nothing is not running"):
        ask(nothing, StopRequest())
    with own(nothing) as ownership:
        with pytest.raises(NotReachedError, match=f"process {os.getpid()} takes no requests"):
            ask(nothing, StopRequest())
        ownership.publish("/nowhere/socket")
        with pytest.raises(NotReachedError, match=r"does not answer: .*No such file"):
            ask(nothing, StopRequest())


def test_a_server_that_stands_still_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX) as stuck, own(tmp_path) as ownership:
        stuck.bind(str(tmp_path / "s"))
        stuck.listen()
        ownership.publish(str(tmp_path / "s"))
        with pytest.raises(NotReachedError, match="does not answer: no answer in time"):
            ask(tmp_path, StatusRequest())


def test_a_remote_control_does_what_a_control_does_and_leaving_it_does_nothing(folder, control):
    problems = []
    remote = RemoteControl(folder, problems.append)
    remote.pause()
    assert remote.paused
    wait_for(lambda: control.paused, "it is not paused")
    remote.step()
    wait_for(control.take_step, "it takes no step")
    remote.resume()
    wait_for(lambda: not control.paused, "it does not resume")
    remote.set_lr(0.25)
    wait_for(lambda: control.take_lr() == 0.25, "it takes no lr")
    remote.ask_checkpoint()
    wait_for(control.take_checkpoint, "it keeps no state")
    remote.set_lr(-1.0)
    wait_for(lambda: problems == ["lr: expected a number > 0, got -1.0"], "no problem is told")
    remote.leave()
    assert remote.stopped
    assert not control.stopped
    other = RemoteControl(folder, problems.append)
    other.stop()
    wait_for(lambda: control.stopped, "it does not stop")
    assert not other.stopped
    other.leave()
