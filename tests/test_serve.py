"""The app in a browser: nothing without the token, and nothing left behind."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui_trainer.cli import main

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("textual_serve")

from aiohttp import test_utils  # noqa: E402

from tui_trainer.cli.web_server import WebServer, origin_of  # noqa: E402

PROGRAM = str(Path(sys.executable).with_name("tui-trainer"))
DEADLINE = 90  # seconds; the machine may be busy
HUB = "https://hub.example.org"
PATHS = ("/", "/ws", "/static/css/xterm.css", "/static/js/textual.js", "/download/x", "/none")


async def test_only_who_knows_the_token_and_comes_from_here_gets_anything():
    server = WebServer("exec false", HUB)
    token = {"token": server.token}
    async with (
        test_utils.TestServer(server.application()) as served,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
    ):

        async def status(path, **options):
            async with client.get(served.make_url(path), **options) as response:
                return response.status

        for path in PATHS:
            assert await status(path) == 403
            assert await status(path, params={"token": server.token[:-1]}) == 403
            assert await status(path, params={"token": "é"}) == 403
            if path != "/":
                assert await status(path, params=token) == 403
        async with client.get(served.make_url("/"), params=token) as page:
            assert page.status == 200
            assert page.headers["Referrer-Policy"] == "no-referrer"
            written = page.headers["Set-Cookie"]
        assert "HttpOnly" in written
        assert "SameSite=Strict" in written
        known = {"Cookie": written.partition(";")[0]}
        assert await status("/static/js/textual.js", headers=known) == 200
        assert await status("/none", headers=known) == 404
        for names, expected in (
            ({"Host": "evil.example"}, 403),  # a name that its owner has pointed to 127.0.0.1
            ({"Host": "evil.example:8000"}, 403),
            ({"Host": "127.0.0.1.evil.example"}, 403),
            ({"Host": "localhost:9000"}, 200),  # ssh -L
            ({"Host": "[::1]:9000"}, 200),
            ({"Host": "hub.example.org"}, 200),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "http://127.0.0.1:1"}, 403),
            ({"Origin": HUB}, 200),
        ):
            assert await status("/", headers=known | names) == expected, names
        upgrade = {"Connection": "upgrade", "Upgrade": "websocket"}
        for names in ({}, {"Origin": "http://evil.example"}):
            assert await status("/ws", headers=known | upgrade | names) == 403


async def test_a_malformed_request_is_refused_and_no_traceback_is_shown(capfd):
    server = WebServer("exec false")
    runner = server.runner()
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    host = b"Host: 127.0.0.1:%d\r\n" % port
    cookie = f"Cookie: {server._cookie}=".encode()
    known = host + cookie + f"{server.token}\r\nOrigin: http://127.0.0.1:{port}\r\n".encode()
    upgrade = b"Connection: upgrade\r\nUpgrade: websocket\r\n"
    try:
        for path, headers, status in (
            ("/?token=é".encode(), host, b"400"),
            (b"/?token=%ff", host, b"403"),
            (b"/", host + cookie + b"\xff\xe9\r\n", b"403"),
            (b"/ws", known, b"400"),
            (b"/ws", known + upgrade, b"400"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\n")
            assert (await reader.readline()).split()[1] == status, path
            writer.close()
    finally:
        await runner.cleanup()
    assert capfd.readouterr().err == ""


def test_origins_are_read_and_others_refused():
    assert origin_of("https://Hub.Example.org/user/x/") == HUB
    for url in ("", "hub.example.org", "file:///x", "https://", "javascript:1"):
        with pytest.raises(ValueError, match="expected an address"):
            origin_of(url)


def mistake(*arguments):
    result = CliRunner().invoke(main, ["serve", *arguments], catch_exceptions=False)
    assert result.exit_code == 2
    return result.stderr.splitlines()[-1]


def test_a_mistake_is_one_line(monkeypatch):
    assert "--port" in mistake("--port", "65536")
    assert "--origin" in mistake("--origin", "hub")
    assert "unknown recipe 'kaming'" in mistake("--recipe", "kaming")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'tui-trainer[serve]'" in mistake()


@pytest.fixture
def serving():
    """The program, serving on a free port."""
    process = subprocess.Popen(
        [PROGRAM, "serve", "--port", "0", "--recipe", "kaiming"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that no app gets the signal that the server gets
    )
    yield process
    process.kill()
    process.wait()
    process.stderr.close()


def children_of(process):
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in tasks.read_text().split()]


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pids):
    deadline = time.monotonic() + DEADLINE
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline, "an app was left behind"
        time.sleep(0.05)


async def open_page(client, address):
    """Open the printed address as a browser does; return the websocket of its terminal."""
    async with client.get(address) as page:
        assert page.status == 200
        assert re.search(r'class="textual-terminal"', await page.text())
    host = re.search(r"//([^/]+)/", address)[1]
    return await client.ws_connect(f"ws://{host}/ws?width=100&height=30", origin=f"http://{host}")


async def wait_for(websocket, text):
    seen = b""
    async for message in websocket:
        seen += message.data
        if text in seen:
            return
    raise AssertionError(f"it closed before {text!r}: {seen[-2000:]!r}")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_a_page_runs_the_app_and_no_app_outlives_the_server(serving, number):
    address = serving.stderr.readline().decode().strip()
    # Cookies for an address of numbers are refused by default.
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        page = await open_page(client, address)
        await wait_for(page, b"kaiming")
        if number == signal.SIGINT:  # one that quits, and another
            await page.send_json(["stdin", "q"])
            async for _ in page:
                pass
            page = await open_page(client, address)
            await wait_for(page, b"kaiming")
        apps = children_of(serving)
        assert any(map(is_running, apps))
        os.kill(serving.pid, number)
        status = serving.wait(DEADLINE)
        assert status == (130 if number == signal.SIGINT else -number)
        wait_until_gone(apps)
        await page.close()
