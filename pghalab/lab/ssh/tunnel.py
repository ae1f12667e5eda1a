"""A port on 127.0.0.1 that leads through a node, and keeps its number when the node reconnects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from pghalab.lab.types import LabError

if TYPE_CHECKING:
    import asyncssh

CHUNK = 64 * 1024

_REFUSED = re.compile(r"refused|^connect(ion)? failed$|\[Errno (61|111)\]", re.IGNORECASE)
"""Words of an ssh server that mean a refused connection.

OpenSSH gives the system's when it learns that later, and "Connection failed" when it learns it at once, which a
connection within the node fails by in no other way; asyncssh gives the number, on Linux or macOS.
"""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Reader(Protocol):
    async def read(self, n: int = -1) -> bytes: ...


class _Writer(Protocol):
    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    async def drain(self) -> None: ...


class Channel:
    """A connection that a node opens for us, without a port of this machine."""

    def __init__(self, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def opened(cls, connection: asyncssh.SSHClientConnection, host: str, port: int) -> Channel:
        """Have it opened; raises ConnectionRefusedError or another OSError."""
        import asyncssh

        try:
            return cls(*await connection.open_connection(host, port, encoding=None))
        except asyncssh.Error as error:
            why = _why(error)
            raise ConnectionRefusedError() if why == "refused" else OSError(0, why) from error

    async def read(self) -> bytes:
        """What comes next; nothing at its end; raises OSError."""
        return await _told(self._reader.read(CHUNK))

    async def write(self, data: bytes) -> None:
        """Send something; raises OSError."""
        self._writer.write(data)
        await _told(self._writer.drain())

    def close(self) -> None:
        """End it."""
        self._writer.close()


async def _told(doing: Awaitable[T]) -> T:
    import asyncssh

    try:
        return await doing
    except asyncssh.Error as error:
        raise OSError(0, str(error) or type(error).__name__) from error


class Tunnel:
    """A local listener; each connection it takes goes over the link that is up at that moment."""

    def __init__(self, connect: Callable[[], Awaitable[asyncssh.SSHClientConnection]], host: str, port: int) -> None:
        self._connect = connect
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self.local_port = 0
        """The port on 127.0.0.1, once open."""
        self.failure = ""
        """Why the last connection came to nothing: `refused`, or other words; empty when it got through."""

    async def open(self) -> None:
        """Begin to listen on a free port; raises LabError."""
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        except OSError as error:
            raise LabError(f"no port on 127.0.0.1 can be opened for a tunnel: {error.strerror}.") from error
        self.local_port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop the connections."""
        if self._server:
            self._server.close()
        for task in list(self._carried):
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import asyncssh

        try:
            connection = await self._connect()
            far_reader, far_writer = await connection.open_connection(self._host, self._port, encoding=None)
        except (LabError, asyncssh.Error, OSError) as error:
            _log.debug("tunnel to %s:%d: %s", self._host, self._port, error)
            self.failure = _why(error)
            writer.transport.abort()
            return
        except BaseException:
            writer.transport.abort()
            raise
        self.failure = ""
        pumps = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
        try:
            await asyncio.gather(*pumps)
        except (asyncssh.Error, OSError, EOFError) as error:
            _log.debug("tunnel to %s:%d ended: %s", self._host, self._port, error)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            far_writer.close()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _why(error: Exception) -> str:
    """`refused` when nothing listens at the far end, else what the ssh server said."""
    import asyncssh

    if isinstance(error, asyncssh.ChannelOpenError) and error.code == asyncssh.OPEN_CONNECT_FAILED:
        said = (error.reason or "").strip()
        return "refused" if not said or _REFUSED.search(said) else said
    return error.what if isinstance(error, LabError) else str(error) or type(error).__name__


async def _pump(source: _Reader, sink: _Writer) -> None:
    while data := await source.read(CHUNK):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):  # the other side may be closed already
        sink.write_eof()
