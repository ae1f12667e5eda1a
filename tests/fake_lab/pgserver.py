"""A server that speaks as much of PostgreSQL's protocol as one question needs (PostgreSQL docs: message formats)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Server:
    """Lets everybody in, or nobody with a FATAL error, and says whether it is in recovery."""

    def __init__(self) -> None:
        self.in_recovery = False
        self.refusal = ""
        self.startups: list[dict[str, str]] = []
        """What each connection asked for when it began."""
        self.queries: list[str] = []
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            words = (await reader.readexactly(length - 4))[4:].decode().split("\0")
            self.startups.append(dict(zip(words[::2], words[1::2], strict=False)))
            if self.refusal:
                writer.write(_message(b"E", b"SFATAL\0C28000\0M" + self.refusal.encode() + b"\0\0"))
                return
            writer.write(_message(b"R", struct.pack("!i", 0)) + _message(b"Z", b"I"))
            while True:
                kind, length = struct.unpack("!ci", await reader.readexactly(5))
                body = await reader.readexactly(length - 4)
                if kind != b"Q":
                    return
                self.queries.append(body.rstrip(b"\0").decode())
                writer.write(self._answer(self.queries[-1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _answer(self, query: str) -> bytes:
        cells = [("pg_is_in_recovery", 16, b"t" if self.in_recovery else b"f")]
        if "pg_control_system" in query:
            cells.append(("system_identifier", 25, b"7512"))
        head = b"".join(name.encode() + b"\0" + struct.pack("!ihihih", 0, 0, oid, -1, -1, 0) for name, oid, _ in cells)
        row = b"".join(struct.pack("!i", len(value)) + value for _, _, value in cells)
        count = struct.pack("!h", len(cells))
        return (
            _message(b"T", count + head)
            + _message(b"D", count + row)
            + _message(b"C", b"SELECT 1\0")
            + _message(b"Z", b"I")
        )

    def hang_up(self) -> None:
        """Close every connection, as a server that is stopped does."""
        for writer in self._writers:
            writer.close()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@asynccontextmanager
async def pg_server() -> AsyncIterator[Server]:
    """A server on a port of its own."""
    server = Server()
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = int(listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        server.hang_up()
        listener.close()
