"""HTTP to a service on a node: an answer, a refusal, silence, and a library that is loaded when it is needed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from pghalab.cluster import rest
from pghalab.lab.types import LabError
from tests.fake_lab.node import FakeNode, FakeStream
from tests.fake_lab.servers import http_server, port_of


async def served(answer: bytes) -> tuple[asyncio.Server, FakeNode]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer:
            writer.write(answer)
            await writer.drain()
            writer.close()
        else:
            await asyncio.Event().wait()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    return server, FakeNode("pgha1", ports={8008: port_of(server)})


async def test_an_answer_comes_with_its_status_its_body_and_its_headers() -> None:
    server, node = await served(b'HTTP/1.1 503 No\r\nX-Role: replica\r\nContent-Length: 14\r\n\r\n{"state": "a"}')
    reply = await rest.request(node, 8008, "GET", "/patroni", service="Patroni")
    assert (reply.status, reply.headers["x-role"]) == (503, "replica")
    assert reply.json() == {"state": "a"}
    server.close()


async def test_a_refusal_and_silence_are_two_things() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = FakeNode("pgha1", ports={8008: taken.getsockname()[1]})
        with pytest.raises(rest.NotRunning, match="Patroni does not run on pgha1"):
            await rest.request(nobody, 8008, "GET", "/patroni", service="Patroni")
    server, node = await served(b"")
    with pytest.raises(rest.NoAnswer, match=r"does not answer within 0\.2 s"):
        await rest.request(node, 8008, "GET", "/patroni", service="Patroni", timeout=0.2)
    server.close()


async def test_a_question_goes_where_it_is_meant_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bytes]] = []
    with http_server({"/config": (200, b"{}")}, asked) as port:
        node = FakeNode("pgha1", ports={8008: port})
        hosts: list[tuple[int, str]] = []
        connect = node.connect

        async def noted(port: int, host: str = "localhost") -> FakeStream:
            hosts.append((port, host))
            return await connect(port, host)

        monkeypatch.setattr(node, "connect", noted)
        await rest.request(node, 8008, "POST", "/config", service="Patroni", body={"ttl": 30})
        await rest.request(node, 8008, "POST", "/config", service="Patroni", host="192.168.50.10")
    assert asked == [("/config", b'{"ttl": 30}'), ("/config", b"")]
    assert hosts == [(8008, "localhost"), (8008, "192.168.50.10")]


class Keeping:
    """A service that keeps its connections, for as many questions as it is told."""

    def __init__(self, questions: int = 1000) -> None:
        self.questions, self.connections = questions, 0
        self.node = FakeNode("pgha1")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for _ in range(self.questions):
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            writer.write(
                b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n": 1\r\n1\r\n}\r\n0\r\n\r\n'
            )
        writer.close()

    async def ask(self) -> object:
        return (await rest.request(self.node, 8008, "GET", "/patroni", service="Patroni")).json()


@pytest.fixture
async def keeping() -> AsyncIterator[Keeping]:
    made = Keeping()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.node.ports[8008] = port_of(server)
    yield made
    server.close()


async def test_a_connection_that_the_service_keeps_serves_the_next_question_too(keeping: Keeping) -> None:
    assert [await keeping.ask() for _ in range(3)] == [{"a": 1}] * 3
    assert keeping.connections == 1
    assert await asyncio.gather(*(keeping.ask() for _ in range(6))) == [{"a": 1}] * 6
    assert 2 <= keeping.connections <= 6
    before = keeping.connections
    assert await asyncio.gather(*(keeping.ask() for _ in range(3))) == [{"a": 1}] * 3
    assert keeping.connections == before


async def test_a_kept_connection_that_the_service_has_closed_is_opened_anew(keeping: Keeping) -> None:
    keeping.questions = 2
    assert [await keeping.ask() for _ in range(5)] == [{"a": 1}] * 5
    assert keeping.connections == 3
    del keeping.node.ports[8008]
    with pytest.raises(rest.NotRunning):
        for _ in range(2):
            await keeping.ask()


def test_a_connection_of_another_loop_is_not_used() -> None:
    node = FakeNode("pgha1")

    async def once() -> object:
        made = Keeping()
        made.node = node
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        node.ports[8008] = port_of(server)
        try:
            return await made.ask()
        finally:
            server.close()

    assert [asyncio.run(once()) for _ in range(2)] == [{"a": 1}] * 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "Patroni gave no answer: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "Patroni gave no answer: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "Patroni gave no answer: "),
        (
            b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (rest.LONGEST_BODY + 1),
            f"Patroni gave no answer: it is longer than {rest.LONGEST_BODY} bytes",
        ),
    ],
)
async def test_what_is_no_answer_or_never_ends_is_said(answer: bytes, said: str) -> None:
    server, node = await served(answer)
    with pytest.raises(rest.NoAnswer) as told:
        await rest.request(node, 8008, "GET", "/patroni", service="Patroni", timeout=10)
    assert told.value.what.startswith(said) and len(told.value.what) > len("Patroni gave no answer: ")
    server.close()


async def test_a_tunnel_that_cannot_be_had_is_a_node_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    node = FakeNode("pgha1")
    node.link = "down"
    with pytest.raises(rest.OutOfReach) as told:
        await rest.tunnel(node, 8008)
    assert (told.value.what, told.value.node) == ("no connection to pgha1", "pgha1")
    node.link_reason = "it is paused."
    with pytest.raises(rest.OutOfReach, match=r"it is paused\."):
        await rest.tunnel(node, 8008)
    node.link = "up"

    async def refused(port: int, host: str = "localhost") -> int:
        raise LabError("its sessions are taken", todo="Wait.", kind="busy")

    monkeypatch.setattr(node, "tunnel", refused)
    with pytest.raises(rest.OutOfReach) as told:
        await rest.tunnel(node, 8008)
    error = told.value
    assert (error.what, error.todo, error.kind, error.node) == ("its sessions are taken", "Wait.", "busy", "pgha1")

    async def waits(port: int, host: str = "localhost") -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(node, "tunnel", waits)
    with pytest.raises(rest.OutOfReach) as told:
        await rest.tunnel(node, 8008, timeout=0.05)
    assert (told.value.what, told.value.node) == ("no tunnel within 0.05 s", "pgha1")


def wrapped(error: BaseException) -> Exception:
    outer = ValueError("it did not work", error)
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "failure", "kind", "words"),
    [
        (ConnectionRefusedError(), "", rest.NotRunning, "etcd does not run on pgha1"),
        (wrapped(ConnectionRefusedError()), "", rest.NotRunning, "etcd does not run on pgha1"),
        (ValueError("x"), "refused", rest.NotRunning, "etcd does not run on pgha1"),
        (ValueError("x"), "No route to host", rest.NoAnswer, "etcd gave no answer: No route to host"),
        (ValueError("one\ntwo"), "", rest.NoAnswer, "etcd gave no answer: one"),
        (OSError(104, "Connection reset by peer"), "", rest.NoAnswer, "etcd gave no answer: Connection reset by peer"),
        (wrapped(OSError(104, "reset")), "", rest.NoAnswer, "etcd gave no answer: reset"),
        (KeyError(), "", rest.NoAnswer, "etcd gave no answer: KeyError"),
    ],
)
def test_what_a_connection_that_came_to_nothing_means(
    error: Exception, failure: str, kind: type[LabError], words: str
) -> None:
    node = FakeNode("pgha1", ports={2379: 1}, failures={2379: failure})
    found = rest.failed(node, "etcd", error, failure)
    assert (type(found), found.what) == (kind, words)
    node.link, node.link_reason = "down", "it is gone"
    gone = rest.failed(node, "etcd", error, failure)
    assert (type(gone), gone.what, gone.node) == (rest.OutOfReach, "it is gone", "pgha1")
    node.link_reason = ""
    assert rest.failed(node, "etcd", error, failure).what == "no connection to pgha1"


async def test_what_takes_the_question_and_never_answers() -> None:
    server, node = await served(b"")
    async with server:
        with pytest.raises(rest.NoAnswer, match=r"Patroni does not answer within 0\.1 s"):
            await rest.request(node, 8008, "GET", "/patroni", service="Patroni", timeout=0.1)


async def test_a_node_that_is_lost_while_it_is_asked_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    server, node = await served(b"")
    for reason, said in (("it is paused", "it is paused"), ("", "no connection to pgha1")):
        node.link, node.link_reason = "up", reason
        connected = node.connect

        async def falls(port: int, host: str = "localhost") -> FakeStream:
            stream = await connected(port, host)  # noqa: B023
            node.link = "down"
            return stream

        with monkeypatch.context() as falling, pytest.raises(rest.OutOfReach) as told:
            falling.setattr(node, "connect", falls)
            await rest.request(node, 8008, "GET", "/patroni", service="Patroni", timeout=0.2)
        assert (told.value.what, told.value.node) == (said, "pgha1")
    server.close()
