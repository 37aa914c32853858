"""The program as a process of its own, forked off one that has imported torch already.

Importing torch takes two seconds, and most of what a process may be asked comes after that.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

NATURAL = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}
LONGEST = 1 << 20  # bytes of a request, which holds an environment


class Fork:
    """What tests use of `subprocess.Popen`."""

    def __init__(self, told, stdout, stderr):
        self._told, self.stdout, self.stderr = told, stdout, stderr
        self.pid, self.returncode = int(told.readline()), None

    def poll(self):
        return self._status(0)

    def wait(self, timeout=None):
        if self._status(timeout) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self.returncode

    def _status(self, timeout):
        if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
            with self._told:
                self.returncode = int(self._told.readline())
        return self.returncode

    def communicate(self, timeout=None):
        with ThreadPoolExecutor() as pool:
            ends = [*pool.map(_rest_of, (self.stdout, self.stderr))]
        self.wait(timeout)
        return ends

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def _rest_of(pipe):
    if pipe.closed:
        return b""
    with pipe:
        return pipe.read()


class Forks:
    """Starts the program, each time with the environment and in the folder of that moment."""

    def __init__(self):
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )

    def start(self, *words, stdin=None, stdout=None, stderr=None, ignored=()):
        """Start ``tui-trainer *words``; it has pipes where it is given no files.

        The signals in `ignored` are ignored from its start on, as nohup has it.
        """
        request = {
            "words": [str(word) for word in words],
            "environ": dict(os.environ),
            "folder": str(Path.cwd()),
            "ignored": ignored,
        }
        reads, writes = zip(*(os.pipe() for _ in range(4)), strict=True)
        theirs = [reads[0], *writes[1:]]  # stdin, stdout, stderr, and what it is told by
        given = [stream if stream is None or isinstance(stream, int) else stream.fileno()
                 for stream in (stdin, stdout, stderr, None)]  # fmt: skip
        numbers = [own if one is None else one for own, one in zip(theirs, given, strict=True)]
        socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], numbers)
        for number in (reads[0], *writes):
            os.close(number)
        out, err, told = (os.fdopen(number, "rb", 0) for number in reads[1:])
        return Fork(told, out, err)

    def close(self):
        """End what forks; what it forked goes on."""
        self._socket.close()
        self._server.wait()


class _Executed(BaseException):
    """The program has become another Python: here, for that one would import torch anew."""


def _become(path, words):
    raise _Executed(words)


def _serve(requests):
    """Fork for each request until nobody can ask any more; return a request in its fork alone."""
    while True:
        text, numbers, *_ = socket.recv_fds(requests, LONGEST, 4)
        while text and not text.endswith(b"\n"):
            text += requests.recv(LONGEST)
        _reap()
        if not text:
            return None
        request = json.loads(text)
        if request["words"][0] == "run":
            torch.optim.SGD([torch.zeros(1, requires_grad=True)])  # imports two seconds of modules
        gc.freeze()  # else each fork copies it all, to look through it at its end
        if os.fork() == 0:
            requests.close()
            _keep(numbers)
            return request
        for number in numbers:
            os.close(number)


def _reap():
    """Forget those that have ended, whose time counts as ours then."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _keep(numbers):
    """Fork once more, return there, and tell of that one's end here."""
    *streams, told = numbers
    if (pid := os.fork()) == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for number in numbers:
            os.close(number)
        return
    for stream in streams:
        os.close(stream)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _settle(words, environ, folder, ignored):
    """Take the place of a process that has just been started."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    _heed(ignored)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        lines = 1 if name == "stderr" or os.isatty(number) else -1
        stream = open(number, mode, lines, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["tui-trainer", *words]
    os.execv = _become


def _heed(ignored):
    for number, handler in NATURAL.items():
        signal.signal(number, signal.SIG_IGN if number in ignored else handler)


if __name__ == "__main__":
    import torch

    import tui_trainer.cli
    import tui_trainer.training.trainer  # noqa: F401 - before it forks, too
    from tui_trainer.__main__ import main

    if (request := _serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _settle(**request)
        try:
            main()
        except _Executed as executed:
            *_, code, argument = executed.args[0]
        # Only what `run` becomes gets here: the program itself ends in an exit.
        _heed(request["ignored"])
        sys.argv = ["-c", argument]
        exec(code, {"__name__": "__main__"})
