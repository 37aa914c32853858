"""Serves the app to browsers that know a token, on 127.0.0.1 alone.

textual-serve runs an app for each page and connects it to the page's terminal; here is who may
open one. Other users of the machine reach the port, and so does every page in the same browser:
hence the token, which the first page turns into a cookie, and checks of Host and Origin.
"""

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from textual_serve.server import Server

from tui_trainer.cli.output import EXIT_SIGNALLED, say
from tui_trainer.config.validation import shortened

_LOOPBACK = "127.0.0.1"
_HOSTS = (_LOOPBACK, "localhost", "[::1]")
_REFUSED = "403: open the address that 'tui-trainer serve' printed, with its token\n"
_END_SECONDS = 6.0  # an app is gone within four
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Everything comes from here, and nobody else may frame the page or learn its address.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; connect-src 'self' {socket}; font-src 'self' data:; img-src 'self' "
        "data:; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>tui-trainer</title>
<link rel="stylesheet" href="static/css/xterm.css">
<link rel="preload" as="font" type="font/ttf" crossorigin
      href="static/fonts/RobotoMono-VariableFont_wght.ttf">
<script src="static/js/textual.js"></script>
<style>
@font-face {
  font-family: "Roboto Mono";
  src: url("static/fonts/RobotoMono-VariableFont_wght.ttf");
  font-weight: 100 700;
}
html, body { height: 100%; margin: 0; background: #121212; overflow: hidden; }
#terminal { height: 100%; }
#ended { display: none; color: #e0e0e0; font: 16px "Roboto Mono", monospace; padding: 1em; }
body.-closed #ended { display: block; }
body.-closed #terminal { display: none; }
</style>
</head>
<body>
<div id="ended">The app has ended. Reload the page to start another.</div>
<div id="terminal" class="textual-terminal" data-font-size="16"></div>
<script nonce="NONCE">
const page = new URL(".", location.href);
history.replaceState(null, "", page);
const socket = new URL("ws", page);
socket.protocol = page.protocol.replace("http", "ws");
document.getElementById("terminal").dataset.sessionWebsocketUrl = socket;
</script>
</body>
</html>
"""


def origin_of(url: str) -> str:
    """Return the origin of a web address: ``https://hub.example.org``.

    Raises:
        ValueError: if it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an address such as https://hub.example.org, got '{url}'")
    return f"{parts.scheme}://{parts.netloc.lower()}"


class _OneLine(logging.Handler):
    """Says in a line what went wrong; whoever sent a malformed request knows it from the answer."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            cause = f": {type(error).__name__}: {shortened(str(error))}" if error else ""
            say(f"tui-trainer serve: {record.getMessage()}{cause}")


class WebServer:
    """Serves `command`, an app of Textual; also to pages under `origin`, if that is not None."""

    def __init__(self, command: str, origin: str | None = None) -> None:
        self._server = Server(command)
        self._origin = origin
        self.token = secrets.token_urlsafe(32)
        self._cookie = f"tui-trainer-{secrets.token_hex(4)}"  # one name for all ports would clash
        self._pages: set[asyncio.Task[object]] = set()

    def run(self, port: int) -> int:
        """Serve until a signal comes; return the exit status.

        Raises:
            OSError: if the port can't be had.
        """
        return asyncio.run(self._run(port))

    async def _run(self, port: int) -> int:
        loop = asyncio.get_running_loop()
        signalled: asyncio.Future[int] = loop.create_future()
        for number in _SIGNALS:
            loop.add_signal_handler(
                number, lambda n: None if signalled.done() else signalled.set_result(n), number
            )
        runner = self.runner()
        await runner.setup()
        try:
            await web.TCPSite(runner, _LOOPBACK, port).start()
            port = runner.addresses[0][1]
            say(f"http://{_LOOPBACK}:{port}/?token={self.token}")
            say("Ctrl-C ends it, and the apps with it.")
            return EXIT_SIGNALLED + await signalled
        finally:
            await runner.cleanup()

    def runner(self) -> web.AppRunner:
        """Make what serves the routes."""
        log = logging.Logger("tui-trainer serve", logging.WARNING)
        log.addHandler(_OneLine())
        return web.AppRunner(self.application(), access_log=None, logger=log, shutdown_timeout=1)

    def application(self) -> web.Application:
        """Make the routes, all behind the guard."""
        app = web.Application(middlewares=[web.middleware(partial(self._guard))])
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._terminal),
                web.get("/download/{key}", self._server.handle_download),
                web.static("/static", self._server.statics_path),
            ]
        )
        app.on_shutdown.append(self._end_pages)
        return app

    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Refuse requests of strangers, and of other pages in a friend's browser."""
        known = self._knows(request.cookies.get(self._cookie)) or self._is_first(request)
        if not (known and self._from_here(request)):
            return web.Response(status=403, text=_REFUSED)
        return await handler(request)

    def _knows(self, token: str | None) -> bool:
        if token is None:
            return False
        return secrets.compare_digest(token.encode(errors="replace"), self.token.encode())

    def _is_first(self, request: web.Request) -> bool:
        """Say whether it is the printed address, the only one in which a token counts."""
        return bool(request.path == "/") and self._knows(request.query.get("token"))

    def _from_here(self, request: web.Request) -> bool:
        """Check the names under which a browser came: others may point to 127.0.0.1, too.

        A page of another origin can open a websocket, and its cookies would come along.
        """
        host = str(request.host).lower()
        named = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        proxied = self._origin is not None and host == urlsplit(self._origin).netloc
        if named not in _HOSTS and not proxied:
            return False
        origin = request.headers.get("Origin")
        if origin is None:
            return bool(request.path != "/ws")
        return origin in (f"http://{host}", f"https://{host}", self._origin)

    async def _page(self, request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        response = web.Response(text=_PAGE.replace("NONCE", nonce), content_type="text/html")
        sockets = f"ws://{request.host} wss://{request.host}"
        for name, value in _HEADERS.items():
            response.headers[name] = value.format(nonce=nonce, socket=sockets)
        response.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict")
        return response

    async def _terminal(self, request: web.Request) -> web.StreamResponse:
        """Run an app and connect it; the task is known, so that it can be ended."""
        if not web.WebSocketResponse().can_prepare(request):
            return web.Response(status=400, text="400: expected a websocket's handshake\n")
        task = asyncio.current_task()
        assert task is not None
        self._pages.add(task)
        try:
            response: web.StreamResponse = await self._server.handle_websocket(request)
            return response
        finally:
            self._pages.discard(task)

    async def _end_pages(self, app: web.Application) -> None:
        pages = list(self._pages)
        for page in pages:
            page.cancel()
        if pages:
            await asyncio.wait(pages, timeout=_END_SECONDS)
