"""What a browser, and whoever speaks worse than one, gets of the server of a room."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pghalab.lab.host.paths import log_file, setup_logging
from pghalab.serve import address, quiet, server
from pghalab.serve.ballot import Ballot
from pghalab.serve.hidden import Hidden
from pghalab.serve.picture import Picture
from pghalab.serve.scene import Scene
from pghalab.serve.server import HEADERS, MOST_VIEWERS, Server
from pghalab.session.events import QuestionShown

TOKEN = "f" * 40
QUESTION = QuestionShown("quorum", "How many?", ("1", "2"))


class Served:
    """A room that is served, and clients of it."""

    def __init__(self) -> None:
        hidden = Hidden((), {})
        self.scene = Scene(Picture(hidden), hidden)
        self.ballot = Ballot(lambda: None)
        self.server = Server(self.scene, self.ballot, TOKEN)
        self.socket = address.listening("127.0.0.1", 0)
        self.port: int = self.socket.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.room = f"{self.base}/{TOKEN}/"

    def draw(self, text: str) -> None:
        self.scene.picture.feed(text.encode())
        self.scene.look()

    def ask(self) -> None:
        self.ballot.ask(QUESTION)
        self.scene.ask(QUESTION)

    async def raw(self, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that said this."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(said)
        return reader, writer

    async def watching(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that asked for the stream."""
        return await self.raw(f"GET /{TOKEN}/stream HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def until(self, viewers: int) -> None:
        async with asyncio.timeout(10):
            while self.scene.viewers != viewers:
                await asyncio.sleep(0.01)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    await made.server.start(made.socket)
    made.draw("hello")
    made.scene.pause("")
    yield made
    await made.server.stop()
    made.scene.picture.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as made:
        yield made


class Stream:
    """What a viewer is told."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, name: str) -> Any:
        """The next event of this name."""
        async with asyncio.timeout(10):
            while True:
                line = await self._answer.content.readline()
                assert line, "the stream ended"
                if line == f"event: {name}\n".encode():
                    return json.loads((await self._answer.content.readline()).removeprefix(b"data: "))


async def test_the_page_and_what_it_loads_have_the_headers_that_keep_it_safe(
    served: Served, client: aiohttp.ClientSession
) -> None:
    async with client.get(served.room) as answer:
        page = await answer.text()
        assert answer.status == 200 and "HttpOnly" in answer.headers["Set-Cookie"]
    for name in ("", "page.js", "screen.js", "page.css", "icon.svg"):
        async with client.get(served.room + name) as answer:
            assert answer.status == 200 and HEADERS.items() <= dict(answer.headers).items(), name
            assert "Set-Cookie" not in answer.headers, "one that is known gets no other name"
            text = await answer.text()
            assert "style=" not in text and "<script>" not in text, "nothing that the policy would refuse"
    assert "page.js" in page and "http" not in page
    async with client.get(served.room + "stream") as answer:
        assert HEADERS.items() <= dict(answer.headers).items()
        assert answer.headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    "path",
    ["/", "/x/", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"/{TOKEN.upper()}/", "/stream", "/x/stream",
     f"/stream?token={TOKEN}", f"//{TOKEN}/", "/%00/", "/%ff/", "/icon.svg", "/favicon.ico", f"/x/../y/{TOKEN}/"],
)  # fmt: skip
async def test_without_the_token_there_is_only_a_page_that_says_so(
    served: Served, client: aiohttp.ClientSession, path: str
) -> None:
    for method in ("GET", "POST", "HEAD", "PUT"):
        async with client.request(method, served.base + path) as answer:
            assert answer.status == 403 and HEADERS.items() <= dict(answer.headers).items()
            text = await answer.text()
            assert method == "HEAD" or "Ask the presenter" in text
            assert TOKEN not in text + str(answer.headers) and "hello" not in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "other", 404), ("GET", "../page.css", 403), ("GET", "..%2f..%2fserver.py", 404),
     ("GET", "index.html", 404), ("POST", "", 405), ("PUT", "vote", 405), ("GET", "vote", 404),
     ("DELETE", "stream", 405), ("HEAD", "stream", 405)],
)  # fmt: skip
async def test_everything_else_is_refused(
    served: Served, client: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with client.request(method, served.room + path) as answer:
        assert answer.status == status and HEADERS.items() <= dict(answer.headers).items()


async def test_who_comes_late_gets_all_of_it_and_then_what_is_new(
    served: Served, client: aiohttp.ClientSession
) -> None:
    served.ask()
    async with client.get(served.room + "stream") as answer:
        stream = Stream(answer)
        assert await stream.next("state") == {
            "paused": "", "question": {"step": "quorum", "text": "How many?", "options": ["1", "2"]},
        }  # fmt: skip
        first = await stream.next("screen")
        assert first["rows"]["0"] == [["hello", ""]] and len(first["rows"]) == 24
        served.draw("\r\nmore")
        assert (await stream.next("screen"))["rows"] == {"1": [["more", ""]]}
        served.scene.pause("closed")
        assert (await stream.next("state"))["paused"] == "closed"


async def test_a_sign_of_life_comes_while_nothing_changes(
    served: Served, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PING", 0.02)
    async with client.get(served.room + "stream") as answer:
        stream = Stream(answer)
        for _ in range(3):
            assert await stream.next("alive") == 1


async def test_a_vote_counts_once_for_each_viewer_and_another_takes_its_place(
    served: Served, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BETWEEN_VOTES", 0.0)
    served.ask()
    await client.get(served.room)
    async with client.get(served.room + "stream") as answer:
        await Stream(answer).next("state")
        for option in (0, 1, 1):
            async with client.post(served.room + "vote", json={"step": "quorum", "option": option}) as voted:
                assert voted.status == 204 and HEADERS.items() <= dict(voted.headers).items()
        assert served.ballot.counts == (0, 1)
        async with client.post(served.room + "vote", json={"step": "earlier", "option": 1}) as voted:
            assert voted.status == 409
    async with client.get(served.room + "stream") as answer:
        assert await Stream(answer).next("voted") == {"step": "quorum", "option": 1}


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"rubbish", {}, 400),
        (b"[" * 900, {}, 400),
        (b"{}", {}, 400),
        (b'{"step": "quorum", "option": "0"}', {}, 400),
        (b'{"step": "quorum", "option": true}', {}, 400),
        (b'{"step": 1, "option": 0}', {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"step": "quorum", "option": 2}', {}, 409),
        (b'{"step": "quorum", "option": -1}', {}, 409),
        (b'{"step": "quorum", "option": 0' + b" " * 2000 + b"}", {}, 413),
        (b'{"step": "quorum", "option": 0}', {"Content-Type": "text/plain"}, 403),
        (b'{"step": "quorum", "option": 0}', {"Content-Type": "application/x-www-form-urlencoded"}, 403),
        (b'{"step": "quorum", "option": 0}', {"Origin": "http://elsewhere.example"}, 403),
        (b'{"step": "quorum", "option": 0}', {"Origin": "null"}, 403),
    ],
)
async def test_what_is_no_vote_is_refused(
    served: Served, client: aiohttp.ClientSession, data: bytes, headers: dict[str, str], status: int
) -> None:
    served.ask()
    await client.get(served.room)
    async with client.get(served.room + "stream") as answer:
        await Stream(answer).next("state")
        sent = {"Content-Type": "application/json", **headers}
        async with client.post(served.room + "vote", data=data, headers=sent) as voted:
            assert voted.status == status, await voted.text()
        assert served.ballot.counts == (0, 0)


async def test_nobody_votes_without_looking_nor_faster_than_one_can_think(
    served: Served, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BETWEEN_VOTES", 1000.0)
    served.ask()
    vote = {"step": "quorum", "option": 0}
    async with client.post(served.room + "vote", json=vote) as voted:
        assert voted.status == 403, "no page was loaded"
    await client.get(served.room)
    async with client.post(served.room + "vote", json=vote) as voted:
        assert voted.status == 403, "nothing is looked at"
    async with client.get(served.room + "stream") as answer:
        await Stream(answer).next("state")
        async with client.post(served.room + "vote", json=vote) as voted:
            assert voted.status == 204
        async with client.post(served.room + "vote", json={**vote, "option": 1}) as voted:
            assert voted.status == 429
    assert served.ballot.counts == (1, 0)


async def test_who_stops_reading_is_let_go_and_slows_nobody(
    served: Served, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STUCK", 0.3)
    _, stuck = await served.watching()
    await served.until(1)
    async with client.get(served.room + "stream") as answer:
        stream = Stream(answer)
        await stream.next("screen")
        text = "".join(random.Random(1).choices("abcdefghijklmnop", k=400 * 98))
        served.scene.resize(400, 100)
        async with asyncio.timeout(60):
            for turn in range(100_000):
                served.draw(f"\x1b[H{turn}\r\n{'-' * (turn % 300)}{text}")
                await stream.next("screen")
                if served.scene.viewers == 1:
                    break
        assert turn, "the other one saw what was drawn meanwhile"
    stuck.close()


async def test_who_reads_slowly_gets_the_newest_and_not_each_one_before_it(served: Served) -> None:
    reader, writer = await served.watching()
    await served.until(1)
    served.scene.resize(400, 100)
    text = "".join(random.Random(1).choices("abcdefghijklmnop", k=400 * 98))
    turns = 100
    for turn in range(turns):
        served.draw(f"\x1b[Hturn {turn} \r\n{'-' * turn}{text}")
        await asyncio.sleep(0)
    read, seen = b"", 0
    async with asyncio.timeout(30):
        while f"turn {turns - 1} ".encode() not in read:
            read = read[-100:] + (data := await reader.read(1 << 20))
            seen += data.count(b"event: screen")
    assert 0 < seen < turns // 2
    writer.close()


async def test_two_hundred_at_once_see_it_and_come_and_go(served: Served) -> None:
    for _ in range(2):
        ones = await asyncio.gather(*(served.watching() for _ in range(200)))
        async with asyncio.timeout(30):
            await asyncio.gather(*(reader.readuntil(b"hello") for reader, _ in ones))
            assert served.scene.viewers == 200
            served.draw("\r\nchanged")
            await asyncio.gather(*(reader.readuntil(b"changed") for reader, _ in ones))
        served.draw("\x1b[2;1H\x1b[K")
        for _, writer in ones:
            writer.close()
        await served.until(0)


async def test_so_many_viewers_and_no_more(
    served: Served, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_VIEWERS", 2)
    first = [await served.watching() for _ in range(2)]
    await served.until(2)
    async with client.get(served.room + "stream") as answer:
        assert answer.status == 503
    first[0][1].close()
    await served.until(1)
    async with client.get(served.room + "stream") as answer:
        assert answer.status == 200
        # One viewer has so many tabs and no more.
    first[1][1].close()
    await served.until(0)
    monkeypatch.setattr(server, "MOST_VIEWERS", MOST_VIEWERS)
    await client.get(served.room)
    async with contextlib.AsyncExitStack() as tabs:
        for number in range(server.TABS + 1):
            answer = await tabs.enter_async_context(client.get(served.room + "stream"))
            assert answer.status == (200 if number < server.TABS else 429)


async def test_so_many_connections_and_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 5)
    ones = [await served.watching() for _ in range(5)]
    await served.until(5)
    reader, writer = await served.raw(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 503")
    for _, each in [*ones, (reader, writer)]:
        each.close()
    await served.until(0)


async def test_a_connection_that_says_nothing_or_never_ends_what_it_says_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "SILENT", 0.2)
    made = Served()
    await made.server.start(made.socket)
    made.draw("hello")
    try:
        watching, mine = await made.watching()
        for said in (b"", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX: "):
            reader, writer = await made.raw(said)
            async with asyncio.timeout(10):
                await reader.read()
            writer.close()
        made.draw("more")
        async with asyncio.timeout(10):
            await watching.readuntil(b"hellomore")
        mine.close()
    finally:
        await made.server.stop()
        made.scene.picture.close()


async def test_rubbish_ends_nothing_and_nothing_of_the_address_is_logged(
    served: Served, client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    noise = random.Random(7)
    for said in (
        noise.randbytes(2000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise.randbytes(300),
        f"GET /{TOKEN}/\x00 HTTP/9.9\r\n\r\n".encode(),
        f"BREW /{TOKEN}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"GET /{TOKEN}/ HTTP/1.1\r\nX: {'y' * 100_000}\r\n\r\n".encode(),
        f"GET /{TOKEN}/{'y' * 100_000} HTTP/1.1\r\n\r\n".encode(),
        f"POST /{TOKEN}/vote HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".encode(),
        f"POST /{TOKEN}/vote HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
        f"GET /{TOKEN}/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".encode()
        + noise.randbytes(500),
    ):
        reader, writer = await served.raw(said)
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.5):
                answer = await reader.read(100_000)
                assert b"Traceback" not in answer
        writer.close()
    async with client.get(served.room) as page:
        assert page.status == 200
    assert TOKEN not in caplog.text and "Traceback" not in caplog.text


async def test_a_fault_of_the_server_is_logged_without_the_address(
    served: Served, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    root = logging.getLogger()
    before = list(root.handlers)
    setup_logging()
    (mine,) = [handler for handler in root.handlers if handler not in before]
    try:
        quiet.keep_from_logs(TOKEN)

        def broken(*_: object) -> bool:
            raise RuntimeError(f"a fault at {served.room}")

        monkeypatch.setattr(Ballot, "of", broken)
        async with client.get(served.room + "stream") as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        logging.getLogger("asyncio").error("lost: %s", served.room)
        logged = log_file().read_text()
        assert "a fault at" in logged and "Traceback" in logged and "lost: " in logged and TOKEN not in logged
    finally:
        for handler in root.handlers:
            for each in list(handler.filters):
                handler.removeFilter(each)
        root.removeHandler(mine)
        mine.close()


def test_an_address_is_found_again_for_some_hours_unless_it_was_damaged(tmp_path: Path) -> None:
    assert address.kept(tmp_path) is None
    made = address.Address(8080, address.new_token())
    address.keep(tmp_path, made)
    assert address.kept(tmp_path) == made and made.token not in repr(made)
    file = tmp_path / "viewers.json"
    assert file.stat().st_mode & 0o777 == 0o600
    os.utime(file, (0, 0))
    assert address.kept(tmp_path) is None
    for damaged in ("", "[]", '{"port": 0, "token": "' + "a" * 40 + '"}', '{"port": 80, "token": "short"}',
                    '{"port": 80, "token": "' + "a/" * 20 + '"}', '{"port": "80"}'):  # fmt: skip
        file.write_text(damaged)
        assert address.kept(tmp_path) is None, damaged


def test_an_address_is_written_as_a_browser_wants_it() -> None:
    assert address.Address(80, "t").url("192.0.2.1") == "http://192.0.2.1:80/t/"
    assert address.Address(80, "t").url("::1") == "http://[::1]:80/t/"
    assert address.is_loopback("127.0.0.1") and address.is_loopback("::1") and not address.is_loopback("0.0.0.0")
    assert address.reached_at("192.0.2.1") == ["192.0.2.1"]
    assert "0.0.0.0" not in address.reached_at("0.0.0.0")
