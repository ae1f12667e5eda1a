"""What browsers are given: the page, a stream of what is new, and a place for votes; everything else is refused."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from pghalab.serve import quiet
from pghalab.serve.ballot import Ballot
from pghalab.serve.scene import Position, Scene

MOST_VIEWERS = 300
MOST_CONNECTIONS = 2 * MOST_VIEWERS
TABS = 4
"""Streams of one viewer at once."""
SILENT = 30.0
"""Seconds for which a connection may say nothing."""
STUCK = 20.0
"""Seconds after which a viewer who takes nothing is let go."""
PING = 10.0
"""Seconds between two signs of life."""
BETWEEN_VOTES = 0.3
"""Seconds between two votes of one viewer."""
LONGEST_VOTE = 1024
"""Bytes."""
COOKIE = "viewer"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "pghalab",
}
_PAGE = Path(__file__).parent / "page"
_FILES = {"": "index.html", **{name: name for name in ("page.css", "page.js", "screen.js", "icon.svg")}}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_ALIVE = b"event: alive\ndata: 1\n\n"
_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves one scene under one token."""

    def __init__(self, scene: Scene, ballot: Ballot, token: str) -> None:
        self._scene, self._ballot = scene, ballot
        self._token = token.encode()
        self._streams: dict[str, set[asyncio.Task[object]]] = {}
        """Those of each viewer."""
        self._voted: dict[str, float] = {}
        """When each viewer with a stream voted last."""
        self._files = {name: (_PAGE / file).read_bytes() for name, file in _FILES.items()}
        self._refused = (_PAGE / "refused.html").read_bytes()
        self._listening: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, listening: socket.socket) -> None:
        """Begin to serve at this socket."""
        application = web.Application(middlewares=[self._guarded], client_max_size=LONGEST_VOTE)
        application.router.add_get("/{token}/stream", self._stream, allow_head=False)
        application.router.add_post("/{token}/vote", self._vote)
        application.router.add_get("/{token}/{name:[a-z.]*}", self._file, allow_head=False)
        # No access log: it would hold the token.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=quiet.LOG,
            keepalive_timeout=SILENT,
            handler_cancellation=True,
            shutdown_timeout=1.0,
        )
        await self._runner.setup()
        made = self._runner.server
        assert made is not None

        def connected() -> asyncio.Protocol:
            return made() if len(made.connections) < MOST_CONNECTIONS else _Full()

        self._listening = await asyncio.get_running_loop().create_server(connected, sock=listening)

    async def stop(self) -> None:
        """Send everybody away."""
        if self._listening is not None:
            self._listening.close()
        for stream in [each for streams in self._streams.values() for each in streams]:
            stream.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nobody through without the token, and give every answer the headers that keep it safe."""
        given = request.path.removeprefix("/").partition("/")[0]
        response: web.StreamResponse
        if not hmac.compare_digest(given.encode(errors="replace"), self._token):
            response = web.Response(status=403, body=self._refused, content_type="text/html", charset="utf-8")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=error.reason)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        kind = _TYPES[Path(_FILES[name]).suffix]
        response = web.Response(body=self._files[name], content_type=kind, charset="utf-8")
        if not name and _viewer(request) is None:
            response.set_cookie(COOKIE, secrets.token_hex(16), httponly=True, samesite="Strict", path=request.path)
        return response

    # The stream

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._scene.viewers >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable
        viewer = _viewer(request) or ""
        if viewer and len(self._streams.get(viewer, ())) >= TABS:
            raise web.HTTPTooManyRequests
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        stream = asyncio.current_task()
        assert stream is not None
        mine = self._streams.setdefault(viewer, set())
        mine.add(stream)
        try:
            await self._tell(response, viewer)
        finally:
            mine.discard(stream)
            if not mine:
                self._streams.pop(viewer, None)
                self._voted.pop(viewer, None)
        return response

    async def _tell(self, response: web.StreamResponse, viewer: str) -> None:
        """Tell a viewer what is new as soon as it takes it: who is slow gets the newest, and keeps nobody waiting."""
        seen = Position()
        try:
            with self._scene.viewer():
                await response.write(b"retry: 1000\n\n" + self._own_vote(viewer))
                while True:
                    seen, news = self._scene.news(seen)
                    if not news:
                        try:
                            async with asyncio.timeout(PING):
                                await self._scene.changed()
                            continue
                        except TimeoutError:
                            news = _ALIVE
                    async with asyncio.timeout(STUCK):
                        await response.write(news)
        except (OSError, TimeoutError) as error:
            _log.info("a viewer is gone: %r", error)

    def _own_vote(self, viewer: str) -> bytes:
        question, option = self._ballot.question, self._ballot.of(viewer)
        if question is None or option is None:
            return b""
        return f"event: voted\ndata: {json.dumps({'step': question.step, 'option': option})}\n\n".encode()

    # Votes

    async def _vote(self, request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.content_type != "application/json" or origin not in (None, f"http://{request.host}"):
            raise web.HTTPForbidden
        viewer = _viewer(request)
        if viewer is None or viewer not in self._streams:
            raise web.HTTPForbidden
        now = time.monotonic()
        if now - self._voted.get(viewer, -BETWEEN_VOTES) < BETWEEN_VOTES:
            raise web.HTTPTooManyRequests
        self._voted[viewer] = now
        try:
            said = json.loads(await request.text())
        except (ValueError, RecursionError) as error:
            raise web.HTTPBadRequest from error
        match said:
            case {"step": str(step), "option": int(option)} if option is not True and option is not False:
                if not self._ballot.vote(viewer, step, option):
                    raise web.HTTPConflict
            case _:
                raise web.HTTPBadRequest
        return web.Response(status=204)


class _Full(asyncio.Protocol):
    """Sends away who comes when too many are here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(_FULL)
        transport.close()


def _viewer(request: web.Request) -> str | None:
    """Who asks, by the cookie that the page gave; None without one."""
    given = request.cookies.get(COOKIE, "")
    return given if len(given) == 32 and given.isalnum() and given.isascii() else None
