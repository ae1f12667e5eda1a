"""HTTP to a service on a node: an answer, a refusal, silence, and a library that is loaded when it is needed."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pghalab.cluster import rest
from tests.fake_lab.node import FakeNode
from tests.fake_lab.servers import port_of


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
